/** What goes between readers of procfs, procfs itself, and those whom it asks. */
import type { FrameCounts } from '../../src/mm/frames.ts';
import type { CachedFolio } from '../../src/mm/pageCache.ts';

/** Every message of procfs. */
export type ProcfsMessage =
  /** `request` is the pid of the caller, and `readerPageBytes` the page of its ABI. */
  | {
      type: 'PROC_READ';
      request: number;
      readerPageBytes: number;
      path: string;
      offsetBytes: number;
      lengthBytes: number;
    }
  | { type: 'PROC_WRITE'; request: number; readerPageBytes: number; path: string; text: string }
  /** What was read; of a write, the process that it is about and what is to be done. */
  | { type: 'PROC_DATA'; request: number; errno: number; data: number[] }
  /** Pages of a file that its page cache holds, without a lock. */
  | { type: 'CACHE_QUERY'; file: string; sender: string; request: number; firstIndex: number; endIndex: number }
  | { type: 'CACHE_STATE'; request: number; file: string; folios: CachedFolio[] }
  | {
      type: 'SWAP_QUERY';
      sender: string;
      request: number;
      slots: { offset: number; nr: number }[];
      /** Frames of anonymous memory. */
      pfns: number[];
    }
  | {
      type: 'SWAP_COUNTS';
      request: number;
      /** How many entries name each slot, in the order of the question (`swp_swapcount`). */
      counts: number[];
      /** Those of the frames that are in the swap cache, which holds a reference to each. */
      cached: number[];
      totalPages: number;
      freePages: number;
    }
  /** Which of these frames does ksmd have merged? It holds a reference to each. */
  | { type: 'KSM_QUERY'; sender: string; request: number; pfns: number[] }
  | { type: 'KSM_PAGES'; request: number; pfns: number[] }
  | { type: 'ZONE_QUERY'; sender: string; request: number }
  | {
      type: 'ZONE_STATE';
      request: number;
      totalPages: number;
      basePfn: number;
      freePages: number;
      /** Free blocks by order. */
      freeBlocks: number[];
      frames: FrameCounts;
      /** Watermarks in pages. */
      min: number;
      low: number;
      high: number;
    };
