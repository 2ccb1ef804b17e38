/**
 * A page table tree of one granule: persistent, and it accounts for every table that real hardware would need. Entries
 * live at level 3 only; a larger page is a run of entries, as Linux sees a PTE-mapped folio.
 *
 * Tables come with the first entry below them, and stay when their last entry goes: zapping frees none. Only
 * `freeEmptyTables` takes them away, as Linux does for the gap that an unmapping leaves [mm/memory.c:free_pgtables].
 */
import { geometryOf } from '../arch/granule.ts';
import { invariant } from '../errors.ts';
import { IntMap, type IntMapEdit } from './intMap.ts';
import { CHUNK_ENTRIES, type Chunk, type LeafTable, PageTableReader, type Trees } from './pageTableReader.ts';
import { type EntryRuns, type PageTablePacked, runsFromQuadruples, runsOf } from './pageTableForm.ts';
import { isPresent, packPte } from './pte.ts';

/**
 * A page table as plain data. `tables` lists, for each level below the top, the table indexes (va / span) ascending;
 * `runs` holds quadruples: page number, frame number, entries, flags.
 *
 * @example
 * ```ts
 * const plain: PageTablePlain = PageTable.empty(4096).toPlain();
 * plain.runs; // []
 * ```
 */
export interface PageTablePlain {
  granuleBytes: number;
  vaBits: number;
  tables: number[][];
  runs: number[];
}

/**
 * A sealed page table. Frame numbers in its entries count pages of its own granule.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE for another granule; INVARIANT for an address that is unaligned or too high
 * @example
 * ```ts
 * const edit = PageTable.empty(4096, 48).edit();
 * edit.set(0x400000, packPte(7, PTE.VALID));
 * const table = edit.done();
 * table.walk(0x400000).levelsRead; // 4
 * table.tableCount; // [1, 1, 1, 1]
 * ```
 */
export class PageTable extends PageTableReader {
  protected readonly leaves: IntMap<LeafTable>;
  protected readonly uppers: readonly IntMap<number>[];
  readonly entryCount: number;
  readonly presentCount: number;

  constructor(trees: Trees<IntMap<LeafTable>, IntMap<number>>) {
    super(trees.geometry);
    this.leaves = trees.leaves;
    this.uppers = trees.uppers;
    this.entryCount = trees.entryCount;
    this.presentCount = trees.presentCount;
  }

  static empty(granuleBytes: number, vaBits = 48): PageTable {
    const geometry = geometryOf(granuleBytes, vaBits);
    const uppers = geometry.levels.slice(1, -1).map(() => IntMap.empty<number>());
    return new PageTable({ geometry, leaves: IntMap.empty(), uppers, entryCount: 0, presentCount: 0 });
  }

  /** The inverse of `toPlain`, and of `toPacked`. */
  static fromPlain(plain: PageTablePlain | PageTablePacked): PageTable {
    const edit = PageTable.empty(plain.granuleBytes, plain.vaBits).edit();
    const { levels } = edit.geometry;
    for (const [depth, indexes] of plain.tables.entries()) {
      for (const index of indexes) edit.allocateTables(index * levels[depth + 1].tableSpanBytes, depth + 1);
    }
    edit.fill('runs' in plain ? runsFromQuadruples(plain.runs) : plain);
    return edit.done();
  }

  /**
   * Where this version and an earlier one may differ, ascending: the stretches of entries that they do not share. What both
   * share is not looked at, so this costs little after a small change.
   */
  changedRanges(before: PageTable): { startVa: number; endVa: number }[] {
    const ranges: { startVa: number; endVa: number }[] = [];
    if (before.leaves === this.leaves) return ranges;
    const chunkBytes = CHUNK_ENTRIES * this.geometry.granuleBytes;
    const compare = (index: number, one: LeafTable | undefined, other: LeafTable | undefined): void => {
      if (one === other) return;
      const count = Math.max(one?.chunks.length ?? 0, other?.chunks.length ?? 0);
      for (let position = 0; position < count; position++) {
        if (one?.chunks[position] === other?.chunks[position]) continue;
        const startVa = index * this.leafSpanBytes + position * chunkBytes;
        ranges.push({ startVa, endVa: startVa + chunkBytes });
      }
    };
    this.leaves.forEach(0, Number.MAX_SAFE_INTEGER, (index, table) => compare(index, table, before.leaves.get(index)));
    before.leaves.forEach(0, Number.MAX_SAFE_INTEGER, (index, table) => {
      if (!this.leaves.has(index)) compare(index, undefined, table);
    });
    return ranges;
  }

  /** A private version to write to; this one stays as it is. */
  edit(): PageTableEdit {
    return new PageTableEdit({
      geometry: this.geometry,
      leaves: this.leaves.edit(),
      uppers: this.uppers.map((upper) => upper.edit()),
      entryCount: this.entryCount,
      presentCount: this.presentCount,
    });
  }

