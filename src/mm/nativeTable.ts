/**
 * From the Linux table to the native table: when a group of Linux entries, one process page, may be one native entry,
 * and how what hardware notes in native entries comes back. The rule is contpte's fold rule at the size of the process
 * page [arch/arm64/mm/contpte.c:contpte_try_fold, contpte_ptep_get].
 *
 * A native entry's frame number counts native pages: its output address is frame * native granule.
 *
 * @models S-11 S-38 S-50 D-01 D-07
 */
import { invariant } from '../errors.ts';
import type { PageTableEdit } from './pageTable.ts';
import type { PageTableReader } from './pageTableReader.ts';
import {
  flagsOf,
  hasFlags,
  isDirty,
  isValid,
  isYoung,
  makeClean,
  makeDirty,
  makeYoung,
  packPte,
  PTE,
  pfnOf,
} from './pte.ts';

/**
 * Why a group of Linux entries cannot be one native entry.
 *
 * - `partly-valid`: some entries are valid, others are not.
 * - `special`: zero pages or pfnmap entries that are no aligned stretch of physical memory. Those that are become one
 *   native entry: it needs no `struct page`, only whole, aligned, uniform memory.
 * - `not-consecutive`: the frames do not follow one another.
 * - `misaligned`: the first frame is not aligned to the process page.
 * - `mixed-flags`: flags other than accessed and dirty differ.
 *
 * @example
 * ```ts
 * const reason: Untranslatable = 'partly-valid';
 * ```
 */
export type Untranslatable = 'partly-valid' | 'special' | 'not-consecutive' | 'misaligned' | 'mixed-flags';

/**
 * The native entry for a group (0: none), or why there can be none.
 *
 * @example
 * ```ts
 * const translation: GroupTranslation = { ok: false, reason: 'misaligned' };
 * ```
 */
export type GroupTranslation = { ok: true; pte: number } | { ok: false; reason: Untranslatable };

/**
 * One native entry that a change touched.
 *
 * @example
 * ```ts
 * const change: NativeChange = { va: 0x10000, before: 0, after: packPte(1, PTE.VALID) };
 * ```
 */
export interface NativeChange {
  va: number;
  /** The native entry before, 0 for none. A valid one that changed needs its TLB entries gone. */
  before: number;
  after: number;
}

/**
 * The flags that must agree within a group: all but accessed and dirty (`pte_mkold(pte_mkclean(pte))`), CONT, what
 * Linux keeps in the page instead of the entry, and what hardware does not look at: the bit of userfaultfd stays in the Linux
 * entries, and where it takes a permission away, the permission differs too.
 */
function comparableFlags(pte: number): number {
  const large = hasFlags(pte, PTE.SPECIAL) ? 0 : PTE.LARGE;
  return flagsOf(makeClean(pte)) & ~(PTE.YOUNG | PTE.CONT | PTE.EXCLUSIVE | PTE.UFFD_WP | large);
}

/**
 * The process page around an address, in bytes.
 *
 * @example
 * ```ts
 * groupOf(0x12345, 65536); // { startVa: 0x10000, endVa: 0x20000 }
 * ```
 */
export function groupOf(va: number, nativeGranuleBytes: number): { startVa: number; endVa: number } {
  const startVa = Math.floor(va / nativeGranuleBytes) * nativeGranuleBytes;
  return { startVa, endVa: startVa + nativeGranuleBytes };
}

/**
 * The native entry for the process page around `va`. A group without any valid entry (none, swapped, PROT_NONE) has none,
 * which hardware sees as a fault, as it should. Accessed and dirty are those of any entry of the group.
 *
 * @throws GranuleError INVARIANT when the native granule is not larger than the Linux page
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.setRange(0x10000, 32, 16, PTE.VALID | PTE.READONLY);
 * translateGroup(linux, 0x12000, 65536); // { ok: true, pte: packPte(2, PTE.VALID | PTE.READONLY) }
 * linux.clear(0x11000);
 * translateGroup(linux, 0x12000, 65536); // { ok: false, reason: 'partly-valid' }
 * ```
 */
