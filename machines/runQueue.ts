/** Who waits for a CPU, and which CPUs idle: what the scheduler must find without a look at every process and every CPU. */
import { IntMap } from '../src/mm/intMap.ts';
import { IntRecord } from '../src/mm/intRecord.ts';
import { KeyedList } from '../src/mm/keyedList.ts';
import { PersistentList } from '../src/mm/persistentList.ts';

/** A process that may run on one CPU only, or on some. */
export type Affinity = { pid: number; cpu: number } | { pid: number; cpus: readonly number[] };

/**
 * Who may run where, with one process given other CPUs.
 *
 * @example
 * ```ts
 * withAffinity([{ pid: 7, cpu: 1 }], 7, [0, 2]); // [{ pid: 7, cpus: [0, 2] }]
 * ```
 */
export function withAffinity(affinity: readonly Affinity[], pid: number, cpus: readonly number[]): Affinity[] {
  const [first] = cpus;
  const one: Affinity = cpus.length === 1 && first !== undefined ? { pid, cpu: first } : { pid, cpus };
  return [...affinity.filter((other) => other.pid !== pid), one];
}

interface Waiting {
  pid: number;
  /** Rises with every arrival. */
  arrival: number;
}

type Line = KeyedList<Waiting>;

const NOBODY: Line = KeyedList.empty(({ pid }) => pid);

/** Those that may run on some CPUs, which all of a line have in common. */
interface Some {
  cpus: readonly number[];
  line: Line;
}

/** The CPU, or the CPUs, by pid. */
type Allowed = ReadonlyMap<number, number | readonly number[]>;

function allowedOf(affinity: readonly Affinity[]): Allowed {
  return new Map(affinity.map((one) => [one.pid, 'cpu' in one ? one.cpu : one.cpus]));
}

/** What a queue consists of. */
interface Lines {
  anywhere: Line;
  pinned: IntRecord<Line>;
  /** Few sets of CPUs are in use at a time. */
  some: readonly Some[];
}

/**
 * Those that wait for a CPU, each once, in order of arrival. Who may run anywhere stands in one line, who is pinned in that
 * of its CPU, who may run on some in that of their set. Its plain form is the list of pids.
 *
 * @example
 * ```ts
 * const queue = RunQueue.fromPlain([7, 3], [{ pid: 7, cpu: 1 }]);
 * [queue.firstFor(0), queue.firstFor(1)]; // [3, 7]
 * queue.without(7).toPlain(); // [3]
 * ```
 */
export class RunQueue {
  readonly #allowed: Allowed;
  readonly #lines: Lines;
  readonly #arrivals: number;

  constructor(allowed: Allowed, lines: Lines, arrivals: number) {
    this.#allowed = allowed;
    this.#lines = lines;
    this.#arrivals = arrivals;
  }

  /** The inverse of `toPlain`, for processes that are pinned as said. */
  static fromPlain(pids: readonly number[], affinity: readonly Affinity[]): RunQueue {
    const lines: Lines = { anywhere: NOBODY, pinned: IntRecord.empty(), some: [] };
    return pids.reduce((queue, pid) => queue.with(pid), new RunQueue(allowedOf(affinity), lines, 0));
  }

  /** Whether anyone waits who may run on any CPU. */
  get anyAnywhere(): boolean {
    return this.#lines.anywhere.length > 0;
  }

  /** The CPUs that a process is bound to, or undefined. */
  cpusOf(pid: number): readonly number[] | undefined {
    const allowed = this.#allowed.get(pid);
    return typeof allowed === 'number' ? [allowed] : allowed;
  }

  /** Who has waited longest of those that may run on a CPU, or undefined. */
  firstFor(cpu: number): number | undefined {
    const { anywhere, pinned, some } = this.#lines;
    let first = anywhere.first;
    const ofCpu = pinned.get(cpu)?.first;
    if (ofCpu !== undefined && (first === undefined || ofCpu.arrival < first.arrival)) first = ofCpu;
    for (const { cpus, line } of some) {
      const ofSet = line.first;
      if (ofSet === undefined || !cpus.includes(cpu)) continue;
      if (first === undefined || ofSet.arrival < first.arrival) first = ofSet;
    }
    return first?.pid;
  }

  /** The queue with a process at its end; as it is where that waits already. */
  with(pid: number): RunQueue {
    const line = this.#lineOf(pid);
    return line.get(pid) === undefined ? this.#withLine(pid, line.with({ pid, arrival: this.#arrivals })) : this;
  }

