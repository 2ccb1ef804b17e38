/** Messages of those who pin user memory (`mm/gup.c`). */
import type { FrameRun } from '../coreMessages.ts';

/** What a holder of pins asks, is asked and hears. */
export type GupMessage =
  /** `pin_user_pages_fast` or, without `fast`, `pin_user_pages_remote`, with FOLL_WRITE, FOLL_LONGTERM and FOLL_FORCE. */
  | {
      type: 'GUP_PIN';
      sender: string;
      request: number;
      pid: number;
      addr: number;
      lengthBytes: number;
      write: boolean;
      longterm: boolean;
      force: boolean;
      fast: boolean;
    }
  /** `unpin_user_pages` of what was mapped in that range when it was pinned: all of it, or a piece. */
  | { type: 'GUP_UNPIN'; sender: string; request: number; pid: number; addr: number; lengthBytes: number }
  /** Kernel pages that were pinned or unpinned. */
  | { type: 'GUP_DONE'; request: number; result: number; errno: number }
  | { type: 'READ_PROTECT_SEQ'; sender: string; request: number }
  | { type: 'PROTECT_SEQ'; request: number; seq: number }
  /** One load of the lockless walk. The first enters it with interrupts off, `leave` ends it. */
  | { type: 'GUP_WALK'; sender: string; request: number; va: number; step: 'pmd' | 'pte' | 'again' | 'leave' }
  /** `sameTable`: the table that the walk reads is the one that it found; for `pmd`, that there is one. */
  | { type: 'GUP_ENTRY'; request: number; pfn: number; flags: number; sameTable: boolean }
  /** `longterm`: not of memory that has to stay movable. */
  | { type: 'TRY_GRAB'; sender: string; request: number; runs: FrameRun[]; longterm?: true }
  /** `ok`: one pin and one reference more for each page. `kind` and `owner` are those of the first folio. */
  /** `unpinnable`: the first folio that has to move before it may be pinned for long. */
  | {
      type: 'GRABBED';
      request: number;
      ok: boolean;
      kind: string;
      owner: string;
      unpinnable?: { pfn: number; orderPages: number };
    }
  /** A folio outside the memory that has to stay movable (`mm/migrate.c:alloc_migration_target` without __GFP_MOVABLE). */
  | { type: 'ALLOC_PINNABLE'; sender: string; request: number; orderPages: number; leastOrder: number }
  | { type: 'UNPIN'; sender: string; request: number; runs: FrameRun[] }
  | { type: 'UNPINNED'; request: number }
  /** Answered with UNPINNED once no folio of these frames is pinned; at once where none is. */
  | { type: 'WAIT_UNPINNED'; sender: string; request: number; pfns: number[] };