  toPlain(): PageTablePlain {
    const { pages, pfns, nrs, flags } = runsOf(this);
    const runs: number[] = [];
    for (let at = 0; at < pages.length; at++) runs.push(pages[at], pfns[at], nrs[at], flags[at]);
    return { ...this.#packedTables(), runs };
  }

  /** The form of checkpoints. */
  toPacked(): PageTablePacked {
    return { ...this.#packedTables(), ...runsOf(this) };
  }

  #packedTables(): Pick<PageTablePacked, 'granuleBytes' | 'vaBits' | 'tables'> {
    const { granuleBytes, vaBits } = this.geometry;
    return { granuleBytes, vaBits, tables: [...this.uppers, this.leaves].map((map) => map.toPlain().keys) };
  }
}

const NO_ENTRIES: readonly number[] = Array.from({ length: CHUNK_ENTRIES }, () => 0);

/**
 * A private version of a page table. `done()` seals it; writing after that is a fault.
 *
 * @throws GranuleError INVARIANT for an unaligned or too high address, or on a write after `done()`
 * @example
 * ```ts
 * const edit = PageTable.empty(65536).edit();
 * edit.setRange(0x10000, 100, 3, PTE.VALID);
 * pfnOf(edit.get(0x30000)); // 102
 * ```
 */
export class PageTableEdit extends PageTableReader {
  protected readonly leaves: IntMapEdit<LeafTable>;
  protected readonly uppers: readonly IntMapEdit<number>[];
  entryCount: number;
  presentCount: number;
  private owner: object | null = {};
  /** The table that was written last, which mostly is written next: found without looking from the root. */
  private written: LeafTable | null = null;
  private writtenIndex = -1;

  constructor(trees: Trees<IntMapEdit<LeafTable>, IntMapEdit<number>>) {
    super(trees.geometry);
    this.leaves = trees.leaves;
    this.uppers = trees.uppers;
    this.entryCount = trees.entryCount;
    this.presentCount = trees.presentCount;
  }

