import { expect } from 'vitest';
import type { LogReader } from '../../src/log/logReader.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import { forkAt } from '../../src/timeline/fork.ts';
import { replay } from '../../src/timeline/replay.ts';
import { parseTopology, type TopologyInput } from '../../src/topology/schema.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { inShares } from '../timeline/inShares.ts';
import type { RandomRun } from '../timeline/randomRuns.ts';
import { recorded } from '../timeline/recorded.ts';

type Step = NonNullable<TopologyInput['processes'][number]['program']>[number];

const AREA = '0x200000000';

/** Maps half a megabyte, writes to it, gives some back, and writes again: faults, calls and TLB maintenance. */
export const busyProgram: Step[] = [
  { op: 'mmap', addr: AREA, lengthBytes: '512K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
  { op: 'store', addr: AREA, lengthBytes: '512K', strideBytes: '64K' },
  { op: 'madvise', addr: AREA, lengthBytes: '128K', advice: 'DONTNEED' },
  { op: 'store', addr: AREA, lengthBytes: '512K', strideBytes: '64K' },
];

/** A small system with a fault plan: two processes on two CPUs unless told otherwise. */
export function faultyRun(faultPlan: unknown, more: Partial<TopologyInput> = {}): RandomRun {
  const processes = [1, 2].map((pid) => ({ pid, pageSize: '64K' as const, program: busyProgram }));
  const topology = parseTopology(
    { name: 'faulty', cpus: 2, memory: '64M', nativeTables: true, processes, faultPlan, ...more },
    'test',
  );
  return { topology, traces: new Map(loadTraces(topology, { folders: [] })) };
}

/** All records of a log. */
export function recordsOf(reader: LogReader): MessageRecord[] {
  return [...reader.range(0)].map(({ seq, timeCycles, to, from, cause, type, payload }) => {
    return { seq, timeCycles, to, from, cause, type, payload: payload as MessageRecord['payload'] };
  });
}

/**
 * Runs with checkpoints near to each other, and holds what came of it against a replay in one thread, one in shares, and
 * forks that go on from places all over the run.
 */
export function heldRun(run: RandomRun, { isShared } = { isShared: true }): LogReader {
  const reader = recorded(run, 60, true);
  const { traces } = run;
  const replayed = replay(reader, traces);
  expect(replayed.divergence).toBe(null);
  expect(replayed.headHash).toBe(reader.headHash);
  for (const shares of isShared ? [1, 2, 3] : []) {
    const { misfit, failure, loop } = inShares(reader, traces, shares);
    expect(misfit).toBe(null);
    expect(failure?.format()).toBe(replayed.failure?.format());
    expect([loop.records, loop.pending, loop.nowCycles]).toEqual([
      replayed.records,
      replayed.pending,
      replayed.timeCycles,
    ]);
  }
  if (replayed.failure !== null) return reader;
  const records = recordsOf(reader);
  for (const part of records.length === 0 ? [] : [0, 0.3, 0.6, 0.95]) {
    const seq = Math.floor(part * (reader.records - 1));
    const rest: MessageRecord[] = [];
    forkAt(reader, traces, seq, { onRecord: (record) => rest.push(record), freeze: true }).run();
    expect(rest).toEqual(records.slice(seq + 1));
  }
  return reader;
}
