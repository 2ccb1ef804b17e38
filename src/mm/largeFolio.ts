/** What is kept of an anonymous folio that is larger than a page of its process: the references of each page. */

/**
 * A large anonymous folio. Plain data; treat it as immutable.
 *
 * @example
 * ```ts
 * const large: LargeFolio = { leastOrder: 0, pageRefs: [1, 1, 0, 1], partlyMapped: true };
 * ```
 */
export interface LargeFolio {
  /** The order of a page of the process that it was allocated for: it is never split below. */
  leastOrder: number;
  /** How many page table entries map each page (`_mapcount`). */
  pageRefs: readonly number[];
  /** A page was unmapped while others stay mapped: the folio waits to be split (`folio_test_partially_mapped`). */
  partlyMapped: boolean;
}

/**
 * A large folio that is mapped as a whole.
 *
 * @example
 * ```ts
 * wholeFolio(2, 0).pageRefs; // [1, 1, 1, 1]
 * ```
 */
export function wholeFolio(order: number, leastOrder: number): LargeFolio {
  return { leastOrder, pageRefs: Array.from({ length: 2 ** order }, () => 1), partlyMapped: false };
}

/**
 * Counts references of `nr` pages from page `first` on. A folio of which the last reference to a page goes while another
 * page is still mapped is partly mapped from then on (`mm/rmap.c:__folio_remove_rmap`).
 *
 * @example
 * ```ts
 * changePages(wholeFolio(2, 0), 1, 2, -1); // { leastOrder: 0, pageRefs: [1, 0, 0, 1], partlyMapped: true }
 * changePages(wholeFolio(2, 0), 0, 4, -1).partlyMapped; // false
 * ```
 */
export function changePages(large: LargeFolio, first: number, nr: number, change: 1 | -1): LargeFolio {
  const pageRefs = large.pageRefs.slice();
  let last = false;
  for (let page = first; page < first + nr; page++) {
    pageRefs[page] += change;
    last ||= pageRefs[page] === 0;
  }
  const partlyMapped = large.partlyMapped || (last && pageRefs.some((count) => count > 0));
  return { ...large, pageRefs, partlyMapped };
}

/**
 * Whether the folio is likely to be mapped by several address spaces (`include/linux/mm.h:folio_likely_mapped_shared`).
 *
 * @example
 * ```ts
 * likelyShared(wholeFolio(2, 0)); // false
 * ```
 */
export function likelyShared(large: LargeFolio): boolean {
  const mapcount = large.pageRefs.reduce((sum, count) => sum + count, 0);
  return mapcount > large.pageRefs.length || large.pageRefs[0] > 1;
}
