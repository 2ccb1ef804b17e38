/**
 * When compaction is worth a try, when it has done its work, and how it is put off after it failed.
 *
 * @models S-14 L-04 D-12
 */
import { PAGE_ALLOC_COSTLY_ORDER } from '../../arch/minFree.ts';
import type { Watermarks } from '../../arch/watermarks.ts';
import { type AllocationType, canStealFallback, fallbackTypes, type MigrateType } from '../pageblock/migrateTypes.ts';
import { watermarkOk } from '../pageblock/reserves.ts';

/**
 * How hard compaction works, from the hardest on: 0 waits for everything, 1 does not wait for write-back, 2 takes only what can
 * be had at once [include/linux/compaction.h:enum compact_priority].
 *
 * @example
 * ```ts
 * const priority: CompactPriority = COMPACT_PRIORITY.async;
 * priority; // 2
 * ```
 */
export type CompactPriority = 0 | 1 | 2;

/**
 * The priorities by name.
 *
 * @example
 * ```ts
 * COMPACT_PRIORITY['sync-full']; // 0
 * ```
 */
export const COMPACT_PRIORITY = { 'sync-full': 0, 'sync-light': 1, async: 2 } as const satisfies Record<
  string,
  CompactPriority
>;

/**
 * How an attempt ended [include/linux/compaction.h:enum compact_result].
 *
 * @example
 * ```ts
 * const result: CompactResult = 'partial-skipped';
 * ```
 */
export type CompactResult = 'skipped' | 'deferred' | 'success' | 'partial-skipped' | 'complete';

/** `sysctl_extfrag_threshold`: below it an allocation is held to fail for lack of memory rather than fragmentation. */
const EXTFRAG_THRESHOLD = 500;
/** Attempts are put off by up to 2^6 allocations. */
const MAX_DEFER_SHIFT = 6;

/** What is asked of a zone's free lists. */
interface FreeMemory {
  readonly freeFrames: number;
  readonly highatomicPages: number;
  readonly pageblockOrder: number;
  readonly maxOrder: number;
  freeBlocksOf(type: MigrateType): number[];
  fragmentation(order: number): { index: number };
}

/**
 * Whether a zone has free memory to move pages to, and is fragmented rather than full
 * [mm/compaction.c:compaction_suit_allocation_order, compaction_suitable].
 *
 * @returns `success` where there is a block already, `skipped` where it is no use, null where it is
 * @example
 * ```ts
 * const zone = Pageblocks.create(0, 4096, 10, 9);
 * compactionSuitable(zone, 4, { min: 100, low: 125, high: 150 }); // 'success'
 * ```
 */
export function compactionSuitable(zone: FreeMemory, order: number, marks: Watermarks): 'success' | 'skipped' | null {
  const { freeFrames: freePages, highatomicPages } = zone;
  const hasBlock = (least: number): boolean => hasFreeBlock(zone, least);
  if (watermarkOk({ freePages, highatomicPages, hasBlock }, { order, mark: marks.low })) return 'success';
  const costly = order > PAGE_ALLOC_COSTLY_ORDER;
  // compact_gap: twice what is asked for, since the copies take room until the originals are freed.
  const mark = (costly ? marks.low : marks.min) + 2 * 2 ** order;
  if (!watermarkOk({ freePages, highatomicPages, hasBlock }, { order: 0, mark })) return 'skipped';
  const { index } = zone.fragmentation(order);
  return costly && index >= 0 && index <= EXTFRAG_THRESHOLD ? 'skipped' : null;
}

/**
 * Whether there is a free block of an order or above, of a type that merges.
 *
 * @example
 * ```ts
 * hasFreeBlock(Pageblocks.create(0, 64, 4, 3), 4); // true
 * ```
 */
export function hasFreeBlock(zone: Pick<FreeMemory, 'freeBlocksOf'>, order: number): boolean {
  const types = ['unmovable', 'movable', 'reclaimable'] as const;
  return types.some((type) => zone.freeBlocksOf(type).some((blocks, at) => at >= order && blocks > 0));
}

