/**
 * What the slow path of an allocation and compaction say to each other, to the zone and to a process that is to be killed.
 * Whoever waits for memory hears FRAMES or NO_MEMORY, as without a slow path.
 */
import type { CompactPriority, CompactResult } from '../../src/mm/compaction/suitable.ts';
import type { Move } from '../../src/mm/compaction/scan.ts';
import type { AllocationType } from '../../src/mm/pageblock/migrateTypes.ts';

/** An allocation as the zone was asked for it. */
export interface SlowWish {
  sender: string;
  /** The sender's own number, which comes back in FRAMES or NO_MEMORY. */
  request: number;
  orderPages: number;
  leastOrder: number;
  count: number;
  kind: 'anon' | 'file' | 'table' | 'kernel';
  zero: boolean;
  /** It is for a copy of a page, whose time is part of the answer. */
  copied: boolean;
}

/** A move that was carried out, as far as it was. */
export interface MoveDone extends Move {
  /** Pages of the folio, counted from its first, whose entries map the copy now. */
  pages: number[];
}

/** Every message of these actors. */
export type CompactionMessage =
  | { type: 'SLOW_ALLOC'; wish: SlowWish }
  | { type: 'TRY_ALLOC'; request: number; mark: 'min' | 'high'; wish: SlowWish }
  | { type: 'TRIED'; request: number; granted: boolean }
  | { type: 'DIRECT_RECLAIM'; request: number; orderPages: number }
  | { type: 'DIRECT_RECLAIMED'; request: number; pages: number }
  | {
      type: 'COMPACT';
      sender: string;
      request: number;
      orderPages: number;
      migrateType: AllocationType;
      priority: CompactPriority;
    }
  | { type: 'COMPACTED'; request: number; result: CompactResult }
  /** An allocation failed for want of a large block: kcompactd is to make some. */
  | { type: 'WAKE_KCOMPACTD'; orderPages: number }
  | {
      type: 'COMPACT_SCAN';
      request: number;
      orderPages: number;
      migrateType: AllocationType;
      priority: CompactPriority;
      direct: boolean;
      migratePfn: number;
      freePfn: number;
      /** Nothing has been scanned yet in this attempt. */
      first: boolean;
      /** What became of the moves of the batch before. */
      done: MoveDone[];
    }
  | {
      type: 'COMPACT_BATCH';
      request: number;
      /** The attempt is over; empty where there are moves to do, or more to scan. */
      result: CompactResult | '';
      moves: Move[];
      migratePfn: number;
      freePfn: number;
      migrateScanned: number;
      freeScanned: number;
    }
  /** A tick is over, and the free lists are looked at again (`schedule_timeout_killable`). */
  | { type: 'ALLOC_TIMER'; request: number }
  /** SIGKILL, of the OOM killer or from outside. */
  | { type: 'KILL'; pid: number };
