/** Who says what in the part of hugetlb. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { HugetlbMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * hugetlbVocabulary.HUGE_FAULT.to; // ['hugetlb']
 * ```
 */
export const hugetlbVocabulary: Readonly<Record<HugetlbMessage['type'], VocabularyRow>> = {
  HUGETLB_BOOT: row('outside', 'hugetlb', 'hugepages=N of the command line: fill the pools.'),
  RESERVE_HUGE: row('mm', 'hugetlb', 'hugetlb_reserve_pages: promise pages to a mapping.'),
  HUGE_RESERVED: row('hugetlb', 'mm', 'They are, or the errno.'),
  HUGE_FAULT: row('mm', 'hugetlb', 'hugetlb_fault: the page at an index.'),
  HUGE_PAGE: row('hugetlb', 'mm', 'The page, a reference to each of its pages taken.'),
  HUGE_UNMAPPED: row('mm', 'hugetlb', 'free_huge_folio: own pages are mapped here no more.'),
  HUGE_RELEASE: row('mm', 'hugetlb', 'hugetlb_vm_op_close: a part of a private mapping is gone.'),
  HUGE_DUP: row('mm', 'hugetlb', 'fork: a child is about to map the same own pages.'),
  HUGE_DUPED: row('hugetlb', 'mm', 'It is counted among their owners.'),
  HUGE_UNSHARE: row('mm', 'hugetlb', 'huge_pmd_unshare: tables are shared no more.'),
  HUGE_UNSHARED: row('hugetlb', 'mm', 'Nothing will be entered here for others any more.'),
};
