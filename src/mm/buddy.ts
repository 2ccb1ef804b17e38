/**
 * A binary buddy allocator over one stretch of frames, persistent. It follows mm/page_alloc.c: a request takes the
 * smallest block that is large enough, splits it and keeps the lower half (`expand`); a freed block merges with its
 * buddy as long as that is free (`__free_one_page`).
 *
 * Which of several equal blocks is taken, Linux leaves to the order of its free lists. Here it is always the one with
 * the lowest address, so that a run can be repeated and read. Migrate types are not modelled.
 */
import { invariant } from '../errors.ts';
import { IntMap, IntMapEdit } from './intMap.ts';

/** A free block holds nothing but its being free. */
type FreeList = IntMap<true>;

/**
 * A buddy allocator as plain data: for each order, pairs of the block number (frame / 2^order) of the first of
 * consecutive free blocks and how many there are.
 *
 * @example
 * ```ts
 * const plain: BuddyPlain = Buddy.create(0, 16, 3).toPlain();
 * plain.free; // [[], [], [], [0, 2]]
 * ```
 */
export interface BuddyPlain {
  base: number;
  count: number;
  maxOrder: number;
  free: number[][];
}

/**
 * How broken up free memory is, for one order.
 *
 * @example
 * ```ts
 * const fragmentation: Fragmentation = Buddy.create(0, 1024, 10).fragmentation(9);
 * fragmentation.index; // -1000
 * ```
 */
export interface Fragmentation {
  /**
   * -1000: a block of the order is free. Else 0 to 1000: towards 0 an allocation would fail for lack of memory, towards
   * 1000 for fragmentation [mm/vmstat.c:__fragmentation_index].
   */
  index: number;
  /** Free memory that blocks of the order cannot use, in thousandths [mm/vmstat.c:unusable_free_index]. */
  unusable: number;
}

/** What can be asked of an allocator, sealed or in the middle of an edit. */
abstract class BuddyReader {
  /** First frame. */
  readonly base: number;
  /** Frames managed. */
  readonly count: number;
  /** MAX_PAGE_ORDER. */
  readonly maxOrder: number;

  constructor(base: number, count: number, maxOrder: number) {
    this.base = base;
    this.count = count;
    this.maxOrder = maxOrder;
  }

  protected abstract readonly lists: readonly (FreeList | IntMapEdit<true>)[];
  /** Free frames. */
  abstract readonly freeFrames: number;

  /** Free blocks of each order, from 0 to MAX_PAGE_ORDER: a line of /proc/buddyinfo. */
  get buddyinfo(): number[] {
    return this.lists.map((blocks) => blocks.size);
  }

  /** The largest order with a free block, or -1. */
  get largestFreeOrder(): number {
    return this.lists.findLastIndex((blocks) => blocks.size > 0);
  }

  /** Whether a block of the order could be had without any reclaim. */
  canAlloc(order: number): boolean {
    return this.largestFreeOrder >= order;
  }

  /** Whether the frame is free. */
  isFree(pfn: number): boolean {
    return this.lists.some((blocks, order) => blocks.has(Math.floor(pfn / 2 ** order)));
  }

  /** How broken up free memory is for blocks of the order. */
  fragmentation(order: number): Fragmentation {
    const freeFrames = this.freeFrames;
    const blocks = this.lists.reduce((total, list) => total + list.size, 0);
    const suitable = this.lists.reduce(
      (total, list, at) => total + (at < order ? 0 : list.size * 2 ** (at - order)),
      0,
    );
    const requested = 2 ** order;
    const unusable = freeFrames === 0 ? 1000 : Math.floor(((freeFrames - suitable * requested) * 1000) / freeFrames);
    if (blocks === 0) return { index: 0, unusable };
    if (suitable > 0) return { index: -1000, unusable };
    return { index: 1000 - Math.floor((1000 + Math.floor((freeFrames * 1000) / requested)) / blocks), unusable };
  }
}

/**
 * A sealed allocator. Blocks are allocated and freed on `edit()`.
 *
 * @throws GranuleError INVARIANT for a stretch that is empty or a negative order
 * @example
 * ```ts
 * const edit = Buddy.create(0, 1024, 10).edit();
 * edit.alloc(4); // 0
 * edit.alloc(4); // 16
 * edit.done().buddyinfo; // [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0]
 * ```
 */
export class Buddy extends BuddyReader {
  protected readonly lists: readonly FreeList[];
  readonly freeFrames: number;

  constructor(
    base: number,
    count: number,
    maxOrder: number,
    lists: readonly FreeList[],
    freeFrames = lists.reduce((frames, blocks, order) => frames + blocks.size * 2 ** order, 0),
  ) {
    super(base, count, maxOrder);
    this.lists = lists;
    this.freeFrames = freeFrames;
  }

