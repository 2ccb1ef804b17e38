/**
 * The free lists of a buddy allocator: for each order the set of its free blocks (`blockBits.ts`) and how many they are.
 * Everything that can merge has merged. So which frames are free says it all, and a block that was taken is undone by giving it
 * back: the journal holds blocks, not what was written for them. Frames are counted from the origin of the layout here.
 */
import { addBlock, addBlocks, hasAnyBlock, hasBlock, leastBlock, leastBlockFrom, removeBlock } from './blockBits.ts';
import type { BuddyLayout } from './buddyLayout.ts';
import { ChunkedArray } from './chunkedArray.ts';
import type { Store } from './versions.ts';

/** A block is noted as one number: its frame times this, and its order. */
const ORDERS = 32;
/** Items that are copied in the time that a block is given or taken in. */
const ITEMS_PER_BLOCK = 8;

/**
 * Free lists that are written in place.
 *
 * @example
 * ```ts
 * const lists = new FreeLists(new BuddyLayout(0, 16, 4));
 * lists.give(8, 3);
 * lists.takeLeast(1); // 8
 * [0, 1, 2, 3].map((order) => lists.blocks(order)); // [0, 1, 1, 0]
 * ```
 */
export class FreeLists implements Store<FreeLists> {
  readonly layout: BuddyLayout;
  readonly #words: ChunkedArray<number>;
  readonly #counts: number[];
  /** Blocks: those that were taken, and those that were given as the complement of their number. */
  readonly #journal: number[] = [];

  constructor(
    layout: BuddyLayout,
    words: ChunkedArray<number> = new ChunkedArray(0),
    counts: number[] = layout.levels.map(() => 0),
  ) {
    this.layout = layout;
    this.#words = words;
    this.#counts = counts;
  }

  get noted(): number {
    return this.#journal.length;
  }

  get copyCost(): number {
    return this.#words.copyCost / ITEMS_PER_BLOCK;
  }

  copy(): FreeLists {
    return new FreeLists(this.layout, this.#words.copy(), this.#counts.slice());
  }

  putBack(other: FreeLists, noted: number): void {
    const journal = other.#journal;
    for (let at = journal.length - 1; at >= noted; at--) {
      const entry = journal[at];
      const block = entry < 0 ? -1 - entry : entry;
      const order = block % ORDERS;
      const frame = (block - order) / ORDERS;
      if (entry < 0) this.#takeBlock(frame, order, this.#holding(frame, order));
      else this.#giveBlock(frame, order);
    }
  }

  /** Free blocks of an order. */
  blocks(order: number): number {
    return this.#counts[order];
  }

  /** Whether the frame of a block lies in a free block of its order or above. */
  has(frame: number, order: number): boolean {
    return this.#holding(frame, order) >= 0;
  }

  /** The order of the free block that holds a frame, -1 where there is none. */
  orderOf(frame: number): number {
    return this.#holding(frame, 0);
  }

  /** The first frame of the least free block of exactly an order, -1 where there is none. */
  leastOf(order: number): number {
    return this.#counts[order] === 0 ? -1 : leastBlock(this.#words, this.layout.levels[order]) << order;
  }

  /** Whether any frame of a block is free. */
  hasAny(frame: number, order: number): boolean {
    if (this.#holding(frame, order) >= 0) return true;
    const { levels } = this.layout;
    for (let at = 0; at < order; at++) {
      if (this.#counts[at] > 0 && hasAnyBlock(this.#words, levels[at], frame >>> at, order - at)) return true;
    }
    return false;
  }

  /** Takes the least block there is of the least order that has any, from an order on; -1 where none has. */
  takeLeast(order: number): number {
    const { maxOrder, levels } = this.layout;
    for (let from = order; from <= maxOrder; from++) {
      if (this.#counts[from] === 0) continue;
      const frame = leastBlock(this.#words, levels[from]) << from;
      this.#takeBlock(frame, order, from);
      this.#journal.push(frame * ORDERS + order);
      return frame;
    }
    return -1;
  }

  /** Takes a block; false where not all of it is free. */
  take(frame: number, order: number): boolean {
    const from = this.#holding(frame, order);
    if (from < 0) return false;
    this.#takeBlock(frame, order, from);
    this.#journal.push(frame * ORDERS + order);
    return true;
  }

  /** Gives a block none of which is free. */
  give(frame: number, order: number): void {
    this.#giveBlock(frame, order);
    this.#journal.push(-1 - (frame * ORDERS + order));
  }

  /** Puts in blocks that follow one another, of which none merges, before there are versions. */
  fill(frame: number, order: number, blocks: number): void {
    addBlocks(this.#words, this.layout.levels[order], frame >>> order, blocks);
    this.#counts[order] += blocks;
  }

  /** The free blocks of an order: the number of the first of several that follow one another, and how many they are, in turn. */
  runs(order: number): number[] {
    const { blocks, levels } = this.layout;
    const bits = levels[order];
    const end = blocks[order];
    const runs: number[] = [];
    for (let first = leastBlockFrom(this.#words, bits, end, 0); first >= 0; ) {
      let after = first + 1;
      while (after < end && hasBlock(this.#words, bits, after)) after++;
      runs.push(first, after - first);
      first = leastBlockFrom(this.#words, bits, end, after);
    }
    return runs;
  }

  /** The order of the free block that holds a block, -1 where there is none. */
  #holding(frame: number, order: number): number {
    const { maxOrder, levels } = this.layout;
    for (let at = order; at <= maxOrder; at++) {
      if (this.#counts[at] > 0 && hasBlock(this.#words, levels[at], frame >>> at)) return at;
    }
    return -1;
  }

  /** Takes a block out of the free one of an order that holds it; the other halves of what that is split into are free (`expand`). */
  #takeBlock(frame: number, order: number, from: number): void {
    const { levels } = this.layout;
    removeBlock(this.#words, levels[from], frame >>> from);
    this.#counts[from]--;
    for (let half = from - 1; half >= order; half--) {
      addBlock(this.#words, levels[half], (frame >>> half) ^ 1);
      this.#counts[half]++;
    }
  }

  /** Merges a block with its buddy as long as that is free (`__free_one_page`). */
  #giveBlock(frame: number, order: number): void {
    const { maxOrder, levels } = this.layout;
    let at = order;
    let block = frame >>> order;
    while (at < maxOrder && this.#counts[at] > 0 && hasBlock(this.#words, levels[at], block ^ 1)) {
      removeBlock(this.#words, levels[at], block ^ 1);
      this.#counts[at]--;
      block >>>= 1;
      at++;
    }
    addBlock(this.#words, levels[at], block);
    this.#counts[at]++;
  }
}
