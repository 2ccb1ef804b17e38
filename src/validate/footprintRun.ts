/** Plays a workload in the model on a kernel. */
import type { RunSource } from '../mm/runs.ts';
import { GranuleError } from '../errors.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { System } from '../runtime/system.ts';
import { runSteps } from '../topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../topology/schema.ts';
import { type FootprintMeasured, FootprintMeter } from './footprintMeter.ts';
import type { Workload } from '../trace/workloads/foot/footSteps.ts';
import { workloadTraces } from '../trace/workloads/foot/footTraces.ts';

/** The process that runs the workload, and the child that it forks for `cow`. */
const PID = 100;
const CHILD_PID = 101;
/** Memory of the machine that the answers come from. */
const MEMORY = '2G';

/** On which kernel a workload is to run, and as what. */
export interface FootprintSetting {
  kernelPageBytes: number;
  /** Page size of the process. */
  pageBytes: number;
  thpAlwaysBytes: readonly number[];
  /** Choices of the design over the defaults; its THP sizes go over `thpAlwaysBytes`. */
  design?: TopologyInput['design'];
}

/** A workload made ready to run. */
export interface FootprintSystem {
  topology: Topology;
  traces: Map<number, RunSource>;
  /** The process whose counters are read. */
  pid: number;
}

/**
 * The topology and traces of a workload on a kernel. `name` is that of the topology and, with a suffix, of the traces.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const setting = { kernelPageBytes: 4096, pageBytes: 65536, thpAlwaysBytes: [] };
 * footprintSystem({ kind: 'seq', lengthBytes: 2 ** 20 }, setting).topology.name; // 'foot-seq'
 * ```
 */
export function footprintSystem(
  work: Workload,
  setting: FootprintSetting,
  name = `foot-${work.kind}`,
): FootprintSystem {
  const { parent, child } = workloadTraces(work, setting.pageBytes, name);
  const traces = new Map([[PID, parent]]);
  const pageSize = setting.pageBytes;
  const processes: TopologyInput['processes'] = [
    { pid: PID, trace: parent.name, pageSize, cpu: 0, children: child === null ? [] : [CHILD_PID] },
  ];
  if (child !== null) {
    traces.set(CHILD_PID, child);
    processes.push({ pid: CHILD_PID, trace: child.name, pageSize, cpu: 1, forked: true });
  }
  const sizes = Object.fromEntries(setting.thpAlwaysBytes.map((bytes) => [bytes, 'always' as const]));
  const input: TopologyInput = {
    name,
    kernelPageSize: setting.kernelPageBytes,
    cpus: processes.length,
    memory: MEMORY,
    design: { ...setting.design, thp: { ...setting.design?.thp, sizes: { ...sizes, ...setting.design?.thp?.sizes } } },
    processes,
  };
  return { topology: parseTopology(input, name), traces, pid: child === null ? PID : CHILD_PID };
}

/** What came of a run. */
export interface FootprintRun {
  /** Null where the model threw, or the program ended before it measured. */
  measured: FootprintMeasured | null;
  failure: string | null;
  events: number;
}

/** What a run may be given beside its system. */
export interface FootprintRunOptions {
  /** Keeps the run's log. */
  writer?: LogWriter | null;
  /** Looks at the laws of the model after every event. */
  checked?: boolean;
}

/**
 * Plays a workload in steps of some events, and tells after each how many there were.
 *
 * @example
 * ```ts
 * const setting = { kernelPageBytes: 4096, pageBytes: 65536, thpAlwaysBytes: [] };
 * const steps = footprintSteps(footprintSystem({ kind: 'seq', lengthBytes: 2 ** 20 }, setting));
 * steps.next(); // { done: false, value: 64 }
 * ```
 */
export function* footprintSteps(
  { topology, traces, pid }: FootprintSystem,
  { writer = null, checked = false }: FootprintRunOptions = {},
): Generator<number, FootprintRun, undefined> {
  const meter = new FootprintMeter(pid, topology.kernelPageSize);
  const onRecord = (record: MessageRecord, system: System): void => meter.note(record, system);
  let events = 0;
  try {
    const steps = runSteps({ topology, traces, writer, checked, onRecord });
    for (;;) {
      const step = steps.next();
      if (step.done === true) return { ...meter.measured(step.value.system), events: step.value.records };
      events = step.value.nextSeq;
      yield events;
    }
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    return { measured: null, failure: error.format(), events };
  }
}

/**
 * Plays a workload to its end.
 *
 * @example
 * ```ts
 * const setting = { kernelPageBytes: 4096, pageBytes: 65536, thpAlwaysBytes: [] };
 * runFootprint(footprintSystem({ kind: 'seq', lengthBytes: 2 ** 20 }, setting)).measured?.counters.minflt; // 16
 * ```
 */
export function runFootprint(system: FootprintSystem, options: FootprintRunOptions = {}): FootprintRun {
  const steps = footprintSteps(system, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
