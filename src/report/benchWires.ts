/** What it costs to watch: a run with its log, and the same with an observing rule on every wire and somebody who listens. */
import type { RunSource } from '../mm/runs.ts';
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { invariant } from '../errors.ts';
import type { Observed } from '../runtime/observed.ts';
import type { System } from '../runtime/system.ts';
import { logMeta } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';
import { oneProcess } from './benchReferences.ts';
import { atMost, type BenchSize, medianRatio, millisecondsOf, NO_REACH, type Yardstick } from './yardstick.ts';

/** Ten parts in a hundred. */
const REACH = 1.1;
const PAGE_BYTES = 4096;
/** The two differ by little: more pairs than other measures take, so that what disturbs one falls out. */
const PAIRS_PER_REPEAT = 3;

/** The same system with one observing wire on every link. */
function observed(topology: Topology): Topology {
  return { ...topology, faultPlan: [{ wire: { from: '*', to: '*' }, op: 'observe', name: 'all' }] };
}

/** What is done with each message that is seen. */
type Watcher = (seen: Observed, counts: Map<string, number>) => void;

const counting: Watcher = ({ type }, counts) => {
  counts.set(type, (counts.get(type) ?? 0) + 1);
};
const reading: Watcher = ({ message }, counts) => {
  for (const field in message) counts.set(field, (counts.get(field) ?? 0) + 1);
};

/** Runs with a log; says how many messages, or fields, the watcher counted. */
function watchedRun(topology: Topology, traces: ReadonlyMap<number, RunSource>, watcher: Watcher | null): number {
  const counts = new Map<string, number>();
  const writer = new LogWriter(memoryStorage(), zlibCompression, logMeta(topology, traces));
  const watch = (system: System): void => {
    if (watcher !== null) system.observed$.subscribe((seen) => watcher(seen, counts));
  };
  runTopology({ topology, traces, writer, onSystem: watch });
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/**
 * For each trace, the time of a run in which every message is counted, in times of one that nobody watches; and of one in which
 * every field of every message is read, which takes a copy of each.
 *
 * @example
 * ```ts
 * const hostile = { bytes: 65536, accesses: 100, seed: 1 };
 * const few = { repeats: 1, warmUpMilliseconds: 0, messages: 1, events: 1, jumps: 1, accesses: 1, textCopies: 1, hostile };
 * wireYardsticks({ ...few, traces: ['true-kernel'] }).length; // 2
 * ```
 */
export function wireYardsticks({ traces: names, repeats, warmUpMilliseconds }: BenchSize): Yardstick[] {
  return names.flatMap((name) => {
    const { topology, trace } = oneProcess(name, PAGE_BYTES);
    const traces = new Map([[topology.processes[0]?.pid ?? 0, trace]]);
    const watched = observed(topology);
    const ratio = (watcher: Watcher): number =>
      medianRatio(
        repeats * PAIRS_PER_REPEAT,
        () => {
          const plain = millisecondsOf(() => watchedRun(topology, traces, null));
          let seen = 0;
          const observing = millisecondsOf(() => {
            seen = watchedRun(watched, traces, watcher);
          });
          invariant(seen > 0, 'the watcher has seen messages');
          return [observing, plain];
        },
        warmUpMilliseconds,
      );
    const counted = ratio(counting);
    const unit = 'times the run';
    return [
      { name: `every wire observed, ${name} 4K`, value: counted, unit, ...atMost(counted, REACH) },
      { name: `the same, every field read, ${name} 4K`, value: ratio(reading), unit, ...NO_REACH },
    ];
  });
}
