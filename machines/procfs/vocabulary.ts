/** Who reads procfs, and whom it asks. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { ProcfsMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * procfsVocabulary.PROC_READ.to; // ['procfs']
 * ```
 */
export const procfsVocabulary = {
  PROC_READ: row('abi', 'procfs', 'pread of a file in /proc or /sys, by a process of some page size.'),
  PROC_WRITE: row('abi', 'procfs', 'write of a short text: clear_refs.'),
  PROC_DATA: row('procfs', 'abi', 'The bytes, or why there are none for this reader.'),
  CACHE_QUERY: row('procfs', ['file', 'shmem'], 'Which folios does the page cache hold of this range?'),
  CACHE_STATE: row(['file', 'shmem'], 'procfs', 'Those, with their dirty flags.'),
  SWAP_QUERY: row(
    'procfs',
    'swap',
    'How many entries name these slots, and which of these frames are in the swap cache?',
  ),
  SWAP_COUNTS: row('swap', 'procfs', 'Those, and how much swap there is.'),
  KSM_QUERY: row('procfs', 'ksmd', 'PageKsm: which of these frames are merged?'),
  KSM_PAGES: row('ksmd', 'procfs', 'Those.'),
  ZONE_QUERY: row('procfs', 'zone', 'Counters of the zone and its free lists.'),
  ZONE_STATE: row('zone', 'procfs', 'Those.'),
} satisfies Record<ProcfsMessage['type'], VocabularyRow>;
