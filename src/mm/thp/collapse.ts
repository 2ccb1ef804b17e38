/**
 * What decides whether the pages of a PMD become one huge page, and what khugepaged and MADV_COLLAPSE make of the answer.
 * Entries are counted in pages of the process, never less: a group of kernel PTEs that is one process page is there or not as a whole.
 * Sources: mm/khugepaged.c:hpage_collapse_scan_pmd, collapse_huge_page, madvise_collapse, madvise_collapse_errno.
 *
 * @models S-17 S-34 S-10
 */
import { ERRNO } from '../abi/numbers.ts';
import { likelyShared, type LargeFolio } from '../largeFolio.ts';
import { hasFlags, isPresent, PTE } from '../pte.ts';
import type { KhugepagedControls } from './controls.ts';

/** Why a PMD was or was not collapsed (`enum scan_result`, those that can come about here). */
export type ScanResult =
  | 'succeed'
  | 'pmd-mapped'
  | 'pmd-none'
  | 'exceed-none'
  | 'exceed-swap'
  | 'exceed-shared'
  | 'not-anonymous'
  | 'uffd-armed'
  | 'pinned'
  | 'read-only'
  | 'not-referenced'
  | 'vma-check'
  | 'no-huge-page'
  | 'changed';

/** Consecutive entries, as a walk of the table gives them. */
export interface ScannedRun {
  va: number;
  pfn: number;
  nr: number;
  flags: number;
}

/** What has to be known of the folio of a page. */
export interface ScannedFolio {
  pfn: number;
  order: number;
  refs: number;
  pins: number;
  kind: string;
  large: LargeFolio | null;
}

/** A PMD to look at. */
export interface Scan {
  startVa: number;
  /** Bytes of the huge page, of a process page and of a kernel page. */
  hugeBytes: number;
  pageBytes: number;
  kernelPageBytes: number;
  runs: readonly ScannedRun[];
  folioOf: (pfn: number) => ScannedFolio | null;
  isZero: (pfn: number) => boolean;
  /** khugepaged looks and obeys its limits; null: MADV_COLLAPSE, which obeys none. */
  limits: CollapseLimits | null;
  uffdArmed: boolean;
}

/** Process pages of one huge page at most that khugepaged accepts; ready for the huge page at hand. */
export type CollapseLimits = Pick<KhugepagedControls, 'maxPtesNone' | 'maxPtesSwap' | 'maxPtesShared'>;

/** What a scan found, in process pages. */
export interface Scanned {
  result: ScanResult;
  none: number;
  unmapped: number;
  shared: number;
  referenced: number;
  writable: boolean;
}

/**
 * The limits of khugepaged, which count entries of the kernel's PMD, for a huge page of so many process pages: the same share of it;
 * all but one stays all but one.
 *
 * @example
 * ```ts
 * const { khugepaged } = bootControls(4096, { enabled: 'always', sizes: {} });
 * limitsFor(khugepaged, 512, 32); // { maxPtesNone: 31, maxPtesSwap: 4, maxPtesShared: 16 }
 * ```
 */
export function limitsFor(controls: KhugepagedControls, kernelPmdPages: number, hugePages: number): CollapseLimits {
  const share = (value: number): number =>
    value === kernelPmdPages - 1 ? hugePages - 1 : Math.floor((value * hugePages) / kernelPmdPages);
  const { maxPtesNone, maxPtesSwap, maxPtesShared } = controls;
  return {
    maxPtesNone: share(maxPtesNone),
    maxPtesSwap: share(maxPtesSwap),
    maxPtesShared: share(maxPtesShared),
  };
}

/**
 * Whether others map a page of the folio too (`folio_likely_mapped_shared`); references of pins are none of entries.
 *
 * @example
 * ```ts
 * isShared({ pfn: 16, order: 4, refs: 32, pins: 0, kind: 'anon', large: null }); // true
 * isShared({ pfn: 16, order: 4, refs: 16, pins: 0, kind: 'anon', large: null }); // false
 * ```
 */
export function isShared({ order, refs, pins, large }: ScannedFolio): boolean {
  return large === null ? refs - pins > 2 ** order : likelyShared(large);
}

/** One folio of the huge page's size already lies behind the whole range, the huge zero page too (`SCAN_PMD_MAPPED`). */
function isMappedWhole(scan: Scan): boolean {
  const [run] = scan.runs;
  if (run === undefined || run.va !== scan.startVa) return false;
  const folio = scan.folioOf(run.pfn);
  const pages = scan.hugeBytes / scan.kernelPageBytes;
  if (folio === null || folio.pfn !== run.pfn || 2 ** folio.order < pages) return false;
  const mapped = scan.runs.filter(({ va, pfn, flags }) => {
    return isPresent(flags) && pfn - run.pfn === (va - run.va) / scan.kernelPageBytes;
  });
  return mapped.reduce((sum, { nr }) => sum + nr, 0) === pages;
}

