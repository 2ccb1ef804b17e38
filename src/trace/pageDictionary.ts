import { invariant } from '../errors.ts';

/** Slots of the hash table at the start: a power of two, so that a mask replaces a division. */
const FIRST_CAPACITY = 1 << 12;
/** Fibonacci hashing constant, 2^32 divided by the golden ratio: spreads neighbouring pages over the table. */
const HASH_MULTIPLIER = 0x9e3779b1;
/** A slot whose page was forgotten: the key stays so that probing goes on past it, and a new index replaces it. */
const FORGOTTEN = -1;
/** Page numbers are non-negative, so this key marks a free slot. */
const FREE = -1;

/**
 * The page dictionary of a trace: gives every (mapping instance, 4K page) an index, in the order of first access.
 * When a range is unmapped or mapped anew its pages are forgotten, so the next access to one of them gets a new index.
 * That is what makes laying a trace out again a matter of rewriting the dictionary and nothing else.
 *
 * @example
 * ```ts
 * const pages = new PageDictionary();
 * pages.indexOf(0x401); // 0
 * pages.forget(0x400, 0x500);
 * pages.indexOf(0x401); // 1
 * ```
 */
export class PageDictionary {
  /** What each index was used for: bit RUN_FETCH, RUN_READ or RUN_WRITE set (`1 << kind`). */
  usage: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  private count = 0;
  private numbers: Float64Array = new Float64Array(FIRST_CAPACITY);
  private keys: Float64Array = new Float64Array(FIRST_CAPACITY).fill(FREE);
  private values: Int32Array = new Int32Array(FIRST_CAPACITY);
  private filled = 0;
  private readonly born: (index: number, page: number) => void;

  /** `born` is told of every new index, with its 4K page number. */
  constructor(born: (index: number, page: number) => void = () => {}) {
    this.born = born;
  }

  /** How many indexes there are. */
  get size(): number {
    return this.count;
  }

  /** The 4K page number of every index: a copy. */
  pageNumbers(): Float64Array {
    return this.numbers.slice(0, this.count);
  }

  /** The index of a 4K page number (0 to 2^52 - 1); a new one when it has none. */
  indexOf(page: number): number {
    let slot = this.slotOf(page);
    if (this.keys[slot] === page && this.values[slot] !== FORGOTTEN) return this.values[slot];
    if (this.keys[slot] === FREE) {
      if (this.filled * 2 >= this.keys.length) {
        this.grow();
        slot = this.slotOf(page);
      }
      this.filled += 1;
      this.keys[slot] = page;
    }
    const index = this.append(page);
    this.values[slot] = index;
    this.born(index, page);
    return index;
  }

  /** Forgets the pages from `first` up to but without `end`: their next access makes a new mapping instance. */
  forget(first: number, end: number): void {
    invariant(first <= end, 'a range of pages ends after it begins');
    if (end - first <= this.filled) {
      for (let page = first; page < end; page += 1) {
        const slot = this.slotOf(page);
        if (this.keys[slot] === page) this.values[slot] = FORGOTTEN;
      }
      return;
    }
    for (let slot = 0; slot < this.keys.length; slot += 1) {
      if (this.keys[slot] >= first && this.keys[slot] < end) this.values[slot] = FORGOTTEN;
    }
  }

  private slotOf(page: number): number {
    const mask = this.keys.length - 1;
    // The high half of a 52-bit page number is folded in: |0 alone would drop it.
    const folded = (page | 0) ^ Math.imul(Math.floor(page / 2 ** 32), 0x85ebca6b);
    let slot = (Math.imul(folded, HASH_MULTIPLIER) >>> 12) & mask;
    while (this.keys[slot] !== page && this.keys[slot] !== FREE) slot = (slot + 1) & mask;
    return slot;
  }

  private append(page: number): number {
    if (this.count === this.numbers.length) {
      const numbers = new Float64Array(this.count * 2);
      numbers.set(this.numbers);
      this.numbers = numbers;
      const usage = new Uint8Array(this.count * 2);
      usage.set(this.usage);
      this.usage = usage;
    }
    this.numbers[this.count] = page;
    this.count += 1;
    return this.count - 1;
  }

  private grow(): void {
    const { keys, values } = this;
    this.keys = new Float64Array(keys.length * 2).fill(FREE);
    this.values = new Int32Array(keys.length * 2);
    this.filled = 0;
    for (let slot = 0; slot < keys.length; slot += 1) {
      if (keys[slot] === FREE || values[slot] === FORGOTTEN) continue;
      const to = this.slotOf(keys[slot]);
      this.keys[to] = keys[slot];
      this.values[to] = values[slot];
      this.filled += 1;
    }
  }
}
