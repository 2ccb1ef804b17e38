/** What is said to and by reclaim: the zone that is short of memory, the folios on its lists, and those who map them. */
import type { FrameRun, PteRun } from '../coreMessages.ts';
import type { Folio } from '../../src/mm/frames.ts';

/** Entries that map a folio, as they were before their access flags were cleared. */
export interface Mapping extends PteRun {
  /** Flags of the area (`src/mm/vma.ts`). */
  vmFlags: number;
  prot: number;
}

/** Every message about reclaim. */
export type ReclaimMessage =
  | {
      type: 'WAKE_KSWAPD';
      /** Pages that an allocation waits for; 0 where the low watermark alone has been reached. */
      urgentPages: number;
    }
  | { type: 'KSWAPD_SLEEPS'; reclaimedPages: number }
  /** Folios that MADV_FREE gave up and that were written to again (`folio_set_swapbacked`). */
  | { type: 'SET_SWAPBACKED'; pfns: number[] }
  /** `anyPage`: the frames are any of their folios, not the first. */
  | { type: 'ISOLATE'; sender: string; request: number; pfns: number[]; anyPage: boolean }
  | {
      type: 'ISOLATED';
      request: number;
      /** In the order of the question, each with a reference to every page taken; null where there is no such folio. */
      folios: (Folio | null)[];
      /** Folios that were allocated since the last time (`lru_add_drain`), the oldest first. */
      added: { pfn: number; pages: number; isFile: boolean }[];
      freePages: number;
      highPages: number;
    }
  /** `linuxTableOnly`: the naive design, which does not see what hardware noted in the native table. */
  | { type: 'FOLIO_REFERENCED'; sender: string; request: number; frames: FrameRun[]; linuxTableOnly?: boolean }
  | { type: 'HARVEST_PTES'; request: number; frames: FrameRun[]; linuxTableOnly?: boolean }
  | { type: 'REFERENCED'; request: number; mm: string; mappings: Mapping[] }
  | {
      type: 'SHRINK_FILE';
      file: string;
      sender: string;
      request: number;
      frames: FrameRun[];
      /** First frames of folios that were found dirty when they were unmapped. */
      dirty: number[];
    }
  | { type: 'FILE_SHRUNK'; request: number; freed: number[] }
  /** MADV_PAGEOUT: reclaim these, whether they were used or not. */
  | { type: 'RECLAIM_FOLIOS'; sender: string; request: number; frames: FrameRun[] }
  | { type: 'RECLAIMED'; request: number; pages: number };
