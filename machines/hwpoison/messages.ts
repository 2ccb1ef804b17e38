/**
 * Memory errors: the frame that failed, the page cache that has it, the allocator that must not hand it out again, and the
 * processes that learn of it.
 *
 * @models D-18
 */
import type { Containment, Retirement } from '../../src/mm/hwpoison/decide.ts';

/** How memory failure is handled. */
export interface PoisonSettings {
  containment: Containment;
  retirement: Retirement;
  /** `vm.memory_failure_early_kill`. */
  earlyKill: boolean;
}

/** Where an error was: a frame, or the page at an address of a process. */
export interface ErrorPlace {
  pfn?: number;
  pid?: number;
  va?: number;
}

/** Every message of memory failure. */
export type PoisonMessage =
  /** `consumed`: the process of `pid` has read the bad data (MF_ACTION_REQUIRED). */
  | { type: 'MEMORY_FAILURE'; consumed?: boolean; pfn?: number; pid?: number; va?: number }
  | { type: 'SOFT_OFFLINE'; pfn?: number; pid?: number; va?: number }
  /** `dirty`: an entry that maps it is; `keepDirty`: only a clean page goes. */
  | {
      type: 'FAIL_PAGE';
      file: string;
      sender: string;
      request: number;
      pfn: number;
      dirty: boolean;
      keepDirty: boolean;
    }
  | {
      type: 'PAGE_FAILED';
      request: number;
      dirty: boolean;
      inMemory: boolean;
      /** It was in the cache, and has left it. */
      dropped: boolean;
      /** An operation on the file holds it. */
      busy: boolean;
    }
  | { type: 'QUARANTINE'; sender: string; request: number; pfn: number; retirement: Retirement }
  /** `frames` that are never used again; 0 where somebody still has references to the folio. */
  | { type: 'QUARANTINED'; request: number; frames: number }
  | { type: 'MCE_SIGNAL'; code: number; va: number };
