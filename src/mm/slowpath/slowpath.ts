/**
 * What an allocation does that cannot be had at once: the order in which it compacts, reclaims, tries again and kills
 * [mm/page_alloc.c:__alloc_pages_slowpath], as a rule from where it stands and what came of the last step.
 *
 * @models S-23 D-12 S-14 L-04
 */
import { PAGE_ALLOC_COSTLY_ORDER } from '../../arch/minFree.ts';
import { COMPACT_PRIORITY, type CompactPriority, type CompactResult } from '../compaction/suitable.ts';

/**
 * What is done where a process's page cannot be had. The kernel has no rule for it, since nothing that large is ever needed:
 *
 * - `compact-then-oom`: a process page is as needed as a kernel page is. Compaction is tried harder and harder, then somebody
 *   is killed, whatever the order.
 * - `fail-fault`: the allocator's own rule, by which an order above 3 fails after one try of each kind; the access gets SIGBUS,
 *   a call ENOMEM.
 * - `retry-fault`: the same rule, and what 6.12 makes of a fault that fails so: nothing, the access is done again
 *   [mm/oom_kill.c:pagefault_out_of_memory].
 * - `fall-back-to-kernel-page`: the same rule, then one kernel page, which a native table cannot hold.
 *
 * @example
 * ```ts
 * ALLOCATION_FAILURES[0]; // 'compact-then-oom'
 * ```
 */
export const ALLOCATION_FAILURES = [
  'compact-then-oom',
  'fail-fault',
  'retry-fault',
  'fall-back-to-kernel-page',
] as const;

/**
 * One of them.
 *
 * @example
 * ```ts
 * const failure: AllocationFailure = 'fail-fault';
 * ```
 */
export type AllocationFailure = (typeof ALLOCATION_FAILURES)[number];

/** Times that reclaim may come to nothing, and that compaction may come to nothing more, before it is given up. */
const MAX_RECLAIM_RETRIES = 16;
const MAX_COMPACT_RETRIES = 16;
/** Looks at the free lists, a tick apart, before another victim is sought than the one that was killed. */
const MAX_OOM_WAITS = 16;

/**
 * The settings of a slow path.
 *
 * @example
 * ```ts
 * const rules: SlowpathRules = { compaction: true, oom: true, failure: 'compact-then-oom' };
 * ```
 */
export interface SlowpathRules {
  /** Direct compaction is there (CONFIG_COMPACTION). */
  compaction: boolean;
  /** The OOM killer is there. */
  oom: boolean;
  failure: AllocationFailure;
}

/**
 * What an allocation does next.
 *
 * @example
 * ```ts
 * const step: SlowpathStep = 'reclaim';
 * ```
 */
export type SlowpathStep =
  /** Try with the min watermark, or before a kill with the high one. */
  | 'try'
  | 'compact'
  | 'reclaim'
  | 'try-high'
  | 'kill'
  /** A victim is ending: look again after a while. */
  | 'wait'
  /** One kernel page in the place of the process page. */
  | 'fall-back'
  | 'fail';

/**
 * Where an allocation stands in its slow path. Plain data.
 *
 * @example
 * ```ts
 * const begun: Slowpath = beginSlowpath({ order: 4, movable: true, leastOfProcess: true });
 * begun.step; // 'try'
 * ```
 */
export interface Slowpath {
  order: number;
  movable: boolean;
  /** The order is the least that the process can do with. */
  leastOfProcess: boolean;
  step: SlowpathStep;
  /** What comes after the next try, should it fail. */
  onFailure: 'first-compact' | 'reclaim' | 'compact' | 'decide' | 'kill';
  priority: CompactPriority;
  compactRetries: number;
  noProgressLoops: number;
  /** Pages that the last reclaim freed, and whether compaction of this round moved anything. */
  reclaimed: number;
  compactResult: CompactResult;
  waits: number;
}

/**
 * What came of a step.
 *
 * @example
 * ```ts
 * const outcome: SlowpathOutcome = { of: 'try', granted: false };
 * ```
 */
export type SlowpathOutcome =
  | { of: 'try'; granted: boolean }
  | { of: 'compact'; result: CompactResult }
  | { of: 'reclaim'; pages: number }
  | { of: 'kill'; found: boolean }
  | { of: 'wait' };

/**
 * An allocation that the free lists did not have: it tries once more, now down to the min watermark.
 *
 * @example
 * ```ts
 * beginSlowpath({ order: 4, movable: true, leastOfProcess: true }).onFailure; // 'first-compact'
 * beginSlowpath({ order: 2, movable: true, leastOfProcess: true }).onFailure; // 'reclaim'
 * ```
 */
export function beginSlowpath(wish: { order: number; movable: boolean; leastOfProcess: boolean }): Slowpath {
  const { order, movable } = wish;
  // Costly orders are best had by moving, and what cannot move spoils a page block if it must take one over.
  const first = order > PAGE_ALLOC_COSTLY_ORDER || (order > 0 && !movable);
  return {
    ...wish,
    step: 'try',
    onFailure: first ? 'first-compact' : 'reclaim',
    priority: COMPACT_PRIORITY['sync-light'],
    compactRetries: 0,
    noProgressLoops: 0,
    reclaimed: 0,
    compactResult: 'skipped',
    waits: 0,
  };
}

