/**
 * The buddy allocator of a zone that groups pages by mobility: one set of free lists for each migrate type, and the type of
 * every page block. A free block is on the lists of the type of its page block. Persistent, as the lists are.
 *
 * Which of several equal blocks is taken, Linux leaves to the order of its lists; here it is the lowest, as in `buddy.ts`.
 * Lists of each CPU (`struct per_cpu_pages`) are not modelled.
 *
 * @models S-14 L-04
 */
import { invariant } from '../../errors.ts';
import { Buddy, type BuddyEdit, type BuddyPlain } from '../buddy.ts';
import { IntMap, type IntMapEdit } from '../intMap.ts';
import {
  type AllocationType,
  type Fallback,
  findFallback,
  isMergeable,
  MIGRATE_TYPES,
  type MigrateType,
  takesBlockOver,
} from './migrateTypes.ts';
import { type ByType, byType, type PageblockCounts, PageblocksReader } from './pageblocksReader.ts';
import { boostedPages, highatomicLimit } from './reserves.ts';
import type { PageWish, Steal } from './wish.ts';

/**
 * Page blocks as plain data. Which list a free block is on follows from the type of its page block, so there is one list.
 *
 * @example
 * ```ts
 * const plain: PageblocksPlain = Pageblocks.create(0, 64, 4, 3).toPlain();
 * plain.types; // []
 * ```
 */
export interface PageblocksPlain extends BuddyPlain {
  pageblockOrder: number;
  /** Page blocks that are not movable: the number of each (first frame / 2^pageblockOrder), and its type. */
  types: [number, MigrateType][];
  /** Pages that the watermarks are raised by (`watermark_boost`). */
  boostPages: number;
  /** Pages in blocks kept for atomic allocations (`nr_reserved_highatomic`). */
  highatomicPages: number;
}

/**
 * Sealed page blocks. Blocks are allocated and freed on `edit()`.
 *
 * @throws GranuleError INVARIANT for a stretch that is empty or too long, or orders that do not fit
 * @example
 * ```ts
 * const edit = Pageblocks.create(0, 1024, 10, 9).edit();
 * edit.alloc(4, { type: 'movable' }); // 0
 * edit.alloc(0, { type: 'unmovable' }); // 512
 * edit.typeOf(512); // 'unmovable'
 * edit.done().freeFrames; // 1007
 * ```
 */
export class Pageblocks extends PageblocksReader {
  protected readonly lists: ByType<Buddy>;
  readonly #types: IntMap<MigrateType>;
  readonly boostPages: number;
  readonly highatomicPages: number;

  constructor(pageblockOrder: number, lists: ByType<Buddy>, types: IntMap<MigrateType>, counts: PageblockCounts) {
    super(pageblockOrder);
    this.lists = lists;
    this.#types = types;
    this.boostPages = counts.boostPages;
    this.highatomicPages = counts.highatomicPages;
  }

  /** All of [base, base + count) free and movable, as it is at boot [mm/mm_init.c:memmap_init_zone_range]. */
  static create(base: number, count: number, maxOrder: number, pageblockOrder: number): Pageblocks {
    invariant(pageblockOrder > 0 && pageblockOrder <= maxOrder, 'a page block is no larger than the largest block');
    const lists = byType((type) =>
      type === 'movable' ? Buddy.create(base, count, maxOrder) : Buddy.none(base, count, maxOrder),
    );
    return new Pageblocks(pageblockOrder, lists, IntMap.empty(), { boostPages: 0, highatomicPages: 0 });
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: PageblocksPlain): Pageblocks {
    const { base, count, maxOrder, pageblockOrder, boostPages, highatomicPages } = plain;
    const types = IntMap.empty<MigrateType>().edit();
    for (const [block, type] of plain.types) types.set(block, type);
    const sealed = types.done();
    const free = byType(() => Array.from({ length: maxOrder + 1 }, (): number[] => []));
    for (const [order, runs] of plain.free.entries()) {
      for (let at = 0; at < runs.length; at += 2) {
        for (let block = runs[at]; block < runs[at] + runs[at + 1]; block++) {
          const type = sealed.get(Math.floor((block * 2 ** order) / 2 ** pageblockOrder)) ?? 'movable';
          const list = free[type][order];
          if (list.length > 0 && list[list.length - 2] + list[list.length - 1] === block) list[list.length - 1]++;
          else list.push(block, 1);
        }
      }
    }
    const lists = byType((type) => Buddy.fromPlain({ base, count, maxOrder, free: free[type] }));
    return new Pageblocks(pageblockOrder, lists, sealed, { boostPages, highatomicPages });
  }

