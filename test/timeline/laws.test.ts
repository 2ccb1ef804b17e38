import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { formatDivergence } from '../../src/timeline/divergence.ts';
import { copyShared, forkAt, forkMeta } from '../../src/timeline/fork.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { stateAt, statesAt } from '../../src/timeline/state.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import type { ZoneContext } from '../../machines/index.ts';
import type { System } from '../../src/runtime/system.ts';
import { openMeta } from '../../src/topology/meta.ts';
import { systemOf } from '../../src/topology/run.ts';
import { placeArb, runArb } from './randomRuns.ts';
import { recorded } from './recorded.ts';

/** Few, since each case is a whole run that is then done again several times. */
const CASES = { numRuns: 25 };

/** Frames that are neither free nor owned, and what but the page cache still owns some: the zero page, which is reserved. */
function framesLeft(system: System): { missing: number; kinds: string[] } {
  const { buddy, folios } = system.snapshot('zone').context as unknown as ZoneContext;
  const owned = folios.toPlain();
  const frames = owned.reduce((sum, { order }) => sum + 2 ** order, 0);
  const kinds = owned.flatMap(({ kind }) => (kind === 'file' ? [] : [kind]));
  return { missing: buddy.count - buddy.freeFrames - frames, kinds };
}

const caseArb = fc.record({
  run: runArb,
  checkpointEvents: fc.constantFrom(7, 64, 1000),
  at: placeArb,
});

describe('the laws of time travel, over random systems', () => {
  it('1: replaying a log reproduces its records, its states and its head hash', () => {
    fc.assert(
      fc.property(caseArb, ({ run, checkpointEvents }) => {
        const reader = recorded(run, checkpointEvents);
        const replayed = replay(reader, run.traces);
        expect(replayed.divergence === null ? '' : formatDivergence(replayed.divergence)).toBe('');
        expect(replayed.headHash).toBe(reader.headHash);
        expect(replayed.records).toBe(reader.records);
        expect(replayed.checkpoints).toBe(reader.checkpoints().length);
        expect(replayed.pending).toBe(0);
      }),
      CASES,
    );
  });

  it('2: the state of an actor folded from its own events is its state in a full replay', () => {
    fc.assert(
      fc.property(caseArb, ({ run, checkpointEvents, at }) => {
        const reader = recorded(run, checkpointEvents);
        const seq = Math.floor(at * (reader.records + 1)) - 1;
        const system = systemOf(run);
        if (seq >= 0) system.run({ untilSeq: seq });
        const live = [...system.snapshots()].map(([actor, snapshot]) => ({ actor, seq, ...plainState(snapshot) }));
        expect(firstDifference(statesAt(reader, run.traces, seq), live)).toBe(null);
        for (const state of live) {
          const fresh = LogReader.open(reader.storage, noCompression);
          expect(firstDifference(stateAt(fresh, run.traces, seq, state.actor), state)).toBe(null);
          const opened = fresh.counters.recordsDecoded;
          const own = fresh.actors().find(({ id }) => id === state.actor)?.count ?? 0;
          expect(opened).toBeLessThanOrEqual(own);
        }
      }),
      CASES,
    );
  });

  it('3: observers of every stream, even broken ones, leave the head hash as it is', () => {
    fc.assert(
      fc.property(caseArb, ({ run, checkpointEvents }) => {
        const reader = recorded(run, checkpointEvents);
        let seen = 0;
        const replayed = replay(reader, run.traces, {
          onSystem: (system) => {
            system.messages$.subscribe(() => {
              seen++;
            });
            for (const actor of system.actors) {
              system.actor(actor).inbox$.subscribe(() => {
                throw new Error('an observer that fails');
              });
            }
          },
        });
        expect(replayed.headHash).toBe(reader.headHash);
        expect(seen).toBe(reader.records);
      }),
      CASES,
    );
  });

  it('4: a fork that changes nothing goes on as its parent did, and its log names the parent', () => {
    fc.assert(
      fc.property(caseArb, ({ run, checkpointEvents, at }) => {
        const reader = recorded(run, checkpointEvents);
        const seq = Math.floor(at * (reader.records + 1)) - 1;
        const storage = memoryStorage();
        const writer = new LogWriter(storage, noCompression, forkMeta(reader, seq));
        copyShared(reader, writer, seq);
        const fork = forkAt(reader, run.traces, seq, { onRecord: (record) => writer.append(record) });
        fork.run();
        writer.close();
        const forked = LogReader.open(storage, noCompression);
        expect(firstDifference([...forked.range()], [...reader.range()])).toBe(null);
        const { parent } = openMeta(forked.meta);
        expect(parent?.headHash).toBe(reader.headHash);
        expect(parent?.seq).toBe(seq);
        expect(forked.headHash).not.toBe(reader.headHash);
        expect(replay(forked, run.traces).divergence).toBe(null);
      }),
      CASES,
    );
  });

  it('runs of every kind come to an end with every process gone and every frame back or in the page cache', () => {
    fc.assert(
      fc.property(runArb, (run) => {
        const system = systemOf({ ...run, freeze: true });
        expect(system.run().reason).toBe('idle');
        expect(framesLeft(system)).toEqual({ missing: 0, kinds: ['reserved'] });
        for (const { pid, forked } of run.topology.processes) {
          const { value, context } = plainState(system.snapshot(`process:${pid}`));
          expect([`${pid}`, value, context['signal']]).toEqual([
            `${pid}`,
            forked && value === 'new' ? 'new' : 'zombie',
            0,
          ]);
        }
      }),
      CASES,
    );
  });
});
