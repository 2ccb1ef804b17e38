/** Who tells whom of userfaults. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { UserfaultMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * userfaultVocabulary.USERFAULT.to; // ['uffd']
 * ```
 */
export const userfaultVocabulary: Readonly<Record<UserfaultMessage['type'], VocabularyRow>> = {
  UFFD_CALL: row('abi', 'uffd', 'A call on a descriptor, as the caller made it.'),
  UFFD_DONE: row('uffd', 'abi', 'What the descriptor says to it, and what the mm has still to do.'),
  USERFAULT: row('mm', 'uffd', 'handle_userfault: a process waits for a page, or for permission to write.'),
  UFFD_WAKE: row('mm', 'uffd', 'wake_userfault: whoever waits in the range may try again.'),
  UFFD_EXIT: row('abi', 'uffd', 'A process is gone, and its descriptors with it.'),
  UFFD_RELEASE: row('uffd', 'mm', 'userfaultfd_release: nothing of this descriptor is watched any more.'),
};
