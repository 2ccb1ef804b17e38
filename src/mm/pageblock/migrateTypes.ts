/**
 * Migrate types: what kind of memory a page block is meant for, and where an allocation looks when there is none of its own
 * kind. Memory that cannot move is kept together, so that the rest can be compacted [mm/page_alloc.c:fallbacks].
 *
 * @models S-14
 */

/**
 * The types, in the order of `enum migratetype` [include/linux/mmzone.h].
 *
 * @example
 * ```ts
 * MIGRATE_TYPES.indexOf('movable'); // 1
 * ```
 */
export const MIGRATE_TYPES = ['unmovable', 'movable', 'reclaimable', 'highatomic', 'cma', 'isolate'] as const;

/**
 * What a page block is meant for.
 *
 * @example
 * ```ts
 * const type: MigrateType = 'movable';
 * ```
 */
export type MigrateType = (typeof MIGRATE_TYPES)[number];

/**
 * The types that allocations ask for, as the text of /proc/pagetypeinfo names them [mm/page_alloc.c:migratetype_names].
 *
 * @example
 * ```ts
 * migrateTypeNames.highatomic; // 'HighAtomic'
 * ```
 */
export const migrateTypeNames: Readonly<Record<MigrateType, string>> = {
  unmovable: 'Unmovable',
  movable: 'Movable',
  reclaimable: 'Reclaimable',
  highatomic: 'HighAtomic',
  cma: 'CMA',
  isolate: 'Isolate',
};

/**
 * The types that an ordinary allocation has (`MIGRATE_PCPTYPES` of them). Only they merge with and fall back to each other.
 *
 * @example
 * ```ts
 * const type: AllocationType = 'reclaimable';
 * ```
 */
export type AllocationType = 'unmovable' | 'movable' | 'reclaimable';

/**
 * Where each type looks next, nearest first [mm/page_alloc.c:fallbacks].
 *
 * @example
 * ```ts
 * fallbackTypes.movable; // ['reclaimable', 'unmovable']
 * ```
 */
export const fallbackTypes: Readonly<Record<AllocationType, readonly AllocationType[]>> = {
  unmovable: ['reclaimable', 'movable'],
  movable: ['reclaimable', 'unmovable'],
  reclaimable: ['unmovable', 'movable'],
};

/**
 * Whether blocks of the type merge with blocks of another one [include/linux/mmzone.h:migratetype_is_mergeable].
 *
 * @example
 * ```ts
 * isMergeable('reclaimable'); // true
 * isMergeable('highatomic'); // false
 * ```
 */
export function isMergeable(type: MigrateType): type is AllocationType {
  return type in fallbackTypes;
}

/**
 * Whether an allocation may take a whole page block of another type over, having found a free block of `blockOrder` there.
 * Unmovable and reclaimable memory always may, since otherwise it would soon be back for the next page
 * [mm/page_alloc.c:can_steal_fallback].
 *
 * @example
 * ```ts
 * canStealFallback(3, 'movable', 9); // false
 * canStealFallback(4, 'movable', 9); // true
 * canStealFallback(0, 'unmovable', 9); // true
 * ```
 */
export function canStealFallback(blockOrder: number, type: AllocationType, pageblockOrder: number): boolean {
  return blockOrder >= Math.floor(pageblockOrder / 2) || type !== 'movable';
}

/** What the choice of a block of another type rests on. */
interface FallbackSearch {
  /** The order that is asked for, and the largest one there is. */
  order: number;
  maxOrder: number;
  pageblockOrder: number;
  type: AllocationType;
  /** No smaller block than a page block may be taken from another type (`ALLOC_NOFRAGMENT`). */
  noFragment: boolean;
  /** Whether there is a free block of exactly this order and type. */
  hasBlock: (order: number, type: MigrateType) => boolean;
}

/**
 * The block of another type that an allocation takes.
 *
 * @example
 * ```ts
 * const fallback: Fallback = { order: 9, type: 'movable', wholeBlock: true };
 * ```
 */
export interface Fallback {
  order: number;
  type: AllocationType;
  /** The page block may be taken over. */
  wholeBlock: boolean;
}

function suitable(search: FallbackSearch, order: number): Fallback | null {
  const type = fallbackTypes[search.type].find((other) => search.hasBlock(order, other));
  if (type === undefined) return null;
  return { order, type, wholeBlock: canStealFallback(order, search.type, search.pageblockOrder) };
}

/**
 * Which block of another type an allocation takes: the largest there is, so that it comes back seldom; but a movable one
 * that may not take the page block over takes the smallest that will do, and breaks up no large one
 * [mm/page_alloc.c:__rmqueue_fallback, find_suitable_fallback].
 *
 * @example
 * ```ts
 * const search = { order: 0, maxOrder: 10, pageblockOrder: 9, noFragment: false };
 * const hasBlock = (order: number, type: string) => type === 'unmovable' && (order === 1 || order === 3);
 * findFallback({ ...search, type: 'movable', hasBlock }); // { order: 1, type: 'unmovable', wholeBlock: false }
 * findFallback({ ...search, type: 'reclaimable', hasBlock }); // { order: 3, type: 'unmovable', wholeBlock: true }
 * ```
 */
export function findFallback(search: FallbackSearch): Fallback | null {
  const { order, maxOrder, pageblockOrder, type, noFragment } = search;
  const leastOrder = noFragment ? Math.max(order, pageblockOrder) : order;
  for (let at = maxOrder; at >= leastOrder; at--) {
    const found = suitable(search, at);
    if (found === null) continue;
    if (found.wholeBlock || type !== 'movable' || at === order) return found;
    for (let small = order; small <= at; small++) {
      const smallest = suitable(search, small);
      if (smallest !== null) return smallest;
    }
  }
  return null;
}

/**
 * Whether a page block of which some pages are free is retyped for an allocation that may take it over: when at least half
 * of it is free or of a kind with the allocation. Of an unmovable or reclaimable block it is not known which of its other pages
 * are alike; of a movable one, all that are not movable [mm/page_alloc.c:steal_suitable_fallback].
 *
 * @example
 * ```ts
 * const block = { pageblockOrder: 9, freePages: 100, movablePages: 380 };
 * takesBlockOver({ ...block, type: 'movable', blockType: 'unmovable' }); // true
 * takesBlockOver({ ...block, type: 'unmovable', blockType: 'movable' }); // false
 * ```
 */
export function takesBlockOver(block: {
  type: AllocationType;
  blockType: AllocationType;
  pageblockOrder: number;
  freePages: number;
  movablePages: number;
}): boolean {
  const { type, blockType, pageblockOrder, freePages, movablePages } = block;
  const others = blockType === 'movable' ? 2 ** pageblockOrder - freePages - movablePages : 0;
  const alikePages = type === 'movable' ? movablePages : others;
  return freePages + alikePages >= 2 ** (pageblockOrder - 1);
}
