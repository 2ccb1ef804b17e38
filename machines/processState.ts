/** What a process keeps: its place in its trace, and what was counted for it on every CPU. */
import type { TlbCounts } from './messages.ts';
import type { ResourceHolder } from './support.ts';

/** What a process is built with. */
export interface ProcessInput {
  resources: ResourceHolder;
  pid: number;
  /** Key of the trace among the resources. */
  trace: string;
  /** The page size of its ABI. */
  pageBytes: number;
  /** Most virtual time that one stretch may take. */
  quantumCycles: number;
  /** Pids of the processes that its fork calls create, in order; a fork beyond the list creates nobody. */
  children: number[];
  /** SIGSEGV and SIGBUS end it, or meet a handler that jumps over the access. */
  signals: 'die' | 'skip';
}

/** A process's state. */
export interface ProcessContext {
  resources: ResourceHolder;
  pid: number;
  trace: string;
  pageBytes: number;
  quantumCycles: number;
  children: number[];
  signals: 'die' | 'skip';
  /** The CPU it has, -1 for none. */
  cpu: number;
  /** The run of the trace to do next. */
  at: number;
  /** The run at `at` is counted already and waits for its page. */
  resumed: boolean;
  /** A wake-up came before the sleep it ends. */
  woken: boolean;
  stopRequested: boolean;
  /** execve has returned, or the process was forked. */
  begun: boolean;
  counts: TlbCounts;
  /** Cycles it had a CPU for, in user mode. */
  userCycles: number;
  calls: number;
  /** Calls that returned an errno. */
  callsFailed: number;
  quanta: number;
  /** Signals that its handler took. */
  signalsHandled: number;
  /** The signal that ended it, 0 for none. */
  signal: number;
  signalCode: number;
  signalVa: number;
  /** A signal that came from outside and waits for the way back to user mode; absent for none. */
  pending?: { signal: number; code: number; va: number };
  /** SIGKILL is pending; absent as long as it is not. */
  killed?: true;
  /** The CPU that it has to leave on the way back to user mode; absent for none. */
  mustLeave?: number;
}

/**
 * Counts at zero, all fields of `TlbCounts`.
 *
 * @example
 * ```ts
 * zeroCounts().walks; // 0
 * ```
 */
export function zeroCounts(): TlbCounts {
  return {
    references: 0,
    l1iAccesses: 0,
    l1iMisses: 0,
    l1dAccesses: 0,
    l1dMisses: 0,
    l2Accesses: 0,
    l2Misses: 0,
    walks: 0,
    walkReads: 0,
  };
}

/**
 * The sum of two counts.
 *
 * @example
 * ```ts
 * addCounts({ ...zeroCounts(), walks: 1 }, { ...zeroCounts(), walks: 2 }).walks; // 3
 * ```
 */
export function addCounts(a: TlbCounts, b: TlbCounts): TlbCounts {
  return {
    references: a.references + b.references,
    l1iAccesses: a.l1iAccesses + b.l1iAccesses,
    l1iMisses: a.l1iMisses + b.l1iMisses,
    l1dAccesses: a.l1dAccesses + b.l1dAccesses,
    l1dMisses: a.l1dMisses + b.l1dMisses,
    l2Accesses: a.l2Accesses + b.l2Accesses,
    l2Misses: a.l2Misses + b.l2Misses,
    walks: a.walks + b.walks,
    walkReads: a.walkReads + b.walkReads,
  };
}