export function translateGroup(linux: PageTableReader, va: number, nativeGranuleBytes: number): GroupTranslation {
  const pageBytes = linux.geometry.granuleBytes;
  const group = nativeGranuleBytes / pageBytes;
  invariant(Number.isInteger(group) && group > 1, 'a native entry holds several Linux entries');
  const { startVa } = groupOf(va, nativeGranuleBytes);
  const first = linux.get(startVa);
  let young = false;
  let dirty = false;
  for (let index = 0; index < group; index++) {
    const pte = linux.get(startVa + index * pageBytes);
    if (isValid(pte) !== isValid(first)) return { ok: false, reason: 'partly-valid' };
    if (!isValid(pte)) continue;
    const special = hasFlags(pte, PTE.SPECIAL) && hasFlags(first, PTE.SPECIAL);
    if (pfnOf(pte) !== pfnOf(first) + index) return { ok: false, reason: special ? 'special' : 'not-consecutive' };
    if (comparableFlags(pte) !== comparableFlags(first)) return { ok: false, reason: 'mixed-flags' };
    young ||= isYoung(pte);
    dirty ||= isDirty(pte);
  }
  if (!isValid(first)) return { ok: true, pte: 0 };
  if (pfnOf(first) % group !== 0) return { ok: false, reason: hasFlags(first, PTE.SPECIAL) ? 'special' : 'misaligned' };
  let pte = packPte(pfnOf(first) / group, comparableFlags(first));
  if (young) pte = makeYoung(pte);
  return { ok: true, pte: dirty ? makeDirty(pte) : pte };
}

/**
 * Carries the Linux entries of [startVa, endVa), widened outward to whole process pages, over to the native table.
 * Gather accessed and dirty bits before the Linux entries are changed: this overwrites the native ones. A group that
 * cannot be translated gets no native entry and is answered in `untranslatable`. Without `fills` no entry comes where none was.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * const native = PageTable.empty(65536).edit();
 * linux.setRange(0x10000, 32, 16, PTE.VALID);
 * syncNative(linux, native, 0x10000, 0x20000).changed.length; // 1
 * linux.clear(0x1f000);
 * syncNative(linux, native, 0x1f000, 0x20000).untranslatable; // [{ va: 0x10000, reason: 'partly-valid' }]
 * native.get(0x10000); // 0
 * ```
 */
export function syncNative(
  linux: PageTableReader,
  native: PageTableEdit,
  startVa: number,
  endVa: number,
  fills = true,
): { changed: NativeChange[]; untranslatable: { va: number; reason: Untranslatable }[] } {
  const granuleBytes = native.geometry.granuleBytes;
  const changed: NativeChange[] = [];
  const untranslatable: { va: number; reason: Untranslatable }[] = [];
  for (let va = groupOf(startVa, granuleBytes).startVa; va < endVa; va += granuleBytes) {
    // A lazy table is only kept right where it holds something.
    if (!fills && native.get(va) === 0) continue;
    const translation = translateGroup(linux, va, granuleBytes);
    if (!translation.ok) untranslatable.push({ va, reason: translation.reason });
    const after = translation.ok ? translation.pte : 0;
    const before = native.get(va);
    if (before === after) continue;
    native.set(va, after);
    changed.push({ va, before, after });
  }
  return { changed, untranslatable };
}

/**
 * Takes accessed and dirty bits that hardware set in native entries over [startVa, endVa) into every Linux entry of
 * their groups, as `contpte_ptep_get` ORs over a block. The native entries keep theirs; clearing a bit is a change of
 * the Linux table that `syncNative` then carries over.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * const native = PageTable.empty(16384).edit();
 * linux.setRange(0x4000, 4, 4, PTE.VALID | PTE.READONLY);
 * native.set(0x4000, packPte(1, PTE.VALID | PTE.READONLY | PTE.YOUNG));
 * gatherAccessedDirty(linux, native, 0x5000, 0x6000);
 * isYoung(linux.get(0x7000)); // true
 * ```
 */
export function gatherAccessedDirty(
  linux: PageTableEdit,
  native: PageTableReader,
  startVa: number,
  endVa: number,
): void {
  const granuleBytes = native.geometry.granuleBytes;
  native.forEach(startVa, endVa, (va, nativePte) => {
    const young = isYoung(nativePte);
    const dirty = isDirty(nativePte);
    if (!young && !dirty) return;
    linux.changeRange(va, va + granuleBytes, (pte) => {
      if (!isValid(pte)) return pte;
      const aged = young ? makeYoung(pte) : pte;
      return dirty ? makeDirty(aged) : aged;
    });
  });
}

/**
 * The kernel frame at which a native entry's page begins: native frames are larger.
 *
 * @example
 * ```ts
 * kernelFrameOf(packPte(2, PTE.VALID), 65536, 4096); // 32
 * ```
 */
export function kernelFrameOf(nativePte: number, nativeGranuleBytes: number, kernelPageBytes: number): number {
  return pfnOf(nativePte) * (nativeGranuleBytes / kernelPageBytes);
}
