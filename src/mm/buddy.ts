/**
 * A binary buddy allocator over one stretch of frames, persistent. It follows mm/page_alloc.c: a request takes the
 * smallest block that is large enough, splits it and keeps the lower half (`expand`); a freed block merges with its
 * buddy as long as that is free (`__free_one_page`).
 *
 * Which of several equal blocks is taken, Linux leaves to the order of its free lists. Here it is always the one with
 * the lowest address, so that a run can be repeated and read. Migrate types are not modelled.
 */
import { invariant } from '../errors.ts';
import { BuddyLayout } from './buddyLayout.ts';
import { FreeLists } from './freeLists.ts';
import { Version } from './versions.ts';

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

/**
 * An allocator: sealed, or in the middle of an edit, when blocks are allocated and freed until `done()` seals it. Both are one class
 * without a base: one is made for every allocation, and an object of a derived class costs several times as much to make.
 *
 * @throws GranuleError INVARIANT for a stretch that is empty or too long, a negative order, a frame outside the stretch, an unaligned
 *   block, a block freed twice, or a write to one that is sealed
 * @example
 * ```ts
 * const edit = Buddy.create(0, 1024, 10).edit();
 * edit.alloc(4); // 0
 * edit.alloc(4); // 16
 * edit.done().buddyinfo; // [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0]
 * ```
 */
export class Buddy {
  readonly #layout: BuddyLayout;
  readonly #version: Version<FreeLists>;
  #freeFrames: number;
  #isSealed: boolean;

  private constructor(layout: BuddyLayout, version: Version<FreeLists>, freeFrames: number, isSealed: boolean) {
    this.#layout = layout;
    this.#version = version;
    this.#freeFrames = freeFrames;
    this.#isSealed = isSealed;
  }

  /** Free frames. */
  get freeFrames(): number {
    return this.#freeFrames;
  }

  /** First frame. */
  get base(): number {
    return this.#layout.base;
  }

  /** Frames managed. */
  get count(): number {
    return this.#layout.count;
  }

  /** MAX_PAGE_ORDER. */
  get maxOrder(): number {
    return this.#layout.maxOrder;
  }

  /** Free blocks of each order, from 0 to MAX_PAGE_ORDER: a line of /proc/buddyinfo. */
  get buddyinfo(): number[] {
    const { store } = this.#version;
    return this.#layout.levels.map((_, order) => store.blocks(order));
  }

  /** The largest order with a free block, or -1. */
  get largestFreeOrder(): number {
    return this.buddyinfo.findLastIndex((blocks) => blocks > 0);
  }

  /** Whether so many blocks of the order could be had without any reclaim. */
  canAlloc(order: number, count = 1): boolean {
    const { store } = this.#version;
    let had = 0;
    for (let at = order; at <= this.#layout.maxOrder; at++) {
      had += store.blocks(at) * (1 << (at - order));
      if (had >= count) return true;
    }
    return false;
  }

  /** Whether the frame is free. */
  isFree(pfn: number): boolean {
    const { base, count, origin } = this.#layout;
    return pfn >= base && pfn < base + count && this.#version.store.has(pfn - origin, 0);
  }

  /** The order of the free block that the frame lies in, -1 where it is in use. */
  freeOrderAt(pfn: number): number {
    const { base, count, origin } = this.#layout;
    return pfn >= base && pfn < base + count ? this.#version.store.orderOf(pfn - origin) : -1;
  }

  /** The first frame of the lowest free block of exactly the order, or null. */
  leastBlock(order: number): number | null {
    const frame = this.#version.store.leastOf(order);
    return frame < 0 ? null : this.#layout.origin + frame;
  }

  /** How broken up free memory is for blocks of the order. */
  fragmentation(order: number): Fragmentation {
    const freeFrames = this.freeFrames;
    const free = this.buddyinfo;
    const blocks = free.reduce((total, count) => total + count, 0);
    const suitable = free.reduce((total, count, at) => total + (at < order ? 0 : count * 2 ** (at - order)), 0);
    const requested = 2 ** order;
    const unusable = freeFrames === 0 ? 1000 : Math.floor(((freeFrames - suitable * requested) * 1000) / freeFrames);
    if (blocks === 0) return { index: 0, unusable };
    if (suitable > 0) return { index: -1000, unusable };
    return { index: 1000 - Math.floor((1000 + Math.floor((freeFrames * 1000) / requested)) / blocks), unusable };
  }

