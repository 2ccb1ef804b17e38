/**
 * The shape of a page table tree and everything that can be read from one: entries, hardware walks, tables in use.
 */
import type { Geometry } from '../arch/granule.ts';
import type { IntMap, IntMapEdit } from './intMap.ts';

/**
 * Entries that one write copies at most: small enough to copy in passing, large enough to keep trees shallow.
 *
 * @example
 * ```ts
 * CHUNK_ENTRIES; // 64
 * ```
 */
export const CHUNK_ENTRIES = 64;
const CHUNK_SHIFT = Math.log2(CHUNK_ENTRIES);

/**
 * A stretch of consecutive entries. A plain array of doubles: its copy is one allocation, that of a typed array is several.
 *
 * @example
 * ```ts
 * const chunk: Chunk = Array.from({ length: CHUNK_ENTRIES }, () => 0);
 * chunk.length; // 64
 * ```
 */
export type Chunk = number[];

/**
 * One table of level 3. Only the edit that owns it may write to it.
 *
 * @example
 * ```ts
 * const table: LeafTable = { owner: null, used: 0, own: [], chunks: [] };
 * table.used; // 0
 * ```
 */
export interface LeafTable {
  owner: object | null;
  /** Entries that are not none. */
  used: number;
  /** Places of the chunks that the owner has made, and may write to: whoever reads an entry passes over nothing of it. */
  own: number[];
  chunks: (Chunk | undefined)[];
}

/**
 * The trees and counts of one version.
 *
 * @example
 * ```ts
 * const trees: Trees<IntMap<LeafTable>, IntMap<number>> = {
 *   geometry: geometryOf(65536, 42), leaves: IntMap.empty(), uppers: [], entryCount: 0, presentCount: 0,
 * };
 * new PageTable(trees).tableCount; // [1, 0]
 * ```
 */
export interface Trees<L, U> {
  geometry: Geometry;
  leaves: L;
  /** For each level between top and 3: table index to number of tables below it. */
  uppers: U[];
  entryCount: number;
  presentCount: number;
}

/**
 * What can be asked of a page table, sealed or in the middle of an edit.
 *
 * @example
 * ```ts
 * const readers: PageTableReader[] = [PageTable.empty(4096), PageTable.empty(4096).edit()];
 * readers.map((reader) => reader.get(0)); // [0, 0]
 * ```
 */
export abstract class PageTableReader {
  readonly geometry: Geometry;
  protected readonly leafSpanBytes: number;
  private readonly leafEntries: number;

  constructor(geometry: Geometry) {
    this.geometry = geometry;
    const leaf = geometry.levels[geometry.levels.length - 1];
    this.leafSpanBytes = leaf.tableSpanBytes;
    this.leafEntries = leaf.entries;
  }

  protected abstract readonly leaves: IntMap<LeafTable> | IntMapEdit<LeafTable>;
  protected abstract readonly uppers: readonly (IntMap<number> | IntMapEdit<number>)[];
  /** Entries that are not none. */
  abstract readonly entryCount: number;
  /** Entries that are valid or PROT_NONE. */
  abstract readonly presentCount: number;

  /** The entry for any address in the page, 0 when none. */
  get(va: number): number {
    const table = this.leaves.get(Math.floor(va / this.leafSpanBytes));
    return table === undefined ? 0 : this.entryIn(table, va);
  }

  /**
   * What a hardware walk from the root does: the entry (0 when none), how many descriptors it reads until it ends, and
   * the level of the last one read. It reads the entry of a missing table, then stops.
   */
  walk(va: number): { pte: number; levelsRead: number; endLevel: number } {
    const { levels } = this.geometry;
    const table = this.leaves.get(Math.floor(va / this.leafSpanBytes));
    if (table !== undefined) return { pte: this.entryIn(table, va), levelsRead: levels.length, endLevel: 3 };
    let levelsRead = 1;
    while (levelsRead < levels.length - 1) {
      if (!this.uppers[levelsRead - 1].has(Math.floor(va / levels[levelsRead].tableSpanBytes))) break;
      levelsRead++;
    }
    return { pte: 0, levelsRead, endLevel: levels[levelsRead - 1].level };
  }

