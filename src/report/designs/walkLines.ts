/** The cache lines of page tables that walks read: how many there are, and how often one has to come from farther away. */
import { geometryOf } from '../../arch/granule.ts';

/** Descriptors of eight bytes in a cache line of 64. */
const DESCRIPTORS_PER_LINE = 8;
/**
 * Lines of tables that stay near the core: 16 KiB of a first-level cache of 64 KiB, which data has too. An assumption: no manual tells what
 * share tables keep.
 */
export const NEAR_LINES = 256;
/** Levels are told apart in a key by this factor: no line number of a 48-bit address reaches it. */
const LEVEL_FACTOR = 2 ** 48;

/** What walks read. */
export interface WalkLineCounts {
  /** Levels that the walks would have read without walk caches. */
  levels: number;
  /** Descriptors read. */
  reads: number;
  /** Different lines read. */
  lines: number;
  /** Reads whose line was not among the `NEAR_LINES` lines read last. */
  lineMisses: number;
}

/**
 * Follows the walks of one process.
 *
 * @example
 * ```ts
 * const walks = new WalkLines();
 * walks.walk(0x200000000, 4096, 4, 0);
 * walks.walk(0x200001000, 4096, 4, 3);
 * walks.counts(); // { levels: 8, reads: 5, lines: 4, lineMisses: 4 }
 * ```
 */
export class WalkLines {
  #levels = 0;
  #reads = 0;
  #lineMisses = 0;
  readonly #seen = new Set<number>();
  /** Lines from the one read longest ago on. */
  readonly #near = new Set<number>();

  /** A walk for `va` through tables of a granule that came to a depth of `levels`, the first `skipped` of them out of a walk cache. */
  walk(va: number, granuleBytes: number, levels: number, skipped: number): void {
    this.#levels += levels;
    const geometry = geometryOf(granuleBytes).levels;
    // What is cached saves no more than all but the last descriptor.
    for (let depth = Math.min(skipped, levels - 1); depth < levels; depth++) {
      const spanBytes = geometry[depth]?.entrySpanBytes ?? granuleBytes;
      this.#read(depth * LEVEL_FACTOR + Math.floor(va / spanBytes / DESCRIPTORS_PER_LINE));
    }
  }

  #read(line: number): void {
    this.#reads += 1;
    this.#seen.add(line);
    if (!this.#near.delete(line)) {
      this.#lineMisses += 1;
      if (this.#near.size >= NEAR_LINES) {
        const [oldest] = this.#near;
        if (oldest !== undefined) this.#near.delete(oldest);
      }
    }
    this.#near.add(line);
  }

  counts(): WalkLineCounts {
    return { levels: this.#levels, reads: this.#reads, lines: this.#seen.size, lineMisses: this.#lineMisses };
  }
}
