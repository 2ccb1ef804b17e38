/** Who tells whom of memory errors. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { PoisonMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * poisonVocabulary.MEMORY_FAILURE.to; // ['hwpoison']
 * ```
 */
export const poisonVocabulary: Readonly<Record<PoisonMessage['type'], VocabularyRow>> = {
  MEMORY_FAILURE: row('outside', 'hwpoison', 'memory_failure: a frame has an error that cannot be corrected.'),
  SOFT_OFFLINE: row('outside', 'hwpoison', 'soft_offline_page: a frame has shown too many corrected errors.'),
  FAIL_PAGE: row('hwpoison', 'file', 'me_pagecache_clean, me_pagecache_dirty: let this page go.'),
  PAGE_FAILED: row('file', 'hwpoison', 'What it was, and whether it is gone.'),
  QUARANTINE: row('hwpoison', 'zone', 'take_page_off_buddy: never hand this frame out again.'),
  QUARANTINED: row('zone', 'hwpoison', 'How much is lost.'),
  MCE_SIGNAL: row('hwpoison', 'process', 'SIGBUS with BUS_MCEERR_AO or BUS_MCEERR_AR.'),
};
