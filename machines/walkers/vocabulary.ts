/** Who asks the core from outside, and what. */
import type { Kind, VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { WalkerMessage } from './messages.ts';

/**
 * The kinds that walk tables, look at folios, or replace entries.
 *
 * @example
 * ```ts
 * WALKERS.includes('disk'); // false
 * ```
 */
export const WALKERS: readonly Kind[] = [
  'procfs',
  'abi',
  'mm',
  'file',
  'shmem',
  'kswapd',
  'driver',
  'page-alloc',
  'kcompactd',
  'khugepaged',
  'hugetlb',
  'ksmd',
  'hwpoison',
];

/**
 * The rows.
 *
 * @example
 * ```ts
 * walkerVocabulary.PAGEWALK.to; // ['mmu']
 * ```
 */
export const walkerVocabulary: Readonly<Record<WalkerMessage['type'], VocabularyRow>> = {
  PAGEWALK: row(WALKERS, 'mmu', 'walk_page_range: what the Linux table holds.'),
  WALKED: row('mmu', WALKERS, 'The entries, and how large the tables are.'),
  FOLIO_QUERY: row([...WALKERS, 'file', 'driver', 'mm'], 'zone', 'page_folio: which folios do these frames lie in?'),
  FOLIOS: row('zone', [...WALKERS, 'file', 'driver', 'mm'], 'Order, references, pins and owner of each.'),
  TRY_GET: row(WALKERS, 'zone', 'folio_try_get: a reference to each page, unless one of them is free by now.'),
  GET_TRIED: row('zone', WALKERS, 'Whether they are taken.'),
  MM_QUERY: row(WALKERS, 'mm', 'mmap_read_lock: areas, page size and counters.'),
  MM_STATE: row('mm', WALKERS, 'Those.'),
  REPLACE_PTES: row(WALKERS, 'mm', 'rmap_walk: replace entries that still are what is expected.'),
  EXCHANGE_PTES: row('mm', 'mmu', 'ptep_clear_flush and set_pte_at, under the page-table lock.'),
  REPLACED: row('mm', WALKERS, 'The entries that were replaced, as they were, and those that were missed.'),
};