  /** None of [base, base + count) free: blocks are given to it. */
  static none(base: number, count: number, maxOrder: number): Buddy {
    const lists = new FreeLists(new BuddyLayout(base, count, maxOrder));
    return new Buddy(lists.layout, new Version(lists), 0, true);
  }

  /** All of [base, base + count) free, in the largest aligned blocks there are [mm/memblock.c:__free_pages_memory]. */
  static create(base: number, count: number, maxOrder: number): Buddy {
    const lists = new FreeLists(new BuddyLayout(base, count, maxOrder));
    const { origin } = lists.layout;
    const end = base + count;
    for (let pfn = base; pfn < end; ) {
      let order = maxOrder;
      while (pfn % 2 ** order !== 0 || pfn + 2 ** order > end) order--;
      const blocks = order === maxOrder ? Math.floor((end - pfn) / 2 ** order) : 1;
      lists.fill(pfn - origin, order, blocks);
      pfn += blocks * 2 ** order;
    }
    return new Buddy(lists.layout, new Version(lists), count, true);
  }

  /** The inverse of `toPlain`. */
  static fromPlain({ base, count, maxOrder, free }: BuddyPlain): Buddy {
    const lists = new FreeLists(new BuddyLayout(base, count, maxOrder));
    const { origin } = lists.layout;
    let freeFrames = 0;
    for (const [order, runs] of free.entries()) {
      for (let at = 0; at < runs.length; at += 2) {
        lists.fill(runs[at] * 2 ** order - origin, order, runs[at + 1]);
        freeFrames += runs[at + 1] * 2 ** order;
      }
    }
    return new Buddy(lists.layout, new Version(lists), freeFrames, true);
  }

  toPlain(): BuddyPlain {
    const { base, count, maxOrder, origin, levels } = this.#layout;
    const { store } = this.#version;
    const free = levels.map((_, order) =>
      store.runs(order).map((number, at) => (at % 2 === 0 ? number + origin / 2 ** order : number)),
    );
    return { base, count, maxOrder, free };
  }

  /** A private version to write to; this one stays as it is. One that is given up makes this one dear to look at. */
  edit(): BuddyEdit {
    invariant(this.#isSealed, 'what is edited is sealed');
    return new Buddy(this.#layout, this.#version.next(), this.#freeFrames, false);
  }

  /** The first frame of a block of 2^order frames, or null when no block is large enough. */
  alloc(order: number): number | null {
    invariant(Number.isInteger(order) && order >= 0, 'an order is a non-negative integer');
    const frame = this.#writable.takeLeast(order);
    if (frame < 0) return null;
    this.#freeFrames -= 1 << order;
    return this.#layout.origin + frame;
  }

  /** Takes one particular block; false when not all of it is free. */
  allocAt(pfn: number, order: number): boolean {
    const isTaken = this.#writable.take(this.#frameOf(pfn, order), order);
    if (isTaken) this.#freeFrames -= 1 << order;
    return isTaken;
  }

  /** Gives a block back; it may be part of what `alloc` gave. Merges with free buddies. */
  free(pfn: number, order: number): void {
    const frame = this.#frameOf(pfn, order);
    const lists = this.#writable;
    invariant(!lists.hasAny(frame, order), 'a block is freed once');
    lists.give(frame, order);
    this.#freeFrames += 1 << order;
  }

  done(): Buddy {
    invariant(!this.#isSealed, 'an edit is sealed once');
    this.#isSealed = true;
    return this;
  }

  get #writable(): FreeLists {
    invariant(!this.#isSealed, 'nothing is written after done()');
    return this.#version.store;
  }

  /** The first frame of a block, counted from the origin. */
  #frameOf(pfn: number, order: number): number {
    const { base, count, maxOrder, origin } = this.#layout;
    invariant(Number.isInteger(order) && order >= 0 && order <= maxOrder, 'an order is one the allocator has');
    const span = 1 << order;
    invariant(pfn >= base && pfn + span <= base + count, 'a block lies in the managed stretch');
    const frame = pfn - origin;
    invariant((frame & -span) === frame, 'a block is aligned to its size');
    return frame;
  }
}

/** A private version of an allocator, not sealed yet. */
export type BuddyEdit = Buddy;
