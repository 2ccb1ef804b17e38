/** Plays a recorded program as the oracle ran it: by its launcher, with an empty page cache, and again with what that left. */
import type { FileContext, MmContext } from '../../../machines/index.ts';
import type { RunSource } from '../../mm/runs.ts';
import type { System } from '../../runtime/system.ts';
import { runSteps } from '../../topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../topology/schema.ts';
import { laidOutFor } from '../../trace/relayout.ts';
import type { ProgramFigures } from './programLine.ts';
import { ResidentBatches } from './residentBatches.ts';

/** The launcher, the child that it forks to call execve, and the program in it: first with a cold cache, then with a warm one. */
const LAUNCHER = 1;
const CHILD = 2;
const COLD = 3;
const WARM = 4;
/** Memory of the machine that the answers come from. */
const MEMORY = '2G';
const PIDS = [LAUNCHER, CHILD, COLD, WARM];

/** On which kernel a program is to run, and as what. */
export interface ProgramSetting {
  kernelPageBytes: number;
  /** Page size of the process. */
  pageBytes: number;
  thpAlwaysBytes: readonly number[];
  design?: TopologyInput['design'];
}

/** The traces of a program and of its launcher, as they were recorded. */
export interface ProgramTraces {
  program: RunSource;
  /** Of each page size: what is recorded of the launcher depends on it. */
  launcher: RunSource;
  launcherChild: RunSource;
}

/**
 * The topology and the traces of a program, cold and then warm.
 *
 * @throws GranuleError TRACE_LAYOUT, TOPOLOGY_INVALID
 * @example
 * ```ts
 * const made = traceFromSteps([{ access: 'X', addr: 0x10000 }, { op: 'fork', childPid: 9 }]);
 * const traces = { program: made, launcher: made, launcherChild: made };
 * programSystem(traces, { kernelPageBytes: 4096, pageBytes: 4096, thpAlwaysBytes: [] }).traces.size; // 4
 * ```
 */
export function programSystem(
  { program, launcher, launcherChild }: ProgramTraces,
  { kernelPageBytes, pageBytes, thpAlwaysBytes, design }: ProgramSetting,
): { topology: Topology; traces: Map<number, RunSource> } {
  const laidOut = laidOutFor(program, pageBytes);
  const after = (pid: number): { when: { type: string; from: string } } => {
    return { when: { type: 'EXITED', from: `process:${pid}` } };
  };
  const common = { pageSize: pageBytes, layout: pageBytes };
  const sizes = Object.fromEntries(thpAlwaysBytes.map((bytes) => [bytes, 'always' as const]));
  const input: TopologyInput = {
    name: 'program',
    kernelPageSize: kernelPageBytes,
    memory: MEMORY,
    design: { ...design, thp: { ...design?.thp, sizes: { ...sizes, ...design?.thp?.sizes } } },
    // The launcher is in the initramfs, which is the page cache.
    files: launcher.files
      .filter(({ path, sizeBytes }) => sizeBytes > 0 && !path.startsWith('/dev/') && !path.startsWith('/proc/'))
      .map(({ path, sizeBytes }) => ({ path, size: sizeBytes, cached: true })),
    processes: [
      { pid: LAUNCHER, trace: launcher.name, children: [CHILD], ...common },
      { pid: CHILD, trace: launcherChild.name, forked: true, ...common },
      { pid: COLD, trace: laidOut.name, start: after(CHILD), ...common },
      { pid: WARM, trace: laidOut.name, start: after(COLD), ...common },
    ],
  };
  const traces = new Map([
    [LAUNCHER, launcher],
    [CHILD, launcherChild],
    [COLD, laidOut],
    [WARM, laidOut],
  ]);
  return { topology: parseTopology(input, 'program'), traces };
}

/** What the model says of both runs. */
export interface ProgramAnswers {
  cold: ProgramFigures;
  warm: ProgramFigures;
  events: number;
  /** How the program ended, where it was otherwise than by exit. */
  ends: string[];
}

/** Follows the resident memory of every process. */
class Watch {
  readonly batches = new Map(PIDS.map((pid) => [`mm:${pid}`, new ResidentBatches()]));
  /** Pages of files when the cold program began, when it had ended, and when the warm one had. */
  readonly cachedPages: number[] = [];
  /** Kernel pages of a process page: the counters are those of a kernel of that page size. */
  readonly #pagesEach: number;

  constructor({ pageBytes, kernelPageBytes }: ProgramSetting) {
    this.#pagesEach = pageBytes / kernelPageBytes;
  }

  note(to: string, type: string, from: string, system: System): void {
    const batches = this.batches.get(to);
    if (batches !== undefined) {
      const { rssAnonPages, rssFilePages } = system.snapshot(to).context as MmContext;
      batches.set(Math.ceil(rssAnonPages / this.#pagesEach), Math.ceil(rssFilePages / this.#pagesEach));
    }
    if (type === 'EXITED' && from !== `process:${LAUNCHER}`) this.cachedPages.push(cachedPagesOf(system));
  }
}

function cachedPagesOf(system: System): number {
  let pages = 0;
  for (const [actor, snapshot] of system.snapshots()) {
    if (actor.startsWith('file:')) pages += (snapshot.context as FileContext).cache.counts.pages;
  }
  return pages;
}

/**
 * Plays both runs to their ends.
 *
 * @throws GranuleError as `runSteps`
 * @example
 * ```ts
 * const made = traceFromSteps([{ access: 'X', addr: 0x10000 }, { op: 'fork', childPid: 9 }]);
 * const traces = { program: made, launcher: made, launcherChild: made };
 * runProgram(traces, { kernelPageBytes: 4096, pageBytes: 4096, thpAlwaysBytes: [] }).ends; // []
 * ```
 */
export function runProgram(traces: ProgramTraces, setting: ProgramSetting): ProgramAnswers {
  const watch = new Watch(setting);
  let hosted: System | null = null;
  const steps = runSteps({
    ...programSystem(traces, setting),
    writer: null,
    onSystem: (system) => {
      hosted = system;
    },
    onDelivery: (_seq, _time, { to, from, message }) => {
      if (hosted !== null) watch.note(to, message.type, from, hosted);
    },
  });
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    const { system, records: events } = step.value;
    return { ...answersOf(system, watch, setting), events };
  }
}

function answersOf(
  system: System,
  watch: Watch,
  { pageBytes, kernelPageBytes }: ProgramSetting,
): Omit<ProgramAnswers, 'events'> {
  const faultsOf = (pid: number): MmContext => system.snapshot(`mm:${pid}`).context as MmContext;
  const peakOf = (pid: number): number => watch.batches.get(`mm:${pid}`)?.peakPages ?? 0;
  const [before = 0, cold = 0, warm = 0] = watch.cachedPages;
  const figures = (pid: number, cached: number): ProgramFigures => ({
    // wait4 tells of the child from its fork on: what it did before execve counts too.
    minflt: faultsOf(CHILD).minorFaults + faultsOf(pid).minorFaults,
    maxRssKB: Math.max(peakOf(CHILD), peakOf(pid)) * (pageBytes / 1024),
    majflt: faultsOf(CHILD).majorFaults + faultsOf(pid).majorFaults,
    dCachedKB: (cached * kernelPageBytes) / 1024,
  });
  const ends = PIDS.flatMap((pid) => {
    const { signal, signalVa } = system.snapshot(`process:${pid}`).context as { signal: number; signalVa: number };
    return signal === 0 ? [] : [`process:${pid} died of signal ${signal} at 0x${signalVa.toString(16)}`];
  });
  return { cold: figures(COLD, cold - before), warm: figures(WARM, warm - cold), ends };
}
