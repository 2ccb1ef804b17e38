/**
 * The limits of one mount of hugetlbfs (`size=` and `min_size=`): how many pages its files may have, and how many are kept for it.
 * Source: mm/hugetlb.c:hugepage_subpool_get_pages, hugepage_subpool_put_pages, hugepage_new_subpool.
 *
 * @models S-28
 */

/** A subpool (`struct hugepage_subpool`). Plain data; treat it as immutable. */
export interface Subpool {
  /** Pages that its files may have; null for no limit. */
  maxPages: number | null;
  /** Pages kept for it, in use or not. */
  minPages: number;
  /** Pages that its files have or were promised. */
  used: number;
  /** Pages kept for it that nobody has yet (`rsv_hpages`): promised by the pool to the mount. */
  unused: number;
}

/**
 * A subpool that nothing was kept for yet.
 *
 * @example
 * ```ts
 * newSubpool(4, 2); // { maxPages: 4, minPages: 2, used: 0, unused: 0 }
 * ```
 */
export function newSubpool(maxPages: number | null, minPages: number): Subpool {
  return { maxPages, minPages, used: 0, unused: 0 };
}

/**
 * Takes pages for a file: how many the pool has to give beyond those kept for the mount, null where the mount may not have so many.
 *
 * @example
 * ```ts
 * const subpool = { ...newSubpool(4, 2), unused: 2 };
 * subpoolGet(subpool, 3)?.global; // 1
 * subpoolGet(subpool, 5); // null
 * ```
 */
export function subpoolGet(subpool: Subpool, pages: number): { subpool: Subpool; global: number } | null {
  const used = subpool.used + pages;
  if (subpool.maxPages !== null && used > subpool.maxPages) return null;
  const kept = Math.min(pages, subpool.unused);
  return { subpool: { ...subpool, used, unused: subpool.unused - kept }, global: pages - kept };
}

/**
 * Gives pages of a file back: how many go to the pool, the others being kept for the mount again.
 *
 * @example
 * ```ts
 * const subpool = { ...newSubpool(4, 2), used: 3 };
 * subpoolPut(subpool, 2); // { subpool: { maxPages: 4, minPages: 2, used: 1, unused: 2 }, global: 0 }
 * ```
 */
export function subpoolPut(subpool: Subpool, pages: number): { subpool: Subpool; global: number } {
  const used = subpool.used - pages;
  const unused = used < subpool.minPages ? Math.min(subpool.unused + pages, subpool.minPages) : subpool.unused;
  return { subpool: { ...subpool, used, unused }, global: pages - (unused - subpool.unused) };
}
