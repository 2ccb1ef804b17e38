/** How a row of the vocabulary is written. */
import type { Kind, VocabularyRow } from './messages.ts';

/**
 * A row: who sends a message type to whom, and what it says.
 *
 * @example
 * ```ts
 * row('disk', ['file', 'disk'], 'The transfer is complete.').from; // ['disk']
 * ```
 */
export function row(
  from: Kind | readonly Kind[],
  to: Kind | readonly Kind[],
  says: string,
  version = 1,
): VocabularyRow {
  return { version, from: typeof from === 'string' ? [from] : from, to: typeof to === 'string' ? [to] : to, says };
}
