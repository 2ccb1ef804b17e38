/**
 * An array without end, whose copies share what neither of them has written since: what structures lie in that are much larger
 * than what changes of them.
 */
import { invariant } from '../errors.ts';

const CHUNK_BITS = 9;
const CHUNK = 2 ** CHUNK_BITS;

/**
 * The bits of an index that are its place in a chunk.
 *
 * @example
 * ```ts
 * 1000 & CHUNK_MASK; // 488
 * ```
 */
export const CHUNK_MASK = CHUNK - 1;

/** As far as `>>>` and `&` reach without a sign. */
const MAX_INDEX = 2 ** 31 - 1;

function emptyChunk<T>(nothing: T): T[] {
  return Array.from({ length: CHUNK }, () => nothing);
}

/**
 * Items by their number, all of them the same until they are set.
 *
 * @throws GranuleError INVARIANT for an index that is negative or above 2^31 - 1
 * @example
 * ```ts
 * const array = new ChunkedArray<number>(0);
 * array.set(7, 70);
 * const copy = array.copy();
 * array.set(7, 77);
 * [array.get(7), copy.get(7), array.get(8)]; // [77, 70, 0]
 * ```
 */
export class ChunkedArray<T> {
  /** How many items a copy copies, by itself and by what is written after it to what is shared then. */
  copyCost: number;
  readonly #nothing: T;
  /** In the place of chunks that nothing was written to. */
  readonly #empty: readonly T[];
  readonly #chunks: (readonly T[])[];
  /** Those of the chunks that no copy has, to be written; null where one has. */
  readonly #own: (T[] | null)[];

  constructor(nothing: T, chunks: (readonly T[])[] = [], empty: readonly T[] = emptyChunk(nothing)) {
    this.#nothing = nothing;
    this.#empty = empty;
    this.#chunks = chunks;
    this.#own = chunks.map(() => null);
    this.copyCost = CHUNK + chunks.length;
  }

  get(index: number): T {
    const at = index >>> CHUNK_BITS;
    return at < this.#chunks.length ? this.#chunks[at][index & CHUNK_MASK] : this.#nothing;
  }

  set(index: number, item: T): void {
    this.chunk(index)[index & CHUNK_MASK] = item;
  }

  /** The chunk that an index lies in, at `CHUNK_MASK` of it: for who reads and writes in one go. It holds until the next copy. */
  chunk(index: number): T[] {
    const at = index >>> CHUNK_BITS;
    return (at < this.#own.length ? this.#own[at] : null) ?? this.#ownChunk(index);
  }

  /** The least index from `from` on, below `to`, that an item was set at which is not the one all begin with; -1 where none is. */
  next(from: number, to: number): number {
    const end = Math.min(to, this.#chunks.length * CHUNK);
    for (let index = from; index < end; ) {
      const chunk = this.#chunks[index >>> CHUNK_BITS];
      const chunkEnd = Math.min(end, (index | CHUNK_MASK) + 1);
      if (chunk === this.#empty) index = chunkEnd;
      for (; index < chunkEnd; index++) if (chunk[index & CHUNK_MASK] !== this.#nothing) return index;
    }
    return -1;
  }

  /** The same items, apart from these from now on. */
  copy(): ChunkedArray<T> {
    this.#own.fill(null);
    this.copyCost = CHUNK + this.#chunks.length;
    return new ChunkedArray(this.#nothing, this.#chunks.slice(), this.#empty);
  }

  /** Makes the chunk of an index one that may be written. */
  #ownChunk(index: number): T[] {
    invariant(index >= 0 && index <= MAX_INDEX, `an index is 0 to ${MAX_INDEX}`);
    const at = index >>> CHUNK_BITS;
    while (this.#chunks.length <= at) {
      this.#chunks.push(this.#empty);
      this.#own.push(null);
    }
    const chunk = this.#chunks[at].slice();
    this.#chunks[at] = chunk;
    this.#own[at] = chunk;
    this.copyCost += CHUNK;
    return chunk;
  }
}