  /** Calls `visit` for every entry that is not none in [startVa, endVa), ascending, until it returns false. */
  forEach(startVa: number, endVa: number, visit: (va: number, pte: number) => unknown): void {
    const { granuleBytes } = this.geometry;
    const lastEntries = this.leafSpanBytes / granuleBytes;
    const from = Math.floor(startVa / granuleBytes);
    const to = Math.ceil(endVa / granuleBytes);
    this.leaves.forEach(
      Math.floor(startVa / this.leafSpanBytes),
      Math.ceil(endVa / this.leafSpanBytes),
      (index, table) => {
        const { chunks } = table;
        const first = Math.max(0, Math.floor(from / CHUNK_ENTRIES) - index * (lastEntries / CHUNK_ENTRIES));
        for (let position = first; position < chunks.length; position++) {
          const chunk = chunks[position];
          if (chunk === undefined) continue;
          const firstPage = index * lastEntries + position * CHUNK_ENTRIES;
          const end = Math.min(CHUNK_ENTRIES, to - firstPage);
          if (end <= 0) break;
          for (let slot = Math.max(0, from - firstPage); slot < end; slot++) {
            const pte = chunk[slot];
            if (pte !== 0 && visit((firstPage + slot) * granuleBytes, pte) === false) return false;
          }
        }
        return true;
      },
    );
  }

  /** Calls `visit` for the entries of every chunk there is, ascending: some of them may be none. */
  forEachChunk(visit: (firstPage: number, ptes: readonly number[]) => void): void {
    const { leafEntries } = this;
    this.leaves.forEach(0, Number.MAX_SAFE_INTEGER, (index, table) => {
      for (let position = 0; position < table.chunks.length; position++) {
        const chunk = table.chunks[position];
        if (chunk !== undefined) visit(index * leafEntries + position * CHUNK_ENTRIES, chunk);
      }
    });
  }

  /** Tables there are, by level from the top down (the order of `geometry.levels`); the root is always there. */
  get tableCount(): number[] {
    return this.geometry.levels.map((_level, depth) => this.tablesAt(depth));
  }

  /** Tables of one level, the root's being depth 0. */
  tablesAt(depth: number): number {
    if (depth === 0) return 1;
    return depth <= this.uppers.length ? this.uppers[depth - 1].size : this.leaves.size;
  }

  /** Whether the table of level 3 around an address is there. */
  hasLeafTable(va: number): boolean {
    return this.leaves.has(Math.floor(va / this.leafSpanBytes));
  }

  /** Indexes (va / span) of the tables of level 3 that there are around [startVa, endVa), ascending. */
  leafTables(startVa: number, endVa: number): number[] {
    const found: number[] = [];
    this.leaves.forEach(Math.floor(startVa / this.leafSpanBytes), Math.ceil(endVa / this.leafSpanBytes), (index) => {
      found.push(index);
    });
    return found;
  }

  /** Bytes of all tables. */
  get tableBytes(): number {
    const { levels } = this.geometry;
    let bytes = 0;
    for (let depth = 0; depth < levels.length; depth++) bytes += this.tablesAt(depth) * levels[depth].tableBytes;
    return bytes;
  }

  /** Tables to allocate before every page of [startVa, endVa) can have an entry, by level from the top down. */
  tablesMissing(startVa: number, endVa: number): number[] {
    const maps = [...this.uppers, this.leaves];
    return this.geometry.levels.map((level, depth) => {
      if (depth === 0 || startVa >= endVa) return 0;
      const from = Math.floor(startVa / level.tableSpanBytes);
      const to = Math.ceil(endVa / level.tableSpanBytes);
      let missing = to - from;
      maps[depth - 1].forEach(from, to, () => {
        missing--;
      });
      return missing;
    });
  }

  /** The place of a page's entry in its table of level 3: division, since `%` of large numbers costs ten times as much. */
  protected entryNumber(va: number): number {
    return Math.floor(va / this.geometry.granuleBytes) & (this.leafEntries - 1);
  }

  protected entryIn(table: LeafTable, va: number): number {
    const entry = this.entryNumber(va);
    const chunk = table.chunks[entry >> CHUNK_SHIFT];
    return chunk === undefined ? 0 : chunk[entry & (CHUNK_ENTRIES - 1)];
  }
}
