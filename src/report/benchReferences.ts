/** References a second: the whole system with its log, against the TLBs alone over the same trace. */
import { findCore } from '../arch/cores.ts';
import { invariant } from '../errors.ts';
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { loadTraces } from '../topology/load.node.ts';
import { logMeta } from '../topology/meta.ts';
import { type RunOutcome, runTopology } from '../topology/run.ts';
import { parseTopology, type Topology } from '../topology/schema.ts';
import { formatPageSize } from './format.ts';
import { runTlbOnly } from './tlbOnly.ts';
import { atLeast, type BenchSize, medianRatio, millisecondsOf, type Yardstick } from './yardstick.ts';

/** The whole system keeps at least half the speed of its innermost loop. */
const REACH = 0.5;
const PAGE_SIZES = [4096, 65536] as const;
const PID = 1;

/**
 * A topology of one process, and its trace.
 *
 * @example
 * ```ts
 * oneProcess('true-kernel', 4096).trace.references; // 167440
 * ```
 */
export function oneProcess(name: string, pageSize: number): { topology: Topology; trace: RunSource } {
  const topology = parseTopology({ name, processes: [{ pid: PID, trace: name, pageSize }] }, 'bench');
  const trace = loadTraces(topology, { folders: [] }).get(PID);
  invariant(trace !== undefined, `${name} comes with granule`);
  return { topology, trace };
}

/**
 * Runs a topology with its log, compressed, in memory.
 *
 * @example
 * ```ts
 * const { topology, trace } = oneProcess('true-kernel', 4096);
 * loggedRun(topology, new Map([[1, trace]])).storage.size() > 1000; // true
 * ```
 */
export function loggedRun(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
): { outcome: RunOutcome; storage: ReturnType<typeof memoryStorage> } {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, zlibCompression, logMeta(topology, traces));
  return { outcome: runTopology({ topology, traces, writer }), storage };
}

/**
 * One yardstick for each trace and page size.
 *
 * @example
 * ```ts
 * const size = { repeats: 1, traces: ['true-kernel'], messages: 1, events: 1, jumps: 1, accesses: 1, textCopies: 1 };
 * referenceYardsticks(size).length; // 2
 * ```
 */
export function referenceYardsticks(size: BenchSize): Yardstick[] {
  return size.traces.flatMap((name) =>
    PAGE_SIZES.map((pageBytes) => referenceYardstick(name, pageBytes, size.repeats)),
  );
}

function referenceYardstick(name: string, pageBytes: number, repeats: number): Yardstick {
  const { topology, trace } = oneProcess(name, pageBytes);
  const core = findCore(topology.core);
  invariant(core !== null, `there is a core ${topology.core}`);
  const traces = new Map([[PID, trace]]);
  const value = medianRatio(repeats, () => [
    millisecondsOf(() => runTlbOnly(trace, core, pageBytes)),
    millisecondsOf(() => loggedRun(topology, traces)),
  ]);
  return {
    name: `references/s with log, ${name}, ${formatPageSize(pageBytes)}`,
    value,
    unit: 'of the bare TLB loop',
    ...atLeast(value, REACH),
  };
}
