/** Who asks for mapped objects, and who has them. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { ObjectMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * objectVocabulary.CREATE_OBJECT.to; // ['object']
 * ```
 */
export const objectVocabulary: Readonly<Record<ObjectMessage['type'], VocabularyRow>> = {
  CREATE_OBJECT: row('abi', 'object', 'perf_event_open, io_uring_setup, bpf, setsockopt, io_setup: make an object.'),
  OBJECT_CREATED: row('object', 'abi', 'It is there, or why not.'),
  MAP_OBJECT: row('abi', ['object', 'driver'], 'f_op->mmap: may this be mapped, and how?'),
  OBJECT_MAPPED: row(['object', 'driver'], 'abi', 'The flags of its area, or why not.'),
  IOCTL: row(
    'abi',
    'driver',
    'f_op->unlocked_ioctl: addresses, lengths and counts of pages in the units of whoever built it.',
  ),
  IOCTL_DONE: row('driver', 'abi', 'Its result.'),
};
