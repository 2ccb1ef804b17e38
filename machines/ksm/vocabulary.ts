/** Who tells ksmd what. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { KsmMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * ksmVocabulary.KSM_SCAN.to; // ['ksmd']
 * ```
 */
export const ksmVocabulary: Readonly<Record<KsmMessage['type'], VocabularyRow>> = {
  KSM_ENTER: row('mm', 'ksmd', '__ksm_enter: an area of this mm may be merged.'),
  KSM_EXIT: row('mm', 'ksmd', '__ksm_exit: the mm is gone.'),
  KSM_PATTERN: row('mm', 'ksmd', 'What the process has filled a range with.'),
  KSM_GONE: row('mm', 'ksmd', 'These pages are gone, and what they held.'),
  KSM_SCAN: row('ksmd', 'ksmd', 'sleep_millisecs are over.'),
  KSM_SET: row('outside', 'ksmd', 'A write to /sys/kernel/mm/ksm.'),
};
