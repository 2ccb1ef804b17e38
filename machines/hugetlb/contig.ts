/**
 * Blocks beyond the largest of the buddy allocator: gigantic pages (`mm/page_alloc.c:alloc_contig_pages`, as at boot, from
 * free memory alone; nothing is migrated out of the way).
 *
 * @models S-28
 */
import type { Buddy, BuddyEdit } from '../../src/mm/buddy.ts';

/**
 * The first frame of an aligned stretch of 2^order free frames, null where there is none; the stretch is taken from the edit.
 *
 * @example
 * ```ts
 * const buddy = Buddy.create(0, 2 ** 14, 10);
 * takeContiguous(buddy, buddy.edit(), 13); // 0
 * takeContiguous(buddy, buddy.edit(), 15); // null
 * ```
 */
export function takeContiguous(
  buddy: Pick<Buddy, 'base' | 'count' | 'maxOrder'>,
  edit: Pick<BuddyEdit, 'allocAt' | 'free' | 'maxOrder'>,
  order: number,
): number | null {
  const span = 2 ** order;
  const block = 2 ** buddy.maxOrder;
  const end = buddy.base + buddy.count;
  for (let pfn = Math.ceil(buddy.base / span) * span; pfn + span <= end; pfn += span) {
    if (!isWholeFree(edit, pfn, span, block)) continue;
    for (let at = pfn; at < pfn + span; at += block) edit.allocAt(at, buddy.maxOrder);
    return pfn;
  }
  return null;
}

/** Every block of the stretch is free; one that is not is told by its parts. */
function isWholeFree(
  edit: Pick<BuddyEdit, 'allocAt' | 'free' | 'maxOrder'>,
  pfn: number,
  span: number,
  block: number,
): boolean {
  const { maxOrder } = edit;
  for (let at = pfn; at < pfn + span; at += block) {
    // What can be taken and given back again was free.
    if (!edit.allocAt(at, maxOrder)) return false;
    edit.free(at, maxOrder);
  }
  return true;
}

/**
 * Gives a block of any order back.
 *
 * @example
 * ```ts
 * const buddy = Buddy.create(0, 2 ** 14, 10);
 * const edit = buddy.edit();
 * takeContiguous(buddy, edit, 13);
 * freeBlock(edit, 0, 13);
 * edit.freeFrames; // 16384
 * ```
 */
export function freeBlock(edit: Pick<BuddyEdit, 'free' | 'maxOrder'>, pfn: number, order: number): void {
  const step = Math.min(order, edit.maxOrder);
  // Shifts: a power of a number that is not known beforehand costs an engine some tens of nanoseconds.
  const end = pfn + (1 << order);
  for (let at = pfn; at < end; at += 1 << step) edit.free(at, step);
}