  /** Writes one entry (0 clears it) and answers the one before. Tables that are missing are allocated. */
  set(va: number, pte: number): number {
    const { granuleBytes, levels } = this.geometry;
    const page = Math.floor(va / granuleBytes);
    // A table of the top level maps all there is: a power of two that is not known beforehand costs as much as the rest.
    const isInside = page * granuleBytes === va && va >= 0 && va < levels[0].tableSpanBytes;
    invariant(isInside, 'an entry is set at a page of the address space');
    const index = Math.floor(va / this.leafSpanBytes);
    const known = index === this.writtenIndex ? this.written : null;
    const before = known === null ? this.get(va) : this.entryIn(known, va);
    if (before === pte) return before;
    if (known === null && !this.leaves.has(index)) this.allocateTables(va, levels.length - 1);
    const table = known ?? this.ownedTable(index);
    const entry = this.entryNumber(va);
    const chunk = this.ownedChunk(table, Math.floor(entry / CHUNK_ENTRIES));
    chunk[entry & (CHUNK_ENTRIES - 1)] = pte;
    const used = (pte === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    table.used += used;
    this.entryCount += used;
    this.presentCount += (isPresent(pte) ? 1 : 0) - (isPresent(before) ? 1 : 0);
    return before;
  }

  /** `nr` entries from `va` on, mapping `nr` frames from `pfn` on, all with the same flags (`set_ptes`). */
  setRange(va: number, pfn: number, nr: number, flags: number): void {
    for (let page = 0; page < nr; page++) {
      this.set(va + page * this.geometry.granuleBytes, packPte(pfn + page, flags));
    }
  }

  /** Writes the entries of a whole table into one that has none. */
  fill({ pages, pfns, nrs, flags }: EntryRuns): void {
    const { granuleBytes } = this.geometry;
    let chunk: Chunk | null = null;
    let chunkNumber = -1;
    let table: LeafTable | null = null;
    for (let at = 0; at < pages.length; at++) {
      for (let inRun = 0; inRun < nrs[at]; inRun++) {
        const page = pages[at] + inRun;
        const number = Math.floor(page / CHUNK_ENTRIES);
        if (number !== chunkNumber || chunk === null || table === null) {
          chunkNumber = number;
          const va = page * granuleBytes;
          this.set(va, packPte(pfns[at] + inRun, flags[at]));
          table = this.ownedTable(Math.floor(va / this.leafSpanBytes));
          chunk = this.ownedChunk(table, Math.floor(this.entryNumber(va) / CHUNK_ENTRIES));
          continue;
        }
        const pte = packPte(pfns[at] + inRun, flags[at]);
        chunk[page & (CHUNK_ENTRIES - 1)] = pte;
        table.used++;
        this.entryCount++;
        if (isPresent(pte)) this.presentCount++;
      }
    }
  }

  /** Makes the entry none and answers the one before. Its tables stay. */
  clear(va: number): number {
    return this.set(va, 0);
  }

  /** Makes every entry of [startVa, endVa) none, hands each to `visit`, and answers how many there were. */
  clearRange(startVa: number, endVa: number, visit?: (va: number, pte: number) => void): number {
    const found: number[] = [];
    this.forEach(startVa, endVa, (va) => {
      found.push(va);
    });
    for (const va of found) {
      const pte = this.set(va, 0);
      visit?.(va, pte);
    }
    return found.length;
  }

  /** Replaces every entry of [startVa, endVa) that is not none by what `change` makes of it. */
  changeRange(startVa: number, endVa: number, change: (pte: number, va: number) => number): void {
    const found: number[] = [];
    this.forEach(startVa, endVa, (va) => {
      found.push(va);
    });
    for (const va of found) this.set(va, change(this.get(va), va));
  }

  /**
   * Frees every empty table whose whole span lies in [floorVa, ceilingVa): the room between the end of the mapping
   * before the unmapped range and the start of the one after it. Answers the tables freed by level from the top down.
   * Source: mm/memory.c:free_pgd_range. The root stays.
   */
  freeEmptyTables(floorVa: number, ceilingVa: number): number[] {
    const { levels } = this.geometry;
    const freed = levels.map(() => 0);
    this.written = null;
    this.writtenIndex = -1;
    for (let depth = levels.length - 1; depth > 0; depth--) {
      const span = levels[depth].tableSpanBytes;
      const empty: number[] = [];
      const from = Math.ceil(floorVa / span);
      const to = Math.floor(ceilingVa / span);
      const collect = (key: number, used: number): void => {
        if (used === 0) empty.push(key);
      };
      if (depth === levels.length - 1) this.leaves.forEach(from, to, (key, table) => collect(key, table.used));
      else this.uppers[depth - 1].forEach(from, to, collect);
      for (const key of empty) {
        (depth === levels.length - 1 ? this.leaves : this.uppers[depth - 1]).delete(key);
        if (depth > 1) this.countBelow(depth - 1, key * span, -1);
      }
      freed[depth] = empty.length;
    }
    return freed;
  }

  /** Makes sure of the tables for `va` down to `depth` (the root is depth 0), as for an entry to come. */
  allocateTables(va: number, depth: number): void {
    const { levels } = this.geometry;
    for (let at = 1; at <= depth; at++) {
      const key = Math.floor(va / levels[at].tableSpanBytes);
      const isLeaf = at === levels.length - 1;
      if ((isLeaf ? this.leaves : this.uppers[at - 1]).has(key)) continue;
      if (isLeaf) this.leaves.set(key, { owner: this.owner, used: 0, own: [], chunks: this.noChunks() });
      else this.uppers[at - 1].set(key, 0);
      if (at > 1) this.countBelow(at - 1, va, 1);
    }
  }

  done(): PageTable {
    invariant(this.owner !== null, 'an edit is sealed once');
    this.owner = null;
    this.written = null;
    this.writtenIndex = -1;
    return new PageTable({
      geometry: this.geometry,
      leaves: this.leaves.done(),
      uppers: this.uppers.map((upper) => upper.done()),
      entryCount: this.entryCount,
      presentCount: this.presentCount,
    });
  }

  private noChunks(): undefined[] {
    const { levels } = this.geometry;
    return Array.from({ length: levels[levels.length - 1].entries / CHUNK_ENTRIES });
  }

  private countBelow(depth: number, va: number, change: number): void {
    const key = Math.floor(va / this.geometry.levels[depth].tableSpanBytes);
    const upper = this.uppers[depth - 1];
    upper.set(key, (upper.get(key) ?? 0) + change);
  }

  private ownedTable(index: number): LeafTable {
    invariant(this.owner !== null, 'nothing is written after done()');
    const table = this.leaves.get(index);
    invariant(table !== undefined, 'an entry is written into a table that is there');
    const owned =
      table.owner === this.owner
        ? table
        : { owner: this.owner, used: table.used, own: [], chunks: table.chunks.slice() };
    if (owned !== table) this.leaves.set(index, owned);
    this.written = owned;
    this.writtenIndex = index;
    return owned;
  }

  private ownedChunk(table: LeafTable, position: number): Chunk {
    const chunk = table.chunks[position];
    if (chunk !== undefined && table.own.includes(position)) return chunk;
    const owned = (chunk ?? NO_ENTRIES).slice();
    table.own.push(position);
    table.chunks[position] = owned;
    return owned;
  }
}
