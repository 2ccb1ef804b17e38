/**
 * The sizes of transparent huge pages that a kernel of a page size has, and how sysfs names them.
 * Sources: include/linux/huge_mm.h (`THP_ORDERS_ALL_ANON`, `THP_ORDERS_ALL_FILE_DEFAULT`), mm/huge_memory.c:thpsize_create.
 *
 * @models S-17 S-23 S-24
 */
import { pageSizeLimits } from '../../arch/granule.ts';

/** One size of transparent huge pages, as a kernel of one page size sees it. */
export interface ThpSize {
  /** log2 of pages of that kernel. */
  order: number;
  bytes: number;
  /** Anonymous memory can have it: not order 1, whose second page has no room for the list of splits. */
  anon: boolean;
  /** The page cache and shmem can have it: not beyond `MAX_PAGECACHE_ORDER`. */
  file: boolean;
}

/**
 * The sizes that a kernel of a page size has, ascending.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE for a size that is no page size
 * @example
 * ```ts
 * thpSizes(4096).map(({ bytes }) => bytes / 1024); // [8, 16, 32, 64, 128, 256, 512, 1024, 2048]
 * thpSizes(65536).at(-1)?.file; // false
 * ```
 */
export function thpSizes(pageBytes: number): ThpSize[] {
  const { pmdOrder, maxPagecacheOrder } = pageSizeLimits(pageBytes);
  const sizes: ThpSize[] = [];
  for (let order = 1; order <= pmdOrder; order++) {
    const file = order <= maxPagecacheOrder;
    const anon = order >= 2;
    if (anon || file) sizes.push({ order, bytes: pageBytes * 2 ** order, anon, file });
  }
  return sizes;
}

/**
 * The name of the directory of a size.
 *
 * @example
 * ```ts
 * thpDirectory(65536); // 'hugepages-64kB'
 * ```
 */
export function thpDirectory(bytes: number): string {
  return `hugepages-${bytes / 1024}kB`;
}

/**
 * Bytes of a PMD of a kernel of a page size: `HPAGE_PMD_SIZE`.
 *
 * @example
 * ```ts
 * pmdBytesOf(65536); // 536870912
 * ```
 */
export function pmdBytesOf(pageBytes: number): number {
  return pageSizeLimits(pageBytes).pmdBytes;
}

/**
 * Pages of a PMD of a kernel of a page size: `HPAGE_PMD_NR`.
 *
 * @example
 * ```ts
 * pmdPagesOf(65536); // 8192
 * ```
 */
export function pmdPagesOf(pageBytes: number): number {
  return 2 ** pageSizeLimits(pageBytes).pmdOrder;
}
