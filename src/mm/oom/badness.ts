/**
 * Whom the OOM killer chooses: the process that takes most memory, its page tables among it [mm/oom_kill.c:oom_badness].
 *
 * @models S-23 D-12
 */
import { isPresent, isValid, PTE } from '../pte.ts';

/** Lowest `oom_score_adj`: never killed [include/uapi/linux/oom.h:OOM_SCORE_ADJ_MIN]. */
const ADJ_MIN = -1000;
/** `oom_score_adj` counts thousandths of all memory. */
const ADJ_UNIT = 1000;

/**
 * What a process takes, in kernel pages but for the tables.
 *
 * @example
 * ```ts
 * const use: MemoryUse = { pid: 7, rssPages: 100, swapEntries: 0, tableBytes: 8192, scoreAdj: 0 };
 * ```
 */
export interface MemoryUse {
  pid: number;
  rssPages: number;
  swapEntries: number;
  tableBytes: number;
  /** `/proc/PID/oom_score_adj`: -1000 to 1000. */
  scoreAdj: number;
}

/**
 * How much a process is to be killed: resident pages, swapped ones, and the pages that its tables take, with the adjustment;
 * null for one that may not be.
 *
 * @example
 * ```ts
 * const use = { pid: 7, rssPages: 100, swapEntries: 5, tableBytes: 8192, scoreAdj: 0 };
 * oomBadness(use, { totalPages: 10_000, pageBytes: 4096 }); // 107
 * oomBadness({ ...use, scoreAdj: 500 }, { totalPages: 10_000, pageBytes: 4096 }); // 5107
 * oomBadness({ ...use, scoreAdj: -1000 }, { totalPages: 10_000, pageBytes: 4096 }); // null
 * ```
 */
export function oomBadness(use: MemoryUse, machine: { totalPages: number; pageBytes: number }): number | null {
  if (use.scoreAdj === ADJ_MIN) return null;
  const points = use.rssPages + use.swapEntries + Math.floor(use.tableBytes / machine.pageBytes);
  return points + use.scoreAdj * Math.floor(machine.totalPages / ADJ_UNIT);
}

/**
 * The process to kill, of those that hold any memory and are not ending already; null where there is none. Of equals the
 * first [mm/oom_kill.c:select_bad_process, oom_evaluate_task].
 *
 * @example
 * ```ts
 * const use = { swapEntries: 0, tableBytes: 4096, scoreAdj: 0 };
 * const uses = [{ pid: 1, rssPages: 50, ...use }, { pid: 2, rssPages: 90, ...use }, { pid: 3, rssPages: 90, ...use }];
 * selectVictim(uses, new Set(), { totalPages: 1000, pageBytes: 4096 }); // 2
 * selectVictim(uses, new Set([2, 3]), { totalPages: 1000, pageBytes: 4096 }); // 1
 * ```
 */
export function selectVictim(
  uses: readonly MemoryUse[],
  ending: ReadonlySet<number>,
  machine: { totalPages: number; pageBytes: number },
): number | null {
  let chosen: { pid: number; points: number } | null = null;
  for (const use of uses) {
    const points = oomBadness(use, machine);
    if (points === null || ending.has(use.pid) || use.rssPages + use.swapEntries === 0) continue;
    if (chosen === null || points > chosen.points) chosen = { pid: use.pid, points };
  }
  return chosen?.pid ?? null;
}

/**
 * Resident pages and swapped ones among page-table entries, the shared zero page left out (`get_mm_rss`).
 *
 * @example
 * ```ts
 * const flags = PTE.VALID | PTE.READONLY;
 * const runs = [{ va: 0, pfn: 8, nr: 3, flags }, { va: 0x4000, pfn: 100, nr: 2, flags }, { va: 0x9000, pfn: 1, nr: 1, flags: PTE.SWAP }];
 * residentOf(runs, { firstPfn: 100, pages: 16 }); // { rssPages: 3, swapEntries: 1 }
 * ```
 */
export function residentOf(
  runs: readonly { pfn: number; nr: number; flags: number }[],
  zeroes: { firstPfn: number; pages: number },
): { rssPages: number; swapEntries: number } {
  let rssPages = 0;
  let swapEntries = 0;
  for (const { pfn, nr, flags } of runs) {
    const isZero = pfn >= zeroes.firstPfn && pfn < zeroes.firstPfn + zeroes.pages;
    if (isPresent(flags)) rssPages += isZero ? 0 : nr;
    else if (!isValid(flags) && (flags & (PTE.SPECIAL | PTE.EXEC)) === 0) swapEntries += nr;
  }
  return { rssPages, swapEntries };
}