  /** All of [base, base + count) free, in the largest aligned blocks there are [mm/memblock.c:__free_pages_memory]. */
  static create(base: number, count: number, maxOrder: number): Buddy {
    invariant(Number.isSafeInteger(base) && base >= 0, 'the first frame is a non-negative integer');
    invariant(Number.isSafeInteger(count) && count > 0, 'there is at least one frame');
    invariant(Number.isInteger(maxOrder) && maxOrder >= 0, 'an order is a non-negative integer');
    const lists = Array.from({ length: maxOrder + 1 }, () => IntMap.empty<true>().edit());
    for (let pfn = base; pfn < base + count; ) {
      let order = maxOrder;
      while (pfn % 2 ** order !== 0 || pfn + 2 ** order > base + count) order--;
      lists[order].set(pfn / 2 ** order, true);
      pfn += 2 ** order;
    }
    return new Buddy(
      base,
      count,
      maxOrder,
      lists.map((list) => list.done()),
    );
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: BuddyPlain): Buddy {
    const lists = plain.free.map((runs) => {
      const list = IntMap.empty<true>().edit();
      for (let at = 0; at < runs.length; at += 2) {
        for (let block = 0; block < runs[at + 1]; block++) list.set(runs[at] + block, true);
      }
      return list.done();
    });
    return new Buddy(plain.base, plain.count, plain.maxOrder, lists);
  }

  toPlain(): BuddyPlain {
    const free = this.lists.map((list) => {
      const runs: number[] = [];
      list.forEach(0, this.base + this.count, (block) => {
        const end = runs.length === 0 ? -1 : runs[runs.length - 2] + runs[runs.length - 1];
        if (block === end) runs[runs.length - 1]++;
        else runs.push(block, 1);
      });
      return runs;
    });
    return { base: this.base, count: this.count, maxOrder: this.maxOrder, free };
  }

  /** A private version to write to; this one stays as it is. */
  edit(): BuddyEdit {
    return new BuddyEdit(this, this.lists);
  }
}

/**
 * A private version of an allocator. `done()` seals it.
 *
 * @throws GranuleError INVARIANT for a frame outside the stretch, an unaligned block, or a block freed twice
 * @example
 * ```ts
 * const edit = Buddy.create(0, 16, 4).edit();
 * const pfn = edit.alloc(2) ?? -1;
 * edit.free(pfn, 2);
 * edit.largestFreeOrder; // 4
 * ```
 */
export class BuddyEdit extends BuddyReader {
  protected readonly lists: (FreeList | IntMapEdit<true>)[];
  freeFrames: number;

  constructor(from: BuddyReader, lists: readonly FreeList[]) {
    super(from.base, from.count, from.maxOrder);
    this.lists = lists.slice();
    this.freeFrames = from.freeFrames;
  }

  /** The first frame of a block of 2^order frames, or null when no block is large enough. */
  alloc(order: number): number | null {
    invariant(Number.isInteger(order) && order >= 0, 'an order is a non-negative integer');
    for (let from = order; from <= this.maxOrder; from++) {
      const block = this.lists[from].first();
      if (block === null) continue;
      this.writable(from).delete(block.key);
      this.freeFrames -= 2 ** order;
      const pfn = block.key * 2 ** from;
      for (let half = from - 1; half >= order; half--) this.writable(half).set(pfn / 2 ** half + 1, true);
      return pfn;
    }
    return null;
  }

  /** Takes one particular block; false when not all of it is free. */
  allocAt(pfn: number, order: number): boolean {
    this.checkBlock(pfn, order);
    let from = order;
    while (from <= this.maxOrder && !this.lists[from].has(Math.floor(pfn / 2 ** from))) from++;
    if (from > this.maxOrder) return false;
    this.writable(from).delete(Math.floor(pfn / 2 ** from));
    this.freeFrames -= 2 ** order;
    for (let half = from - 1; half >= order; half--) {
      const block = Math.floor(pfn / 2 ** half);
      this.writable(half).set(block % 2 === 0 ? block + 1 : block - 1, true);
    }
    return true;
  }

  /** Gives a block back; it may be part of what `alloc` gave. Merges with free buddies. */
  free(pfn: number, order: number): void {
    this.checkBlock(pfn, order);
    invariant(!this.overlapsFree(pfn, order), 'a block is freed once');
    let at = order;
    let block = pfn / 2 ** order;
    while (at < this.maxOrder) {
      const buddy = block % 2 === 0 ? block + 1 : block - 1;
      if (!this.lists[at].has(buddy)) break;
      this.writable(at).delete(buddy);
      block = Math.floor(block / 2);
      at++;
    }
    this.writable(at).set(block, true);
    this.freeFrames += 2 ** order;
  }

  done(): Buddy {
    const lists = this.lists.map((list) => (list instanceof IntMapEdit ? list.done() : list));
    return new Buddy(this.base, this.count, this.maxOrder, lists, this.freeFrames);
  }

  /** The free list of an order, to write to: most edits touch few orders, so a list is opened when it is needed. */
  private writable(order: number): IntMapEdit<true> {
    const list = this.lists[order];
    if (list instanceof IntMapEdit) return list;
    const edit = list.edit();
    this.lists[order] = edit;
    return edit;
  }

  private checkBlock(pfn: number, order: number): void {
    invariant(Number.isInteger(order) && order >= 0 && order <= this.maxOrder, 'an order is one the allocator has');
    invariant(pfn % 2 ** order === 0, 'a block is aligned to its size');
    invariant(pfn >= this.base && pfn + 2 ** order <= this.base + this.count, 'a block lies in the managed stretch');
  }

  private overlapsFree(pfn: number, order: number): boolean {
    for (let at = 0; at <= this.maxOrder; at++) {
      const list = this.lists[at];
      if (list.size === 0) continue;
      const first = Math.floor(pfn / 2 ** at);
      if (at >= order) {
        if (list.has(first)) return true;
        continue;
      }
      const found = list.first(first);
      if (found !== null && found.key < (pfn + 2 ** order) / 2 ** at) return true;
    }
    return false;
  }
}
