/**
 * smaps and smaps_rollup: what of an area is resident, and who has it [fs/proc/task_mmu.c].
 *
 * @models S-27 S-32
 */
import { kindOfEntry } from '../nonPresent.ts';
import { isDirty, isYoung } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { kbLine } from './lines.ts';
import { type InodeName, mapsLine, rollupLine } from './maps.ts';
import { isCounted, markPmds, type MappedFolio, type MappedRun, standsForPage } from './mapped.ts';
import { vmFlagsText } from './vmFlags.ts';

/** Bits of fraction of a proportional share (`PSS_SHIFT`). */
const PSS_ONE = 4096;

/** Bytes, and proportional shares in 1/4096 bytes (`struct mem_size_stats`). */
export interface MemSizeStats {
  resident: number;
  sharedClean: number;
  sharedDirty: number;
  privateClean: number;
  privateDirty: number;
  referenced: number;
  anonymous: number;
  ksm: number;
  lazyFree: number;
  anonymousThp: number;
  shmemThp: number;
  fileThp: number;
  swap: number;
  pss: number;
  pssAnon: number;
  pssFile: number;
  pssShmem: number;
  pssDirty: number;
  pssLocked: number;
  swapPss: number;
}

/**
 * Nothing counted yet.
 *
 * @example
 * ```ts
 * noStats().resident; // 0
 * ```
 */
export function noStats(): MemSizeStats {
  return {
    resident: 0,
    sharedClean: 0,
    sharedDirty: 0,
    privateClean: 0,
    privateDirty: 0,
    referenced: 0,
    anonymous: 0,
    ksm: 0,
    lazyFree: 0,
    anonymousThp: 0,
    shmemThp: 0,
    fileThp: 0,
    swap: 0,
    pss: 0,
    pssAnon: 0,
    pssFile: 0,
    pssShmem: 0,
    pssDirty: 0,
    pssLocked: 0,
    swapPss: 0,
  };
}

/** In what units a process is counted. */
export interface CountedIn {
  kernelPageBytes: number;
  /** The page of the process: shares are cut off once a page of this, as on a kernel built for it. */
  pageBytes: number;
  /** Order of a PMD entry of the process, in kernel pages. */
  pmdOrder: number;
}

/** `(PAGE_SIZE << PSS_SHIFT) / mapcount` of every page of a run: whole process pages first, what is left in kernel pages. */
function shareOf({ va, nr }: MappedRun, mapcount: number, { kernelPageBytes, pageBytes }: CountedIn): number {
  if (mapcount < 2) return nr * kernelPageBytes * PSS_ONE;
  const unitPages = pageBytes / kernelPageBytes;
  const firstPage = va / kernelPageBytes;
  const whole = Math.max(0, Math.floor((firstPage + nr) / unitPages) - Math.ceil(firstPage / unitPages));
  const share = (bytes: number): number => Math.floor((bytes * PSS_ONE) / mapcount);
  return whole * share(pageBytes) + (nr - whole * unitPages) * share(kernelPageBytes);
}

/** `smaps_page_accumulate`. */
function accumulate(stats: MemSizeStats, folio: MappedFolio, bytes: number, pss: number, run: MappedRun): void {
  stats.pss += pss;
  if (folio.kind === 'anon') stats.pssAnon += pss;
  else if (folio.kind === 'shmem') stats.pssShmem += pss;
  else stats.pssFile += pss;
  const stands = standsForPage(run.flags);
  const shared = stands || folio.mapcount >= 2;
  if ((!stands && isDirty(run.flags)) || folio.dirty) {
    stats.pssDirty += pss;
    if (shared) stats.sharedDirty += bytes;
    else stats.privateDirty += bytes;
  } else if (shared) stats.sharedClean += bytes;
  else stats.privateClean += bytes;
}

/** `smaps_pte_entry`, `smaps_pmd_entry` and `smaps_account` for a run of like entries. */
function addRun(stats: MemSizeStats, run: MappedRun, locked: boolean, units: CountedIn): void {
  const bytes = run.nr * units.kernelPageBytes;
  if (kindOfEntry(run.flags) === 'swap') {
    stats.swap += bytes;
    stats.swapPss += shareOf(run, run.swapCount ?? 1, units);
    return;
  }
  const stands = standsForPage(run.flags);
  const { folio } = run;
  if (folio === null || (!isCounted(run) && !stands)) return;
  if (folio.kind === 'anon') {
    stats.anonymous += bytes;
    if (folio.lazyFree && (stands || !isDirty(run.flags)) && !folio.dirty) stats.lazyFree += bytes;
  }
  if (folio.ksm) stats.ksm += bytes;
  stats.resident += bytes;
  if ((!stands && isYoung(run.flags)) || folio.referenced === true) stats.referenced += bytes;
  if (run.pmd === true) {
    if (folio.kind === 'anon') stats.anonymousThp += bytes;
    else if (folio.kind === 'shmem') stats.shmemThp += bytes;
    else stats.fileThp += bytes;
  }
  // How often a page is shared whose entry is not present is not known: it counts as shared, and as a whole.
  const pss = shareOf(run, stands ? 1 : folio.mapcount, units);
  if (locked) stats.pssLocked += pss;
  accumulate(stats, folio, bytes, pss, run);
}

