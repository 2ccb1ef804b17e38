/** Plays a sequence of calls as a process of the model, and notes what the process and /proc show after every step. */
import { defaultDesign, type Design } from '../arch/design.ts';
import { GranuleError } from '../errors.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { ImageSegment, RunSource } from '../mm/runs.ts';
import { mapsFields } from '../mm/vma.ts';
import type { VmaSet } from '../mm/vmaSet.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { System } from '../runtime/system.ts';
import { actorStateOf } from '../runtime/xstateAdapter.ts';
import { runTopology } from '../topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../topology/schema.ts';
import { type AbiAction, type AbiAnswer, type MapsArea, PROBE_FILE } from './abiStep.ts';
import { type Script, scriptOf } from '../trace/script.ts';

/** The window that the sequences work in, and whose areas they show: 4M from 8G on. */
export const WINDOW = { startVa: 0x200000000, endVa: 0x200400000 } as const;

/** The one process. */
const PID = 1;
const STACK_END = 0xffffffff0000;
/** A small static program: code, heap and stack, far from the window, on bounds that suit every page size. */
const IMAGE: readonly ImageSegment[] = [
  { kind: 'program', addr: 0x400000, lengthBytes: 0x80000, prot: 5, file: null, offsetBytes: 0 },
  { kind: 'heap', addr: 0x500000, lengthBytes: 0x40000, prot: 3, file: null, offsetBytes: 0 },
  { kind: 'stack', addr: STACK_END - 0x20000, lengthBytes: 0x20000, prot: 3, file: null, offsetBytes: 0 },
];

/** Which kernel is modelled: one of `kernelPageBytes`, with a process of `pageBytes`. */
export interface AbiWorld {
  kernelPageBytes: number;
  pageBytes: number;
  design: Design;
}

/** What is played. */
export interface AbiProgram {
  name: string;
  /** Size of the tmpfs file at PROBE_FILE. */
  fileBytes: number;
  actions: readonly AbiAction[];
  /** More files, as a topology has them. */
  files?: NonNullable<TopologyInput['files']>;
  /** Names of userfaultfds that the program opens. */
  userfaultfds?: string[];
}

/** What the model answered to a step, and when: `seq` of the event that brought the answer. */
export interface ModelAnswer extends AbiAnswer {
  seq: number;
  /** Major faults of an access that raised no signal. */
  majflt: number | null;
  rssAnonBytes: number;
  rssFileBytes: number;
}

/** What came of a program. */
export interface AbiRun {
  /** One for each action; fewer where the run failed. */
  answers: ModelAnswer[];
  /** What the model threw, where it did. */
  failure: GranuleError | null;
  events: number;
}

/** Looks at a running system when a record comes, before its actor has handled it. */
export type Watch = (record: MessageRecord, system: System) => void;

/**
 * The world that stands in for a kernel of one page size, or for a process of that size on a smaller one.
 *
 * @example
 * ```ts
 * abiWorld(65536, 4096).pageBytes; // 65536
 * ```
 */
export function abiWorld(pageBytes: number, kernelPageBytes = pageBytes, design: Design = defaultDesign): AbiWorld {
  return { kernelPageBytes, pageBytes, design };
}

/**
 * The topology of a program: one CPU, little memory, one process whose signal handler jumps over the access, one file.
 *
 * @example
 * ```ts
 * abiTopology(abiWorld(4096), { name: 'seq-1', fileBytes: 200_000 }).processes[0]?.signals; // 'skip'
 * ```
 */
export function abiTopology(
  world: AbiWorld,
  program: Pick<AbiProgram, 'name' | 'fileBytes' | 'files' | 'userfaultfds'>,
): Topology {
  const input: TopologyInput = {
    name: program.name,
    kernelPageSize: world.kernelPageBytes,
    memory: '64M',
    design: world.design,
    processes: [{ pid: PID, trace: program.name, pageSize: world.pageBytes, signals: 'skip' }],
    files: [{ path: PROBE_FILE, size: program.fileBytes, kind: 'tmpfs' }, ...(program.files ?? [])],
    ...(program.userfaultfds === undefined ? {} : { userfaultfd: { descriptors: program.userfaultfds } }),
  };
  return parseTopology(input, program.name);
}

