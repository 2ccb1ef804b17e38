/**
 * What the rest of the kernel asks of an address space, its tables and the zone. Readers change nothing: a walk of the
 * tables, a look at a `struct page`, `mmap_read_lock`; REPLACE_PTES is what every user of rmap does under the page-table
 * lock.
 */
import type { Folio } from '../../src/mm/frames.ts';
import type { Vma } from '../../src/mm/vma.ts';
import type { FrameRun, PteRun } from '../coreMessages.ts';

/** What an entry holds: a frame, or the number in a non-present entry, with the flags of `src/mm/pte.ts`. */
export interface PteValue {
  pfn: number;
  flags: number;
}

/**
 * `nr` entries from `va` on that are to be replaced. `expects` is what must be there, consecutive frames after the first and
 * accessed and dirty bits aside; null: nothing. `to` is what is entered, consecutive frames again unless `sameEntry`; null
 * clears.
 */
export interface PteChange {
  va: number;
  nr: number;
  expects: PteValue | null;
  to: PteValue | null;
  /** Every entry gets the same number: a poisoned range, one zero page. */
  sameEntry?: boolean;
  /** What hardware and software noted of the old entry goes into the new one (`pte_mkyoung`, `pte_mkdirty`). */
  keepAge?: boolean;
  /** Nothing of the run is exchanged where any of it is dirty (`try_to_unmap_one` of a page given up by MADV_FREE). */
  ifClean?: boolean;
}

/** Every message between the core and those who walk or change tables from outside. */
export type WalkerMessage =
  | {
      type: 'PAGEWALK';
      sender: string;
      request: number;
      startVa: number;
      endVa: number;
      /** Without the page-table lock: in a break-before-make the entry is seen invalid, as hardware sees it. */
      lockless?: boolean;
    }
  | {
      type: 'WALKED';
      request: number;
      pid: number;
      /** The Linux table, accessed and dirty bits of the native one taken in; entries that are not present too. */
      runs: PteRun[];
      /** Page size of the ABI, 0 before execve; granule of the table that hardware walks. */
      pageBytes: number;
      walkedBytes: number;
      /** Bytes that the tables take. */
      linuxTableBytes: number;
      nativeTableBytes: number;
    }
  | { type: 'FOLIO_QUERY'; sender: string; request: number; pfns: number[] }
  /** `folios` in the order of the question; null where a frame is free. */
  | { type: 'FOLIOS'; request: number; folios: (Folio | null)[] }
  | { type: 'TRY_GET'; sender: string; request: number; runs: FrameRun[] }
  /** `got`: one more reference to each page; else a frame was not in use, and none was taken. */
  | { type: 'GET_TRIED'; request: number; got: boolean }
  | { type: 'MM_QUERY'; sender: string; request: number }
  | { type: 'MM_STATE'; request: number; state: MmState }
  | {
      type: 'REPLACE_PTES';
      sender: string;
      request: number;
      changes: PteChange[];
      /** Granule of the CPU that asks; absent: the kernel's, as of a kernel thread. */
      issuerPageBytes?: number;
      /** The naive design: what hardware noted in the native table is not looked at, and lost with it. */
      linuxTableOnly?: boolean;
    }
  | {
      type: 'EXCHANGE_PTES';
      request: number;
      changes: PteChange[];
      rmap: { issuerPageBytes: number };
      linuxTableOnly?: boolean;
      /** A fault brings a page back: a lazy native table gets its entry at once (`update_mmu_cache`). */
      byFault?: boolean;
    }
  | {
      type: 'REPLACED';
      request: number;
      pid: number;
      /** The entries that were replaced, as they were, accessed and dirty bits of both tables gathered. */
      replaced: PteRun[];
      /** The present entries that came in their place, zero pages not counted. */
      entered: FrameRun[];
      /** Entries that were not what was expected, as `to` would have had them. */
      missed: PteRun[];
      /** Why the native table had to be given up; empty where it had not. */
      fallback: string;
    };

/** What can be seen of an mm from outside, under its lock for reading. */
export interface MmState {
  pid: number;
  pageBytes: number;
  kernelPageBytes: number;
  vmas: Vma[];
  startBrk: number;
  brk: number;
  rssAnonPages: number;
  rssFilePages: number;
  rssPeakPages: number;
  minorFaults: number;
  majorFaults: number;
  /** Memory that has not been written since clear_refs; absent where that is not tracked, or was never asked. */
  softClean?: readonly { startVa: number; endVa: number }[];
  /** Untranslatable operations so far. */
  fallbacks: number;
}
