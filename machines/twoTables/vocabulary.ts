/** What the vocabulary says of operations that go over both tables in two steps. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { TwoTablesMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * twoTablesVocabulary.TABLES_STEP.to; // ['mmu']
 * ```
 */
export const twoTablesVocabulary: Readonly<Record<TwoTablesMessage['type'], VocabularyRow>> = {
  TABLES_STEP: row('mmu', 'mmu', 'One table is done, under the page-table lock: now the other.'),
};
