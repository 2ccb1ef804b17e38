/**
 * How layer 3 finds native entries: not by a walk from the native root, but through a pointer that the descriptor of every
 * Linux table (`struct ptdesc`) holds. A Linux table of PTEs points to the section of the native table that shadows it; a
 * native table of level 3 spans several Linux tables, 16 at 16K and 256 at 64K on 4K, and is shared by them. A Linux table
 * of PMDs spans several native tables, and holds a list of them.
 *
 * Allocation: `set_ptes` cannot fail and runs under a spinlock, so a section must be there before: it is linked where
 * Linux populates its own table (`pmd_populate`), and that is where a native table is allocated, if none of its Linux
 * tables had linked it yet. Freeing: the pointer goes with the Linux table; the native table goes by the rule of a kernel of
 * its granule, when nothing is mapped any more in its whole span (`PageTableEdit.freeEmptyTables`).
 *
 * @models S-50 T-18 X-09 D-03 D-04
 */
import { invariant } from '../errors.ts';
import type { Geometry } from '../arch/granule.ts';
import type { PageTableEdit } from './pageTable.ts';
import type { PageTableReader } from './pageTableReader.ts';

/** The part of a native table that one Linux table points to. */
export interface Section {
  /** Which native table of level 3: its index is va / span. */
  nativeTable: number;
  /** The first of its entries, how many, and where they lie in the table in bytes. */
  firstEntry: number;
  entries: number;
  offsetBytes: number;
}

const DESCRIPTOR_BYTES = 8;

function spanOf({ levels }: Geometry): number {
  const last = levels.at(-1);
  invariant(last !== undefined, 'a geometry has levels');
  return last.tableSpanBytes;
}

/**
 * How many Linux tables of PTEs share one native table of level 3.
 *
 * @example
 * ```ts
 * linuxTablesPerNative(geometryOf(4096), geometryOf(65536)); // 256
 * ```
 */
export function linuxTablesPerNative(linux: Geometry, native: Geometry): number {
  return spanOf(native) / spanOf(linux);
}

/**
 * The section that the Linux table of PTEs around an address points to.
 *
 * @example
 * ```ts
 * sectionOf(geometryOf(4096), geometryOf(65536), 0x2020_0000);
 * // { nativeTable: 1, firstEntry: 32, entries: 32, offsetBytes: 256 }
 * ```
 */
export function sectionOf(linux: Geometry, native: Geometry, va: number): Section {
  const entries = spanOf(linux) / native.granuleBytes;
  const inNative = va % spanOf(native);
  const firstEntry = Math.floor(inNative / spanOf(linux)) * entries;
  return {
    nativeTable: Math.floor(va / spanOf(native)),
    firstEntry,
    entries,
    offsetBytes: firstEntry * DESCRIPTOR_BYTES,
  };
}

/**
 * The native tables of level 3 in the list of the Linux table of PMDs around an address: those of its span that are there,
 * ascending. 2 at most for 64K on 4K, 32 for 16K.
 *
 * @example
 * ```ts
 * const native = PageTable.empty(65536).edit();
 * native.set(0x2000_0000, packPte(1, PTE.VALID));
 * nativeTablesOf(PageTable.empty(4096), native, 0); // [1]
 * ```
 */
export function nativeTablesOf(linux: PageTableReader, native: PageTableReader, va: number): number[] {
  const pmd = linux.geometry.levels.at(-2);
  invariant(pmd !== undefined, 'there are tables of PMDs');
  const startVa = va - (va % pmd.tableSpanBytes);
  return native.leafTables(startVa, startVa + pmd.tableSpanBytes);
}

/**
 * The Linux tables of PTEs whose descriptors point into a native table of level 3, by index, ascending.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.set(0x20_0000, packPte(1, PTE.VALID));
 * linkedTables(linux, PageTable.empty(65536), 0); // [1]
 * ```
 */
export function linkedTables(linux: PageTableReader, native: PageTableReader, nativeTable: number): number[] {
  const span = spanOf(native.geometry);
  return linux.leafTables(nativeTable * span, (nativeTable + 1) * span);
}

/**
 * Links sections for the Linux tables of [startVa, endVa) that are there: allocates the native tables that are missing.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * const native = PageTable.empty(65536).edit();
 * linux.set(0x1000, packPte(1, PTE.PROT_NONE));
 * linkSections(linux, native, [{ startVa: 0x1000, endVa: 0x2000 }]);
 * native.tableCount; // [1, 1, 1]
 * ```
 */
export function linkSections(
  linux: PageTableReader,
  native: PageTableEdit,
  ranges: readonly { startVa: number; endVa: number }[],
): void {
  const linuxSpan = spanOf(linux.geometry);
  const nativeSpan = spanOf(native.geometry);
  for (const { startVa, endVa } of ranges) {
    // Mostly the tables are there: one look instead of a list.
    if (Math.floor(startVa / nativeSpan) === Math.floor((endVa - 1) / nativeSpan) && native.hasLeafTable(startVa))
      continue;
    let linked = -1;
    for (const table of linux.leafTables(startVa, endVa)) {
      const nativeTable = Math.floor((table * linuxSpan) / nativeSpan);
      if (nativeTable === linked) continue;
      linked = nativeTable;
      native.allocateTables(nativeTable * nativeSpan, native.geometry.levels.length - 1);
    }
  }
}

/**
 * What is wrong with the links of two tables: a Linux table without its section. Empty when all is well.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.set(0x1000, packPte(1, PTE.VALID));
 * unlinkedTables(linux, PageTable.empty(65536)); // [0]
 * ```
 */
export function unlinkedTables(linux: PageTableReader, native: PageTableReader): number[] {
  const native3 = new Set(native.leafTables(0, 2 ** native.geometry.vaBits));
  const ratio = linuxTablesPerNative(linux.geometry, native.geometry);
  return linux.leafTables(0, 2 ** linux.geometry.vaBits).filter((table) => !native3.has(Math.floor(table / ratio)));
}
