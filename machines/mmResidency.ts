/** What mincore tells of a stretch of one area (`mm/mincore.c:mincore_pte_range`). */
import { kindOfEntry } from '../src/mm/nonPresent.ts';
import { isPresent } from '../src/mm/pte.ts';
import type { PteRun } from './messages.ts';
import { pageIndex } from './mmEntries.ts';
import { type MmContext, processPages } from './mmState.ts';

/**
 * One byte a process page: 1 where an entry is present, or where the page cache holds the page of the file. A process page
 * is resident when its first kernel page is: it is brought in and thrown out as one.
 *
 * @param runs what the table holds in the stretch
 * @param cached pages of the area's file that are in the page cache
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const runs = [{ va: 0x11000, pfn: 9, nr: 1, flags: PTE.VALID }];
 * residencyBytes({ ...mm, pageBytes: 4096 }, { startVa: 0x10000, endVa: 0x12000 }, runs, []); // [0, 1]
 * ```
 */
export function residencyBytes(
  context: MmContext,
  range: { startVa: number; endVa: number },
  runs: readonly PteRun[],
  cached: readonly { index: number; nr: number }[],
): number[] {
  const { pageBytes, kernelPageBytes } = context;
  const bytes = Array.from({ length: (range.endVa - range.startVa) / pageBytes }, () => 0);
  const pages = processPages(context);
  const mark = (firstPage: number, nr: number): void => {
    const first = Math.max(0, Math.ceil(firstPage / pages));
    const last = Math.min(bytes.length - 1, Math.floor((firstPage + nr - 1) / pages));
    for (let at = first; at <= last; at++) bytes[at] = 1;
  };
  for (const run of runs) {
    // A page that is being moved, or was taken away, counts as there too (`mincore_pte_range`).
    const other = kindOfEntry(run.flags);
    if (isPresent(run.flags) || other === 'migration' || other === 'hwpoison')
      mark((run.va - range.startVa) / kernelPageBytes, run.nr);
  }
  const vma = context.vmas.find(range.startVa);
  if (vma === null || cached.length === 0) return bytes;
  const firstIndex = pageIndex(vma, range.startVa, kernelPageBytes);
  for (const { index, nr } of cached) mark(index - firstIndex, nr);
  return bytes;
}
