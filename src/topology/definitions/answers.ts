/** Which messages of granule's own are answered, and with what: whoever asks must take the answers. */
import type { MessageType } from '../../../machines/index.ts';

/**
 * The questions that actors of a user's own may ask, with the types that come back to their `sender`.
 *
 * @example
 * ```ts
 * answers.PAGEWALK; // ['WALKED']
 * ```
 */
export const answers: Readonly<Partial<Record<MessageType, readonly MessageType[]>>> = {
  PAGEWALK: ['WALKED'],
  FOLIO_QUERY: ['FOLIOS'],
  TRY_GET: ['GET_TRIED'],
  MM_QUERY: ['MM_STATE'],
  REPLACE_PTES: ['REPLACED'],
  DEVICE_WALK: ['DEVICE_WALKED'],
  READ_BLOCKS: ['IO_DONE'],
  WRITE_BLOCKS: ['IO_DONE'],
};