  without(pid: number): RunQueue {
    return this.#withLine(pid, this.#lineOf(pid).without(pid));
  }

  has(pid: number): boolean {
    return this.#lineOf(pid).get(pid) !== undefined;
  }

  /** The queue where affinity is as said; `changed` is the one process that it differs for, which comes to the end if it waits. */
  bound(affinity: readonly Affinity[], changed: number): RunQueue {
    const waits = this.has(changed);
    const others = waits ? this.without(changed) : this;
    const queue = new RunQueue(allowedOf(affinity), others.#lines, others.#arrivals);
    return waits ? queue.with(changed) : queue;
  }

  toPlain(): number[] {
    const { anywhere, pinned, some } = this.#lines;
    const lines = [anywhere, ...[...pinned.entries()].map(([, line]) => line), ...some.map(({ line }) => line)];
    const waiting = lines.flatMap((line) => [...line]);
    return waiting.sort((a, b) => a.arrival - b.arrival).map(({ pid }) => pid);
  }

  #lineOf(pid: number): Line {
    const allowed = this.#allowed.get(pid);
    if (allowed === undefined) return this.#lines.anywhere;
    if (typeof allowed === 'number') return this.#lines.pinned.get(allowed) ?? NOBODY;
    return this.#lines.some.find(({ cpus }) => isSameSet(cpus, allowed))?.line ?? NOBODY;
  }

  #withLine(pid: number, line: Line): RunQueue {
    const allowed = this.#allowed.get(pid);
    const { anywhere, pinned, some } = this.#lines;
    const arrivals = this.#arrivals + 1;
    if (allowed === undefined) return new RunQueue(this.#allowed, { anywhere: line, pinned, some }, arrivals);
    if (typeof allowed === 'number') {
      const lines = line.length === 0 ? pinned.without(allowed) : pinned.with(allowed, line);
      return new RunQueue(this.#allowed, { anywhere, pinned: lines, some }, arrivals);
    }
    const others = some.filter(({ cpus }) => !isSameSet(cpus, allowed));
    const sets = line.length === 0 ? others : [...others, { cpus: allowed, line }];
    return new RunQueue(this.#allowed, { anywhere, pinned, some: sets }, arrivals);
  }
}

function isSameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((cpu, at) => cpu === b[at]);
}

/** One CPU as the scheduler sees it. */
export interface CpuSlot {
  /** Who has the CPU, or is about to; null when it idles. */
  pid: number | null;
  /** Whose tables are installed: switching back to it needs no switch. */
  installedPid: number | null;
}

/**
 * The CPUs, and which of them idle. Their plain form is the list of slots.
 *
 * @example
 * ```ts
 * const slots = CpuSlots.fromPlain([{ pid: 7, installedPid: 7 }, { pid: null, installedPid: 3 }]);
 * slots.firstIdle; // 1
 * slots.with(0, { pid: null, installedPid: 7 }).firstIdle; // 0
 * ```
 */
export class CpuSlots {
  readonly #slots: PersistentList<CpuSlot>;
  readonly #idle: IntMap<true>;

  constructor(slots: PersistentList<CpuSlot>, idle: IntMap<true>) {
    this.#slots = slots;
    this.#idle = idle;
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: readonly CpuSlot[]): CpuSlots {
    const idle = IntMap.empty<true>().edit();
    for (const [cpu, { pid }] of plain.entries()) if (pid === null) idle.set(cpu, true);
    return new CpuSlots(PersistentList.fromPlain(plain), idle.done());
  }

  /** The first CPU that idles, or undefined. */
  get firstIdle(): number | undefined {
    return this.#idle.first()?.key;
  }

  at(cpu: number): CpuSlot | undefined {
    return this.#slots.at(cpu);
  }

  /** The CPU that a process has, or is about to; undefined for none. */
  cpuOf(pid: number): number | undefined {
    for (let cpu = 0; cpu < this.#slots.length; cpu += 1) if (this.#slots.at(cpu)?.pid === pid) return cpu;
    return undefined;
  }

  isIdle(cpu: number): boolean {
    return this.#idle.has(cpu);
  }

  with(cpu: number, slot: CpuSlot): CpuSlots {
    const idle = slot.pid === null ? this.#idle.set(cpu, true) : this.#idle.delete(cpu);
    return new CpuSlots(this.#slots.with(cpu, slot), idle);
  }

  toPlain(): CpuSlot[] {
    return this.#slots.toPlain();
  }
}
