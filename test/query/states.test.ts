/** Queries over states: held against the states that going there gives, at every event. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { LogReader } from '../../src/log/logReader.ts';
import { countHits } from '../../src/query/counts.ts';
import { compileQuery, compileValue, namesOf } from '../../src/query/query.ts';
import { type QueryOptions, runQuery } from '../../src/query/run.ts';
import { statesOf } from '../../src/query/states.ts';
import { madeRun } from '../../src/report/madeWorkload.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { stateAt } from '../../src/timeline/state.ts';
import { valueAt } from '../../src/timeline/statePath.ts';
import { viewOf } from '../../src/timeline/systemView.ts';

const { topology, traces } = madeRun(800);
const PATH = 'context.minorFaults';

let reader: LogReader;
beforeAll(() => {
  reader = runInMemory(topology, traces);
});

function seqs(text: string, options: QueryOptions = {}): number[] {
  const view = viewOf(reader, traces);
  const query = compileQuery(text, namesOf(reader, view.run.actors));
  return Array.from(runQuery(reader, view, query, options), ({ seq }) => seq);
}

/** The value after each event, from the first to the last; before the first one it is at -1. */
function valuesOf(actor: string): Map<number, unknown> {
  const values = new Map<number, unknown>();
  for (let seq = -1; seq <= reader.lastSeq; seq++) values.set(seq, valueAt(stateAt(reader, traces, seq, actor), PATH));
  return values;
}

describe('a query over states', () => {
  it('finds every change of a value, and no other event, in both directions', () => {
    const values = valuesOf('mm:2');
    const expected = Array.from(reader.range(), ({ seq }) => seq).filter(
      (seq) => values.get(seq) !== values.get(seq - 1),
    );
    expect(expected.length).toBeGreaterThan(10);
    expect(seqs(`changed(state('mm:2').${PATH})`)).toEqual(expected);
    expect(seqs(`changed(state('mm:2').${PATH})`, { backwards: true })).toEqual(expected.toReversed());
    expect(seqs(`to == mm:2 && state.${PATH} != before.${PATH}`)).toEqual(expected);
    expect(seqs(`to == mm:2 && changed(${PATH})`, { from: 500, limit: 3 })).toEqual(
      expected.filter((seq) => seq >= 500).slice(0, 3),
    );
  });

  it('finds where a condition on a state began to hold', () => {
    const values = valuesOf('mm:2');
    const isMore = (seq: number): boolean => Number(values.get(seq)) > 5;
    const expected = Array.from(reader.range(), ({ seq }) => seq).filter((seq) => isMore(seq) && !isMore(seq - 1));
    expect(expected.length).toBeGreaterThan(0);
    expect(seqs(`became(state('mm:2').${PATH} > 5)`)).toEqual(expected);
    expect(seqs(`first state('mm:2').${PATH} > 5`)).toEqual(expected.slice(0, 1));
  });

  it('looks at the state of another actor than the receiver, and of the one that a field names', () => {
    const values = valuesOf('mm:2');
    const faults = Array.from(reader.byType('FAULT'), ({ seq, to }) => ({ seq, to }));
    expect(seqs(`FAULT && state('mm:2').${PATH} > 3`)).toEqual(
      faults.filter(({ seq }) => Number(values.get(seq)) > 3).map(({ seq }) => seq),
    );
    expect(seqs(`FAULT && state(to).${PATH} > 3`)).toEqual(
      faults.filter(({ seq, to }) => Number(valueAt(stateAt(reader, traces, seq, to), PATH)) > 3).map(({ seq }) => seq),
    );
    expect(seqs('START && state(from).value == idle')).toEqual([]);
  });

  it('ties an event before to one after by their states', () => {
    const text = `to == mm:2 && changed(${PATH}) preceded by FAULT where to == mm:2 within 200 events`;
    const changes = seqs(`changed(state('mm:2').${PATH})`);
    const faults = Array.from(reader.byType('FAULT')).filter(({ to }) => to === 'mm:2');
    expect(seqs(text)).toEqual(changes.filter((at) => faults.some(({ seq }) => seq < at && at - seq <= 200)));
    const tied = `FAULT as f followed by changed(${PATH}) where to == f.to && ${PATH} > f.before.${PATH}`;
    expect(seqs(`last 3 ${tied} within 60 events`).length).toBe(3);
  });

  it('gives one value after another as going there does, forwards, backwards and across', () => {
    const states = statesOf(viewOf(reader, traces));
    const value = compileValue(`state('mm:2').${PATH}`);
    const values = valuesOf('mm:2');
    const forwards = Array.from({ length: 400 }, (_, at) => at);
    const across = forwards.map((at) => (at * 1597) % reader.records);
    for (const seq of [...forwards, ...forwards.toReversed(), ...across]) {
      expect(value.value(reader.read(seq), states), String(seq)).toBe(values.get(seq));
    }
  });

  it('counts by fields, by states and by other events', () => {
    const view = viewOf(reader, traces);
    const count = (text: string): unknown[] =>
      countHits(reader, view, compileQuery(text)).map(({ by, count: n }) => [...by.map(({ value }) => value), n]);
    expect(count('count')).toEqual([[reader.records]]);
    const types = reader.types().map(({ id, count: n }) => [id, n]);
    expect(new Set(count('count by type').map(String))).toEqual(new Set(types.map(String)));
    expect(countHits(reader, view, compileQuery('count by type'))[0]?.count).toBe(
      Math.max(...reader.types().map(({ count: n }) => n)),
    );
    expect(count('count START by to, state.status').length).toBe(4);
    const pairs = count('count FAULT followed by FAULT as g where to != FAULT.to by to, g.to');
    expect(pairs.length).toBeGreaterThan(3);
  });
});
