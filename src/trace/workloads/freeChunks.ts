/** The free chunks of an arena that are in bins: small ones by size, large ones sorted, the unsorted ones as they came. */

/** Below this, a bin holds chunks of one size (`malloc.c:MIN_LARGE_SIZE`). */
const LARGE_BYTES = 1024;

/** How large chunks are sorted into bins (`largebin_index_64`): by so many bits shifted out, up to a limit, from a number on. */
const LARGE_BINS = [
  { shift: 6, most: 48, first: 48 },
  { shift: 9, most: 20, first: 91 },
  { shift: 12, most: 10, first: 110 },
  { shift: 15, most: 4, first: 119 },
  { shift: 18, most: 2, first: 124 },
];
const LAST_BIN = 126;

function binOf(size: number): number {
  if (size < LARGE_BYTES) return size >> 4;
  const step = LARGE_BINS.find(({ shift, most }) => size >> shift <= most);
  return step === undefined ? LAST_BIN : step.first + (size >> step.shift);
}

/** Index of the first element that is not below a value. */
function firstFrom(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Free chunks by size and by their ends, so that neighbours find each other.
 *
 * @example
 * ```ts
 * const free = new FreeChunks();
 * free.add(0x1000, 64);
 * free.unsorted.pop();
 * free.file(0x1000);
 * free.bestFit(48); // 64
 * ```
 */
export class FreeChunks {
  /** Of chunks in bins and in the unsorted list. */
  readonly sizes = new Map<number, number>();
  /** Start of the free chunk that ends at an address. */
  readonly starts = new Map<number, number>();
  /** Chunks that came free lately, the one that came first at the front. */
  readonly unsorted: number[] = [];
  readonly #bins = new Map<number, number[]>();
  /** Sizes of which there are chunks, rising. */
  readonly #present: number[] = [];

  /** A chunk comes free: it is looked at when the next one is wanted. */
  add(chunk: number, size: number): void {
    this.sizes.set(chunk, size);
    this.starts.set(chunk + size, chunk);
    this.unsorted.push(chunk);
  }

  /** A chunk of the unsorted list goes to its bin. */
  file(chunk: number): void {
    const size = this.sizes.get(chunk) ?? 0;
    const bin = this.#bins.get(size);
    if (bin === undefined) {
      this.#bins.set(size, [chunk]);
      this.#present.splice(firstFrom(this.#present, size), 0, size);
    } else if (size < LARGE_BYTES) bin.push(chunk);
    // Of one size the first stays at its place: the list of sizes goes through it.
    else bin.splice(1, 0, chunk);
  }

  /** The smallest size from a size on of which there is a chunk; 0 for none. */
  bestFit(size: number): number {
    return this.#present[firstFrom(this.#present, size)] ?? 0;
  }

  /** How many chunks of a size there are in its bin. */
  count(size: number): number {
    return this.#bins.get(size)?.length ?? 0;
  }

  /** Takes a chunk of exactly that size from its bin, for a request of `wanted` bytes. */
  take(size: number, wanted: number): number {
    const bin = this.#bins.get(size) ?? [];
    // From the bin of the request the second of a size, so that the first keeps its place; from a larger bin its last.
    const ofLarge = binOf(size) === binOf(wanted) ? (bin[1] ?? bin[0]) : bin[bin.length - 1];
    const chunk = size < LARGE_BYTES ? bin[0] : ofLarge;
    this.forget(chunk);
    return chunk;
  }

  /** Takes a chunk out, wherever it is. */
  forget(chunk: number): void {
    const size = this.sizes.get(chunk) ?? 0;
    this.sizes.delete(chunk);
    this.starts.delete(chunk + size);
    const waiting = this.unsorted.indexOf(chunk);
    if (waiting >= 0) {
      this.unsorted.splice(waiting, 1);
      return;
    }
    const bin = this.#bins.get(size) ?? [];
    bin.splice(bin.indexOf(chunk), 1);
    if (bin.length > 0) return;
    this.#bins.delete(size);
    this.#present.splice(firstFrom(this.#present, size), 1);
  }
}
