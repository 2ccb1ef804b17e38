/**
 * What an allocation asks of page blocks, and what is told of one that took memory of another type.
 *
 * @models S-14
 */
import type { AllocationType } from './migrateTypes.ts';

/**
 * What an allocation asks for besides its order.
 *
 * @example
 * ```ts
 * const wish: PageWish = { type: 'unmovable' };
 * ```
 */
export interface PageWish {
  type: AllocationType;
  /** ALLOC_NOFRAGMENT: nothing below a page block is taken from another type. */
  noFragment?: boolean;
  /** ALLOC_HIGHATOMIC: the reserve for atomic allocations is looked at first. */
  highatomic?: boolean;
  /** ALLOC_OOM: the reserve is looked at last, by whoever is being killed. */
  oom?: boolean;
  /** Memory is not grouped by mobility: page blocks change hands at once (`page_group_by_mobility_disabled`). */
  ungrouped?: boolean;
  /** The high watermark, which limits how far taking memory of another type raises it. */
  highMark?: number;
  /** Movable pages in use in a page block: what is on the LRU [mm/page_alloc.c:prep_move_freepages_block]. */
  movablePages?: (pfn: number, nr: number) => number;
}

/**
 * Memory that was taken from a page block of another type.
 *
 * @example
 * ```ts
 * const edit = Pageblocks.create(0, 64, 4, 3).edit();
 * edit.alloc(0, { type: 'unmovable' });
 * const steal: Steal = edit.steals[0];
 * steal; // { pfn: 0, order: 0, fromOrder: 4, type: 'unmovable', from: 'movable', retyped: true }
 * ```
 */
export interface Steal {
  pfn: number;
  order: number;
  /** The order of the free block that was broken up. */
  fromOrder: number;
  type: AllocationType;
  from: AllocationType;
  /** The page block has the type of the allocation now. */
  retyped: boolean;
}
