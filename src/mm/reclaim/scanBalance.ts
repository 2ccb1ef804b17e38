/**
 * How much of each list is looked at in a pass (`mm/vmscan.c:get_scan_count`), and whether an active list is to be
 * shortened (`inactive_is_low`). All in pages of the kernel.
 *
 * @models X-07
 */
import { LRU_LISTS, type LruName } from './lruLists.ts';

/** Folios that one step of reclaim isolates at most [include/linux/swap.h]. */
export const SWAP_CLUSTER_MAX = 32;
/** The priority that a pass begins with: a 4096th of each list [mm/vmscan.c:DEF_PRIORITY]. */
export const DEF_PRIORITY = 12;
/** vm.swappiness: 0 to 200; 200 would look at anonymous memory alone [include/linux/swap.h:MAX_SWAPPINESS]. */
export const MAX_SWAPPINESS = 200;

/** What the balance is made of. */
export interface ScanRequest {
  swappiness: number;
  priority: number;
  /** Pages of each list. */
  sizes: Readonly<Record<LruName, number>>;
  /** There are free slots in swap: without, anonymous memory is left alone (`can_reclaim_anon_pages`). */
  swapFree: boolean;
  /** Free pages, and those of the high watermark: whether files are too few to be worth looking at. */
  freePages: number;
  highPages: number;
  /** What reclaim of each kind has cost of late, in pages written or read again (`lru_note_cost`). */
  anonCost: number;
  fileCost: number;
}

/**
 * Pages of each list to look at.
 *
 * @example
 * ```ts
 * const sizes = { 'inactive-anon': 4096, 'active-anon': 0, 'inactive-file': 4096, 'active-file': 0 };
 * const memory = { freePages: 0, highPages: 100 };
 * const even = { swappiness: 100, priority: 4, sizes, swapFree: true, ...memory, anonCost: 0, fileCost: 0 };
 * scanCounts(even)['inactive-anon']; // 128
 * scanCounts({ ...even, swapFree: false })['inactive-anon']; // 0
 * scanCounts({ ...even, priority: 0 })['inactive-file']; // 4096
 * ```
 */
export function scanCounts(request: ScanRequest): Record<LruName, number> {
  const { swappiness, priority, sizes, swapFree } = request;
  const { anon, file, denominator } = fractions(request);
  const isTiny = fileIsTiny(request);
  const counts = { 'inactive-anon': 0, 'active-anon': 0, 'inactive-file': 0, 'active-file': 0 };
  for (const list of LRU_LISTS) {
    const isFile = list.endsWith('file');
    const scan = Math.floor(sizes[list] / 2 ** priority);
    if (!swapFree) counts[list] = isFile ? scan : 0;
    // Few pages of files are left, and they are those that are run: anonymous memory alone (SCAN_ANON).
    else if (isTiny) counts[list] = isFile ? 0 : scan;
    // Close to giving up, both kinds are looked at alike (SCAN_EQUAL).
    else if (priority === 0 && swappiness > 0) counts[list] = scan;
    else counts[list] = Math.floor((scan * (isFile ? file : anon)) / denominator);
  }
  return counts;
}

/** `prepare_scan_control`: `file_is_tiny`. */
function fileIsTiny({ sizes, freePages, highPages, priority }: ScanRequest): boolean {
  const files = sizes['inactive-file'] + sizes['active-file'];
  const anonIsLow = sizes['inactive-anon'] < sizes['active-anon'];
  return files + freePages <= highPages && !anonIsLow && Math.floor(sizes['inactive-anon'] / 2 ** priority) > 0;
}

/** The cost of each kind makes the other one the better prey, weighed by swappiness (SCAN_FRACT). */
function fractions({ swappiness, anonCost, fileCost }: ScanRequest): {
  anon: number;
  file: number;
  denominator: number;
} {
  const both = anonCost + fileCost;
  const weighedAnon = both + anonCost;
  const weighedFile = both + fileCost;
  const total = weighedAnon + weighedFile;
  const anon = Math.floor((swappiness * (total + 1)) / (weighedAnon + 1));
  const file = Math.floor(((MAX_SWAPPINESS - swappiness) * (total + 1)) / (weighedFile + 1));
  return { anon, file, denominator: Math.max(1, anon + file) };
}

/**
 * Whether an inactive list is short beside its active one (`inactive_is_low`): the ratio is one below a gigabyte, and
 * the root of ten times the gigabytes above.
 *
 * @example
 * ```ts
 * inactiveIsLow(10, 20, 4096); // true
 * inactiveIsLow(20, 20, 4096); // false
 * ```
 */
export function inactiveIsLow(inactivePages: number, activePages: number, pageBytes: number): boolean {
  const gigabytes = Math.floor(((inactivePages + activePages) * pageBytes) / 2 ** 30);
  const ratio = gigabytes === 0 ? 1 : Math.floor(Math.sqrt(10 * gigabytes));
  return inactivePages * ratio < activePages;
}
