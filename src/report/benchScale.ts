/**
 * The benchmark of size: one run of many CPUs, processes and files with its log, and what ten times as much of each costs.
 * The large run wants a process of its own, so that its peak memory is its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { logMeta } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { loggedRun } from './benchReferences.ts';
import { type ScaleSize, scaleWorkload, type Workload } from './scaleWorkload.ts';
import { atLeast, atMost, median, millisecondsOf, NO_REACH, type Yardstick } from './yardstick.ts';
import { peakMemoryBytes } from './peakMemory.node.ts';

const MIB = 2 ** 20;
const GROWTH = 10;
/** Ten times as much, and a tenth for the logarithms. */
const GROWTH_REACH = 11;
const EVENTS_REACH = 10_000_000;
const PEAK_REACH_MIB = 4096;

/** The run of `npm run bench -- --scale`: some 1,300 events a process, most of them broadcasts to all CPUs. */
export const LARGE_RUN: ScaleSize = { cpus: 128, processes: 10_000, files: 100_000, traces: 128, rounds: 2 };

/** What grows by ten, a dimension at a time; tests use less. */
export const GROWTH_BASE: ScaleSize = { cpus: 4, processes: 40, files: 400, traces: 8, rounds: 2 };

/**
 * Plays a workload with its log on disk: events, their rate, peak memory of this process, and the size of the log.
 *
 * @example
 * ```ts
 * const size = { cpus: 2, processes: 4, files: 10, traces: 2, rounds: 1 };
 * largeRunYardsticks(size).map(({ unit }) => unit); // ['events', 'events/s', 'MiB', 'bytes/event']
 * ```
 */
export function largeRunYardsticks(size: ScaleSize): Yardstick[] {
  const { topology, traces } = scaleWorkload(size);
  const folder = mkdtempSync(join(tmpdir(), 'granule-scale-'));
  try {
    const storage = createLogFile(join(folder, 'scale.glog'));
    const started = performance.now();
    const writer = new LogWriter(storage, zlibCompression, logMeta(topology, traces));
    const { records, logBytes } = runTopology({ topology, traces, writer });
    const seconds = (performance.now() - started) / 1000;
    const peakMib = peakMemoryBytes() / MIB;
    const { cpus, processes, files } = size;
    const name = `${cpus} CPUs, ${processes} processes, ${files} files`;
    return [
      { name, value: records, unit: 'events', ...atLeast(records, EVENTS_REACH) },
      { name: `${name}: rate, log on`, value: records / seconds, unit: 'events/s', ...NO_REACH },
      { name: `${name}: peak memory`, value: peakMib, unit: 'MiB', ...atMost(peakMib, PEAK_REACH_MIB) },
      { name: `${name}: log`, value: logBytes / records, unit: 'bytes/event', ...NO_REACH },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is multiplied by ten. More CPUs mean more messages a broadcast, for which nothing is promised. */
const DIMENSIONS: readonly { what: string; field: keyof ScaleSize; promised: boolean }[] = [
  { what: 'events', field: 'rounds', promised: true },
  { what: 'processes', field: 'processes', promised: true },
  { what: 'files', field: 'files', promised: true },
  { what: 'CPUs', field: 'cpus', promised: false },
];

interface Cost {
  milliseconds: number;
  events: number;
}

function costOf({ topology, traces }: Workload): Cost {
  let events = 0;
  const milliseconds = millisecondsOf(() => {
    events = loggedRun(topology, traces).outcome.records;
  });
  return { milliseconds, events };
}

const microsecondsEach = ({ milliseconds, events }: Cost): number => (milliseconds * 1000) / events;

/**
 * What ten times the events, processes, files and CPUs cost, and what one event costs at either size. The two sizes are
 * measured in turn, so that a machine that is busy with something else disturbs both alike.
 *
 * @example
 * ```ts
 * const size = { cpus: 1, processes: 2, files: 4, traces: 1, rounds: 1 };
 * growthByTen(size, 1).length; // 12
 * ```
 */
export function growthByTen(base: ScaleSize, repeats: number): Yardstick[] {
  const small = scaleWorkload(base);
  costOf(small);
  return DIMENSIONS.flatMap(({ what, field, promised }) => {
    const large = scaleWorkload({ ...base, [field]: GROWTH * base[field] });
    const pairs = Array.from({ length: repeats }, () => [costOf(small), costOf(large)] as const);
    const value = median(pairs.map(([one, ten]) => ten.milliseconds / one.milliseconds));
    const reach = promised ? atMost(value, GROWTH_REACH) : NO_REACH;
    const each = (at: 0 | 1): number => median(pairs.map((pair) => microsecondsEach(pair[at])));
    return [
      { name: `${GROWTH} times the ${what}: cost`, value, unit: 'times', ...reach },
      { name: `an event, ${base[field]} ${field}`, value: each(0), unit: 'µs', ...NO_REACH },
      { name: `an event, ${GROWTH * base[field]} ${field}`, value: each(1), unit: 'µs', ...NO_REACH },
    ];
  });
}
