import { beforeAll, describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { Engine, failureOf } from '../../src/inspector/engine/engine.ts';
import { METRICS } from '../../src/report/metricTable.ts';
import type { OpenRun } from '../../src/inspector/engine/openRun.ts';
import type { RequestName, TreeNode } from '../../src/inspector/engine/requests.ts';
import { stateAt } from '../../src/timeline/state.ts';
import { valueAt } from '../../src/timeline/statePath.ts';
import { sameValue } from '../../src/timeline/values.ts';
import { causeChain, effects } from '../../src/timeline/why.ts';
import { engineOver, type MadeLog, madeLog } from './support/logs.ts';

let log: MadeLog;
let engine: Engine;
let run: OpenRun;
/** The event that makes the process fall back to its Linux table. */
const FALLS_BACK = 2775;

beforeAll(() => {
  log = madeLog('live-fallback-two-cpus');
  const over = engineOver(log);
  engine = over.engine;
  [run] = over.runs as [OpenRun];
});

/** The code that a question is refused with. */
function codeOf(ask: () => unknown): string {
  try {
    ask();
    return 'answered';
  } catch (error) {
    return failureOf(error).code;
  }
}

/** Seqs all over the run. */
function somewhere(count: number): number[] {
  const { lastSeq } = log.reader;
  return Array.from({ length: count }, (_, at) => (at * 618_970_019) % (lastSeq + 1));
}

describe('what the engine is asked', () => {
  it('of runs: everything that the timeline needs before an event is read', () => {
    const [info] = engine.ask('runs', {});
    expect(info).toMatchObject({ run: 'A', name: log.name, firstSeq: 0, lastSeq: 5585, hasStates: true, notes: [] });
    expect(info?.lanes.reduce((sum, { received }) => sum + received, 0)).toBe(log.reader.records);
    expect(info?.types.reduce((sum, { count }) => sum + count, 0)).toBe(log.reader.records);
    const { firstSeq, records } = run.info().segments;
    for (const [at, first] of firstSeq.entries()) expect(first).toBe((firstSeq[at - 1] ?? 0) + (records[at - 1] ?? 0));
  });

  it('of tiles: the very records of each segment, and their sums are the densities', () => {
    const info = run.info();
    const lanes = info.lanes.map((_, lane) => lane);
    const density = engine.ask('density', { run: 'A', lanes });
    const kinds = [...new Set(info.lanes.map(({ kind }) => kind))];
    const byKind = engine.ask('kindDensity', { run: 'A', kinds });
    for (let segment = 0; segment < info.segments.firstSeq.length; segment++) {
      const tile = engine.ask('tile', { run: 'A', segment });
      const counts = lanes.map((lane) => tile.to.filter((to) => to === lane).length);
      for (const [at, record] of [...log.reader.range(tile.firstSeq, tile.firstSeq + tile.to.length - 1)].entries()) {
        expect(info.lanes[tile.to[at] ?? -1]?.id).toBe(record.to);
        expect(info.lanes[tile.from[at] ?? -1]?.id ?? 'outside').toBe(record.from);
        expect(info.types[tile.type[at] ?? -1]?.id).toBe(record.type);
        expect([tile.cause[at], tile.timeCycles[at]]).toEqual([record.cause, record.timeCycles]);
      }
      for (const lane of lanes) {
        const place = density[lane]?.segments.indexOf(segment) ?? -1;
        expect(place < 0 ? 0 : density[lane]?.counts[place]).toBe(counts[lane]);
      }
      for (const [at, kind] of kinds.entries()) {
        const sum = lanes.reduce(
          (total, lane) => total + (info.lanes[lane]?.kind === kind ? (counts[lane] ?? 0) : 0),
          0,
        );
        expect(byKind[at]?.counts[segment]).toBe(sum);
      }
    }
  });

  it('of events: those from a seq on, back from it, of an actor, of a type', () => {
    const all = [...log.reader.range()];
    const seqs = (args: object): number[] => {
      return engine.ask('events', { run: 'A', from: 2000, count: 25, ...args }).map(({ seq }) => seq);
    };
    const ofMm = all.filter(({ to }) => to === 'mm:1').map(({ seq }) => seq);
    const walks = all.filter(({ type }) => type === 'WALK').map(({ seq }) => seq);
    expect(seqs({})).toEqual(Array.from({ length: 25 }, (_, at) => 2000 + at));
    expect(seqs({ backwards: true })).toEqual(Array.from({ length: 25 }, (_, at) => 1976 + at));
    expect(seqs({ actor: 'mm:1' })).toEqual(ofMm.filter((seq) => seq >= 2000).slice(0, 25));
    expect(seqs({ type: 'WALK', backwards: true })).toEqual(walks.filter((seq) => seq <= 2000).slice(-25));
    expect(seqs({ from: 5580 })).toEqual([5580, 5581, 5582, 5583, 5584, 5585]);
    expect(engine.ask('events', { run: 'A', from: 0, count: 1 })[0]).toMatchObject({ type: 'START', cause: -1 });
  });

  it('of one event: its transition, what it changed and what it sent, wherever that arrives', () => {
    for (const seq of [0, 2616, FALLS_BACK, ...somewhere(60), log.reader.lastSeq]) {
      const { record, effects: shown } = engine.ask('event', { run: 'A', seq });
      expect(record).toEqual(log.reader.read(seq));
      const caused = [...log.reader.range(seq + 1)].filter(({ cause }) => cause === seq);
      expect(shown.map(({ seq: at }) => at)).toEqual(caused.slice(0, 50).map(({ seq: at }) => at));
    }
    const { change } = engine.ask('event', { run: 'A', seq: FALLS_BACK });
    expect(change).toMatchObject({ from: { native: 'reserving' }, sent: 5 });
    const fallback = change?.changes.find(({ path }) => path === 'context.fallback');
    expect(fallback).toEqual({ path: 'context.fallback', before: '""', after: 'not-consecutive at 0x200010000' });
  });

  it('of causes: the chain back to the outside and effects to a depth, in order of seq', () => {
    for (const seq of [0, FALLS_BACK, ...somewhere(20)]) {
      const nodes = engine.ask('causes', { run: 'A', seq, depth: 2 });
      const chain = causeChain(log.reader, seq, 200);
      const after = effects(log.reader, seq, 2, 200).effects;
      expect(nodes.map(({ seq: at }) => at)).toEqual([
        ...chain.map(({ seq: at }) => at).reverse(),
        ...after.map(({ record }) => record.seq),
      ]);
      expect(nodes.filter(({ depth }) => depth === 0).map(({ seq: at }) => at)).toEqual([seq]);
    }
  });

  it('of effects in a log of many checkpoints: all of them, however late they come', () => {
    const { reader } = madeLog('fork-server');
    expect(reader.checkpoints().length).toBeGreaterThan(2);
    const byCause = new Map<number, number[]>();
    for (const { seq, cause } of reader.range()) byCause.set(cause, [...(byCause.get(cause) ?? []), seq]);
    const late = [...byCause].filter(([cause, seqs]) => cause >= 0 && Math.max(...seqs) - cause > 1000).slice(0, 8);
    expect(late.length).toBeGreaterThan(5);
    for (const [cause, seqs] of [...late, ...[...byCause].slice(1, 8)]) {
      expect(effects(reader, cause, 1).effects.map(({ record }) => record.seq)).toEqual(seqs);
    }
  });

  it('of a moment: the last event up to it', () => {
    const { timeCycles } = log.reader.read(FALLS_BACK);
    const seq = engine.ask('seqAtTime', { run: 'A', timeCycles });
    expect(log.reader.read(seq).timeCycles).toBe(timeCycles);
    expect(log.reader.read(seq + 1).timeCycles).toBeGreaterThan(timeCycles);
  });

  it('of statecharts: where each stands', () => {
    const values = engine.ask('values', { run: 'A', seq: FALLS_BACK, actors: ['mmu:1', 'mm:1'] });
    expect(values).toHaveLength(2);
    expect(values[0]).toContain('fallback');
  });

  it('of a value: when it last changed, and nothing where it never did', () => {
    const asked = { run: 'A', actor: 'mmu:1', seq: 3000 };
    const found = engine.ask('lastChange', { ...asked, path: 'context.fallback' });
    expect(found).toMatchObject({ event: { seq: FALLS_BACK }, after: 'not-consecutive at 0x200010000' });
    expect(engine.ask('lastChange', { ...asked, path: 'context.pid' })).toBe(null);
  });

  it('of memory: tables, TLBs, frames, page caches and areas, and null for an actor that has none', () => {
    const kinds = ['mmu:1', 'tlb:0', 'zone', 'file:data', 'mm:1'].map((actor) => {
      return engine.ask('memory', { run: 'A', actor, seq: FALLS_BACK, from: 0 })?.kind;
    });
    expect(kinds).toEqual(['mmu', 'tlb', 'zone', 'file', 'mm']);
    expect(engine.ask('memory', { run: 'A', actor: 'abi', seq: FALLS_BACK, from: 0 })).toBe(null);
  });

  it('of metrics: as many values as moments, and totals never fall', () => {
    const seqs = engine.ask('sampleSeqs', { run: 'A', from: 0, to: log.reader.lastSeq, count: 12 });
    expect(seqs).toEqual([...new Set(seqs)].sort((left, right) => left - right));
    const samples = engine.ask('metrics', { run: 'A', seqs });
    expect(samples.values).toHaveLength(METRICS.length);
    for (const id of ['faults', 'walks', 'tlbi']) {
      const values = samples.values[METRICS.findIndex((metric) => metric.id === id)] ?? new Float64Array();
      expect([...values], id).toEqual([...values].sort((left, right) => left - right));
      expect(values.at(-1), id).toBeGreaterThan(0);
    }
  });
});

describe('the tree of a state', () => {
  /** Goes through every level of some states, and compares each value with the state as the timeline has it. */
  function walk(actor: string, seq: number, look: (node: TreeNode, now: unknown, before: unknown) => void): void {
    const [now, before] = [seq, seq - 1].map((at) => stateAt(log.reader, log.traces, at, actor));
    const paths = [''];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const { nodes, more } = engine.ask('tree', { run: 'A', actor, seq, path, count: 40 });
      if (path === '') expect(more).toBe(0);
      for (const node of nodes) {
        look(node, valueAt(now, node.path), valueAt(before, node.path));
        if (node.children > 0 && node.children < 60) paths.push(node.path);
      }
    }
  }

  const actors = ['mm:1', 'mmu:1', 'tlb:2', 'zone', 'file:data', 'sched', 'process:11'];

  it('has at every path the value that the timeline has there', () => {
    let looked = 0;
    for (const [at, actor] of actors.entries()) {
      walk(actor, FALLS_BACK - at, (node, now) => {
        expect(now, `${actor} ${node.path}`).not.toBe(undefined);
        looked += 1;
      });
    }
    expect(looked).toBeGreaterThan(500);
  });

  it('marks what the event changed, and nothing else', () => {
    const marks = new Set<string>();
    for (const seq of [FALLS_BACK, 2616, ...somewhere(12)]) {
      const actor = log.reader.read(seq).to;
      walk(actor, seq, ({ path, mark }, now, before) => {
        // A stretch of a page table has no earlier form: its pages may have been of another.
        if (/\[va=[^\]]+\]$/.test(path)) return;
        marks.add(mark);
        const expected =
          before === undefined
            ? 'added'
            : sameValue(before, now)
              ? 'same'
              : typeof now === 'object' && now !== null
                ? 'inside'
                : 'changed';
        expect(mark, `${actor} ${path} at ${seq}`).toBe(expected);
      });
    }
    expect([...marks].sort()).toEqual(['added', 'changed', 'inside', 'same']);
  });

  it('can be held against any other moment, also a later one', () => {
    const asked = { run: 'A', actor: 'mmu:1', path: 'context' };
    const mark = (seq: number, against: number): string | undefined => {
      const { nodes } = engine.ask('tree', { ...asked, seq, against });
      return nodes.find(({ label }) => label === 'fallback')?.mark;
    };
    expect(mark(2774, 2000)).toBe('same');
    expect(mark(2775, 2000)).toBe('changed');
    expect(mark(2000, 2775)).toBe('changed');
    expect(mark(2775, 2775)).toBe('same');
  });
});

