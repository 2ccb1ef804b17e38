/**
 * What Linux keeps for each 4K page, and what becomes of it in a process page that hardware sees as one entry (D-07). One row a
 * state: where it is kept, whether a group in which one page differs can still be one native entry, and the rule by which the
 * whole group keeps it. `test/mm/entryStates.test.ts` puts each row through the tables.
 *
 * @models D-07 D-05
 */
import { NON_PRESENT } from './nonPresent.ts';
import { PTE } from './pte.ts';

/** Why one differing page makes a group untranslatable; empty where it does not. */
export type Mixed = '' | 'partly-valid' | 'mixed-flags';

/** One state. */
export interface EntryState {
  /** Where it is kept: in the entry, in `struct page`, or by the mm beside both. */
  keptIn: 'entry' | 'page' | 'mm';
  /** How an entry of a writable, exclusive, dirty page becomes one with the state: flags that come, and that go. */
  sets: number;
  clears: number;
  /** The state is on one page of a group, and on the others not. */
  mixed: Mixed;
  /** A group with the state on every page has a native entry that hardware may use. */
  wholeIsValid: boolean;
  /** How a group keeps it as one, or why it must not differ. */
  rule: string;
  /** Where Linux 6.12 sets it for one page. */
  source: string;
}

const GONE = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.EXEC | PTE.YOUNG | PTE.DIRTY | PTE.ANON | PTE.EXCLUSIVE;

/** The states, by name. */
export const entryStates: Readonly<Record<string, EntryState>> = {
  'read-only': {
    keptIn: 'entry',
    sets: PTE.READONLY,
    clears: PTE.WRITE,
    mixed: 'mixed-flags',
    wholeIsValid: true,
    rule: 'A process page is protected, copied and reused as a whole.',
    source: 'mm/mprotect.c:change_pte_range, mm/memory.c:wp_page_copy',
  },
  executable: {
    keptIn: 'entry',
    sets: PTE.EXEC,
    clears: 0,
    mixed: 'mixed-flags',
    wholeIsValid: true,
    rule: 'Areas begin and end on process pages.',
    source: 'mm/mprotect.c:change_pte_range',
  },
  old: {
    keptIn: 'entry',
    sets: 0,
    clears: PTE.YOUNG,
    mixed: '',
    wholeIsValid: true,
    rule: 'The group is young if any page of it is; all grow old together.',
    source: 'mm/rmap.c:folio_referenced_one',
  },
  clean: {
    keptIn: 'entry',
    sets: PTE.READONLY,
    clears: PTE.DIRTY,
    mixed: '',
    wholeIsValid: true,
    rule: 'The group is dirty if any page of it is: a native entry has one dirty bit.',
    source: 'mm/rmap.c:page_vma_mkclean_one',
  },
  'not exclusive': {
    keptIn: 'page',
    sets: 0,
    clears: PTE.EXCLUSIVE,
    mixed: '',
    wholeIsValid: true,
    rule: 'PageAnonExclusive is kept for each page; a write fault reuses the process page where all of it is exclusive.',
    source: 'include/linux/rmap.h:folio_try_dup_anon_rmap_ptes',
  },
  'uffd-wp of writable memory': {
    keptIn: 'entry',
    sets: PTE.UFFD_WP | PTE.READONLY,
    clears: PTE.WRITE,
    mixed: 'mixed-flags',
    wholeIsValid: true,
    rule: 'UFFDIO_WRITEPROTECT takes whole process pages; of a part it is a violation, since the permission differs.',
    source: 'mm/mprotect.c:change_pte_range',
  },
  'uffd-wp marker': {
    keptIn: 'entry',
    sets: NON_PRESENT.marker,
    clears: GONE,
    mixed: 'partly-valid',
    wholeIsValid: false,
    rule: 'Markers of a group come and go together; a group of markers has no native entry and faults.',
    source: 'mm/mprotect.c:change_pte_range, mm/memory.c:handle_pte_marker',
  },
  'soft-clean': {
    keptIn: 'mm',
    sets: PTE.READONLY,
    clears: PTE.WRITE,
    mixed: 'mixed-flags',
    wholeIsValid: true,
    rule: 'clear_refs protects the whole mm; the first write makes the whole process page soft-dirty.',
    source: 'fs/proc/task_mmu.c:clear_soft_dirty',
  },
  'swap entry': {
    keptIn: 'entry',
    sets: PTE.SWAP,
    clears: GONE,
    mixed: 'partly-valid',
    wholeIsValid: false,
    rule: 'A process page is swapped out and in as a whole, to slots that follow one another.',
    source: 'mm/rmap.c:try_to_unmap_one, mm/memory.c:do_swap_page',
  },
  'migration entry': {
    keptIn: 'entry',
    sets: NON_PRESENT.migration,
    clears: GONE,
    mixed: 'partly-valid',
    wholeIsValid: false,
    rule: 'A folio of the process page migrates as a whole.',
    source: 'mm/rmap.c:try_to_migrate_one, mm/migrate.c:remove_migration_pte',
  },
  'device-private entry': {
    keptIn: 'entry',
    sets: NON_PRESENT['device-private'],
    clears: GONE,
    mixed: 'partly-valid',
    wholeIsValid: false,
    rule: 'A device takes whole process pages, or the process runs on the Linux table.',
    source: 'mm/migrate_device.c:migrate_vma_collect_pmd',
  },
  hwpoison: {
    keptIn: 'entry',
    sets: NON_PRESENT.hwpoison,
    clears: GONE,
    mixed: 'partly-valid',
    wholeIsValid: false,
    rule: 'Containment takes the process page: fifteen good pages go with the bad one, as on a kernel of that page size.',
    source: 'mm/memory-failure.c:hwpoison_user_mappings, mm/rmap.c:try_to_unmap_one',
  },
  'NUMA hint': {
    keptIn: 'entry',
    sets: PTE.PROT_NONE,
    clears: PTE.VALID,
    mixed: 'partly-valid',
    wholeIsValid: false,
    rule: 'Hints are set and taken for whole process pages.',
    source: 'mm/mprotect.c:change_pte_range, mm/memory.c:do_numa_page',
  },
  special: {
    keptIn: 'entry',
    sets: PTE.SPECIAL | PTE.READONLY,
    clears: PTE.WRITE | PTE.ANON | PTE.EXCLUSIVE | PTE.DIRTY,
    mixed: 'mixed-flags',
    wholeIsValid: true,
    rule: 'All of a group is special, in frames that follow one another, or none is; so zero memory is as large as a page.',
    source: 'mm/memory.c:do_anonymous_page, mm/ksm.c:replace_page',
  },
};
