/**
 * What a zone keeps back: how far an allocation may go below a watermark, how taking memory of another type raises it, and
 * the page blocks that are kept for atomic allocations.
 *
 * @models S-14 S-15
 */

/** `vm.watermark_boost_factor`: ten-thousandths of the high watermark [mm/page_alloc.c:watermark_boost_factor]. */
const BOOST_FACTOR = 15_000;
const BOOST_UNIT = 10_000;
/** A zone of fewer page blocks is not boosted: it would have nothing left [mm/page_alloc.c:boost_watermark]. */
const BOOST_BLOCKS_LEAST = 4;
/** One part in a hundred of a zone is kept for atomic allocations. */
const HIGHATOMIC_PART = 100;

/**
 * How far the watermarks are raised after one more page block was mixed: by one page block, up to 150% of the high watermark
 * or one page block. The raise ends when kswapd has reclaimed as much [mm/page_alloc.c:boost_watermark].
 *
 * @example
 * ```ts
 * boostedPages({ boostPages: 0, count: 8192 }, 512, 300); // 512
 * boostedPages({ boostPages: 512, count: 8192 }, 512, 600); // 900
 * boostedPages({ boostPages: 0, count: 2047 }, 512, 300); // 0
 * ```
 */
export function boostedPages(
  zone: { boostPages: number; count: number },
  blockPages: number,
  highMark: number,
): number {
  if (blockPages * BOOST_BLOCKS_LEAST > zone.count) return zone.boostPages;
  const most = Math.floor((highMark * BOOST_FACTOR) / BOOST_UNIT);
  if (most === 0) return zone.boostPages;
  return Math.min(zone.boostPages + blockPages, Math.max(blockPages, most));
}

/** Types that a kernel with CMA and memory isolation has (`MIGRATE_TYPES`). */
const MIGRATE_TYPE_COUNT = 6;

/**
 * Whether a kernel groups memory by mobility: only where each type could have a page block. With page blocks of 512M that
 * takes 3 GiB [mm/page_alloc.c:build_all_zonelists].
 *
 * @example
 * ```ts
 * groupsByMobility(2 ** 31 / 4096, 9); // true
 * groupsByMobility(2 ** 31 / 65536, 13); // false
 * ```
 */
export function groupsByMobility(totalPages: number, pageblockOrder: number): boolean {
  return totalPages >= 2 ** pageblockOrder * MIGRATE_TYPE_COUNT;
}

/**
 * Pages that may be kept for atomic allocations: 1% of the zone in whole page blocks, none where that is less than one
 * [mm/page_alloc.c:reserve_highatomic_pageblock].
 *
 * @example
 * ```ts
 * highatomicLimit(524288, 512); // 5632
 * highatomicLimit(32768, 8192); // 0
 * ```
 */
export function highatomicLimit(managedPages: number, blockPages: number): number {
  const part = Math.floor(managedPages / HIGHATOMIC_PART);
  return part < blockPages ? 0 : Math.ceil(part / blockPages) * blockPages;
}

/**
 * What is asked of a zone: how much, and what the asker may go down to.
 *
 * @example
 * ```ts
 * const wish: WatermarkWish = { order: 4, mark: 1000, oom: true };
 * ```
 */
export interface WatermarkWish {
  order: number;
  /** The watermark in pages, boost included. */
  mark: number;
  /** __GFP_HIGH (`ALLOC_MIN_RESERVE`): half of what is left of the mark. */
  high?: boolean;
  /** A quarter less again, for who cannot wait (`ALLOC_NON_BLOCK`); with `high` alone of use. */
  nonBlock?: boolean;
  /** Being killed (`ALLOC_OOM`): half less. */
  oom?: boolean;
  /** `ALLOC_HIGHATOMIC`: blocks of the reserve count. */
  highatomic?: boolean;
}

/**
 * Whether an allocation leaves enough: free pages stay above the mark, and there is a free block that is large enough. Without
 * the latter a wish of order 4 fails however much is free [mm/page_alloc.c:__zone_watermark_ok].
 *
 * @example
 * ```ts
 * const zone = { freePages: 5000, highatomicPages: 0, hasBlock: (order: number) => order < 4 };
 * watermarkOk(zone, { order: 3, mark: 1000 }); // true
 * watermarkOk(zone, { order: 4, mark: 1000 }); // false
 * watermarkOk({ ...zone, freePages: 800 }, { order: 0, mark: 1000, oom: true }); // true
 * ```
 */
export function watermarkOk(
  zone: {
    freePages: number;
    highatomicPages: number;
    /** Whether there is a free block of the order or above: of the types that merge, or of the reserve too. */
    hasBlock: (order: number, reserve: boolean) => boolean;
  },
  wish: WatermarkWish,
): boolean {
  const { order, high = false, nonBlock = false, oom = false, highatomic = false } = wish;
  const reserves = high || oom || highatomic;
  let { mark } = wish;
  if (high) {
    mark -= Math.floor(mark / 2);
    if (nonBlock) mark -= Math.floor(mark / 4);
  }
  if (oom) mark -= Math.floor(mark / 2);
  const usable = zone.freePages - (2 ** order - 1) - (reserves ? 0 : zone.highatomicPages);
  if (usable <= mark) return false;
  return order === 0 || zone.hasBlock(order, oom || highatomic);
}
