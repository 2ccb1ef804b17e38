/** What the slow path of allocations keeps. */
import type { MemoryUse } from '../../src/mm/oom/badness.ts';
import type { Slowpath, SlowpathRules, SlowpathStep } from '../../src/mm/slowpath/slowpath.ts';
import type { SlowWish } from '../messages.ts';
import { type ResourceHolder, ZERO_BYTES } from '../support.ts';

/** What it is built with. */
export interface PageAllocInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  totalPages: number;
  /** First frame of the shared zero memory, which counts for nobody. */
  zeroPfn: number;
  rules: SlowpathRules;
  /** Memory is grouped by mobility. */
  groups: boolean;
  /** Every process, and what /proc/PID/oom_score_adj says of those that it says anything of. */
  pids: readonly number[];
  scoreAdj: Readonly<Record<number, number>>;
}

/** Its state. */
export interface PageAllocContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  totalPages: number;
  zeroPfn: number;
  zeroPages: number;
  rules: SlowpathRules;
  groups: boolean;
  pids: readonly number[];
  scoreAdj: Readonly<Record<number, number>>;
  /** The allocation under way, where it stands, and the request whose answer it waits for. */
  current: { wish: SlowWish; at: Slowpath; awaits: number } | null;
  queue: SlowWish[];
  nextRequest: number;
  /** What the processes have, while a victim is looked for. */
  uses: MemoryUse[] | null;
  /** Processes that were killed, in order. */
  victims: readonly number[];
  /** Steps that were taken, by name. */
  steps: Readonly<Partial<Record<SlowpathStep, number>>>;
  granted: number;
  /** Allocations that came to nothing, by order. */
  failures: Readonly<Record<number, number>>;
  /** Process pages in the place of which one kernel page was tried. */
  fallbacks: number;
}

/**
 * A slow path that nobody has taken yet.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const rules = { compaction: true, oom: true, failure: 'fail-fault' as const };
 * const machine = { kernelPageBytes: 4096, totalPages: 8192, zeroPfn: 262144 };
 * initialPageAlloc({ resources, ...machine, rules, groups: true, pids: [1], scoreAdj: {} }).zeroPages; // 16
 * ```
 */
export function initialPageAlloc(input: PageAllocInput): PageAllocContext {
  return {
    ...input,
    zeroPages: ZERO_BYTES / input.kernelPageBytes,
    current: null,
    queue: [],
    nextRequest: 1,
    uses: null,
    victims: [],
    steps: {},
    granted: 0,
    failures: {},
    fallbacks: 0,
  };
}

/**
 * One more step of a kind.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const rules = { compaction: true, oom: true, failure: 'fail-fault' as const };
 * const machine = { kernelPageBytes: 4096, totalPages: 8192, zeroPfn: 262144 };
 * const context = initialPageAlloc({ resources, ...machine, rules, groups: true, pids: [1], scoreAdj: {} });
 * withStep(context, 'compact').steps; // { compact: 1 }
 * ```
 */
export function withStep(context: PageAllocContext, step: SlowpathStep): PageAllocContext {
  return { ...context, steps: { ...context.steps, [step]: (context.steps[step] ?? 0) + 1 } };
}