/**
 * The script of a program. Its trace is laid out for any page size as it is, and its name says so.
 *
 * @example
 * ```ts
 * const script = abiScript({ name: 'one', fileBytes: 4096, actions: [{ op: 'load', addr: 0x200000000 }] });
 * script.trace.name; // 'one~64K'
 * ```
 */
export function abiScript({ name, fileBytes, actions }: AbiProgram): Script {
  const files = [{ path: PROBE_FILE, sizeBytes: fileBytes }];
  return scriptOf(actions, { name: `${name}~64K`, entry: IMAGE[0].addr, image: [...IMAGE], files });
}

/** The part of an mm's state that is looked at. */
interface SeenMm {
  kernelPageBytes: number;
  vmas: VmaSet;
  minorFaults: number;
  majorFaults: number;
  rssAnonPages: number;
  rssFilePages: number;
}

/** The areas of a set, which most steps leave as it is. */
const mapsOfSet = new WeakMap<VmaSet, MapsArea[]>();

function mapsOf(vmas: VmaSet): MapsArea[] {
  const known = mapsOfSet.get(vmas);
  if (known !== undefined) return known;
  const maps = areasOf(vmas);
  mapsOfSet.set(vmas, maps);
  return maps;
}

function areasOf(vmas: VmaSet): MapsArea[] {
  const areas = vmas.overlapping(WINDOW.startVa, WINDOW.endVa).filter(({ startVa }) => startVa >= WINDOW.startVa);
  return areas.map((vma) => {
    const { perms } = mapsFields(vma);
    const isFile = vma.file !== null;
    return [vma.startVa.toString(16), vma.endVa.toString(16), perms, isFile ? vma.offsetBytes : 0, isFile ? 1 : 0];
  });
}

/** Bit 0 of each byte is what mincore says; the other bits are reserved. */
function vecOf(data: readonly number[]): string {
  return data.map((byte) => byte & 1).join('');
}

/** What there is to see of the memory, whatever the step. */
function memoryOf(mm: SeenMm): Pick<ModelAnswer, 'maps' | 'rssAnonBytes' | 'rssFileBytes'> {
  const { vmas, kernelPageBytes, rssAnonPages, rssFilePages } = mm;
  const rssAnonBytes = rssAnonPages * kernelPageBytes;
  return { maps: mapsOf(vmas), rssAnonBytes, rssFileBytes: rssFilePages * kernelPageBytes };
}

/** Watches the messages that bring a process its answers. */
class AnswerWatch {
  readonly answers: ModelAnswer[] = [];
  #seen = { minorFaults: 0, majorFaults: 0 };
  #begun = false;
  readonly #actions: readonly AbiAction[];
  readonly #stepOfRun: Int32Array;

  constructor(actions: readonly AbiAction[], stepOfRun: Int32Array) {
    this.#actions = actions;
    this.#stepOfRun = stepOfRun;
  }

