import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { changesOf } from '../../src/timeline/changes.ts';
import type { ForkChange } from '../../src/timeline/forkPlan.ts';
import { type ForkedRun, forkRun } from '../../src/timeline/forkRun.ts';
import { withParents } from '../../src/timeline/parents.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { changeableSettings } from '../../src/timeline/settings.ts';
import { SystemView, viewOf } from '../../src/timeline/systemView.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import { messageRegistry } from '../../src/topology/meta.ts';
import { placeArb, type RandomRun, runArb } from './randomRuns.ts';
import { recorded } from './recorded.ts';

function at(reader: LogReader, place: number): number {
  return reader.firstSeq + Math.floor(place * reader.records);
}

/** Checkpoints as near to each other as a short run needs. */
const spacing = { leastEvents: 30, runPerCheckpoints: 0 };

/** The fork's log opened anew from its own bytes, and from those of its parent. */
function reopened(log: LogReader, parent: LogReader): LogReader {
  const open = (reader: LogReader): LogReader => LogReader.open(reader.storage, noCompression, messageRegistry);
  return withParents(open(log), (headHash) => (headHash === parent.headHash ? parent : null));
}

/** All that has to hold of any fork. */
function expectSound({ log, at: seq }: ForkedRun, parent: LogReader, { traces }: RandomRun): void {
  expect(firstDifference([...log.range(0, seq)], [...parent.range(0, seq)])).toBe(null);
  const replayed = replay(log, traces);
  expect(replayed.divergence).toBe(null);
  expect(replayed.headHash).toBe(log.headHash);
  expect(verifyLog(log).faults).toEqual([]);
}

/** States by checkpoints and folds against those of the system that went through the run once. */
function expectSameStates(log: LogReader, { traces }: RandomRun, { outcome: { system } }: ForkedRun): void {
  const view = new SystemView(log, traces);
  for (const [actor, snapshot] of view.snapshots(log.lastSeq)) {
    expect(firstDifference(plainState(snapshot), plainState(system.snapshot(actor))), actor).toBe(null);
  }
}

/** A message that waits at a seq: the delivery in the parent that comes next. */
const nextAt = (seq: number): number => seq + 1;

describe('a fork that stores its own records alone', () => {
  it('goes on as its parent did when it changes nothing, and replays from its own file and its parent', () => {
    fc.assert(
      fc.property(runArb, placeArb, fc.constantFrom(20, 200), (run, place, checkpointEvents) => {
        const parent = recorded(run, checkpointEvents);
        const seq = at(parent, place);
        const fork = forkRun(parent, run.traces, { at: seq, edits: [], spacing });
        const log = reopened(fork.log, parent);
        expect(log.ownFirstSeq).toBe(seq + 1);
        expect(firstDifference([...log.range()], [...parent.range()])).toBe(null);
        expect([...log.byActor('zone')]).toEqual([...parent.byActor('zone')]);
        expect([...log.byType('WALK')]).toEqual([...parent.byType('WALK')]);
        expectSound({ ...fork, log }, parent, run);
        expectSameStates(log, run, fork);
      }),
      { numRuns: 12 },
    );
  });

  it('holds the records behind the fork and no others', () => {
    const [run] = fc.sample(runArb, { seed: 3, numRuns: 1 });
    if (run === undefined) throw new Error('there is a run');
    const parent = recorded(run, 50);
    const seq = at(parent, 0.9);
    const { log, outcome } = forkRun(parent, run.traces, { at: seq, edits: [] });
    const alone = LogReader.open(log.storage, noCompression, messageRegistry);
    expect(alone.firstSeq).toBe(seq + 1);
    expect(alone.records).toBe(parent.lastSeq - seq);
    expect(outcome.records).toBe(alone.records);
    expect(log.storage.size()).toBeLessThan(parent.storage.size() / 2);
  });

  it('of a fork of a fork goes on from both, also where it begins before the first one does', () => {
    fc.assert(
      fc.property(runArb, placeArb, placeArb, (run, first, second) => {
        const parent = recorded(run, 60);
        const seq = at(parent, first);
        const set: ForkChange = { op: 'set', key: 'costs.faultHandlerBase', value: 100_000 };
        const child = forkRun(parent, run.traces, { at: seq, edits: [set], spacing });
        const later = at(child.log, second);
        const grandchild = forkRun(child.log, run.traces, { at: later, edits: [], spacing });
        const inherits = later > seq;
        if (inherits) expect(firstDifference([...grandchild.log.range()], [...child.log.range()])).toBe(null);
        else expect(firstDifference([...grandchild.log.range()], [...parent.range()])).toBe(null);
        expectSound(grandchild, child.log, run);
        expectSameStates(grandchild.log, run, grandchild);
      }),
      { numRuns: 12 },
    );
  });

  it('has checkpoints of its own behind those of its parent, and states are put together from both', () => {
    const runs = fc.sample(runArb, { seed: 5, numRuns: 8 }).map((each) => ({ run: each, log: recorded(each, 20) }));
    const [{ run, log: parent }] = runs.toSorted((a, b) => b.log.records - a.log.records);
    const seq = at(parent, 0.5);
    const fork = forkRun(parent, run.traces, { at: seq, edits: [], spacing });
    const of = (reader: LogReader): number[] => reader.checkpoints().map((entry) => entry.seq);
    const shared = of(parent).filter((each) => each <= seq);
    expect(of(fork.log).slice(0, shared.length)).toEqual(shared);
    expect(of(fork.log).length).toBeGreaterThan(shared.length + 2);
    for (const each of of(fork.log)) {
      const [left, right] = [fork.log, parent].map((reader) => new SystemView(reader, run.traces).snapshots(each));
      for (const [actor, snapshot] of left ?? []) {
        const other = right?.get(actor);
        expect(other === undefined ? null : firstDifference(plainState(snapshot), plainState(other))).toBe(null);
      }
    }
  });

  it('is refused without its parent', () => {
    const [run] = fc.sample(runArb, { seed: 4, numRuns: 1 });
    if (run === undefined) throw new Error('there is a run');
    const parent = recorded(run, 50);
    const { log } = forkRun(parent, run.traces, { at: 5, edits: [] });
    const alone = LogReader.open(log.storage, noCompression, messageRegistry);
    expect(() => withParents(alone, () => null)).toThrow(expect.objectContaining({ code: 'PARENT_MISSING' }));
    expect(() => viewOf(alone, run.traces)).toThrow(expect.objectContaining({ code: 'PARENT_MISSING' }));
  });
});

