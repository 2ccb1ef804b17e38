/** Plays a scenario of calls and accesses in the model, and hands every step's outcome to those who asked about it. */
import type { Design } from '../../arch/design.ts';
import { GranuleError } from '../../errors.ts';
import type { ImageSegment, RunSource } from '../../mm/runs.ts';
import type { MessageRecord } from '../../runtime/envelope.ts';
import type { System } from '../../runtime/system.ts';
import { actorStateOf } from '../../runtime/xstateAdapter.ts';
import { runTopology } from '../../topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../topology/schema.ts';
import { type ScriptStep, scriptOf } from '../../trace/script.ts';

/** The program, and the child that it forks. */
export const PARENT_PID = 1;
/** The child. */
export const CHILD_PID = 2;
/** The one descriptor of userfaultfd that a program has open at a time. */
export const DESCRIPTOR = 'u';

/** On which kernel questions are answered, and to whom. */
export interface InterfaceWorld {
  kernelPageBytes: number;
  pageBytes: number;
  design: Design;
}

/** What a step came to, at the moment at which its process has the answer. */
export interface Outcome {
  /** Of a call. */
  result: number;
  errno: number;
  data: readonly number[];
  /** Of an access. */
  signal: number;
  code: number;
  system: System;
  pid: number;
}

/** A step, and who wants to hear of it. */
export interface PlannedStep {
  action: ScriptStep;
  hear?: (outcome: Outcome) => void;
}

/** Steps of the program; the child runs its own from the fork on. */
export interface Scenario {
  name: string;
  steps: readonly PlannedStep[];
  child: readonly PlannedStep[];
  files: NonNullable<TopologyInput['files']>;
}

const STACK_END = 0xffffffff0000;
/** A small static program whose code suits every page size; heap and stack are as the kernel and libc make them. */
const IMAGE: readonly ImageSegment[] = [
  { kind: 'program', addr: 0x400000, lengthBytes: 0x80000, prot: 5, file: null, offsetBytes: 0 },
  { kind: 'heap', addr: 0x500000, lengthBytes: 0x40000, prot: 3, file: null, offsetBytes: 0 },
  { kind: 'stack', addr: STACK_END - 0x20000, lengthBytes: 0x20000, prot: 3, file: null, offsetBytes: 0 },
];

/** Memory of the machine that the answers come from. */
const MEMORY = '2G';

/** Hears of the steps of one process. */
class Listener {
  readonly #pid: number;
  readonly #steps: readonly PlannedStep[];
  readonly #stepOfRun: Int32Array;
  /** The last step that was told: behind a signal the stretch ends once more, at the next call. */
  #told = -1;

  constructor(pid: number, steps: readonly PlannedStep[], stepOfRun: Int32Array) {
    this.#pid = pid;
    this.#steps = steps;
    this.#stepOfRun = stepOfRun;
  }

  see({ to, type, payload }: MessageRecord, system: System): void {
    if (to !== `process:${this.#pid}`) return;
    if (type === 'SYSRET') {
      const { at } = actorStateOf(system.snapshot(to)).context as { at: number };
      const { result, errno, data } = payload as { result: number; errno: number; data: number[] };
      this.#tell(this.#stepOfRun[at], { result, errno, data, signal: 0, code: 0, system, pid: this.#pid });
    } else if (type === 'RAN') {
      const ran = payload as { reason: string; to: number; signal: number; code: number };
      // A signal stops at the access, a call behind it; an access that waits for the disk comes again.
      if (ran.reason !== 'signal' && ran.reason !== 'call') return;
      const raised = ran.reason === 'signal';
      const step = this.#stepOfRun[raised ? ran.to : ran.to - 1];
      const [signal, code] = raised ? [ran.signal, ran.code] : [0, 0];
      this.#tell(step, { result: 0, errno: 0, data: [], signal, code, system, pid: this.#pid }, true);
    }
  }

  #tell(step: number | undefined, outcome: Outcome, ofAccess = false): void {
    const planned = step === undefined ? undefined : this.#steps[step];
    if (planned === undefined) return;
    const isAccess = planned.action.op === 'load' || planned.action.op === 'store';
    if (isAccess !== ofAccess || step === this.#told) return;
    this.#told = step ?? -1;
    planned.hear?.(outcome);
  }
}

/**
 * The topology of a scenario: the machine of the oracle, with a second CPU where a child runs.
 *
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * scenarioTopology(world, { name: 'one', steps: [], child: [], files: [] }).processes.length; // 1
 * ```
 */
export function scenarioTopology(world: InterfaceWorld, { name, child, files }: Scenario): Topology {
  const forks = child.length > 0;
  const pageSize = world.pageBytes;
  const input: TopologyInput = {
    name,
    kernelPageSize: world.kernelPageBytes,
    memory: MEMORY,
    cpus: forks ? 2 : 1,
    design: world.design,
    processes: [
      { pid: PARENT_PID, trace: name, pageSize, signals: 'skip', cpu: 0, children: forks ? [CHILD_PID] : [] },
      ...(forks ? [{ pid: CHILD_PID, trace: `${name}-child`, pageSize, cpu: 1, forked: true }] : []),
    ],
    files,
    userfaultfd: { descriptors: [DESCRIPTOR] },
  };
  return parseTopology(input, name);
}

/**
 * Plays a scenario to its end.
 *
 * @returns what the model threw, if it did; null where it came to the end
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * const heard: number[] = [];
 * const hear = ({ errno }: Outcome): unknown => heard.push(errno);
 * const steps = [{ action: { op: 'munmap' as const, addr: 4096, lengthBytes: 1 }, hear }];
 * playScenario(world, { name: 'one', steps, child: [], files: [] }); // null
 * heard; // [22]
 * ```
 */
export function playScenario(world: InterfaceWorld, scenario: Scenario): GranuleError | null {
  const topology = scenarioTopology(world, scenario);
  const listeners: Listener[] = [];
  const traces = new Map<number, RunSource>();
  const files = scenario.files.map(({ path, size }) => ({ path, sizeBytes: Number(size) }));
  for (const { pid, trace: name } of topology.processes) {
    const steps = pid === PARENT_PID ? scenario.steps : scenario.child;
    const actions = steps.map(({ action }) => action);
    const { trace, stepOfRun } = scriptOf(actions, {
      name: `${name}~64K`,
      entry: IMAGE[0].addr,
      image: [...IMAGE],
      files,
    });
    traces.set(pid, trace);
    listeners.push(new Listener(pid, steps, stepOfRun));
  }
  try {
    const onRecord = (record: MessageRecord, system: System): void => {
      for (const listener of listeners) listener.see(record, system);
    };
    runTopology({ topology, traces, writer: null, onRecord });
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    return error;
  }
  return null;
}
