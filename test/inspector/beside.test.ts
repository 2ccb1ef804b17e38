import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/inspector/engine/engine.ts';
import { alignmentKey } from '../../src/timeline/align.ts';
import type { ForkChange } from '../../src/timeline/forkPlan.ts';
import { placeArb, runArb } from '../timeline/randomRuns.ts';
import { recorded } from '../timeline/recorded.ts';

const changeArb = fc.constantFrom<'delay' | 'drop' | 'set'>('delay', 'drop', 'set');

/** A run and its fork, open beside each other; null where nothing waits to be changed. */
function forked(run: Parameters<typeof recorded>[0], place: number, op: 'delay' | 'drop' | 'set'): Engine | null {
  const engine = new Engine();
  const reader = recorded(run, 200);
  engine.open({ run: 'A', name: 'made', reader, traces: run.traces });
  const at = reader.firstSeq + Math.floor(place * reader.records);
  const [next] = engine.ask('inFlight', { run: 'A', seq: at }).messages;
  if (next === undefined || next.seq === null) return null;
  const changes: Record<typeof op, ForkChange> = {
    delay: { op, seq: next.seq, delayCycles: 50_000 } as ForkChange,
    drop: { op, seq: next.seq } as ForkChange,
    set: { op: 'set', key: 'costs.diskLatency', value: 9_000_000 },
  };
  expect(engine.ask('fork', { run: 'A', at, changes: [changes[op]] }).run).toBe('B');
  return engine;
}

describe('a fork opened beside its parent', () => {
  it('is the same up to where they part, and differs there', () => {
    fc.assert(
      fc.property(runArb, placeArb, changeArb, (run, place, op) => {
        const engine = forked(run, place, op);
        if (engine === null) return;
        const [a, b] = [engine.run('A').reader, engine.run('B').reader];
        const { divergence } = engine.ask('compare', { a: 'A', b: 'B', figures: false });
        if (divergence === null) {
          expect([...b.range()]).toEqual([...a.range()]);
          return;
        }
        const { seq } = divergence;
        if (seq > 0) expect(b.read(seq - 1)).toEqual(a.read(seq - 1));
        if (seq <= Math.min(a.lastSeq, b.lastSeq)) expect(b.read(seq)).not.toEqual(a.read(seq));
        expect(divergence.a).not.toBe(divergence.b);
      }),
      { numRuns: 12 },
    );
  });

  it('is moved to the same event of the same actor, and back from there', () => {
    fc.assert(
      fc.property(runArb, placeArb, placeArb, changeArb, (run, place, there, op) => {
        const engine = forked(run, place, op);
        if (engine === null) return;
        const [a, b] = [engine.run('A').reader, engine.run('B').reader];
        const seq = a.firstSeq + Math.floor(there * a.records);
        const found = engine.ask('align', { a: 'A', b: 'B', seq });
        expect(found.seq).toBeLessThanOrEqual(b.lastSeq);
        if (found.how !== 'same' || found.seq > b.lastSeq || seq > b.lastSeq) return;
        expect(b.read(found.seq).to).toBe(a.read(seq).to);
        expect(alignmentKey(b.read(found.seq))).toBe(alignmentKey(a.read(seq)));
        expect(engine.ask('align', { a: 'B', b: 'A', seq: found.seq }).seq).toBe(seq);
      }),
      { numRuns: 12 },
    );
  });

  it('shows in its tree what differs from its parent, and nothing else', () => {
    fc.assert(
      fc.property(runArb, placeArb, (run, place) => {
        const engine = forked(run, place, 'set');
        if (engine === null) return;
        const at = engine.run('A').reader.firstSeq;
        const asked = { run: 'B', actor: 'zone', seq: at, path: 'context', against: at, againstRun: 'A' };
        const { nodes } = engine.ask('tree', asked);
        expect(nodes.length).toBeGreaterThan(0);
        expect(nodes.every(({ mark }) => mark === 'same')).toBe(true);
      }),
      { numRuns: 5 },
    );
  });
});

describe('settings that a fork can change', () => {
  it('are told with what they are at the moment', () => {
    const [run] = fc.sample(runArb, 1);
    if (run === undefined) throw new Error('a sample is of one');
    const engine = new Engine();
    engine.open({ run: 'A', name: 'made', reader: recorded(run, 200), traces: run.traces });
    const settings = engine.ask('settings', { run: 'A', seq: 0 });
    expect(settings.find(({ key }) => key === 'costs.diskLatency')?.value).toMatch(/^\d+$/);
    expect(settings.map(({ key }) => key)).toContain('pageCache');
  });
});

describe('other choices', () => {
  it('are what waits at a moment, the one that the run takes among them, and a fork takes any of the others', () => {
    let taken = 0;
    fc.assert(
      fc.property(runArb, placeArb, (run, place) => {
        const engine = new Engine();
        const reader = recorded(run, 200);
        engine.open({ run: 'A', name: 'made', reader, traces: run.traces });
        const at = reader.firstSeq + Math.floor(place * reader.records);
        const choices = engine.ask('choices', { run: 'A', seq: at });
        expect(choices.filter(({ isTaken }) => isTaken).map(({ seq }) => seq)).toEqual(
          at < reader.lastSeq ? [at + 1] : [],
        );
        for (const { index, from, to, type, isTaken } of choices.slice(0, 3)) {
          if (isTaken) continue;
          const { run: name } = engine.ask('fork', { run: 'A', at, changes: [{ op: 'choose', index }] });
          expect(engine.run(name).reader.read(at + 1)).toMatchObject({ from, to, type });
          taken += 1;
        }
      }),
      { numRuns: 12 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  it('are none behind the last event', () => {
    const [run] = fc.sample(runArb, 1);
    if (run === undefined) throw new Error('a sample is of one');
    const engine = new Engine();
    const reader = recorded(run, 200);
    engine.open({ run: 'A', name: 'made', reader, traces: run.traces });
    expect(engine.ask('choices', { run: 'A', seq: reader.lastSeq })).toEqual([]);
  });
});