/** Compaction before any reclaim, where it is there. */
function firstCompaction(at: Slowpath, rules: SlowpathRules): Slowpath {
  // The first one, before any reclaim, is asynchronous (INIT_COMPACT_PRIORITY).
  return rules.compaction
    ? { ...at, step: 'compact', onFailure: 'reclaim' }
    : { ...at, step: 'reclaim', onFailure: 'compact' };
}

/**
 * The priority that a `compact` step works with: the first one before any reclaim is asynchronous.
 *
 * @example
 * ```ts
 * compactPriority({ ...beginSlowpath({ order: 4, movable: true, leastOfProcess: true }), step: 'compact', onFailure: 'reclaim' }); // 2
 * ```
 */
export function compactPriority(at: Slowpath): CompactPriority {
  return at.onFailure === 'reclaim' ? COMPACT_PRIORITY.async : at.priority;
}

/** Whether compaction is tried again, and how hard [mm/page_alloc.c:should_compact_retry]. */
function compactAgain(at: Slowpath, rules: SlowpathRules, insists: boolean): Slowpath | null {
  if (at.order === 0 || !rules.compaction) return null;
  const costly = at.order > PAGE_ALLOC_COSTLY_ORDER && !insists;
  const again: Slowpath = { ...at, step: 'reclaim', onFailure: 'compact' };
  // It was skipped for want of free pages: only reclaim can help, which is for the caller to judge.
  if (at.compactResult === 'skipped') return at.reclaimed > 0 ? again : null;
  if (at.compactResult === 'success') {
    const compactRetries = at.compactRetries + 1;
    if (compactRetries <= (costly ? MAX_COMPACT_RETRIES / 4 : MAX_COMPACT_RETRIES)) return { ...again, compactRetries };
  }
  const leastPriority = costly ? COMPACT_PRIORITY['sync-light'] : COMPACT_PRIORITY['sync-full'];
  if (at.priority <= leastPriority) return null;
  return { ...again, priority: (at.priority - 1) as CompactPriority, compactRetries: 0 };
}

/** A round of reclaim and compaction is over and nothing was had. */
function decide(at: Slowpath, rules: SlowpathRules): Slowpath {
  const { order, leastOfProcess } = at;
  const insists = rules.failure === 'compact-then-oom' && leastOfProcess;
  if (order > PAGE_ALLOC_COSTLY_ORDER && !insists) return giveUp(at, rules);
  const cheap = order <= PAGE_ALLOC_COSTLY_ORDER || insists;
  const noProgressLoops = at.reclaimed > 0 && cheap ? 0 : at.noProgressLoops + 1;
  const next = { ...at, noProgressLoops };
  // What reclaim freed is worth another round [should_reclaim_retry]; so is compaction that may work harder.
  if (at.reclaimed > 0 && noProgressLoops <= MAX_RECLAIM_RETRIES && (order === 0 || insists))
    return { ...next, step: 'reclaim', onFailure: order === 0 ? 'decide' : 'compact' };
  const again = at.reclaimed > 0 || insists ? compactAgain(next, rules, insists) : null;
  if (again !== null) return again;
  return rules.oom ? { ...next, step: 'try-high', onFailure: 'kill' } : giveUp(next, rules);
}

/** `nopage`: what the policy makes of it. */
function giveUp(at: Slowpath, rules: SlowpathRules): Slowpath {
  const falls = rules.failure === 'fall-back-to-kernel-page' && at.leastOfProcess && at.order > 0;
  return { ...at, step: falls ? 'fall-back' : 'fail' };
}

function afterTry(at: Slowpath, rules: SlowpathRules): Slowpath {
  switch (at.onFailure) {
    case 'first-compact':
      return firstCompaction(at, rules);
    case 'reclaim':
      return { ...at, step: 'reclaim', onFailure: 'compact' };
    case 'compact':
      return at.order > 0 && rules.compaction
        ? { ...at, step: 'compact', onFailure: 'decide' }
        : decide({ ...at, compactResult: 'skipped' }, rules);
    case 'kill':
      return at.waits > 0 ? { ...at, step: 'wait' } : { ...at, step: 'kill' };
    default:
      return decide(at, rules);
  }
}

/**
 * The next step after one has come out some way; null where memory was had. `fail` and `fall-back` are for the caller.
 *
 * @example
 * ```ts
 * const rules = { compaction: true, oom: true, failure: 'fail-fault' as const };
 * const begun = beginSlowpath({ order: 4, movable: true, leastOfProcess: true });
 * nextStep(begun, { of: 'try', granted: true }, rules); // null
 * nextStep(begun, { of: 'try', granted: false }, rules)?.step; // 'compact'
 * ```
 */
export function nextStep(at: Slowpath, outcome: SlowpathOutcome, rules: SlowpathRules): Slowpath | null {
  switch (outcome.of) {
    case 'try':
      return outcome.granted ? null : afterTry(at, rules);
    case 'compact':
      return { ...at, compactResult: outcome.result, step: 'try' };
    case 'reclaim':
      return { ...at, reclaimed: outcome.pages, step: 'try' };
    case 'kill':
      return outcome.found ? { ...at, step: 'wait', waits: 1 } : giveUp(at, rules);
    default:
      // The victim holds on to what it has (oom_reaper gave up, MMF_OOM_SKIP): the next one.
      return at.waits >= MAX_OOM_WAITS
        ? { ...at, step: 'kill', onFailure: 'kill', waits: 0 }
        : { ...at, step: 'try', onFailure: at.order > 0 ? 'compact' : 'kill', waits: at.waits + 1 };
  }
}
