/** Who says what in the part of transparent huge pages. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { KhugepagedMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * khugepagedVocabulary.COLLAPSE.to; // ['mm']
 * ```
 */
export const khugepagedVocabulary: Readonly<Record<KhugepagedMessage['type'], VocabularyRow>> = {
  KHUGEPAGED_WAKE: row(['outside', 'khugepaged'], 'khugepaged', 'Its rest is over: the next go at scanning.'),
  COLLAPSE: row('khugepaged', 'mm', 'collapse_huge_page: these pages become one, under mmap_write_lock.'),
  COLLAPSED: row('mm', 'khugepaged', "They have, or why not; then the folio is still the sender's."),
  READ_CONTROL: row(
    ['abi', 'procfs'],
    ['khugepaged', 'hugetlb'],
    'Read a file of sysfs or /proc/sys that holds one setting.',
  ),
  WRITE_CONTROL: row('abi', ['khugepaged', 'hugetlb'], 'Write to one.'),
  CONTROL_DONE: row(
    ['khugepaged', 'hugetlb'],
    ['abi', 'procfs'],
    'What a reader of that page size is told, or an errno.',
  ),
  THP_SETTINGS: row('khugepaged', 'mm', 'What faults obey from now on.'),
  THP_SETTLED: row('mm', 'khugepaged', 'They do.'),
  HUGE_ZERO: row('mm', 'zone', 'The folio of zeroes of the PMD size.'),
  MTHP_QUERY: row('khugepaged', 'zone', 'sum_mthp_stat: the counters of all sizes.'),
  MTHP_COUNTS: row('zone', 'khugepaged', 'Those.'),
};
