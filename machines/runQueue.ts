/** Who waits for a CPU, and which CPUs idle: what the scheduler must find without a look at every process and every CPU. */
import { IntMap } from '../src/mm/intMap.ts';
import { IntRecord } from '../src/mm/intRecord.ts';
import { KeyedList } from '../src/mm/keyedList.ts';
import { PersistentList } from '../src/mm/persistentList.ts';

/** A process that may run on one CPU only. */
export interface Affinity {
  pid: number;
  cpu: number;
}

interface Waiting {
  pid: number;
  /** Rises with every arrival. */
  arrival: number;
}

type Line = KeyedList<Waiting>;

const NOBODY: Line = KeyedList.empty(({ pid }) => pid);

/**
 * Those that wait for a CPU, each once, in order of arrival. Who may run anywhere stands in one line, who is pinned in that
 * of its CPU. Its plain form is the list of pids.
 *
 * @example
 * ```ts
 * const queue = RunQueue.fromPlain([7, 3], [{ pid: 7, cpu: 1 }]);
 * [queue.firstFor(0), queue.firstFor(1)]; // [3, 7]
 * queue.without(7).toPlain(); // [3]
 * ```
 */
export class RunQueue {
  readonly #cpuByPid: ReadonlyMap<number, number>;
  readonly #anywhere: Line;
  readonly #pinned: IntRecord<Line>;
  readonly #arrivals: number;

  constructor(cpuByPid: ReadonlyMap<number, number>, anywhere: Line, pinned: IntRecord<Line>, arrivals: number) {
    this.#cpuByPid = cpuByPid;
    this.#anywhere = anywhere;
    this.#pinned = pinned;
    this.#arrivals = arrivals;
  }

  /** The inverse of `toPlain`, for processes that are pinned as said. */
  static fromPlain(pids: readonly number[], affinity: readonly Affinity[]): RunQueue {
    const cpuByPid = new Map(affinity.map(({ pid, cpu }) => [pid, cpu]));
    return pids.reduce((queue, pid) => queue.with(pid), new RunQueue(cpuByPid, NOBODY, IntRecord.empty(), 0));
  }

  /** Whether anyone waits who may run on any CPU. */
  get anyAnywhere(): boolean {
    return this.#anywhere.length > 0;
  }

  /** The CPU that a process is pinned to, or undefined. */
  cpuOf(pid: number): number | undefined {
    return this.#cpuByPid.get(pid);
  }

  /** Who has waited longest of those that may run on a CPU, or undefined. */
  firstFor(cpu: number): number | undefined {
    const free = this.#anywhere.first;
    const pinned = this.#pinned.get(cpu)?.first;
    if (free === undefined || pinned === undefined) return (free ?? pinned)?.pid;
    return free.arrival < pinned.arrival ? free.pid : pinned.pid;
  }

  /** The queue with a process at its end; as it is where that waits already. */
  with(pid: number): RunQueue {
    const line = this.#lineOf(pid);
    return line.get(pid) === undefined ? this.#withLine(pid, line.with({ pid, arrival: this.#arrivals })) : this;
  }

  without(pid: number): RunQueue {
    return this.#withLine(pid, this.#lineOf(pid).without(pid));
  }

  toPlain(): number[] {
    const waiting = [this.#anywhere, ...[...this.#pinned.entries()].map(([, line]) => line)].flatMap((line) => [
      ...line,
    ]);
    return waiting.sort((a, b) => a.arrival - b.arrival).map(({ pid }) => pid);
  }

  #lineOf(pid: number): Line {
    const cpu = this.cpuOf(pid);
    return cpu === undefined ? this.#anywhere : (this.#pinned.get(cpu) ?? NOBODY);
  }

  #withLine(pid: number, line: Line): RunQueue {
    const cpu = this.cpuOf(pid);
    const arrivals = this.#arrivals + 1;
    if (cpu === undefined) return new RunQueue(this.#cpuByPid, line, this.#pinned, arrivals);
    const pinned = line.length === 0 ? this.#pinned.without(cpu) : this.#pinned.with(cpu, line);
    return new RunQueue(this.#cpuByPid, this.#anywhere, pinned, arrivals);
  }
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