  see(record: MessageRecord, system: System): void {
    if (record.to !== `process:${PID}` || (record.type !== 'RAN' && record.type !== 'SYSRET')) return;
    const mm = actorStateOf(system.snapshot(`mm:${PID}`)).context as SeenMm;
    if (record.type === 'RAN') this.#ran(record, mm);
    else if (this.#begun) this.#returned(record, mm, system);
    // The first call to return is execve.
    else this.#begun = true;
    this.#seen = mm;
  }

  #ran({ seq, payload }: MessageRecord, mm: SeenMm): void {
    const { reason, to, signal, code } = payload as { reason: string; to: number; signal: number; code: number };
    const action = this.#actions[this.answers.length];
    if (action === undefined || (action.op !== 'load' && action.op !== 'store')) return;
    const raised = reason === 'signal';
    // A signal stops at the access, a call behind it; an access that waits for the disk comes again.
    if (!raised && reason !== 'call') return;
    if (this.#stepOfRun[raised ? to : to - 1] !== this.answers.length) return;
    this.answers.push({
      seq,
      ret: null,
      err: null,
      vec: null,
      signal: raised ? signal : 0,
      code: raised ? code : null,
      minflt: raised ? null : mm.minorFaults - this.#seen.minorFaults,
      majflt: raised ? null : mm.majorFaults - this.#seen.majorFaults,
      ...memoryOf(mm),
    });
  }

  #returned({ seq, payload }: MessageRecord, mm: SeenMm, system: System): void {
    const { at } = actorStateOf(system.snapshot(`process:${PID}`)).context as { at: number };
    if (this.#stepOfRun[at] !== this.answers.length) return;
    const { result, errno, data } = payload as { result: number; errno: number; data: number[] };
    const fails = errno !== 0;
    this.answers.push({
      seq,
      ret: fails ? null : result,
      err: fails ? errno : null,
      vec: this.#actions[this.answers.length].op === 'mincore' ? vecOf(data) : null,
      signal: null,
      code: null,
      minflt: null,
      majflt: null,
      ...memoryOf(mm),
    });
  }
}

/** What a run may be given beside the world and the program. */
export interface AbiRunOptions {
  /** Keeps the run's log. */
  writer?: LogWriter | null;
  /** The checked mode (`src/topology/laws.ts`). */
  checked?: boolean;
  /** Sees every event. */
  watch?: Watch | null;
  /** The topology of `abiTopology`, where it is there already: worlds that differ in nothing may share it. */
  topology?: Topology;
}

/**
 * Plays a program to its end.
 *
 * @returns the answers; a failure of the model is part of them
 * @example
 * ```ts
 * const anonymous = { prot: 3, flags: 50, file: null, offsetBytes: 0 };
 * const map: AbiAction = { op: 'mmap', addr: 0x200000000, lengthBytes: 65536, ...anonymous };
 * const program = { name: 'two', fileBytes: 0, actions: [map, { op: 'store' as const, addr: 0x200000000 }] };
 * const run = runAbi(abiWorld(65536), program);
 * run.answers.map(({ ret, minflt }) => ret ?? minflt); // [8589934592, 1]
 * ```
 */
export function runAbi(world: AbiWorld, program: AbiProgram, options: AbiRunOptions = {}): AbiRun {
  const { writer = null, watch = null, checked = false, topology = abiTopology(world, program) } = options;
  return playScript(topology, abiScript(program), program.actions, { writer, watch, checked });
}

/**
 * Plays the script of a program in the topology of a world: what `runAbi` does, for those who have both already.
 *
 * @example
 * ```ts
 * const program = { name: 'one', fileBytes: 0, actions: [{ op: 'load' as const, addr: 0x200000000 }] };
 * const run = playScript(abiTopology(abiWorld(4096), program), abiScript(program), program.actions);
 * run.answers[0]?.signal; // 11
 * ```
 */
export function playScript(
  topology: Topology,
  { trace, stepOfRun }: Script,
  actions: readonly AbiAction[],
  { writer = null, watch = null, checked = false }: Pick<AbiRunOptions, 'writer' | 'watch' | 'checked'> = {},
): AbiRun {
  const traces = new Map<number, RunSource>([[PID, trace]]);
  const answers = new AnswerWatch(actions, stepOfRun);
  let failure: GranuleError | null = null;
  let events = 0;
  const onRecord = (record: MessageRecord, system: System): void => {
    events = record.seq + 1;
    answers.see(record, system);
    watch?.(record, system);
  };
  try {
    runTopology({ topology, traces, writer, checked, onRecord });
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    failure = error;
  }
  return { answers: answers.answers, failure, events };
}
