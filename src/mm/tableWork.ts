/** What one operation on the page tables of an mm works with: the edits, and what it collects on the way. */
import type { Contpte } from './contpte.ts';
import type { PageTableEdit } from './pageTable.ts';
import { PTE } from './pte.ts';

/** Consecutive entries that map consecutive frames with the same flags; the shape of `PteRun` in the vocabulary. */
export interface EntryRun {
  va: number;
  pfn: number;
  nr: number;
  flags: number;
}

/** Addresses [startVa, endVa). */
export interface VaRange {
  startVa: number;
  endVa: number;
}

/** The operations, by name. */
export type TableOp =
  /**
   * `expects` is what must be there now, as `pte_same` and `pte_none` check it under the page-table lock: -1 for nothing,
   * else the frame of the first entry, consecutive frames after it. What differs is left alone and rejected.
   */
  | { op: 'set'; runs: EntryRun[]; expects: number; lazily?: true }
  | { op: 'clear'; ranges: VaRange[]; freeWithin: VaRange | null; fileOnly: boolean }
  /**
   * `anonProtection` is for exclusive anonymous pages, `dirtyProtection` for dirty pages of files: they become writable at
   * once (`can_change_pte_writable`). Without the latter a dirty page is like any other.
   */
  | { op: 'protect'; ranges: (VaRange & { protection: number; anonProtection: number; dirtyProtection?: number })[] }
  /** Clears the accessed bit, the dirty bit, or both; `writeProtect` with the latter, as `page_mkclean_one` does. */
  | {
      op: 'age';
      startVa: number;
      endVa: number;
      young: boolean;
      dirty: boolean;
      writeProtect?: boolean;
      /** Folios that the range covers in part have been split: their blocks are unfolded, not widened to. */
      split?: boolean;
    }
  | { op: 'move'; fromVa: number; toVa: number; lengthBytes: number }
  /** `always`: entries of shared anonymous memory, which the child could not find anywhere else. */
  | { op: 'copy'; ranges: (VaRange & { always: boolean })[] }
  | { op: 'read'; ranges: VaRange[] }
  /** `update_mmu_cache`: native entries for what the Linux table holds. */
  | { op: 'fill'; ranges: VaRange[] }
  /** The native table goes, for want of memory; the Linux table has what hardware noted in it. */
  | { op: 'drop'; ranges: VaRange[] }
  /** See `tableExchange.ts`: entries that still are what is expected become others; a null is nothing. */
  | { op: 'exchange'; changes: EntryChange[]; linuxTableOnly?: boolean; byFault?: boolean }
  /** See `tableHarvest.ts`: finds the entries that map frames, and clears their access flags. */
  | { op: 'harvest'; frames: { pfn: number; nr: number }[]; linuxTableOnly?: boolean };

/** `nr` entries that are to be exchanged; the shape of `PteChange` in the vocabulary. */
export interface EntryChange {
  va: number;
  nr: number;
  expects: { pfn: number; flags: number } | null;
  to: { pfn: number; flags: number } | null;
  sameEntry?: boolean;
  keepAge?: boolean;
  ifClean?: boolean;
}

/**
 * Collects entries into runs. The contiguous bit stays inside: what it says is the table's own affair, as `pte_mknoncont`
 * keeps it from core mm.
 *
 * @example
 * ```ts
 * const collector = new RunCollector(4096);
 * collector.add(0x1000, 7, PTE.VALID);
 * collector.add(0x2000, 8, PTE.VALID | PTE.CONT);
 * collector.runs; // [{ va: 4096, pfn: 7, nr: 2, flags: PTE.VALID }]
 * ```
 */
export class RunCollector {
  readonly runs: EntryRun[] = [];
  private readonly pageBytes: number;

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  add(va: number, pfn: number, flagsWithCont: number, nr = 1): void {
    const flags = flagsWithCont & ~PTE.CONT;
    const last = this.runs.at(-1);
    const follows = last !== undefined && va === last.va + last.nr * this.pageBytes && pfn === last.pfn + last.nr;
    if (follows && flags === last.flags) last.nr += nr;
    else this.runs.push({ va, pfn, nr, flags });
  }
}

/** An operation in the middle of its work. */
export interface Work {
  linux: PageTableEdit;
  /** Where the operation works, as far as that was asked for: for a native table, or a harvest. */
  ranges: readonly VaRange[];
  /** The contpte layer over `linux`; null where no entry may carry the contiguous bit. */
  contpte: Contpte | null;
  set: RunCollector;
  cleared: RunCollector;
  rejected: RunCollector;
  flush: VaRange[];
  /** Linux-table addresses that changed: what the native table must follow. */
  touched: VaRange[];
  /** Valid Linux entries that got another frame: break-before-make. */
  replaced: number[];
}

/**
 * The hull of what an mmu_gather changed: it flushes one range, from the first entry to the last (`__tlb_adjust_range`).
 *
 * @example
 * ```ts
 * const gather = new Gather();
 * gather.add(0x5000, 4096);
 * gather.add(0x1000, 4096);
 * const work = { flush: [] as VaRange[], touched: [] as VaRange[] };
 * gather.into(work);
 * work.flush; // [{ startVa: 0x1000, endVa: 0x6000 }]
 * ```
 */
export class Gather {
  private startVa = Number.MAX_SAFE_INTEGER;
  private endVa = 0;

  add(va: number, pageBytes: number): void {
    this.startVa = Math.min(this.startVa, va);
    this.endVa = Math.max(this.endVa, va + pageBytes);
  }

  into(work: Pick<Work, 'flush' | 'touched'>): void {
    if (this.endVa === 0) return;
    work.flush.push({ startVa: this.startVa, endVa: this.endVa });
    work.touched.push({ startVa: this.startVa, endVa: this.endVa });
  }
}
