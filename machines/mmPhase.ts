/** The phases of an mm's statechart: one job at a time is done under its lock. */
import type { MmContext } from './mmState.ts';

/** What the lock of an mm is held for. */
export type Phase = 'idle' | 'handling-fault' | 'in-call' | 'exec' | 'exiting' | 'forking';

const PHASE_OF_CALL: Partial<Record<string, Phase>> = { execve: 'exec', exit: 'exiting', fork: 'forking' };

/**
 * What the lock is held for; the statechart follows it.
 *
 * @example
 * ```ts
 * phaseOf({ job: null }); // 'idle'
 * ```
 */
export function phaseOf({ job }: Pick<MmContext, 'job'>): Phase {
  if (job === null) return 'idle';
  if (job.kind === 'fault') return 'handling-fault';
  return job.kind === 'forked' ? 'forking' : (PHASE_OF_CALL[job.call.op] ?? 'in-call');
}

/**
 * A guard: the lock is held for this.
 *
 * @example
 * ```ts
 * isIn('idle')({ context: { job: null } }); // true
 * ```
 */
export function isIn(phase: Phase): (given: { context: Pick<MmContext, 'job'> }) => boolean {
  return ({ context }) => phaseOf(context) === phase;
}

/**
 * A guard: the lock is held for something else, or for nothing.
 *
 * @example
 * ```ts
 * hasLeft('forking')({ context: { job: null } }); // true
 * ```
 */
export function hasLeft(phase: Phase): (given: { context: Pick<MmContext, 'job'> }) => boolean {
  return ({ context }) => phaseOf(context) !== phase;
}
