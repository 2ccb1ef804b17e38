/** The entries of a process as procfs looks at them: each with the folio behind it (`vm_normal_page`, `page_folio`). */
import { hasFlags, isPresent, PTE } from '../pte.ts';

/** What procfs asks of the folio that an entry maps. */
export interface MappedFolio {
  /** First frame and order of the folio. */
  head: number;
  order: number;
  /** `shmem` is swap-backed memory of a file: tmpfs, memfd, System V, shared anonymous. */
  kind: 'anon' | 'file' | 'shmem';
  /** How many entries map the page (`folio_precise_page_mapcount`). */
  mapcount: number;
  /** `PG_dirty` of the folio, whatever entries say. */
  dirty: boolean;
  /** Anonymous and given up by MADV_FREE: without `PG_swapbacked`. */
  lazyFree: boolean;
  ksm: boolean;
}

/** `nr` kernel pages from `va` on whose entries and folios are alike; frames are consecutive. */
export interface MappedRun {
  va: number;
  nr: number;
  pfn: number;
  /** PTE flags of `src/mm/pte.ts`. */
  flags: number;
  /** Null where there is no page to be counted: the zero page, pfnmap, and what is not present. */
  folio: MappedFolio | null;
  /** Entries that refer to a slot of swap, for one that is swapped out (`swp_swapcount`). */
  swapCount?: number;
}

/**
 * Whether the run has a page that is counted in Rss.
 *
 * @example
 * ```ts
 * isCounted({ va: 0, nr: 1, pfn: 5, flags: PTE.VALID | PTE.SPECIAL, folio: null }); // false
 * ```
 */
export function isCounted(run: MappedRun): run is MappedRun & { folio: MappedFolio } {
  return isPresent(run.flags) && !hasFlags(run.flags, PTE.SPECIAL) && run.folio !== null;
}

/**
 * Whether the entries of a run stand for a PMD entry: a whole, aligned folio of the PMD size, mapped by consecutive entries
 * of one kind. The model's tables have leaf entries at the last level only, so this is how a PMD leaf of Linux looks in them.
 *
 * @example
 * ```ts
 * const folio = { head: 512, order: 9, kind: 'anon' as const, mapcount: 1, dirty: false, lazyFree: false, ksm: false };
 * isPmdMapped({ va: 2 ** 21, nr: 512, pfn: 512, flags: PTE.VALID, folio }, 9, 4096); // true
 * isPmdMapped({ va: 2 ** 21 + 4096, nr: 511, pfn: 513, flags: PTE.VALID, folio }, 9, 4096); // false
 * ```
 */
export function isPmdMapped(run: MappedRun, pmdOrder: number, kernelPageBytes: number): boolean {
  const { va, nr, pfn, folio } = run;
  if (folio === null || folio.order !== pmdOrder) return false;
  const pages = 2 ** pmdOrder;
  return va % (pages * kernelPageBytes) === 0 && pfn === folio.head && nr >= pages;
}

/**
 * The parts of runs that lie in [startVa, endVa).
 *
 * @example
 * ```ts
 * const run = { va: 0, nr: 4, pfn: 8, flags: PTE.VALID, folio: null };
 * clipRuns([run], 4096, 8192, 4096); // [{ va: 4096, nr: 1, pfn: 9, flags: 1, folio: null }]
 * ```
 */
export function clipRuns(
  runs: readonly MappedRun[],
  startVa: number,
  endVa: number,
  kernelPageBytes: number,
): MappedRun[] {
  const parts: MappedRun[] = [];
  for (const run of runs) {
    const from = Math.max(run.va, startVa);
    const to = Math.min(run.va + run.nr * kernelPageBytes, endVa);
    if (from >= to) continue;
    const skipped = (from - run.va) / kernelPageBytes;
    parts.push({ ...run, va: from, pfn: run.pfn + skipped, nr: (to - from) / kernelPageBytes });
  }
  return parts;
}
