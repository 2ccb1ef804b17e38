/**
 * What hardware beside the CPUs is told of an address space, and what it asks. A device that shares the page table of a process
 * (SVA) walks it by itself, and keeps translations that no TLBI reaches: whoever looks after it is an mmu notifier.
 */
import type { VaRange } from '../../src/mm/tableOps.ts';

/** Every message between the tables of a process and the notifiers that its topology names. */
export type NotifierMessage =
  | {
      type: 'MMU_INVALIDATE';
      sender: string;
      request: number;
      pid: number;
      /** What to forget; one range of all addresses for a whole address space. */
      ranges: VaRange[];
      /** Granule of the table that is walked from now on: another one than before after a fallback. */
      walkedBytes: number;
    }
  | { type: 'MMU_INVALIDATE_DONE'; request: number }
  | {
      type: 'DEVICE_WALK';
      sender: string;
      request: number;
      va: number;
      write: boolean;
      /** Granules that its hardware can walk (`SMMU_IDR5.GRAN4K`, `GRAN16K`, `GRAN64K`). */
      granules: number[];
    }
  | {
      type: 'DEVICE_WALKED';
      request: number;
      pid: number;
      /** First address of the page that was found, or that was asked for. */
      va: number;
      /** Whether there is an entry that allows the access. */
      found: boolean;
      /** Its first frame in kernel pages. */
      pfn: number;
      pageBytes: number;
      write: boolean;
      /** Descriptors that were read. */
      levels: number;
    };