  toPlain(): PageblocksPlain {
    const { base, count, maxOrder, pageblockOrder, boostPages, highatomicPages } = this;
    const parts = MIGRATE_TYPES.map((type) => this.lists[type].toPlain().free);
    const free = Array.from({ length: maxOrder + 1 }, (_, order) => mergedRuns(parts.map((part) => part[order])));
    const types: [number, MigrateType][] = [];
    for (const [block, type] of this.#types.entries()) types.push([block, type]);
    return { base, count, maxOrder, free, pageblockOrder, types, boostPages, highatomicPages };
  }

  typeOf(pfn: number): MigrateType {
    return this.#types.get(Math.floor(pfn / 2 ** this.pageblockOrder)) ?? 'movable';
  }

  /** A private version to write to; this one stays as it is. One that is given up makes this one dear to look at. */
  edit(): PageblocksEdit {
    return new PageblocksEdit(this.pageblockOrder, this.lists, this.#types, this);
  }
}

/** Runs of several lists as those of one. */
function mergedRuns(lists: readonly (readonly number[])[]): number[] {
  const pairs: [number, number][] = [];
  for (const list of lists) for (let at = 0; at < list.length; at += 2) pairs.push([list[at], list[at + 1]]);
  pairs.sort(([a], [b]) => a - b);
  const merged: number[] = [];
  for (const [first, blocks] of pairs) {
    const { length } = merged;
    if (length > 0 && merged[length - 2] + merged[length - 1] === first) merged[length - 1] += blocks;
    else merged.push(first, blocks);
  }
  return merged;
}

/**
 * A private version of page blocks. `done()` seals it.
 *
 * @throws GranuleError INVARIANT for a frame outside the stretch, an unaligned block, a block freed twice, or a write after
 *   `done()`
 * @example
 * ```ts
 * const edit = Pageblocks.create(0, 64, 4, 3).edit();
 * const pfn = edit.alloc(2, { type: 'reclaimable' }) ?? -1;
 * edit.free(pfn, 2);
 * edit.freeFramesOf('reclaimable'); // 16
 * ```
 */
export class PageblocksEdit extends PageblocksReader {
  protected readonly lists: Record<MigrateType, Buddy>;
  readonly #edits = new Map<MigrateType, BuddyEdit>();
  readonly #types: IntMapEdit<MigrateType>;
  /** What was taken from other types in this edit, in order. */
  readonly steals: Steal[] = [];
  boostPages: number;
  highatomicPages: number;
  #sealed = false;

  constructor(pageblockOrder: number, lists: ByType<Buddy>, types: IntMap<MigrateType>, counts: PageblockCounts) {
    super(pageblockOrder);
    this.lists = { ...lists };
    this.#types = types.edit();
    this.boostPages = counts.boostPages;
    this.highatomicPages = counts.highatomicPages;
  }

  typeOf(pfn: number): MigrateType {
    return this.#types.get(Math.floor(pfn / 2 ** this.pageblockOrder)) ?? 'movable';
  }

  /** The first frame of a block of 2^order frames, or null when no block is large enough [mm/page_alloc.c:rmqueue_buddy]. */
  alloc(order: number, wish: PageWish = { type: 'movable' }): number | null {
    const reserve = (): number | null => this.#edit('highatomic').alloc(order);
    const first = wish.highatomic === true ? reserve() : null;
    const found = first ?? this.#edit(wish.type).alloc(order) ?? this.#fallBack(order, wish);
    return found ?? (wish.oom === true ? reserve() : null);
  }

  /** Takes one particular block; false when not all of it is free, or not all of one type. */
  allocAt(pfn: number, order: number): boolean {
    return this.#edit(this.typeOf(pfn)).allocAt(pfn, order);
  }

  /**
   * Gives a block back to the lists of its page block's type. Whole page blocks of types that merge become one block, of
   * one type [mm/page_alloc.c:__free_one_page].
   */
  free(pfn: number, order: number): void {
    const type = this.typeOf(pfn);
    this.#edit(type).free(pfn, order);
    if (!isMergeable(type)) return;
    for (let at = this.pageblockOrder; at < this.maxOrder; at++) {
      if (this.lists[type].freeOrderAt(pfn) !== at) return;
      const first = pfn - (pfn % 2 ** at);
      const buddy = first % 2 ** (at + 1) === 0 ? first + 2 ** at : first - 2 ** at;
      const other = this.typeOf(buddy);
      if (other === type || !isMergeable(other) || this.lists[other].freeOrderAt(buddy) !== at) return;
      this.#edit(other).allocAt(buddy, at);
      this.#retype(buddy, at, type);
      this.#edit(type).free(buddy, at);
    }
  }

  /** Retypes a page block and moves its free pages along; answers how many those were [mm/page_alloc.c:move_freepages_block]. */
  setType(pfn: number, type: MigrateType): number {
    const first = pfn - (pfn % 2 ** this.pageblockOrder);
    if (this.typeOf(pfn) === type) return 0;
    const from = this.#edit(this.typeOf(pfn));
    const to = this.#edit(type);
    const end = Math.min(first + 2 ** this.pageblockOrder, this.base + this.count);
    let moved = 0;
    for (let at = Math.max(first, this.base); at < end; ) {
      // A block that is larger than a page block is split first: the rest of it stays what it is.
      const order = Math.min(from.freeOrderAt(at), this.pageblockOrder);
      if (order >= 0) {
        from.allocAt(at, order);
        to.free(at, order);
        moved += 2 ** order;
      }
      at += 2 ** Math.max(order, 0);
    }
    this.#retype(first, this.pageblockOrder, type);
    return moved;
  }

  /**
   * Keeps the page block of a frame for atomic allocations, unless enough are kept [mm/page_alloc.c:reserve_highatomic_pageblock].
   */
  reserveHighatomic(pfn: number): boolean {
    const blockPages = 2 ** this.pageblockOrder;
    if (this.highatomicPages >= highatomicLimit(this.count, blockPages)) return false;
    if (!isMergeable(this.typeOf(pfn))) return false;
    this.setType(pfn, 'highatomic');
    this.highatomicPages += blockPages;
    return true;
  }

  /** Gives one page block of the reserve with free pages back, to the type that needs it [unreserve_highatomic_pageblock]. */
  unreserveHighatomic(type: AllocationType): boolean {
    for (const [block, kept] of this.#types.entries()) {
      const first = block * 2 ** this.pageblockOrder;
      if (kept !== 'highatomic' || this.#freeIn(first) === 0) continue;
      this.setType(first, type);
      this.highatomicPages -= Math.min(this.highatomicPages, 2 ** this.pageblockOrder);
      return true;
    }
    return false;
  }

  /** kswapd has done what the boost asked for [mm/vmscan.c:balance_pgdat]. */
  clearBoost(): void {
    this.boostPages = 0;
  }

  done(): Pageblocks {
    invariant(!this.#sealed, 'an edit is sealed once');
    this.#sealed = true;
    const lists = byType((type) => this.#edits.get(type)?.done() ?? this.lists[type]);
    return new Pageblocks(this.pageblockOrder, lists, this.#types.done(), this);
  }

  /** The lists of a type, to be written. */
  #edit(type: MigrateType): BuddyEdit {
    invariant(!this.#sealed, 'nothing is written after done()');
    const begun = this.#edits.get(type);
    if (begun !== undefined) return begun;
    const edit = this.lists[type].edit();
    this.#edits.set(type, edit);
    this.lists[type] = edit;
    return edit;
  }

  #retype(pfn: number, order: number, type: MigrateType): void {
    const blocks = 2 ** Math.max(0, order - this.pageblockOrder);
    const first = Math.floor(pfn / 2 ** this.pageblockOrder);
    for (let block = first; block < first + blocks; block++) {
      if (type === 'movable') this.#types.delete(block);
      else this.#types.set(block, type);
    }
  }

  #freeIn(first: number): number {
    let free = 0;
    const end = Math.min(first + 2 ** this.pageblockOrder, this.base + this.count);
    for (let at = Math.max(first, this.base); at < end; ) {
      const order = this.freeOrderAt(at);
      if (order >= 0) free += 2 ** order;
      at += 2 ** Math.max(order, 0);
    }
    return free;
  }

  /** Takes a block of another type, and its whole page block where it may [mm/page_alloc.c:__rmqueue_fallback]. */
  #fallBack(order: number, wish: PageWish): number | null {
    const { maxOrder, pageblockOrder } = this;
    const counts = byType((type) => this.freeBlocksOf(type));
    const hasBlock = (at: number, type: MigrateType): boolean => counts[type][at] > 0;
    const { type, noFragment = false } = wish;
    const fallback = findFallback({ order, maxOrder, pageblockOrder, type, noFragment, hasBlock });
    return fallback === null ? null : this.#steal(order, fallback, wish);
  }

  /** [mm/page_alloc.c:steal_suitable_fallback] */
  #steal(order: number, fallback: Fallback, wish: PageWish): number | null {
    const { type, highMark = 0 } = wish;
    const pfn = leastOf(this.lists[fallback.type], fallback.order);
    const note = { order, fromOrder: fallback.order, type, from: fallback.type };
    if (fallback.order >= this.pageblockOrder) {
      this.#edit(fallback.type).allocAt(pfn, fallback.order);
      this.#retype(pfn, fallback.order, type);
      this.#edit(type).free(pfn, fallback.order);
      this.#edit(type).allocAt(pfn, order);
      this.steals.push({ ...note, pfn, retyped: true });
      return pfn;
    }
    this.boostPages = boostedPages(this, 2 ** this.pageblockOrder, highMark);
    const retyped = fallback.wholeBlock && this.#takesOver(pfn, fallback.type, wish);
    if (retyped) this.setType(pfn, type);
    // Once the block has its type, the smallest that will do is taken from all blocks of that type.
    const taken = retyped ? this.#edit(type).alloc(order) : pfn;
    if (!retyped) this.#edit(fallback.type).allocAt(pfn, order);
    if (taken !== null) this.steals.push({ ...note, pfn: taken, retyped });
    return taken;
  }

  #takesOver(pfn: number, blockType: AllocationType, wish: PageWish): boolean {
    const first = pfn - (pfn % 2 ** this.pageblockOrder);
    const nr = 2 ** this.pageblockOrder;
    // A page block that is not all in the zone is left alone.
    if (first < this.base || first + nr > this.base + this.count) return false;
    if (wish.ungrouped === true) return true;
    const movablePages = wish.movablePages?.(first, nr) ?? 0;
    const { pageblockOrder } = this;
    const freePages = this.#freeIn(first);
    return takesBlockOver({ type: wish.type, blockType, pageblockOrder, freePages, movablePages });
  }
}

/** The lowest free block of exactly an order, of which there is one. */
function leastOf(lists: Buddy, order: number): number {
  const pfn = lists.leastBlock(order);
  if (pfn === null) invariant(false, 'there is a free block of the order');
  return pfn;
}