/**
 * Adds the entries of an area to what is counted already (`smap_gather_stats`).
 *
 * @example
 * ```ts
 * const units = { kernelPageBytes: 4096, pageBytes: 4096, pmdOrder: 9 };
 * const folio = { head: 8, order: 0, kind: 'anon' as const, mapcount: 2, dirty: false, lazyFree: false, ksm: false };
 * const stats = noStats();
 * gatherStats(stats, { flags: 0 }, [{ va: 0, nr: 1, pfn: 8, flags: PTE.VALID | PTE.DIRTY, folio }], units);
 * [stats.resident, stats.sharedDirty, stats.pss / 4096]; // [4096, 4096, 2048]
 * ```
 */
export function gatherStats(
  stats: MemSizeStats,
  vma: Pick<Vma, 'flags'>,
  runs: readonly MappedRun[],
  units: CountedIn,
): void {
  const locked = (vma.flags & VM.LOCKED) !== 0;
  for (const run of markPmds(runs, units.pmdOrder, units.kernelPageBytes)) addRun(stats, run, locked, units);
}

/** `__show_smap`. */
function sizesText(stats: MemSizeStats, rollup: boolean): string {
  const share = (value: number): number => Math.floor(value / PSS_ONE);
  const split = [
    kbLine('Pss_Anon:       ', share(stats.pssAnon)),
    kbLine('Pss_File:       ', share(stats.pssFile)),
    kbLine('Pss_Shmem:      ', share(stats.pssShmem)),
  ];
  return [
    kbLine('Rss:            ', stats.resident),
    kbLine('Pss:            ', share(stats.pss)),
    kbLine('Pss_Dirty:      ', share(stats.pssDirty)),
    ...(rollup ? split : []),
    kbLine('Shared_Clean:   ', stats.sharedClean),
    kbLine('Shared_Dirty:   ', stats.sharedDirty),
    kbLine('Private_Clean:  ', stats.privateClean),
    kbLine('Private_Dirty:  ', stats.privateDirty),
    kbLine('Referenced:     ', stats.referenced),
    kbLine('Anonymous:      ', stats.anonymous),
    kbLine('KSM:            ', stats.ksm),
    kbLine('LazyFree:       ', stats.lazyFree),
    kbLine('AnonHugePages:  ', stats.anonymousThp),
    kbLine('ShmemPmdMapped: ', stats.shmemThp),
    kbLine('FilePmdMapped:  ', stats.fileThp),
    // Huge pages of hugetlb are not modelled.
    kbLine('Shared_Hugetlb: ', 0),
    kbLine('Private_Hugetlb: ', 0, 7),
    kbLine('Swap:           ', stats.swap),
    kbLine('SwapPss:        ', share(stats.swapPss)),
    kbLine('Locked:         ', share(stats.pssLocked)),
  ].join('');
}

/** What the text of an area needs beside its entries. */
export interface SmapsArea {
  vma: Vma;
  inode: InodeName | null;
  runs: readonly MappedRun[];
  /** `vma_kernel_pagesize` and `vma_mmu_pagesize`. */
  kernelPageSizeBytes: number;
  mmuPageSizeBytes: number;
  thpEligible: boolean;
}

/**
 * The text of one area in /proc/PID/smaps (`show_smap`).
 *
 * @example
 * ```ts
 * const vma = { startVa: 65536, endVa: 131072, prot: 0, flags: 0, file: null, offsetBytes: 0 };
 * const area = { vma, inode: null, runs: [], kernelPageSizeBytes: 65536, mmuPageSizeBytes: 4096, thpEligible: false };
 * smapText(area, { kernelPageBytes: 4096, pageBytes: 65536, pmdOrder: 17 }).split('\n')[2]; // 'KernelPageSize:       64 kB'
 * ```
 */
export function smapText(area: SmapsArea, units: CountedIn): string {
  const { vma, inode, runs, kernelPageSizeBytes, mmuPageSizeBytes, thpEligible } = area;
  const stats = noStats();
  gatherStats(stats, vma, runs, units);
  return [
    mapsLine(vma, inode),
    kbLine('Size:           ', vma.endVa - vma.startVa),
    kbLine('KernelPageSize: ', kernelPageSizeBytes),
    kbLine('MMUPageSize:    ', mmuPageSizeBytes),
    sizesText(stats, false),
    `THPeligible:    ${(thpEligible ? '1' : '0').padStart(8)}\n`,
    `VmFlags: ${vmFlagsText(vma)}\n`,
  ].join('');
}

/**
 * The text of /proc/PID/smaps_rollup (`show_smaps_rollup`): all areas as one.
 *
 * @example
 * ```ts
 * const units = { kernelPageBytes: 4096, pageBytes: 4096, pmdOrder: 9 };
 * rollupText([], units).split('\n')[0].endsWith('[rollup]'); // true
 * ```
 */
export function rollupText(areas: readonly Pick<SmapsArea, 'vma' | 'runs'>[], units: CountedIn): string {
  const stats = noStats();
  for (const { vma, runs } of areas) gatherStats(stats, vma, runs, units);
  const startVa = areas[0]?.vma.startVa ?? 0;
  const endVa = areas.at(-1)?.vma.endVa ?? 0;
  return `${rollupLine(startVa, endVa)}${sizesText(stats, true)}`;
}
