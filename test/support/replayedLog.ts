/** A log held against its run: replayed, and gone to at any moment. */
import { expect } from 'vitest';
import type { RunSource } from '../../src/mm/runs.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { SystemView } from '../../src/timeline/systemView.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import { systemOf } from '../../src/topology/run.ts';
import type { Topology } from '../../src/topology/schema.ts';

/** The log of a run replays to its hash, and gives the state of every actor at these events as the run itself has it. */
export function expectReplayedLog(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  seqsOf: (lastSeq: number) => Iterable<number>,
): void {
  const reader = runInMemory(topology, traces);
  const replayed = replay(reader, traces);
  expect([replayed.divergence, replayed.failure]).toEqual([null, null]);
  expect(replayed.headHash).toBe(reader.headHash);
  const view = new SystemView(reader, traces);
  const system = systemOf({ topology, traces });
  for (const seq of seqsOf(reader.lastSeq)) {
    system.run({ untilSeq: seq });
    for (const [actor, snapshot] of view.snapshots(seq)) {
      expect(firstDifference(plainState(snapshot), plainState(system.snapshot(actor)))).toBe(null);
    }
  }
}
