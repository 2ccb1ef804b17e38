/**
 * What can be asked of page blocks: the counts of /proc/buddyinfo and /proc/pagetypeinfo, and how broken up free memory is.
 *
 * @models S-14
 */
import type { Buddy, Fragmentation } from '../buddy.ts';
import { MIGRATE_TYPES, type MigrateType } from './migrateTypes.ts';

/**
 * Pages that the watermarks count apart.
 *
 * @example
 * ```ts
 * const { boostPages }: PageblockCounts = Pageblocks.create(0, 64, 4, 3);
 * boostPages; // 0
 * ```
 */
export interface PageblockCounts {
  readonly boostPages: number;
  readonly highatomicPages: number;
}

/**
 * Free lists by type, or edits of them.
 *
 * @example
 * ```ts
 * const lists: ByType<number> = { unmovable: 0, movable: 1, reclaimable: 0, highatomic: 0, cma: 0, isolate: 0 };
 * ```
 */
export type ByType<T> = Readonly<Record<MigrateType, T>>;

/**
 * What is made for each type, in order.
 *
 * @example
 * ```ts
 * byType((type) => type.length).cma; // 3
 * ```
 */
export function byType<T>(make: (type: MigrateType) => T): Record<MigrateType, T> {
  return Object.fromEntries(MIGRATE_TYPES.map((type) => [type, make(type)])) as Record<MigrateType, T>;
}

/**
 * What can be asked of page blocks, sealed or in the middle of an edit.
 *
 * @example
 * ```ts
 * const reader: PageblocksReader = Pageblocks.create(0, 64, 4, 3);
 * reader.buddyinfo; // [0, 0, 0, 0, 4]
 * ```
 */
export abstract class PageblocksReader implements PageblockCounts {
  readonly pageblockOrder: number;
  protected abstract readonly lists: ByType<Buddy>;
  abstract readonly boostPages: number;
  abstract readonly highatomicPages: number;

  constructor(pageblockOrder: number) {
    this.pageblockOrder = pageblockOrder;
  }

  /** The type of the page block that a frame lies in. */
  abstract typeOf(pfn: number): MigrateType;

  get base(): number {
    return this.lists.movable.base;
  }

  get count(): number {
    return this.lists.movable.count;
  }

  get maxOrder(): number {
    return this.lists.movable.maxOrder;
  }

  get freeFrames(): number {
    return MIGRATE_TYPES.reduce((sum, type) => sum + this.lists[type].freeFrames, 0);
  }

  /** Free frames in blocks of one type. */
  freeFramesOf(type: MigrateType): number {
    return this.lists[type].freeFrames;
  }

  /** Free blocks of one type by order: a line of /proc/pagetypeinfo. */
  freeBlocksOf(type: MigrateType): number[] {
    return this.lists[type].buddyinfo;
  }

  /** Free blocks by order: a line of /proc/buddyinfo. */
  get buddyinfo(): number[] {
    const counts = Array.from({ length: this.maxOrder + 1 }, () => 0);
    for (const type of MIGRATE_TYPES) {
      for (const [order, blocks] of this.freeBlocksOf(type).entries()) counts[order] += blocks;
    }
    return counts;
  }

  get largestFreeOrder(): number {
    return this.buddyinfo.findLastIndex((blocks) => blocks > 0);
  }

  /** Whether so many blocks could be had of the types that merge, by fallback too. */
  canAlloc(order: number, count = 1): boolean {
    let had = 0;
    for (const type of ['unmovable', 'movable', 'reclaimable'] as const) {
      for (const [at, blocks] of this.freeBlocksOf(type).entries()) had += at < order ? 0 : blocks * 2 ** (at - order);
    }
    return had >= count;
  }

  isFree(pfn: number): boolean {
    return this.lists[this.typeOf(pfn)].isFree(pfn);
  }

  /** The order of the free block that the frame lies in, -1 where it is in use. */
  freeOrderAt(pfn: number): number {
    return this.lists[this.typeOf(pfn)].freeOrderAt(pfn);
  }

  /** How broken up free memory is for blocks of the order, whatever their type. */
  fragmentation(order: number): Fragmentation {
    return fragmentationOf(this.buddyinfo, order);
  }
}

/**
 * How broken up free memory is for blocks of an order, from the counts of free blocks: the two numbers of
 * /sys/kernel/debug/extfrag [mm/vmstat.c:__fragmentation_index, unusable_free_index].
 *
 * @example
 * ```ts
 * fragmentationOf([16, 0], 1); // { index: 438, unusable: 1000 }
 * fragmentationOf([0, 4], 1); // { index: -1000, unusable: 0 }
 * ```
 */
export function fragmentationOf(freeBlocks: readonly number[], order: number): Fragmentation {
  const requested = 2 ** order;
  const blocks = freeBlocks.reduce((sum, count) => sum + count, 0);
  const freePages = freeBlocks.reduce((sum, count, at) => sum + count * 2 ** at, 0);
  const suitable = freeBlocks.reduce((sum, count, at) => sum + (at < order ? 0 : count * 2 ** (at - order)), 0);
  const unusable = freePages === 0 ? 1000 : Math.floor(((freePages - suitable * requested) * 1000) / freePages);
  if (blocks === 0) return { index: 0, unusable };
  if (suitable > 0) return { index: -1000, unusable };
  return { index: 1000 - Math.floor((1000 + Math.floor((freePages * 1000) / requested)) / blocks), unusable };
}
