/** Folios by their first frame, with a journal of what was there before. */
import { ChunkedArray } from './chunkedArray.ts';
import type { Folio } from './frames.ts';
import type { Store } from './versions.ts';

/**
 * The last frame that there can be: as many as a `ChunkedArray` has places for, 8 TiB of the smallest pages.
 *
 * @example
 * ```ts
 * MAX_FRAME; // 2147483647
 * ```
 */
export const MAX_FRAME = 2 ** 31 - 1;

/** Items that are copied in the time that a folio is put back in. */
const ITEMS_PER_FOLIO = 2;

/**
 * A table of folios that is written in place. The caller sees to it that they do not overlap.
 *
 * @example
 * ```ts
 * const heads = new FolioHeads();
 * heads.add({ pfn: 16, order: 2, refs: 1, pins: 0, owner: 'mm:1', kind: 'anon', lazyFree: false, large: null });
 * heads.find(19)?.pfn; // 16
 * heads.find(20); // null
 * ```
 */
export class FolioHeads implements Store<FolioHeads> {
  readonly #heads: ChunkedArray<Folio | null>;
  /** A folio that was there before, or the frame of one that was not. */
  readonly #journal: (Folio | number)[] = [];

  constructor(heads: ChunkedArray<Folio | null> = new ChunkedArray<Folio | null>(null)) {
    this.#heads = heads;
  }

  get noted(): number {
    return this.#journal.length;
  }

  get copyCost(): number {
    return this.#heads.copyCost / ITEMS_PER_FOLIO;
  }

  copy(): FolioHeads {
    return new FolioHeads(this.#heads.copy());
  }

  putBack(other: FolioHeads, noted: number): void {
    const journal = other.#journal;
    for (let at = journal.length - 1; at >= noted; at--) {
      const entry = journal[at];
      if (typeof entry === 'number') this.#heads.set(entry, null);
      else this.#heads.set(entry.pfn, entry);
    }
  }

  /** The folio that a frame lies in, head or tail, or null. */
  find(pfn: number): Folio | null {
    // A head is aligned to the size of its folio, so it is the frame with some of its low bits cleared.
    let head = pfn;
    for (;;) {
      const folio = this.#heads.get(head);
      // What begins nearest below a frame holds it or ends before it; nothing that begins before that reaches as far.
      if (folio !== null) return pfn - head < 1 << folio.order ? folio : null;
      if (head === 0) return null;
      head &= head - 1;
    }
  }

  /** The first folio whose head lies in [from, to), or null. */
  next(from: number, to: number): Folio | null {
    const pfn = this.#heads.next(from, to);
    return pfn < 0 ? null : this.#heads.get(pfn);
  }

  add(folio: Folio): void {
    this.#journal.push(folio.pfn);
    this.#heads.set(folio.pfn, folio);
  }

  /** Puts a folio in the place of one of the same frames. */
  replace(before: Folio, after: Folio): void {
    this.#journal.push(before);
    this.#heads.set(before.pfn, after);
  }

  remove(folio: Folio): void {
    this.#journal.push(folio);
    this.#heads.set(folio.pfn, null);
  }
}
