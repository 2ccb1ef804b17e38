/** Mutants of the two page tables: what is carried from one to the other, contpte, and the frames that tables lie in. */
import type { Edit, Mutant } from '../mutant.ts';
import { contpteMutants } from './contpte.ts';

const OPS = 'src/mm/tableOps.ts';
const EDITS = 'src/mm/tableEdits.ts';
const NATIVE = 'src/mm/nativeTable.ts';
const TABLES = 'machines/mmuTables.ts';
const EXCHANGE = 'src/mm/tableExchange.ts';

function mutant(name: string, removes: string, standsFor: string, ...edits: Edit[]): Mutant {
  return { name: `tables/${name}`, group: 'tables', removes, standsFor, edits };
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** The twin writes of layer 3: each primitive that changes a Linux entry, without the native one. */
const twins: readonly Mutant[] = [
  mutant(
    'twin-of-set',
    'the native entry of set_ptes',
    'include/linux/pgtable.h:set_ptes',
    edit(EDITS, '      work.touched.push({ startVa: run.va, endVa });\n', ''),
  ),
  mutant(
    'twin-of-clear',
    'the native entry of clear_full_ptes, and of modify_prot and young/dirty clearing',
    'include/linux/pgtable.h:clear_full_ptes, ptep_modify_prot_commit, clear_young_dirty_ptes',
    edit('src/mm/tableWork.ts', '    work.touched.push({ startVa: this.startVa, endVa: this.endVa });\n', ''),
  ),
  mutant(
    'twin-of-move',
    'the native entries of both places of mremap',
    'mm/mremap.c:move_ptes (ptep_get_and_clear, set_pte_at)',
    edit(
      EDITS,
      '    work.touched.push({ startVa: fromVa, endVa: fromVa + lengthBytes }, { startVa: toVa, endVa: toVa + lengthBytes });\n',
      '',
    ),
  ),
  mutant(
    'twin-of-copy',
    'the native entries of what fork write-protects',
    'mm/memory.c:copy_present_ptes (wrprotect_ptes)',
    edit(EDITS, '      work.touched.push({ startVa, endVa });\n    }\n  },\n  read:', '    }\n  },\n  read:'),
  ),
  mutant(
    'twin-of-exchange',
    'the native entries of what rmap exchanges',
    'mm/rmap.c:try_to_unmap_one, mm/migrate.c:remove_migration_pte (ptep_clear_flush, set_pte_at)',
    edit(EXCHANGE, '    work.touched.push({ startVa, endVa: startVa + nr * pageBytes });\n', ''),
  ),
  mutant(
    'twin-of-harvest',
    'the access flag stays in the native entry when rmap ages a page',
    'mm/rmap.c:folio_referenced_one (ptep_clear_flush_young)',
    edit('src/mm/tableHarvest.ts', '    work.touched.push(range);\n', ''),
  ),
  mutant(
    'twin-of-fill',
    'native entries for what a fault finds in the Linux table (lazy)',
    'include/linux/pgtable.h:update_mmu_cache',
    edit(EDITS, '    work.touched.push(...ranges);\n', '    if (ranges.length < 0) work.touched.push(...ranges);\n'),
  ),
  mutant(
    'native-entries-change',
    'a native entry that is there is never changed, only new ones are written',
    'layer 3: twin writes',
    edit(
      NATIVE,
      '    if (before === after) continue;\n',
      '    if (before === after || (before !== 0 && after !== 0)) continue;\n',
    ),
  ),
  mutant(
    'native-entries-go',
    'a native entry stays where its Linux entries are gone',
    'layer 3: twin of ptep_clear',
    edit(NATIVE, '    if (before === after) continue;\n', '    if (before === after || after === 0) continue;\n'),
  ),
  mutant(
    'native-drop',
    'a native table that is to be dropped keeps its entries',
    'layer 3 (lazy): drop of the native table',
    edit(OPS, 'va += granuleBytes) native.clear(va);', 'va += granuleBytes) native.get(va);'),
  ),
];

/** What hardware notes in native entries, and how it comes back. */
const noted: readonly Mutant[] = [
  mutant(
    'gather-before-operations',
    'accessed and dirty bits of native entries are not taken into the Linux entries before an operation',
    'arch/arm64/mm/contpte.c:contpte_ptep_get (D-01, D-02)',
    edit(
      OPS,
      '      gatherAccessedDirty(linux, native, range.startVa, range.endVa);\n',
      '      if (range.endVa < 0) gatherAccessedDirty(linux, native, range.startVa, range.endVa);\n',
    ),
  ),
  mutant(
    'gather-dirty',
    'the dirty bit of native entries is not taken into the Linux entries',
    'arch/arm64/mm/contpte.c:contpte_ptep_get (D-02)',
    edit(NATIVE, '    const dirty = isDirty(nativePte);\n', '    const dirty = isDirty(nativePte) && startVa < 0;\n'),
  ),
  mutant(
    'gather-accessed',
    'the accessed bit of native entries is not taken into the Linux entries',
    'arch/arm64/mm/contpte.c:contpte_ptep_get (D-01)',
    edit(NATIVE, '    const young = isYoung(nativePte);\n', '    const young = isYoung(nativePte) && startVa < 0;\n'),
  ),
  mutant(
    'gather-at-fallback',
    'what hardware noted goes with the native table at a fallback',
    'layer 3: fallback (D-06)',
    edit(TABLES, '  gatherAccessedDirty(linux, native, 0, 2 ** native.geometry.vaBits);\n', ''),
    edit(TABLES, "import { gatherAccessedDirty } from '../src/mm/nativeTable.ts';\n", ''),
  ),
  mutant(
    'gather-before-reclaim',
    'reclaim takes pages away on the dirt that the Linux table knows alone',
    'mm/rmap.c:try_to_unmap_one (D-02)',
    edit(
      OPS,
      "  const gathers = !('linuxTableOnly' in op && op.linuxTableOnly === true);",
      "  const gathers = !('linuxTableOnly' in op && op.linuxTableOnly === true) && op.op !== 'exchange';",
    ),
  ),
  mutant(
    'gather-before-aging',
    'aging through rmap sees the accessed bits of the Linux table alone',
    'mm/rmap.c:folio_referenced_one (D-01)',
    edit(
      OPS,
      "  const gathers = !('linuxTableOnly' in op && op.linuxTableOnly === true);",
      "  const gathers = !('linuxTableOnly' in op && op.linuxTableOnly === true) && op.op !== 'harvest';",
    ),
  ),
  mutant(
    'native-starts-dirty',
    'a new native entry is clean where its Linux entries are dirty',
    'layer 3: translateGroup, pte_mkdirty',
    edit(
      NATIVE,
      'return { ok: true, pte: dirty ? makeDirty(pte) : pte };',
      'return { ok: true, pte: dirty && va < 0 ? makeDirty(pte) : pte };',
    ),
  ),
  mutant(
    'hardware-dirty',
    'hardware notes no write in the entry that it walks',
    'Arm ARM D8.5: hardware dirty state (FEAT_HAFDBS)',
    edit(
      'machines/mmu.ts',
      "access === 'write' ? makeDirty(makeYoung(pte)) : makeYoung(pte);\n  const translation",
      "access === 'write' ? makeYoung(pte) : makeYoung(pte);\n  const translation",
    ),
    edit('machines/mmu.ts', 'isWritable, makeDirty, makeYoung', 'isWritable, makeYoung'),
  ),
  mutant(
    'keep-age-at-exchange',
    'an entry that comes back after migration has lost age and dirt',
    'mm/migrate.c:remove_migration_pte',
    edit(EXCHANGE, '  if (!keepAge || !isPresent(entry)) return entry;', '  if (entry !== -1) return entry;'),
  ),
  mutant(
    'unmap-if-clean',
    'what MADV_FREE gave up goes even where it was written to since',
    'mm/rmap.c:try_to_unmap_one (folio_test_dirty, lazyfree)',
    edit(EXCHANGE, 'const keeps = ifClean && isAnyDirty(work, startVa, nr);', 'const keeps = ifClean && nr < 0;'),
  ),
];

/** When a group may be one native entry, and where the tables are. */
const translated: readonly Mutant[] = [
  mutant(
    'check-of-alignment',
    'the check that the first frame of a group is aligned',
    'arch/arm64/mm/contpte.c:contpte_try_fold',
    edit(NATIVE, '  if (pfnOf(first) % group !== 0) return', '  if (pfnOf(first) < 0) return'),
  ),
  mutant(
    'check-of-frames',
    'the check that frames follow one another',
    'arch/arm64/mm/contpte.c:contpte_try_fold',
    edit(NATIVE, '    if (pfnOf(pte) !== pfnOf(first) + index) return', '    if (pfnOf(pte) < 0) return'),
  ),
  mutant(
    'check-of-flags',
    'the check that flags agree',
    'arch/arm64/mm/contpte.c:contpte_try_fold',
    edit(
      NATIVE,
      '    if (comparableFlags(pte) !== comparableFlags(first)) return',
      '    if (comparableFlags(pte) < 0) return',
    ),
  ),
  mutant(
    'check-of-validity',
    'the check that all entries of a group are valid or none',
    'arch/arm64/mm/contpte.c:contpte_try_fold',
    edit(NATIVE, "    if (isValid(pte) !== isValid(first)) return { ok: false, reason: 'partly-valid' };\n", ''),
  ),
  mutant(
    'link-of-sections',
    'native tables for new Linux tables: the links of sections',
    'layer 3: ptdesc links of native sections (D-03)',
    edit(
      OPS,
      'if (fills && LINKING.has(op.op)) linkSections(linux, native, work.touched);',
      'if (fills && LINKING.has(op.op) && op.op === undefined) linkSections(linux, native, work.touched);',
    ),
  ),
  mutant(
    'unlink-of-sections',
    'native tables are not freed with the Linux tables',
    'mm/memory.c:free_pgd_range, layer 3: unlink (D-04)',
    edit(
      OPS,
      'freeWithin === null || native === null ? [] : native.freeEmptyTables',
      'freeWithin === null || native === null || freeWithin.endVa > 0 ? [] : native.freeEmptyTables',
    ),
  ),
  mutant(
    'free-of-linux-tables',
    'empty Linux tables stay',
    'mm/memory.c:free_pgd_range',
    edit(
      OPS,
      'const freedLinux = freeWithin === null ? []',
      'const freedLinux = freeWithin === null || freeWithin.endVa > 0 ? []',
    ),
  ),
  mutant(
    'give-back-native-at-fallback',
    'the frames of a native table are kept at a fallback',
    'layer 3: fallback',
    edit(
      TABLES,
      '  return { ...giveBack(context, native, tables), linux',
      '  return { ...giveBack(context, native, tables.map(() => 0)), linux',
    ),
  ),
  mutant(
    'fallback',
    'a group that no native entry can hold goes unnoticed',
    'layer 3: fallback',
    edit(
      OPS,
      '    if (problem !== undefined) return [`${problem.reason} at 0x${problem.va.toString(16)}`, []];\n',
      '    if (problem !== undefined && problem.va < 0) return [problem.reason, []];\n',
    ),
  ),
  mutant(
    'rebuild-check',
    'a return to the native table does not look whether every process page is whole',
    'layer 3: return (S-40)',
    edit(
      'src/mm/liveFallback/rebuild.ts',
      '    if (untranslatable.length > 0) return { tornVa: va };',
      '    if (untranslatable.length < 0) return { tornVa: va };',
    ),
  ),
  mutant(
    'rebuild-contiguous',
    'a return to the native table leaves contiguous bits in the Linux table',
    'layer 3: return; arch/arm64/mm/contpte.c:contpte_convert',
    edit(
      'src/mm/liveFallback/rebuild.ts',
      '  for (const va of contiguous) contpte.unfold(va);\n',
      '  for (const va of contiguous.slice(contiguous.length)) contpte.unfold(va);\n',
    ),
  ),
  mutant(
    'free-after-maintenance',
    'frames of freed tables go back before the maintenance is complete',
    'mm/mmu_gather.c:tlb_remove_table, tlb_finish_mmu',
    edit(
      TABLES,
      '  const requests = maintenanceOf(state, current, outcome);\n',
      '  state = { ...freeTables(state, send), freed: [] };\n  const requests = maintenanceOf(state, current, outcome);\n',
    ),
  ),
  mutant(
    'free-after-walkers',
    'frames of freed tables go back while somebody walks without a lock',
    'mm/mmu_gather.c (MMU_GATHER_RCU_TABLE_FREE)',
    edit(
      'machines/gup/mmuWalkers.ts',
      "  if (walkers === undefined || names.length === 0 || tableFree(context) === 'immediate') {",
      '  if (walkers === undefined || names.length >= 0) {',
    ),
  ),
];

/** All mutants of the tables. */
export const tableMutants: readonly Mutant[] = [...twins, ...noted, ...translated, ...contpteMutants];
