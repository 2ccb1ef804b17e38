/** The entries of a process as procfs looks at them: each with the folio behind it (`vm_normal_page`, `page_folio`). */
import { kindOfEntry } from '../nonPresent.ts';
import { hasFlags, isDirty, isPresent, isYoung, PTE } from '../pte.ts';

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
  /** `PG_referenced`: somebody in the kernel used it (`mm/swap.c:folio_mark_accessed`). Absent: not known to be. */
  referenced?: boolean;
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
  /** Part of what Linux maps by one PMD entry; set by `markPmds`. */
  pmd?: true;
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
 * Whether an entry that is not present names a page nevertheless (`is_pfn_swap_entry`): one that is being moved, that failed, or that
 * a device has.
 *
 * @example
 * ```ts
 * standsForPage(NON_PRESENT.migration); // true
 * standsForPage(NON_PRESENT.swap); // false
 * ```
 */
export function standsForPage(flags: number): boolean {
  const kind = kindOfEntry(flags);
  return kind === 'migration' || kind === 'hwpoison' || kind === 'device-private';
}

/** Flags that say what was done with a page, not what may be. */
const NOTED = PTE.YOUNG | PTE.DIRTY | PTE.READONLY | PTE.CONT | PTE.LARGE;

/** Consecutive runs of one folio from its first page on, up to the last page of it that is mapped so. */
function stretchOf(runs: readonly MappedRun[], at: number, kernelPageBytes: number): { runs: number; pages: number } {
  const first = runs[at];
  let pages = 0;
  let to = at;
  for (; to < runs.length; to++) {
    const run = runs[to];
    const adjoins = run.va === first.va + pages * kernelPageBytes && run.pfn === first.pfn + pages;
    const alike = (run.flags & ~NOTED) === (first.flags & ~NOTED);
    if (!adjoins || !alike || run.folio?.head !== first.folio?.head) break;
    pages += run.nr;
  }
  return { runs: to - at, pages };
}

/**
 * Runs with those marked that stand for a PMD entry: a whole, aligned folio of the PMD size, mapped by consecutive entries. The
 * model's tables have leaf entries at the last level only, so this is how a PMD leaf of Linux looks in them. Its one accessed and
 * its one dirty bit are those of any of its pages.
 *
 * @example
 * ```ts
 * const folio = { head: 512, order: 9, kind: 'anon' as const, mapcount: 1, dirty: false, lazyFree: false, ksm: false };
 * const run = { va: 2 ** 21, nr: 512, pfn: 512, flags: PTE.VALID, folio };
 * markPmds([run], 9, 4096)[0]?.pmd; // true
 * markPmds([{ ...run, nr: 511 }], 9, 4096)[0]?.pmd; // undefined
 * ```
 */
export function markPmds(runs: readonly MappedRun[], pmdOrder: number, kernelPageBytes: number): MappedRun[] {
  const marked = runs.slice();
  const pages = 2 ** pmdOrder;
  for (let at = 0; at < runs.length; ) {
    const { va, pfn, folio } = runs[at];
    const begins =
      folio !== null && folio.order === pmdOrder && pfn === folio.head && va % (pages * kernelPageBytes) === 0;
    const stretch = begins ? stretchOf(runs, at, kernelPageBytes) : { runs: 1, pages: 0 };
    if (stretch.pages === pages) {
      const parts = runs.slice(at, at + stretch.runs);
      const young = parts.some(({ flags }) => isYoung(flags)) ? PTE.YOUNG : 0;
      const dirty = parts.some(({ flags }) => isDirty(flags)) ? PTE.DIRTY : 0;
      for (const [part, run] of parts.entries()) {
        marked[at + part] = { ...run, flags: (run.flags & ~PTE.YOUNG) | young | dirty, pmd: true };
      }
    }
    at += stretch.runs;
  }
  return marked;
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