describe('what the engine refuses', () => {
  it('has a code of the table each time', () => {
    const at = { run: 'A', seq: 5 };
    expect(codeOf(() => engine.ask('nothing' as RequestName, {}))).toBe('USAGE');
    expect(codeOf(() => engine.ask('event', { run: 'Z', seq: 0 }))).toBe('USAGE');
    expect(codeOf(() => engine.ask('tile', { run: 'A', segment: 99 }))).toBe('USAGE');
    for (const seq of [-1, 5586]) expect(codeOf(() => engine.ask('event', { run: 'A', seq }))).toBe('SEQ_OUT_OF_RANGE');
    expect(codeOf(() => engine.ask('tree', { ...at, seq: 5586, actor: 'mm:1', path: '' }))).toBe('SEQ_OUT_OF_RANGE');
    expect(codeOf(() => engine.ask('tree', { ...at, actor: 'mm:7', path: '' }))).toBe('ACTOR_UNKNOWN');
    expect(codeOf(() => engine.ask('tree', { ...at, actor: 'mm:1', path: '!' }))).toBe('USAGE');
    expect(codeOf(() => engine.ask('lastChange', { ...at, actor: 'mm:1', path: '[' }))).toBe('USAGE');
    expect(codeOf(() => engine.ask('memory', { ...at, actor: 'mm:7', from: 0 }))).toBe('ACTOR_UNKNOWN');
  });

  it('is states alone where a trace is missing', () => {
    const { name, reader } = madeLog('plain-64k');
    const without = new Engine();
    without.open({ run: 'A', name, reader, traces: new Map() });
    const [info] = without.ask('runs', {});
    expect(info?.hasStates).toBe(false);
    expect(info?.notes.join()).toContain('TRACE_MISSING');
    expect(without.ask('events', { run: 'A', from: 0, count: 3 })).toHaveLength(3);
    expect(without.ask('event', { run: 'A', seq: 3 }).change).toBe(null);
    expect(without.ask('tree', { run: 'A', actor: 'mm:100', seq: 3, path: '' }).nodes).toEqual([]);
    expect(codeOf(() => without.ask('metrics', { run: 'A', seqs: [0] }))).toBe('TRACE_MISSING');
    expect(codeOf(() => without.ask('memory', { run: 'A', actor: 'mm:100', seq: 3, from: 0 }))).toBe('TRACE_MISSING');
  });

  it('an error of another kind is told as one of the program', () => {
    expect(failureOf(new TypeError('no'))).toMatchObject({ code: 'INVARIANT' });
    expect(failureOf(new GranuleError('USAGE', 'no', 'here', 'Do it.'))).toMatchObject({
      where: 'here',
      next: 'Do it.',
    });
  });
});
