/**
 * Which pages Linux would count as mapped by a PMD entry, and what a huge page is in a native table. The Linux table of the model has no
 * block entries: what counts is a whole folio, aligned, all of whose entries are there with one protection, as a PMD entry would have it.
 * Sources: fs/proc/task_mmu.c:smaps_pmd_entry (AnonHugePages, ShmemPmdMapped, FilePmdMapped), arch/arm64/include/asm/pgtable-hwdef.h.
 *
 * @models S-17 S-24 S-34 S-11
 */
import { pageSizeLimits } from '../../arch/granule.ts';
import { flagsOf, hasFlags, isPresent, PTE } from '../pte.ts';
import type { ScannedFolio, ScannedRun } from './collapse.ts';

/** Bytes mapped by PMD entries, as smaps has them. */
export interface PmdMapped {
  anonBytes: number;
  fileBytes: number;
}

/** Bits that may differ between entries that one PMD entry could stand for: hardware notes age and dirt in any of them. */
const NOTED = PTE.YOUNG | PTE.DIRTY | PTE.READONLY | PTE.CONT;

/**
 * Bytes of the runs that one PMD entry of `pmdBytes` each could map.
 *
 * @example
 * ```ts
 * const run = { va: 0x200000, pfn: 512, nr: 512, flags: PTE.VALID | PTE.ANON };
 * const folio = { pfn: 512, order: 9, refs: 512, pins: 0, kind: 'anon', large: null };
 * pmdMappedBytes([run], () => folio, 2 ** 21, 4096); // { anonBytes: 2097152, fileBytes: 0 }
 * pmdMappedBytes([{ ...run, nr: 511 }], () => folio, 2 ** 21, 4096); // { anonBytes: 0, fileBytes: 0 }
 * ```
 */
export function pmdMappedBytes(
  runs: readonly ScannedRun[],
  folioOf: (pfn: number) => ScannedFolio | null,
  pmdBytes: number,
  kernelPageBytes: number,
): PmdMapped {
  const pages = pmdBytes / kernelPageBytes;
  const mapped: PmdMapped = { anonBytes: 0, fileBytes: 0 };
  /** The PMD under way: where its next entry has to be. */
  let next: { va: number; pfn: number; flags: number; left: number } | null = null;
  for (const run of [...runs].sort((a, b) => a.va - b.va)) {
    if (!isPresent(run.flags)) continue;
    for (let page = 0; page < run.nr; page++) {
      const va = run.va + page * kernelPageBytes;
      const pfn = run.pfn + page;
      const flags = flagsOf(run.flags) | NOTED;
      const goesOn: boolean = next !== null && next.va === va && next.pfn === pfn && next.flags === flags;
      if (!goesOn) {
        const folio = va % pmdBytes === 0 && pfn % pages === 0 ? folioOf(pfn) : null;
        const isWhole: boolean = folio !== null && 2 ** folio.order >= pages;
        next = isWhole ? { va, pfn, flags, left: pages } : null;
      }
      if (next === null) continue;
      next = { va: va + kernelPageBytes, pfn: pfn + 1, flags, left: next.left - 1 };
      if (next.left > 0) continue;
      mapped[hasFlags(run.flags, PTE.ANON) ? 'anonBytes' : 'fileBytes'] += pmdBytes;
      next = null;
    }
  }
  return mapped;
}

/** What maps a huge page in a table of one granule. */
export interface NativeForm {
  /** Level of the entries: 3 pages, 2 blocks of a PMD, 1 of a PUD. */
  level: 1 | 2 | 3;
  entries: number;
  /** Entries of whole contiguous groups among them: one TLB entry each where hardware makes use of the bit. */
  groups: number;
}

/**
 * The largest entries of a process's own table that map an aligned huge page of so many bytes; null where it is smaller than a process
 * page, which no entry can map. On a 4K kernel a PMD of 2M is one contiguous group of 32 entries natively, and of all sizes that a 4K
 * kernel has only hugetlb's 1G becomes block entries of a 64K process.
 *
 * @example
 * ```ts
 * nativeFormOf(2 ** 21, 65536); // { level: 3, entries: 32, groups: 1 }
 * nativeFormOf(2 ** 30, 65536); // { level: 2, entries: 2, groups: 0 }
 * nativeFormOf(2 ** 25, 16384); // { level: 2, entries: 1, groups: 0 }
 * nativeFormOf(4096, 65536); // null
 * ```
 */
export function nativeFormOf(hugeBytes: number, pageBytes: number): NativeForm | null {
  const { pmdBytes, pmdOrder, contPtes, contPmds } = pageSizeLimits(pageBytes);
  const pudBytes = pmdBytes * 2 ** pmdOrder;
  const form = (level: 1 | 2 | 3, entryBytes: number, group: number): NativeForm => {
    const entries = hugeBytes / entryBytes;
    return { level, entries, groups: Math.floor(entries / group) };
  };
  if (hugeBytes % pageBytes !== 0) return null;
  // Linux uses PUD blocks with 4K pages alone (`pud_sect_supported`).
  if (pageBytes === 4096 && hugeBytes % pudBytes === 0) return form(1, pudBytes, Number.POSITIVE_INFINITY);
  if (hugeBytes % pmdBytes === 0) return form(2, pmdBytes, contPmds);
  return form(3, pageBytes, contPtes);
}
