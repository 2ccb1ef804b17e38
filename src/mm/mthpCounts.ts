/** What sysfs counts for each size of transparent huge pages. */

/**
 * Counters of one size (`/sys/kernel/mm/transparent_hugepage/hugepages-SIZEkB/stats`,
 * include/linux/huge_mm.h:mthp_stat_item), in folios. Plain data.
 *
 * @example
 * ```ts
 * const counts: MthpCounts = { anonFaultAlloc: 1, anonFaultFallback: 0, split: 0, splitFailed: 0, splitDeferred: 0 };
 * ```
 */
export interface MthpCounts {
  /** Folios that anonymous faults got, and faults that had to go on to a smaller size. */
  anonFaultAlloc: number;
  anonFaultFallback: number;
  /** Folios that were split, could not be, and wait to be because they are only partly mapped. */
  split: number;
  splitFailed: number;
  splitDeferred: number;
}

const NONE: MthpCounts = { anonFaultAlloc: 0, anonFaultFallback: 0, split: 0, splitFailed: 0, splitDeferred: 0 };

/**
 * The counters with one raised (`count_mthp_stat`); order 0 is no size and is not counted.
 *
 * @example
 * ```ts
 * withMthp({}, 4, 'split', 1)[4]?.split; // 1
 * withMthp({}, 0, 'split', 1); // {}
 * ```
 */
export function withMthp(
  counts: Readonly<Record<number, MthpCounts>>,
  order: number,
  field: keyof MthpCounts,
  by: number,
): Readonly<Record<number, MthpCounts>> {
  if (order === 0) return counts;
  const before = counts[order] ?? NONE;
  return { ...counts, [order]: { ...before, [field]: before[field] + by } };
}
