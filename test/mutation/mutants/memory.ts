/** Mutants of what an mm, its files and the zone make of entries that come and go. */
import type { Edit, Mutant } from '../mutant.ts';

const ENTRIES = 'machines/mmEntries.ts';
const JOB = 'machines/mmCallJob.ts';
const EDITS = 'src/mm/tableEdits.ts';

function mutant(name: string, removes: string, standsFor: string, ...edits: Edit[]): Mutant {
  return { name: `memory/${name}`, group: 'memory', removes, standsFor, edits };
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** All mutants of memory. */
export const memoryMutants: readonly Mutant[] = [
  mutant(
    'put-of-cleared',
    'references of entries that are gone are kept',
    'mm/memory.c:zap_present_folio_ptes (folio_remove_rmap_ptes, tlb_flush_mmu)',
    edit(ENTRIES, "  if (runs.length > 0) send('zone', { type: 'PUT', runs });\n  const swapped", '  const swapped'),
  ),
  mutant(
    'slots-of-cleared',
    'slots of swap entries that are gone are kept',
    'mm/memory.c:zap_pte_range (free_swap_and_cache)',
    edit(ENTRIES, '  if (swapped.length > 0) {', '  if (swapped.length < 0) {'),
  ),
  mutant(
    'accounting-of-anon',
    'anonymous pages that come are not counted',
    'mm/memory.c (add_mm_counter MM_ANONPAGES)',
    edit(
      ENTRIES,
      '    if (hasFlags(run.flags, PTE.ANON)) anon += run.nr;\n    else file',
      '    if (hasFlags(run.flags, PTE.ANON)) anon += 0;\n    else file',
    ),
  ),
  mutant(
    'dirt-to-files',
    'dirty entries of shared mappings that go are not told to their file',
    'mm/memory.c:zap_present_folio_ptes (folio_mark_dirty)',
    edit(
      JOB,
      "    send(actorOfFile(file), { type: 'DIRTIED', file, runs });\n",
      "    if (runs.length < 0) send(actorOfFile(file), { type: 'DIRTIED', file, runs });\n",
    ),
  ),
  mutant(
    'file-unmapped',
    'a file does not hear that its last mapping here is gone',
    'mm/vma.c:remove_vma',
    edit(JOB, 'of filesBeside(before, context.vmas)', 'of filesBeside(context.vmas, context.vmas)'),
  ),
  mutant(
    'exclusive-lost-at-fork',
    'pages stay exclusive on both sides of fork',
    'mm/memory.c:folio_try_dup_anon_rmap_ptes',
    edit(EDITS, 'flagsOf(writeProtect(pte)) & ~PTE.EXCLUSIVE);', 'flagsOf(writeProtect(pte)));'),
  ),
  mutant(
    'write-protect-at-fork',
    'pages stay writable on both sides of fork',
    'mm/memory.c:copy_present_ptes (wrprotect_ptes)',
    edit(
      EDITS,
      '  return withFlags(writeProtect(pte), flagsOf(writeProtect(pte)) & ~PTE.EXCLUSIVE);',
      '  return withFlags(pte, flagsOf(pte) & ~PTE.EXCLUSIVE);',
    ),
    edit(EDITS, '  withFlags,\n  writeProtect,\n', '  withFlags,\n'),
  ),
  mutant(
    'dirty-protection',
    'clean pages of shared files become writable by mprotect without a word to the file',
    'mm/mprotect.c:can_change_pte_writable, vma_wants_writenotify',
    edit(
      EDITS,
      'const ofFile = isDirty(pte) ? (range.dirtyProtection ?? range.protection) : range.protection;',
      'const ofFile = range.dirtyProtection ?? range.protection;',
    ),
  ),
  mutant(
    'write-protect-at-writeback',
    'write-back leaves entries writable',
    'mm/rmap.c:page_vma_mkclean_one (pte_wrprotect)',
    edit(EDITS, '(writeProtect ? PTE.WRITE : 0)', '(writeProtect ? 0 : 0)'),
  ),
  mutant(
    'pte-same',
    'a fault enters its page whatever has come there meanwhile',
    'mm/memory.c:do_anonymous_page, wp_page_copy (pte_same under the lock)',
    edit(
      EDITS,
      'const asExpected = expects < 0 ? before === 0 : isPresent(before) && pfnOf(before) === expects + page;',
      'const asExpected = expects < 0 ? before === 0 || page >= 0 : isPresent(before) || page < 0;',
    ),
  ),
  mutant(
    'pte-same-at-exchange',
    'rmap exchanges entries that are others by now',
    'mm/rmap.c:page_vma_mapped_walk (check_pte)',
    edit('src/mm/tableExchange.ts', '      if (!asSeen || keeps) {', '      if ((!asSeen && before === 0) || keeps) {'),
  ),
  mutant(
    'no-prot-none-as-present',
    'PROT_NONE entries lose their pages at mprotect',
    'arch/arm64/include/asm/pgtable.h:pte_present (PTE_PRESENT_INVALID)',
    edit('src/mm/pte.ts', '  return hasFlags(pte, PTE.VALID | PTE.PROT_NONE);', '  return hasFlags(pte, PTE.VALID);'),
  ),
];
