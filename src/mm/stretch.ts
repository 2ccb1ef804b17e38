/** A stretch of a trace under way: where it is, what it counted, and what it is translated with. */

/** What a stretch counted; the field meanings are those of `TlbCounts` in `machines/messages.ts`. */
export interface StretchCounts {
  references: number;
  l1iAccesses: number;
  l1iMisses: number;
  l1dAccesses: number;
  l1dMisses: number;
  l2Accesses: number;
  l2Misses: number;
}

/** A place in a trace and what was counted on the way to it. Plain data: a TLB actor keeps it between messages. */
export interface Stretch {
  /** The run to do next. */
  at: number;
  /** The run to stop before. */
  end: number;
  /** The run at `at` has been counted: it only waits for its translation. */
  counted: boolean;
  /** Page number of the last fetch run, for fetches across a border; -1 for none. */
  lastFetchPage: number;
  /** The same for data runs. */
  lastDataPage: number;
  cycles: number;
  /** Stop before the fetch run that would take `cycles` above this. */
  cyclesMax: number;
  counts: StretchCounts;
}

/** What the stretch is translated with. */
export interface StretchContext {
  asid: number;
  pageShift: number;
  /** Cycles an L1 miss costs that hits in the L2 TLB. */
  l2HitCycles: number;
  /** Cycles of one instruction. */
  instructionCycles: number;
  /** Look every run up, without a stack index: the reference, and the bare loop of the yardsticks. */
  exhaustive?: boolean;
}

/** Why `runStretch` came back. */
export type StretchStop = 'end' | 'quantum' | 'call' | 'walk';

/**
 * Counts at zero.
 *
 * @example
 * ```ts
 * noCounts().l2Misses; // 0
 * ```
 */
export function noCounts(): StretchCounts {
  return { references: 0, l1iAccesses: 0, l1iMisses: 0, l1dAccesses: 0, l1dMisses: 0, l2Accesses: 0, l2Misses: 0 };
}

/**
 * A stretch of its own with the same contents.
 *
 * @example
 * ```ts
 * const stretch = { at: 3, end: 9, counted: false, lastFetchPage: -1, lastDataPage: -1, cycles: 0, cyclesMax: 9, counts: noCounts() };
 * copyStretch(stretch).at; // 3
 * ```
 */
export function copyStretch(from: Stretch): Stretch {
  const { at, end, counted, lastFetchPage, lastDataPage, cycles, cyclesMax, counts } = from;
  return { at, end, counted, lastFetchPage, lastDataPage, cycles, cyclesMax, counts: copyCounts(counts) };
}

/**
 * Counts of their own with the same contents.
 *
 * @example
 * ```ts
 * copyCounts({ ...noCounts(), l2Misses: 5 }).l2Misses; // 5
 * ```
 */
export function copyCounts(from: StretchCounts): StretchCounts {
  const { references, l1iAccesses, l1iMisses, l1dAccesses, l1dMisses, l2Accesses, l2Misses } = from;
  return { references, l1iAccesses, l1iMisses, l1dAccesses, l1dMisses, l2Accesses, l2Misses };
}
