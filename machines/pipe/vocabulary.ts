/** Who fills and empties pipes. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { PipeMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * pipeVocabulary.SPLICE.to; // ['pipe']
 * ```
 */
export const pipeVocabulary: Readonly<Record<PipeMessage['type'], VocabularyRow>> = {
  SPLICE: row('abi', 'pipe', 'splice: pages of a file go into the pipe, by reference.'),
  DRAIN: row('abi', 'pipe', 'read: what is in the pipe goes.'),
  PIPE_DONE: row('pipe', 'abi', 'Bytes that went in or came out, or why none did.'),
};