/**
 * Whether the work is done: a block of the allocation's type is free, or one that it may take over
 * [mm/compaction.c:__compact_finished].
 *
 * @param atBlockEnd the scanner stands at the end of a page block: for memory that does not move, a block that has been begun is
 *   finished first, so that not the next one is mixed
 * @example
 * ```ts
 * const zone = Pageblocks.create(0, 64, 4, 3);
 * compactFinished(zone, { order: 4, type: 'movable', priority: 2, atBlockEnd: false }); // true
 * ```
 */
export function compactFinished(
  zone: Pick<FreeMemory, 'freeBlocksOf' | 'pageblockOrder' | 'maxOrder'>,
  wish: { order: number; type: AllocationType; priority: CompactPriority; atBlockEnd: boolean },
): boolean {
  const { order, type, priority, atBlockEnd } = wish;
  for (let at = order; at <= zone.maxOrder; at++) {
    if (zone.freeBlocksOf(type)[at] > 0) return true;
    const other = fallbackTypes[type].find((from) => zone.freeBlocksOf(from)[at] > 0);
    if (other === undefined || !canStealFallback(at, type, zone.pageblockOrder)) continue;
    if (type === 'movable' || priority === COMPACT_PRIORITY.async || atBlockEnd) return true;
  }
  return false;
}

/**
 * How often compaction is put off [include/linux/mmzone.h:struct zone].
 *
 * @example
 * ```ts
 * const deferral: Deferral = { ...noDeferral, shift: 2 };
 * ```
 */
export interface Deferral {
  considered: number;
  shift: number;
  /** Orders below it are not put off: the one above the largest that was made. */
  orderFailed: number;
}

/**
 * Nothing has failed yet.
 *
 * @example
 * ```ts
 * noDeferral.shift; // 0
 * ```
 */
export const noDeferral: Readonly<Deferral> = { considered: 0, shift: 0, orderFailed: 0 };

/**
 * Whether an attempt is put off, and what is noted of it [mm/compaction.c:compaction_deferred].
 *
 * @example
 * ```ts
 * const failed = afterFailure(noDeferral, 4);
 * isDeferred(failed, 4); // { deferral: { considered: 1, shift: 1, orderFailed: 0 }, deferred: true }
 * isDeferred({ ...failed, orderFailed: 5 }, 4).deferred; // false
 * ```
 */
export function isDeferred(deferral: Deferral, order: number): { deferral: Deferral; deferred: boolean } {
  if (order < deferral.orderFailed) return { deferral, deferred: false };
  const limit = 2 ** deferral.shift;
  const considered = Math.min(deferral.considered + 1, limit);
  return { deferral: { ...deferral, considered }, deferred: considered < limit };
}

/**
 * An attempt went through the whole zone and made no block: the next ones are put off twice as long
 * [mm/compaction.c:defer_compaction].
 *
 * @example
 * ```ts
 * afterFailure({ considered: 3, shift: 6, orderFailed: 9 }, 4); // { considered: 0, shift: 6, orderFailed: 4 }
 * ```
 */
export function afterFailure(deferral: Deferral, order: number): Deferral {
  const orderFailed = Math.min(deferral.orderFailed, order);
  return { considered: 0, shift: Math.min(deferral.shift + 1, MAX_DEFER_SHIFT), orderFailed };
}

/**
 * A block was made: only larger ones are put off; once it was handed out none is [mm/compaction.c:compaction_defer_reset].
 *
 * @example
 * ```ts
 * afterSuccess({ considered: 1, shift: 2, orderFailed: 4 }, 4, true); // { considered: 0, shift: 0, orderFailed: 5 }
 * afterSuccess({ considered: 1, shift: 2, orderFailed: 4 }, 2, false); // { considered: 1, shift: 2, orderFailed: 4 }
 * ```
 */
export function afterSuccess(deferral: Deferral, order: number, handedOut: boolean): Deferral {
  const orderFailed = order >= deferral.orderFailed ? order + 1 : deferral.orderFailed;
  return handedOut ? { considered: 0, shift: 0, orderFailed } : { ...deferral, orderFailed };
}
