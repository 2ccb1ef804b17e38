/** Made-up workloads for measuring: accesses that miss every TLB, so that much is said about few references. */
import type { RunSource } from '../mm/runs.ts';
import { type TraceStep, traceFromSteps } from '../trace/memoryTrace.ts';
import { parseTopology, type Topology } from '../topology/schema.ts';

const CODE_ADDRESS = 0x10000;
const DATA_ADDRESS = 0x1000_0000;
const PAGE_BYTES = 4096;
/** More pages than any second-level TLB of the presets holds, and few enough to be faulted in soon. */
const PAGES = 4096;
/** A full-period step over the pages: odd, so that all are visited, and far, so that neighbours share no cache. */
const PAGE_STEP = 1597;
/** Each access makes this many events, at least: a walk and its answer, more while pages are faulted in. */
const EVENTS_PER_ACCESS = 2;
/** Processes that make a long log, one on each CPU. */
const PROCESSES = 4;

/** A topology with its traces. */
export interface MadeRun {
  readonly topology: Topology;
  readonly traces: Map<number, RunSource>;
}

/**
 * A program that reads one page after another in an order that no TLB follows.
 *
 * @example
 * ```ts
 * madeTrace(10).references; // 20
 * ```
 */
export function madeTrace(accesses: number): RunSource {
  const steps = function* (): Generator<TraceStep> {
    for (let at = 0; at < accesses; at++) {
      // A fetch before each read: a stretch can then end at any of them.
      yield { access: 'X', addr: CODE_ADDRESS + (at % 2) * PAGE_BYTES };
      yield { access: 'R', addr: DATA_ADDRESS + ((at * PAGE_STEP) % PAGES) * PAGE_BYTES };
    }
  };
  return traceFromSteps(steps(), { name: 'made' });
}

/**
 * So many processes of one trace, on four CPUs at most.
 *
 * @param idleFiles files that nobody touches: actors without work
 * @example
 * ```ts
 * madeTopology(2, madeTrace(10)).topology.processes.length; // 2
 * ```
 */
export function madeTopology(processes: number, trace: RunSource, idleFiles = 0): MadeRun {
  const pids = Array.from({ length: processes }, (_, at) => at + 1);
  const topology = parseTopology(
    {
      name: 'made',
      cpus: Math.min(4, processes),
      memory: '64G',
      processes: pids.map((pid) => ({ pid, trace: 'made', pageSize: '4K' })),
      files: Array.from({ length: idleFiles }, (_, at) => ({ path: `/idle/${at}`, size: 0 })),
    },
    'bench',
  );
  return { topology, traces: new Map(pids.map((pid) => [pid, trace])) };
}

/**
 * Four processes on a CPU each, whose run makes so many events or some more.
 *
 * @example
 * ```ts
 * madeRun(80).traces.get(1)?.references; // 20
 * ```
 */
export function madeRun(events: number): MadeRun {
  return madeTopology(PROCESSES, madeTrace(Math.ceil(events / EVENTS_PER_ACCESS / PROCESSES)));
}
