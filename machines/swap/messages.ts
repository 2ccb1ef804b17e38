/**
 * What is said to and by the swap device, which has the swap cache with it: slots for folios that go out, pages that come
 * back, and the counts of entries that name a slot.
 */
import type { FrameRun } from '../coreMessages.ts';

/** `nr` consecutive slots. */
export interface SlotRun {
  offset: number;
  nr: number;
}

/** Every message about swap. */
export type SwapMessage =
  | {
      type: 'ADD_TO_SWAP';
      sender: string;
      request: number;
      folios: {
        /** The first frame. */
        pfn: number;
        /** Of each page, how many entries will name its slot. */
        counts: number[];
      }[];
    }
  | {
      type: 'SWAP_SLOTS';
      request: number;
      /** In the order of the question; `slots` has one a page, and none where there is no room. */
      folios: {
        pfn: number;
        slots: number[];
        /** The device has what the folio held when it was last written; false where it is new in the swap cache. */
        clean: boolean;
        /** The swap cache takes a reference to each page, which the asker takes on its behalf. */
        fresh: boolean;
      }[];
      freeSlots: number;
    }
  | { type: 'SWAP_WRITE'; sender: string; request: number; pfns: number[] }
  | { type: 'SWAP_WRITTEN'; request: number }
  | { type: 'SWAP_DROP'; sender: string; request: number; pfns: number[] }
  /** `kept`: somebody has mapped the folio again meanwhile. */
  | { type: 'SWAP_DROPPED'; request: number; freed: number[]; kept: number[]; freeSlots: number }
  /** There are free slots again (`get_nr_swap_pages`). */
  | { type: 'SWAP_SPACE'; freeSlots: number }
  | { type: 'SWAP_IN'; sender: string; request: number; slots: number[] }
  /** The same for nobody in particular: into the swap cache. */
  | { type: 'SWAP_AHEAD'; slots: number[] }
  | {
      type: 'SWAPPED_IN';
      request: number;
      /** The first of as many consecutive frames as slots were asked for, each with a reference. */
      pfn: number;
      /** It had to be read from the device. */
      major: boolean;
      failed: boolean;
    }
  | {
      type: 'SWAP_FREE';
      slots: SlotRun[];
      /** The pages came back and are mapped: the swap cache keeps them, or not, by what `owned` says. Absent: they are not. */
      mapped?: {
        /** They were brought back for a write, and are the mapper's alone. */
        owned: boolean;
      };
    }
  | { type: 'SWAP_DUPLICATE'; sender: string; request: number; slots: SlotRun[] }
  | { type: 'SWAP_DUPLICATED'; request: number }
  /** Pages that are mapped no more; whoever maps them still loses nothing by it. */
  | { type: 'FREE_SWAP_CACHE'; runs: FrameRun[] }
  | { type: 'SWAP_RESIDENT'; sender: string; request: number; slots: SlotRun[] }
  | { type: 'SWAP_CACHED'; request: number; slots: SlotRun[] };