const changeArb: fc.Arbitrary<(seq: number) => ForkChange> = fc.constantFrom(
  (seq: number): ForkChange => ({ op: 'delay', seq: nextAt(seq), delayCycles: 5000 }),
  (): ForkChange => ({ op: 'set', key: 'pageCache', value: 'sticky-order' }),
  (): ForkChange => ({ op: 'set', key: 'costs.diskLatency', value: 9_000_000 }),
  (): ForkChange => ({ op: 'set', key: 'quantumCycles', value: 50_000 }),
  (): ForkChange => ({ op: 'set', key: 'chooser', value: 'seeded-random' }),
  (): ForkChange => ({ op: 'set', key: 'seed', value: 77 }),
  (): ForkChange => ({ op: 'choose', index: 0 }),
  (): ForkChange => ({ op: 'send', to: 'process:100', message: { type: 'STOP' }, delayCycles: 10 }),
);

describe('a fork that changes something', () => {
  it('replays from its header, with every change that can be made at any moment', () => {
    fc.assert(
      fc.property(runArb, placeArb, fc.array(changeArb, { maxLength: 3 }), (run, place, makers) => {
        const parent = recorded(run, 60);
        const seq = Math.min(at(parent, place), parent.lastSeq - 1);
        const edits = makers.map((make) => make(seq));
        const fork = forkRun(parent, run.traces, { at: seq, edits, checked: true, spacing });
        const log = reopened(fork.log, parent);
        expectSound({ ...fork, log }, parent, run);
        expectSameStates(log, run, fork);
        expect([...changesOf(log, run.traces, seq + 1, Math.min(log.lastSeq, seq + 20))].length).toBeGreaterThan(0);
      }),
      { numRuns: 25 },
    );
  });
});

/** Other values than random runs have, of every setting that can change; of costs one. */
const OTHERS: Readonly<Record<string, unknown>> = {
  pageCache: 'large-folios-to-eof',
  quantumCycles: 20_000,
  stackLimit: 65_536,
  'processes.*.signals': 'skip',
  'costs.*': { key: 'costs.diskLatency', value: 0 },
  'design.fileTail': 'kernel-page',
  'design.minimumOrder': 'none',
  'design.copyOnWrite': 'kernel-page',
  'design.zeroPage': 'allocate',
  'design.untranslatable': 'fail',
  'design.readOrder': 'process-page',
  'design.crossGranuleTlbi': 'ignored',
  'design.crossGranuleFlush': 'asid',
  'design.tlbiOperands': 'kernel-page',
  chooser: 'seeded-random',
  seed: 5,
  'limits.events': 1_000_000,
};

describe('a setting that can change in the middle', () => {
  const runs = fc.sample(runArb, { seed: 11, numRuns: 4 }).map((run) => ({ run, log: recorded(run, 60) }));

  it.each(changeableSettings.map(({ key }) => [key] as const))(
    '%s breaks no law there, and the run ends and replays',
    (key) => {
      const other = OTHERS[key];
      const change = key === 'costs.*' ? (other as { key: string; value: unknown }) : { key, value: other };
      expect(change.value).toBeDefined();
      for (const { run, log } of runs) {
        for (const place of [0.1, 0.6]) {
          const fork = forkRun(log, run.traces, {
            at: at(log, place),
            edits: [{ op: 'set', ...change }],
            checked: true,
          });
          expect(fork.outcome.system.queueState().pending).toEqual([]);
          expect(replay(fork.log, run.traces).divergence).toBe(null);
          expectSameStates(fork.log, run, fork);
        }
      }
    },
  );
});
