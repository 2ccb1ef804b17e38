/** Who says what in the slow path of allocations and in compaction. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { CompactionMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * compactionVocabulary.COMPACT.to; // ['kcompactd']
 * ```
 */
export const compactionVocabulary: Readonly<Record<CompactionMessage['type'], VocabularyRow>> = {
  SLOW_ALLOC: row('zone', 'page-alloc', 'The free lists do not have it above the low watermark.'),
  TRY_ALLOC: row('page-alloc', 'zone', 'get_page_from_freelist, down to another watermark; the asker gets the frames.'),
  TRIED: row('zone', 'page-alloc', 'Whether there were any.'),
  DIRECT_RECLAIM: row('page-alloc', 'zone', 'Free what can be freed at once.'),
  DIRECT_RECLAIMED: row('zone', 'page-alloc', 'So many pages came free.'),
  COMPACT: row('page-alloc', 'kcompactd', 'try_to_compact_pages: make a block of an order, that hard.'),
  COMPACTED: row('kcompactd', 'page-alloc', 'How that ended.'),
  WAKE_KCOMPACTD: row('zone', 'kcompactd', 'wakeup_kcompactd: a large block was not there.'),
  COMPACT_SCAN: row('kcompactd', 'zone', 'What was moved; isolate the next folios and free places for them.'),
  COMPACT_BATCH: row('zone', 'kcompactd', 'Folios to be moved with their places, or the end.'),
  ALLOC_TIMER: row('page-alloc', 'page-alloc', 'A tick is over.'),
  KILL: row(['page-alloc', 'outside'], 'process', 'SIGKILL: out of memory, or from outside.'),
};
