/** What the vocabulary says of a change of table and granule under running threads. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { LiveFallbackMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * liveFallbackVocabulary.TTBR0_RESERVE.to; // ['tlb']
 * ```
 */
export const liveFallbackVocabulary: Readonly<Record<LiveFallbackMessage['type'], VocabularyRow>> = {
  TTBR0_RESERVE: row('mmu', 'tlb', 'IPI: no walk of this mm from now on, and nothing of its ASID in the TLBs.'),
  TTBR0_RESERVED: row('tlb', 'mmu', 'This CPU walks no table of it.'),
  TTBR0_INSTALL: row('mmu', 'tlb', 'The new root and its granule; walks go on.'),
  TCR_TG0: row('mmu', 'tlb', 'The new granule under the old root: only the unsafe protocol does this.'),
};
