/** Who says what about reclaim. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { ReclaimMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * reclaimVocabulary.WAKE_KSWAPD.to; // ['kswapd']
 * ```
 */
export const reclaimVocabulary = {
  WAKE_KSWAPD: row('zone', 'kswapd', 'wakeup_kswapd: the low watermark is reached, or an allocation waits.'),
  KSWAPD_SLEEPS: row('kswapd', 'zone', 'Balanced, or nothing more can be reclaimed.'),
  SET_SWAPBACKED: row('kswapd', 'zone', 'folio_set_swapbacked: ordinary anonymous memory again.'),
  ISOLATE: row('kswapd', 'zone', 'isolate_lru_folios: a reference to each page of these; and which are new?'),
  ISOLATED: row('zone', 'kswapd', 'The folios that are there, the new ones, and how much memory is free.'),
  FOLIO_REFERENCED: row('kswapd', 'mm', 'folio_referenced: who maps these frames, and were they used?'),
  HARVEST_PTES: row('mm', 'mmu', 'ptep_clear_flush_young of every entry that maps one of the frames.'),
  REFERENCED: row('mm', 'kswapd', 'The entries as they were, and the flags of their areas.'),
  SHRINK_FILE: row('kswapd', 'file', 'pageout and __remove_mapping: write these folios back and drop them.'),
  FILE_SHRUNK: row('file', 'kswapd', 'Those that left the page cache.'),
  RECLAIM_FOLIOS: row('mm', 'kswapd', 'reclaim_pages: MADV_PAGEOUT.'),
  RECLAIMED: row('kswapd', 'mm', 'So many pages went.'),
} satisfies Record<ReclaimMessage['type'], VocabularyRow>;
