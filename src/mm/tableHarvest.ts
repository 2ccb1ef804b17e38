/**
 * Aging through rmap: the entries that map given frames, as they were, and none of them young afterwards (`mm/rmap.c:folio_referenced_one`
 * with `ptep_clear_flush_young`). What hardware noted in a native entry is in every entry of its group by then, and goes from
 * the native entry with the last of them, or the page would look used for ever.
 *
 * @models D-01 S-10
 */
import { flagsOf, isPresent, isYoung, makeOld, pfnOf } from './pte.ts';
import type { PageTableReader } from './pageTableReader.ts';
import type { TableOp, VaRange, Work } from './tableWork.ts';

/** Whether a frame is one of those that are looked for; runs ascending. */
function isWanted(frames: readonly { pfn: number; nr: number }[], pfn: number): boolean {
  let low = 0;
  let high = frames.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const run = frames[middle];
    if (run === undefined || pfn < run.pfn) high = middle - 1;
    else if (pfn >= run.pfn + run.nr) low = middle + 1;
    else return true;
  }
  return false;
}

/**
 * Where a table has present entries of given frames, page by page, neighbours as one. The whole table is looked at, where Linux
 * finds its way by anon_vma and the file's interval tree; what it finds is the same.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.setRange(0x10000, 32, 4, PTE.VALID);
 * mappedRanges(linux.done(), [{ pfn: 33, nr: 2 }]); // [{ startVa: 0x11000, endVa: 0x13000 }]
 * ```
 */
export function mappedRanges(linux: PageTableReader, frames: readonly { pfn: number; nr: number }[]): VaRange[] {
  const pageBytes = linux.geometry.granuleBytes;
  const sorted = [...frames].sort((a, b) => a.pfn - b.pfn);
  const ranges: VaRange[] = [];
  linux.forEach(0, 2 ** linux.geometry.vaBits, (va, pte) => {
    if (!isPresent(pte) || !isWanted(sorted, pfnOf(pte))) return;
    const last = ranges.at(-1);
    if (last !== undefined && last.endVa === va) last.endVa += pageBytes;
    else ranges.push({ startVa: va, endVa: va + pageBytes });
  });
  return ranges;
}

/**
 * Harvests: `set` gets the entries that map one of the frames, as they were.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.setRange(0x10000, 32, 2, PTE.VALID | PTE.YOUNG);
 * const outcome = operate({ linux: linux.done(), native: null }, { op: 'harvest', frames: [{ pfn: 33, nr: 1 }] });
 * outcome.set; // [{ va: 0x11000, pfn: 33, nr: 1, flags: PTE.VALID | PTE.YOUNG }]
 * outcome.linux.get(0x11000); // packPte(33, PTE.VALID)
 * ```
 */
export function harvest(work: Work, _op: Extract<TableOp, { op: 'harvest' }>): void {
  const { linux, contpte, ranges } = work;
  const pageBytes = linux.geometry.granuleBytes;
  const found: number[] = [];
  for (const { startVa, endVa } of ranges) linux.forEach(startVa, endVa, (va) => found.push(va));
  const before = found.map((va) => (contpte === null ? linux.get(va) : contpte.get(va)));
  for (const [at, va] of found.entries()) work.set.add(va, pfnOf(before[at]), flagsOf(before[at]));
  for (const [at, va] of found.entries()) {
    if (!isYoung(before[at])) continue;
    // A contpte block grows old as a whole (`contpte_ptep_clear_flush_young`).
    const range = contpte === null ? { startVa: va, endVa: va + pageBytes } : contpte.widened(va, va + pageBytes);
    linux.changeRange(range.startVa, range.endVa, (pte) => (isPresent(pte) ? makeOld(pte) : pte));
    work.flush.push(range);
    work.touched.push(range);
  }
}
