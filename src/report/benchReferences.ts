/** References a second: the whole system with its log, against the TLBs alone over the same trace. */
import { findCore } from '../arch/cores.ts';
import { invariant } from '../errors.ts';
import { type Delivery, LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import type { OnDelivery } from '../runtime/systemOptions.ts';
import { loadTraces } from '../topology/load.node.ts';
import { logMeta } from '../topology/meta.ts';
import { type RunOutcome, runTopology } from '../topology/run.ts';
import { parseTopology, type Topology } from '../topology/schema.ts';
import { formatPageSize } from './format.ts';
import { runTlbOnly } from './tlbOnly.ts';
import {
  atLeast,
  atMost,
  type BenchSize,
  median,
  medianRatio,
  millisecondsOf,
  NO_REACH,
  type Yardstick,
} from './yardstick.ts';

/** The whole system keeps at least half the speed of its innermost loop. */
const REACH = 0.5;
/** What the whole system does at least on the longest trace, whatever the loop does. */
const RATE_REACH = 60e6;
const RATE_TRACE = 'sqlite-kernel';
/** Of a log, with its checkpoints and index. */
const BYTES_REACH = 12;
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

/** A delivery, to be logged again. */
interface Delivered {
  readonly timeCycles: number;
  readonly delivery: Delivery;
}

function deliveriesOf(topology: Topology, traces: ReadonlyMap<number, RunSource>): Delivered[] {
  const all: Delivered[] = [];
  const onDelivery: OnDelivery = (_seq, timeCycles, delivery) => all.push({ timeCycles, delivery });
  runTopology({ topology, traces, writer: null, onDelivery });
  return all;
}

/** Writes the log of a run that was, without its checkpoints. */
function loggedAgain(topology: Topology, traces: ReadonlyMap<number, RunSource>, all: readonly Delivered[]): void {
  const writer = new LogWriter(memoryStorage(), zlibCompression, logMeta(topology, traces));
  for (const [seq, { timeCycles, delivery }] of all.entries()) writer.takeDelivery(seq, timeCycles, delivery);
  writer.close();
}

/**
 * For each trace and page size: the whole system against the bare TLB loop, which looks every run up; its references a second;
 * those of the TLBs alone by the stack index that the system uses too, which is made in the warm-up; these and the writing of the log
 * together against the bare loop, as if no actor took any time; and what the log takes.
 *
 * @example
 * ```ts
 * const hostile = { bytes: 65536, accesses: 100, seed: 1 };
 * const few = { repeats: 1, warmUpMilliseconds: 0, messages: 1, events: 1, jumps: 1, accesses: 1, textCopies: 1, hostile };
 * const size = { ...few, traces: ['true-kernel'] };
 * referenceYardsticks(size).length; // 10
 * ```
 */
export function referenceYardsticks(size: BenchSize): Yardstick[] {
  return size.traces.flatMap((name) => PAGE_SIZES.flatMap((pageBytes) => yardsticksOf(name, pageBytes, size)));
}

function yardsticksOf(name: string, pageBytes: number, { repeats, warmUpMilliseconds }: BenchSize): Yardstick[] {
  const { topology, trace } = oneProcess(name, pageBytes);
  const core = findCore(topology.core);
  invariant(core !== null, `there is a core ${topology.core}`);
  const traces = new Map([[PID, trace]]);
  const { outcome } = loggedRun(topology, traces);
  const bytesPerEvent = outcome.logBytes / outcome.records;
  const wholes: number[] = [];
  const indexed: number[] = [];
  const floors: number[] = [];
  const deliveries = deliveriesOf(topology, traces);
  const ratio = medianRatio(
    repeats,
    () => {
      const alone = millisecondsOf(() => runTlbOnly(trace, core, pageBytes));
      indexed.push(alone);
      const bare = millisecondsOf(() => runTlbOnly(trace, core, pageBytes, { exhaustive: true }));
      const whole = millisecondsOf(() => loggedRun(topology, traces));
      wholes.push(whole);
      floors.push(bare / (alone + millisecondsOf(() => loggedAgain(topology, traces, deliveries))));
      return [bare, whole];
    },
    warmUpMilliseconds,
  );
  const perSecond = (milliseconds: readonly number[]): number =>
    (1000 * trace.references) / median(milliseconds.slice(-repeats));
  const what = `${name}, ${formatPageSize(pageBytes)}`;
  const rate = perSecond(wholes);
  const floor = median(floors.slice(-repeats));
  const reach = name === RATE_TRACE ? atLeast(rate, RATE_REACH) : NO_REACH;
  return [
    { name: `references/s with log, ${what}`, value: ratio, unit: 'of the bare TLB loop', ...atLeast(ratio, REACH) },
    { name: `references/s with log, ${what}`, value: rate, unit: 'references/s', ...reach },
    { name: `TLBs alone, by stack index, ${what}`, value: perSecond(indexed), unit: 'references/s', ...NO_REACH },
    { name: `TLBs and log alone, ${what}`, value: floor, unit: 'of the bare TLB loop', ...NO_REACH },
    { name: `log, ${what}`, value: bytesPerEvent, unit: 'bytes an event', ...atMost(bytesPerEvent, BYTES_REACH) },
  ];
}
