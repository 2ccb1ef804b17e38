/**
 * The native table made anew from a Linux table, for an mm that has fallen back and whose process pages are whole again.
 *
 * @models S-40
 */
import { Contpte } from '../contpte.ts';
import { linkSections } from '../nativeSections.ts';
import { syncNative, translateGroup } from '../nativeTable.ts';
import { PageTable } from '../pageTable.ts';
import { hasFlags, PTE } from '../pte.ts';
import type { VaRange } from '../tableWork.ts';

/** Both tables, or the first process page that no native entry can hold. */
export type Rebuilt = { linux: PageTable; native: PageTable } | { tornVa: number };

/**
 * Whether the process page around an address fits one native entry, or holds nothing.
 *
 * @example
 * ```ts
 * isWhole(PageTable.empty(4096), 0x12345, 65536); // true
 * ```
 */
export function isWhole(linux: PageTable, va: number, pageBytes: number): boolean {
  return translateGroup(linux, va - (va % pageBytes), pageBytes).ok;
}

/**
 * Makes the native table of a Linux table. Contiguous bits go, as they gain nothing beside a native table; what hardware
 * noted in their groups goes into every entry, as for each unfolding.
 *
 * @example
 * ```ts
 * const run = { va: 0x10000, pfn: 16, nr: 16, flags: PTE.VALID };
 * const { linux } = operate({ linux: PageTable.empty(4096), native: null }, { op: 'set', runs: [run], expects: -1 });
 * const rebuilt = rebuildNative(linux, 65536);
 * 'native' in rebuilt ? rebuilt.native.presentCount : 0; // 1
 * const ranges = [{ startVa: 0x11000, endVa: 0x12000 }];
 * const torn = operate({ linux, native: null }, { op: 'clear', ranges, freeWithin: null, fileOnly: false });
 * rebuildNative(torn.linux, 65536); // { tornVa: 65536 }
 * ```
 */
export function rebuildNative(before: PageTable, pageBytes: number): Rebuilt {
  const linux = before.edit();
  const native = PageTable.empty(pageBytes).edit();
  const end = 2 ** linux.geometry.vaBits;
  const contiguous: number[] = [];
  const groups: number[] = [];
  linux.forEach(0, end, (va, pte) => {
    if (hasFlags(pte, PTE.CONT)) contiguous.push(va);
    const group = va - (va % pageBytes);
    if (groups.at(-1) !== group) groups.push(group);
  });
  const contpte = new Contpte(linux);
  for (const va of contiguous) contpte.unfold(va);
  const spanBytes = linux.geometry.levels.at(-1)?.tableSpanBytes ?? pageBytes;
  const tables: VaRange[] = linux.leafTables(0, end).map((table) => {
    return { startVa: table * spanBytes, endVa: (table + 1) * spanBytes };
  });
  linkSections(linux, native, tables);
  for (const va of groups) {
    const { untranslatable } = syncNative(linux, native, va, va + pageBytes);
    if (untranslatable.length > 0) return { tornVa: va };
  }
  return { linux: linux.done(), native: native.done() };
}
