/** Who tells hardware beside the CPUs what. At the other end are actors of a topology's own: none of granule's kinds is a device. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { NotifierMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * notifierVocabulary.MMU_INVALIDATE.from; // ['mmu']
 * ```
 */
export const notifierVocabulary: Readonly<Record<NotifierMessage['type'], VocabularyRow>> = {
  MMU_INVALIDATE: row(
    'mmu',
    [],
    'mmu_notifier_arch_invalidate_secondary_tlbs: forget these addresses, and say when it is done.',
  ),
  MMU_INVALIDATE_DONE: row([], 'mmu', 'It is: neither the notifier nor its device has a translation of them.'),
  DEVICE_WALK: row([], 'mmu', 'The hardware of a device walks the table that its context descriptor names.'),
  DEVICE_WALKED: row('mmu', [], 'The leaf entry, and how many descriptors were read.'),
};