/** The entry of each process page that has one: that of its first kernel page. */
function entriesOf({ startVa, hugeBytes, pageBytes, kernelPageBytes, runs }: Scan): Map<number, ScannedRun> {
  const entries = new Map<number, ScannedRun>();
  for (const { va, pfn, nr, flags } of runs) {
    for (let page = 0; page < nr; page++) {
      const at = va + page * kernelPageBytes;
      if (at < startVa || at >= startVa + hugeBytes) continue;
      const index = Math.floor((at - startVa) / pageBytes);
      if (!entries.has(index)) entries.set(index, { va: at, pfn: pfn + page, nr: 1, flags });
    }
  }
  return entries;
}

/** What one present entry counts for, or why it ends the scan. */
function scanPage(scan: Scan, entry: ScannedRun, found: Scanned): ScanResult | null {
  if (hasFlags(entry.flags, PTE.WRITE)) found.writable = true;
  const folio = scan.folioOf(entry.pfn);
  if (folio === null || folio.kind !== 'anon' || !hasFlags(entry.flags, PTE.ANON)) return 'not-anonymous';
  if (isShared(folio)) {
    found.shared++;
    if (scan.limits !== null && found.shared > scan.limits.maxPtesShared) return 'exceed-shared';
  }
  if (folio.pins > 0) return 'pinned';
  if (scan.limits !== null && hasFlags(entry.flags, PTE.YOUNG)) found.referenced++;
  return null;
}

/**
 * Looks at the entries of one PMD (`hpage_collapse_scan_pmd`).
 *
 * @example
 * ```ts
 * const sizes = { startVa: 0, hugeBytes: 2 ** 21, pageBytes: 65536, kernelPageBytes: 4096 };
 * const runs = [{ va: 0, pfn: 16, nr: 16, flags: PTE.VALID | PTE.WRITE | PTE.ANON | PTE.YOUNG }];
 * const folioOf = (pfn: number) => ({ pfn, order: 4, refs: 16, pins: 0, kind: 'anon', large: null });
 * const scan = { ...sizes, runs, folioOf, isZero: () => false, uffdArmed: false };
 * const limits = { maxPtesNone: 31, maxPtesSwap: 4, maxPtesShared: 16 };
 * scanPmd({ ...scan, limits }).result; // 'succeed'
 * scanPmd({ ...scan, limits: { ...limits, maxPtesNone: 30 } }).result; // 'exceed-none'
 * ```
 */
export function scanPmd(scan: Scan): Scanned {
  const found: Scanned = { result: 'succeed', none: 0, unmapped: 0, shared: 0, referenced: 0, writable: false };
  if (scan.runs.length === 0) return { ...found, result: 'pmd-none' };
  if (isMappedWhole(scan)) return { ...found, result: 'pmd-mapped' };
  const { limits } = scan;
  const pages = scan.hugeBytes / scan.pageBytes;
  const entries = entriesOf(scan);
  for (let page = 0; page < pages; page++) {
    const entry = entries.get(page);
    if (entry !== undefined && !isPresent(entry.flags)) {
      found.unmapped++;
      if (limits !== null && found.unmapped > limits.maxPtesSwap) return { ...found, result: 'exceed-swap' };
    } else if (entry === undefined || scan.isZero(entry.pfn)) {
      found.none++;
      if (scan.uffdArmed || (limits !== null && found.none > limits.maxPtesNone)) {
        return { ...found, result: scan.uffdArmed ? 'uffd-armed' : 'exceed-none' };
      }
    } else {
      const ends = scanPage(scan, entry, found);
      if (ends !== null) return { ...found, result: ends };
    }
  }
  if (!found.writable) return { ...found, result: 'read-only' };
  const lacks = found.referenced === 0 || (found.unmapped > 0 && found.referenced < pages / 2);
  return limits !== null && lacks ? { ...found, result: 'not-referenced' } : found;
}

/**
 * What MADV_COLLAPSE returns for the last PMD that failed (`madvise_collapse_errno`).
 *
 * @example
 * ```ts
 * collapseErrno('no-huge-page'); // 12
 * collapseErrno('pmd-none'); // 22
 * ```
 */
export function collapseErrno(result: ScanResult): number {
  if (result === 'no-huge-page') return ERRNO.ENOMEM;
  if (result === 'exceed-none' || result === 'uffd-armed') return ERRNO.EBUSY;
  return result === 'pinned' || result === 'changed' ? ERRNO.EAGAIN : ERRNO.EINVAL;
}

/**
 * The whole huge pages of a range, by their first addresses.
 *
 * @example
 * ```ts
 * wholePmds(0x1000, 0x600000, 2 ** 21); // [0x200000, 0x400000]
 * ```
 */
export function wholePmds(startVa: number, endVa: number, hugeBytes: number): number[] {
  const first = Math.ceil(startVa / hugeBytes);
  const count = Math.max(0, Math.floor(endVa / hugeBytes) - first);
  return Array.from({ length: count }, (_, index) => (first + index) * hugeBytes);
}
