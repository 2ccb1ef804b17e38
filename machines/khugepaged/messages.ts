/**
 * What khugepaged, the controls of transparent huge pages and those who read or set them say to each other. A huge page is named by its
 * first address; `pfn` is its first frame.
 */
import type { ThpSettings } from '../../src/arch/design.ts';
import type { CollapseLimits, ScanResult } from '../../src/mm/thp/collapse.ts';

/** A request to collapse one huge page, under the lock of the mm for writing. */
export type CollapseWish = {
  startVa: number;
  hugeBytes: number;
  /** A folio that was allocated for it; null: the mm allocates one once it has looked. */
  pfn: number | null;
  /** The limits of khugepaged; null: MADV_COLLAPSE, which has none. */
  limits: CollapseLimits | null;
};

/** Every message of this part. */
export type KhugepagedMessage =
  | { type: 'KHUGEPAGED_WAKE' }
  | ({ type: 'COLLAPSE'; sender: string; request: number } & CollapseWish)
  | { type: 'COLLAPSED'; request: number; pid: number; result: ScanResult }
  | { type: 'READ_CONTROL'; sender: string; request: number; path: string; pageBytes: number }
  | { type: 'WRITE_CONTROL'; sender: string; request: number; path: string; text: string; pageBytes: number }
  | { type: 'CONTROL_DONE'; request: number; errno: number; text: string }
  | { type: 'THP_SETTINGS'; request: number; settings: ThpSettings; useZeroPage: boolean }
  | { type: 'THP_SETTLED'; request: number }
  /** `get_huge_zero_folio`; answered with FRAMES or NO_MEMORY. */
  | { type: 'HUGE_ZERO'; sender: string; request: number; orderPages: number }
  | { type: 'MTHP_QUERY'; sender: string; request: number }
  /** By order and by file name of `hugepages-SIZEkB/stats`. */
  | { type: 'MTHP_COUNTS'; request: number; counts: Record<number, Record<string, number>> };
