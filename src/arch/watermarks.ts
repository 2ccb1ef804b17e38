/**
 * How much memory Linux keeps free, from which the zone's watermarks follow. Memory in kB or in pages, as Linux has it.
 */
import { invariant } from '../errors.ts';
import { pageSizeLimits } from './granule.ts';

/** Bounds of the base value in kB [mm/page_alloc.c:calculate_min_free_kbytes]. */
const MIN_FREE_KBYTES_FLOOR = 128;
const MIN_FREE_KBYTES_CEILING = 262_144;

/** Page blocks kept free in each zone for huge pages: 2, and 3 for each pair of the three per-CPU migrate types. */
const PAGEBLOCKS_PER_ZONE = 2 + 3 * 3;

/** The reserve for huge pages is at most this part of the free buffer pages: 5%. */
const THP_RESERVE_DIVISOR = 20;

/** `watermark_scale_factor` counts ten-thousandths of the managed pages. */
const SCALE_UNIT = 10_000;

/** Default of vm.watermark_scale_factor. */
const DEFAULT_SCALE_FACTOR = 10;

/** `int_sqrt`: the integer part of a square root, exact. */
function integerSquareRoot(value: number): number {
  const root = Math.floor(Math.sqrt(value));
  return root * root > value ? root - 1 : root;
}

/**
 * The base of vm.min_free_kbytes: sqrt(low memory in kB * 16), kept within 128 and 262144 kB
 * [mm/page_alloc.c:calculate_min_free_kbytes].
 *
 * @throws GranuleError INVARIANT for a negative amount
 * @example
 * ```ts
 * calculateMinFreeKbytes(16 * 1024 * 1024); // 16384
 * ```
 */
export function calculateMinFreeKbytes(lowMemoryKbytes: number): number {
  invariant(Number.isSafeInteger(lowMemoryKbytes) && lowMemoryKbytes >= 0, 'an amount of memory is not negative');
  const kbytes = integerSquareRoot(lowMemoryKbytes * 16);
  return Math.min(Math.max(kbytes, MIN_FREE_KBYTES_FLOOR), MIN_FREE_KBYTES_CEILING);
}

/**
 * vm.min_free_kbytes once PMD-size huge pages are enabled: 11 page blocks a zone, at most 5% of the free buffer pages,
 * and never below what it was [mm/khugepaged.c:set_recommended_min_free_kbytes].
 *
 * `zones` counts the populated zones up to ZONE_NORMAL over all nodes; `freeBufferKbytes` is managed memory above the
 * high watermark (`nr_free_buffer_pages`).
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const machine = { zones: 2, freeBufferKbytes: 16 * 1024 * 1024, baseKbytes: 16384 };
 * recommendedMinFreeKbytes({ ...machine, pageBytes: 4096 }); // 45056
 * recommendedMinFreeKbytes({ ...machine, pageBytes: 16384 }); // 720896
 * ```
 */
export function recommendedMinFreeKbytes(machine: {
  pageBytes: number;
  zones: number;
  freeBufferKbytes: number;
  baseKbytes: number;
}): number {
  const { pageblockOrder, pageBytes } = pageSizeLimits(machine.pageBytes);
  const kbytesPerPage = pageBytes / 1024;
  const wantedPages = PAGEBLOCKS_PER_ZONE * 2 ** pageblockOrder * machine.zones;
  const capPages = Math.floor(Math.floor(machine.freeBufferKbytes / kbytesPerPage) / THP_RESERVE_DIVISOR);
  return Math.max(machine.baseKbytes, Math.min(wantedPages, capPages) * kbytesPerPage);
}

/**
 * The watermarks of a zone in pages.
 *
 * @example
 * ```ts
 * const marks: Watermarks = watermarks(1000, 100_000);
 * marks.high; // 1500
 * ```
 */
export interface Watermarks {
  min: number;
  low: number;
  high: number;
}

/**
 * min, low and high of a zone with `minPages` of the reserve and `managedPages` in all: the step from one to the next is
 * a quarter of min, or vm.watermark_scale_factor / 10000 of the managed pages when that is more
 * [mm/page_alloc.c:__setup_per_zone_wmarks].
 *
 * @throws GranuleError INVARIANT for fractions or negative numbers of pages
 * @example
 * ```ts
 * watermarks(1000, 4_000_000); // { min: 1000, low: 5000, high: 9000 }
 * ```
 */
export function watermarks(minPages: number, managedPages: number, scaleFactor = DEFAULT_SCALE_FACTOR): Watermarks {
  const isWhole = Number.isSafeInteger(minPages) && Number.isSafeInteger(managedPages);
  invariant(isWhole && minPages >= 0 && managedPages >= 0, 'watermarks are made of whole pages');
  const step = Math.max(Math.floor(minPages / 4), Math.floor((managedPages * scaleFactor) / SCALE_UNIT));
  return { min: minPages, low: minPages + step, high: minPages + 2 * step };
}
