/** From what the tables, the zone and the page cache hold to what procfs shows of each entry. */
import type { Folio } from '../frames.ts';
import { kindOfEntry } from '../nonPresent.ts';
import type { CachedFolio } from '../pageCache.ts';
import { hasFlags, isPresent, PTE } from '../pte.ts';
import type { Vma } from '../vma.ts';
import { type MappedFolio, type MappedRun, standsForPage } from './mapped.ts';

/** Entries as a walk of the Linux table gives them. */
export interface WalkedRun {
  va: number;
  nr: number;
  pfn: number;
  flags: number;
}

/** What is known of the memory behind entries. */
export interface MemorySight {
  kernelPageBytes: number;
  /** The first and the last frame of the shared zeroes, which are no page to be counted. */
  zeroPfn: number;
  zeroPages: number;
  /** The folio that a frame lies in; null where it is in none. */
  folioOf(pfn: number): Folio | null;
  /** The folio of the page cache that holds a page of a file; null where it does not. */
  cachedOf(file: string, index: number): CachedFolio | null;
  /** Whether `PG_referenced` of a folio is set, by its first frame; where nobody keeps it, it is not asked for. */
  isReferenced?(head: number): boolean;
  /** How many entries name a slot of swap (`swp_swapcount`); 1 where nobody says. */
  swapCountOf?(slot: number): number;
  /** Whether the swap cache holds a reference to a page. */
  inSwapCache?(pfn: number): boolean;
  /** Whether ksmd has merged a page; it holds a reference to it then. */
  isMerged?(pfn: number): boolean;
  /** Whether the file lives in memory alone: tmpfs and the kernel's internal mount. */
  inMemory(file: string): boolean;
}

/**
 * How many entries map a page of a folio. Every entry holds a reference, and so do pins and, once for each page, the page cache;
 * `heldElsewhere` are references to each page that others hold: the swap cache, ksmd.
 * Of an anonymous folio larger than its process's page the count of each page is kept. Where a large folio of a file is mapped
 * in part by some, the mean over its pages is given, as kernels without per-page counts do
 * (`fs/proc/internal.h:folio_average_page_mapcount`).
 *
 * @example
 * ```ts
 * const folio: Folio = { pfn: 16, order: 0, refs: 3, pins: 0, owner: 'file:a', kind: 'file', lazyFree: false, large: null };
 * mapcountOf(folio, 16); // 2
 * ```
 */
export function mapcountOf(folio: Folio, pfn: number, heldElsewhere = 0): number {
  if (folio.kind !== 'anon' && folio.kind !== 'file') return 0;
  if (folio.large !== null) return folio.large.pageRefs[pfn - folio.pfn];
  const pages = 2 ** folio.order;
  const cached = folio.kind === 'file' ? pages : 0;
  const entries = folio.refs - folio.pins - cached - heldElsewhere * pages;
  return Math.max(entries > 0 ? 1 : 0, Math.floor(entries / pages));
}

/** What the entry of one page has behind it, without its mapcount. */
function sightOf(sight: MemorySight, vma: Vma, va: number, pfn: number, folio: Folio): MappedFolio {
  const ksm = sight.isMerged?.(pfn) === true;
  const mapcount = mapcountOf(folio, pfn, (ksm ? 1 : 0) + (sight.inSwapCache?.(pfn) === true ? 1 : 0));
  const { pfn: head, order, lazyFree } = folio;
  const referenced = sight.isReferenced?.(head) === true ? { referenced: true } : {};
  const common = { head, order, mapcount, ksm, ...referenced };
  if (folio.kind === 'anon') return { ...common, kind: 'anon', dirty: false, lazyFree };
  const file = vma.file ?? '';
  const index = Math.floor((vma.offsetBytes + va - vma.startVa) / sight.kernelPageBytes);
  const cached = file === '' ? null : sight.cachedOf(file, index);
  const kind = file !== '' && sight.inMemory(file) ? 'shmem' : 'file';
  return { ...common, kind, dirty: cached?.dirty ?? false, lazyFree: false };
}

function isZero({ zeroPfn, zeroPages }: MemorySight, pfn: number): boolean {
  return pfn >= zeroPfn && pfn < zeroPfn + zeroPages;
}

/** Whether the next page goes on with a run. */
function goesOn(run: MappedRun, pfn: number, folio: MappedFolio | null, swapCount?: number): boolean {
  const before = run.folio;
  if (run.pfn + run.nr !== pfn || run.swapCount !== swapCount) return false;
  if (before === null || folio === null) return before === folio;
  return (
    before.head === folio.head &&
    before.mapcount === folio.mapcount &&
    before.dirty === folio.dirty &&
    before.lazyFree === folio.lazyFree &&
    before.kind === folio.kind &&
    before.ksm === folio.ksm
  );
}

/**
 * The entries of one area, cut into runs within which folios and counts are alike. `runs` lie inside the area, ascending.
 *
 * @example
 * ```ts
 * const folio: Folio = { pfn: 16, order: 0, refs: 1, pins: 0, owner: 'mm:1', kind: 'anon', lazyFree: false, large: null };
 * const nothing = { folioOf: () => folio, cachedOf: () => null, inMemory: () => false };
 * const sight = { kernelPageBytes: 4096, zeroPfn: 0, zeroPages: 1, ...nothing };
 * const vma = { startVa: 0, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * mappedRuns(sight, vma, [{ va: 0, nr: 1, pfn: 16, flags: PTE.VALID }])[0]?.folio?.mapcount; // 1
 * ```
 */
export function mappedRuns(sight: MemorySight, vma: Vma, runs: readonly WalkedRun[]): MappedRun[] {
  const mapped: MappedRun[] = [];
  for (const { va, nr, pfn, flags } of runs) {
    const start = mapped.length;
    const counted = isPresent(flags) && !hasFlags(flags, PTE.SPECIAL);
    const stands = standsForPage(flags);
    for (let page = 0; page < nr; page++) {
      const at = pfn + page;
      const whole = (counted && !isZero(sight, at)) || stands ? sight.folioOf(at) : null;
      const pageVa = va + page * sight.kernelPageBytes;
      const folio = whole === null ? null : sightOf(sight, vma, pageVa, at, whole);
      const slot = kindOfEntry(flags) === 'swap';
      const swapCount = slot ? sight.swapCountOf?.(at) : undefined;
      const last = mapped.length > start ? mapped.at(-1) : undefined;
      if (last !== undefined && goesOn(last, at, folio, swapCount)) last.nr += 1;
      else mapped.push({ va: pageVa, nr: 1, pfn: at, flags, folio, ...(swapCount === undefined ? {} : { swapCount }) });
    }
  }
  return joined(mapped, sight.kernelPageBytes);
}

/**
 * Neighbouring runs of one folio whose entries differ in nothing: a walk may give them apart, and a PMD entry has them as one.
 */
function joined(runs: readonly MappedRun[], kernelPageBytes: number): MappedRun[] {
  const together: MappedRun[] = [];
  for (const run of runs) {
    const last = together.at(-1);
    const adjoins = last !== undefined && last.va + last.nr * kernelPageBytes === run.va && last.flags === run.flags;
    if (adjoins && goesOn(last, run.pfn, run.folio, run.swapCount)) last.nr += run.nr;
    else together.push({ ...run });
  }
  return together;
}
