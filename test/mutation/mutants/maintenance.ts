/** Mutants of TLB maintenance: each place that plans it, sends it, waits for it or carries it out, without what it does there. */
import type { Edit, Mutant } from '../mutant.ts';
import { cpuMutants } from './cpus.ts';

const FLUSH = 'machines/mmuFlush.ts';
const EDITS = 'src/mm/tableEdits.ts';
const TABLES = 'machines/mmuTables.ts';
const SUPPORT = 'machines/mmuSupport.ts';
const BREAK = 'src/mm/breakBeforeMake.ts';
const EXCHANGE = 'src/mm/tableExchange.ts';

function mutant(name: string, removes: string, standsFor: string, ...edits: Edit[]): Mutant {
  return { name: `maintenance/${name}`, group: 'maintenance', removes, standsFor, edits };
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** What operations on the tables owe. */
const owed: readonly Mutant[] = [
  mutant(
    'flush-after-clear',
    'the flush of entries that munmap, MADV_DONTNEED or truncation cleared',
    'mm/memory.c:zap_pte_range, mm/mmu_gather.c:tlb_flush_mmu',
    edit(
      EDITS,
      '        gather.add(va, pageBytes);\n      }\n      gather.into(work);',
      '        gather.add(va, pageBytes);\n      }\n      const owed =' +
        ' [...work.flush];\n      gather.into(work);\n      work.flush = owed;',
    ),
  ),
  mutant(
    'flush-after-protect',
    'the flush after mprotect has taken rights away',
    'mm/mprotect.c:change_pte_range, include/asm-generic/tlb.h:tlb_flush_pte_range',
    edit(
      EDITS,
      '        if (next !== pte) gather.add(va, work.linux.geometry.granuleBytes);\n' +
        '        return next;\n      });\n    }\n    gather.into(work);',
      '        if (next !== pte) gather.add(va, work.linux.geometry.granuleBytes);\n        return next;\n' +
        '      });\n    }\n    const owed = [...work.flush];\n    gather.into(work);\n    work.flush = owed;',
    ),
  ),
  mutant(
    'flush-after-age',
    'the flush after accessed or dirty bits were cleared, and after write-back has write-protected',
    'mm/rmap.c:page_vma_mkclean_one, mm/madvise.c:madvise_free_pte_range',
    edit(
      EDITS,
      '      work.linux.changeRange(startVa, endVa, older);\n    }\n    gather.into(work);',
      '      work.linux.changeRange(startVa, endVa, older);\n    }\n    const' +
        ' owed = [...work.flush];\n    gather.into(work);\n    work.flush = owed;',
    ),
  ),
  mutant(
    'flush-after-move',
    'the flush of the old place after mremap',
    'mm/mremap.c:move_ptes',
    edit(EDITS, '    flushMoved(\n      work,\n      moved.map(([va]) => va),\n    );\n', ''),
  ),
  mutant(
    'flush-after-move-last',
    'the flush of all but the first page of a table that mremap moves',
    'mm/mremap.c:move_page_tables',
    edit(
      EDITS,
      '      last.endVa = va + granuleBytes;\n    } else',
      '      last.endVa = last.startVa + granuleBytes;\n    } else',
    ),
  ),
  mutant(
    'flush-at-fork',
    "the flush of the parent's pages that fork has write-protected",
    'kernel/fork.c:dup_mmap (flush_tlb_mm)',
    edit(
      EDITS,
      '      const { startVa, endVa } = range;\n      work.flush.push({ startVa, endVa });',
      '      const { startVa, endVa } = range;',
    ),
  ),
  mutant(
    'flush-after-copy-on-write',
    'the flush of the old page when copy-on-write replaces it',
    'mm/memory.c:wp_page_copy (ptep_clear_flush)',
    edit(
      EDITS,
      '  work.contpte?.unfold(va);\n  work.flush.push({ startVa: va, endVa: va + pageBytes });\n  work.cleared.add',
      '  work.contpte?.unfold(va);\n  work.cleared.add',
    ),
  ),
  mutant(
    'flush-after-access-flags',
    'the flush after a fault has made an entry younger, dirtier or writable',
    'arch/arm64/mm/fault.c:__ptep_set_access_flags, mm/memory.c:handle_pte_fault (flush_tlb_fix_spurious_fault)',
    edit(
      EDITS,
      '    if (work.contpte === null) {\n      work.flush.push({ startVa: va, endVa: va + pageBytes });',
      '    if (work.contpte === null) {',
    ),
  ),
  mutant(
    'flush-after-exchange',
    'the flush of entries that reclaim, migration or KSM exchange',
    'mm/rmap.c:try_to_unmap_one, mm/ksm.c:replace_page (ptep_clear_flush)',
    edit(EXCHANGE, '      if (isValid(before)) work.flush.push({ startVa: va, endVa: va + pageBytes });\n', ''),
  ),
  mutant(
    'flush-after-harvest',
    'the flush after aging through rmap has cleared the access flag',
    'mm/rmap.c:folio_referenced_one (ptep_clear_flush_young)',
    edit('src/mm/tableHarvest.ts', '    work.flush.push(range);\n', ''),
  ),
  mutant(
    'flush-after-drop-native',
    'the flush when a native table is dropped for want of memory',
    'layer 3 (lazy): drop of the native table',
    edit(
      'src/mm/tableOps.ts',
      '    flush.push(range);\n    for (let va = range.startVa',
      '    for (let va = range.startVa',
    ),
  ),
  mutant(
    'flush-of-converted-blocks',
    'the flush of each contpte block that was folded or unfolded',
    'arch/arm64/mm/contpte.c:contpte_convert',
    edit(
      FLUSH,
      '  const requests = outcome.converts.flatMap((block) =>',
      '  const requests = outcome.converts.slice(outcome.converts.length).flatMap((block) =>',
    ),
  ),
  mutant(
    'flush-of-freed-tables',
    'the flush of walk caches where tables were freed and nothing else is owed',
    'mm/mmu_gather.c:tlb_remove_table, arch/arm64/include/asm/tlb.h:tlb_flush',
    edit(
      FLUSH,
      '    (outcome.flush.length === 0 && outcome.converts.length === 0 && !freedTables)',
      '    (outcome.flush.length === 0 && outcome.converts.length === 0)',
    ),
  ),
  mutant(
    'walks-of-freed-tables',
    'walk caches are kept where tables were freed: last-level operations alone',
    'arch/arm64/include/asm/tlb.h:tlb_flush (last_level = !tlb->freed_tables)',
    edit(
      FLUSH,
      "const leafOnly = !freedTables && current.type !== 'MOVE_PTES';",
      "const leafOnly = current.type !== 'MOVE_PTES';",
    ),
  ),
  mutant(
    'walks-of-moved-tables',
    'walk caches are kept by mremap: last-level operations alone',
    'mm/mremap.c:move_page_tables (flush_tlb_range)',
    edit(FLUSH, "const leafOnly = !freedTables && current.type !== 'MOVE_PTES';", 'const leafOnly = !freedTables;'),
  ),
  mutant(
    'whole-mm-at-fork',
    'the flush of the whole mm at fork and exit becomes one of ranges',
    'kernel/fork.c:dup_mmap, mm/mmu_gather.c (fullmm)',
    edit(FLUSH, "if (whole || crossGranuleFlush === 'asid')", "if (crossGranuleFlush === 'asid')"),
  ),
  mutant(
    'asid-flush-across-granules',
    'the choice to flush by ASID, which CPUs of every granule obey',
    'Arm ARM D8.17.7 RXMZFH',
    edit(FLUSH, "if (whole || crossGranuleFlush === 'asid')", 'if (whole)'),
  ),
  mutant(
    'operand-of-the-process',
    "the process's granule in TTL and TG of TLBI operands",
    'arch/arm64/include/asm/tlbflush.h:get_trans_granule',
    edit(FLUSH, "tlbiOperands === 'process-page' ? pageBytes : kernelPageBytes", 'kernelPageBytes'),
  ),
  mutant(
    'widening-to-process-pages',
    'ranges to flush are widened to whole pages of the translations',
    'arch/arm64/include/asm/tlbflush.h:__flush_tlb_range (round_down, round_up)',
    edit(
      SUPPORT,
      '    startVa: Math.floor(startVa / pageBytes) * pageBytes,\n    endVa: Math.ceil(endVa / pageBytes) * pageBytes,',
      '    startVa: Math.ceil(startVa / pageBytes) * pageBytes,\n    endVa: Math.floor(endVa / pageBytes) * pageBytes,',
    ),
  ),
  mutant(
    'only-the-first-range',
    'every range but the first of those that are owed',
    'arch/arm64/include/asm/tlbflush.h:__flush_tlb_range',
    edit(
      SUPPORT,
      '  const requests: TlbiRequest[] = [];\n  for (const { startVa, endVa } of joined(flush.ranges, pageBytes)) {',
      '  const requests: TlbiRequest[] = [];\n  for (const { startVa, endVa } of joined(flush.ranges, pageBytes).slice(0, 1)) {',
    ),
  ),
  mutant(
    'hull-of-a-gather',
    'a gather flushes the last entry that it changed alone, not all since the first',
    'include/asm-generic/tlb.h:__tlb_adjust_range',
    edit('src/mm/tableWork.ts', 'this.startVa = Math.min(this.startVa, va);', 'this.startVa = va;'),
  ),
  mutant(
    'kpti-ranges',
    'with page-table isolation, the second of the two instructions of each flush by address',
    'arch/arm64/include/asm/tlbflush.h:__tlbi_user',
    edit(FLUSH, 'instructions: 2 * request.instructions', 'instructions: request.instructions'),
  ),
  mutant(
    'kpti-whole-asid',
    'with page-table isolation, the second of the two instructions of a flush by ASID',
    'arch/arm64/include/asm/tlbflush.h:flush_tlb_mm',
    edit(FLUSH, 'resources.design.kpti ? 2 : 1', 'resources.design.kpti ? 1 : 1'),
  ),
];

/** Sending, waiting, and break-before-make. */
const ordered: readonly Mutant[] = [
  mutant(
    'broadcast-to-every-cpu',
    'maintenance of all CPUs but the first',
    'Arm ARM: TLBI *IS, the Inner Shareable domain',
    edit(
      FLUSH,
      '  for (let cpu = 0; cpu < context.cpus; cpu++) send(tlbOf(cpu), tlbi, delay);',
      '  for (let cpu = 0; cpu < 1; cpu++) send(tlbOf(cpu), tlbi, delay);',
    ),
    edit(FLUSH, 'draft.acknowledgements = context.cpus + notified', 'draft.acknowledgements = 1 + notified'),
  ),
  mutant(
    'wait-for-acknowledgements',
    'the wait for the DSB of each CPU: the operation is done when its maintenance is sent',
    'arch/arm64/include/asm/tlbflush.h:flush_tlb_page (dsb(ish))',
    edit(
      TABLES,
      ': broadcast(breakEntries(state, outcome), requests, send);',
      ': finish(broadcastLater(breakEntries(state, outcome), requests, send), send);',
    ),
  ),
  mutant(
    'wait-for-the-last',
    'the wait for all acknowledgements but the first',
    'arch/arm64/include/asm/tlbflush.h (dsb(ish))',
    edit(TABLES, 'draft.acknowledgements = context.acknowledgements - 1;', 'draft.acknowledgements = 0;'),
  ),
  mutant(
    'wait-for-late-ones',
    'the wait for maintenance that nobody waited for when it was sent',
    'arch/arm64/include/asm/tlbflush.h:flush_tlb_page_nosync, then any dsb(ish)',
    edit(
      FLUSH,
      'draft.acknowledgements = context.cpus + notified + (lateAcknowledgements ??' +
        ' 0);\n    if (lateAcknowledgements !== undefined) draft.lateAcknowledgements = 0;',
      'draft.acknowledgements = context.cpus + notified;',
    ),
  ),
  mutant(
    'wait-for-devices',
    'the wait for SMMUs that share the table',
    'drivers/iommu/arm/arm-smmu-v3: arm_smmu_mm_arch_invalidate_secondary_tlbs',
    edit(FLUSH, 'draft.acknowledgements = context.cpus + notified', 'draft.acknowledgements = context.cpus'),
  ),
  mutant(
    'tell-devices',
    'the word to SMMUs that something has to be forgotten',
    'include/linux/mmu_notifier.h:mmu_notifier_arch_invalidate_secondary_tlbs',
    edit(
      FLUSH,
      '  const notified = notify(context, operations, delay, send);',
      '  const notified = notify({ ...context, notifiers: [] }, operations, delay, send);',
    ),
  ),
  mutant(
    'break-before-make',
    'the invalid entry between two valid ones: the new one is there before the flush is complete',
    'Arm ARM D8.17 RWHZWS, RDDMVT; mm/memory.c:wp_page_copy (ptep_clear_flush before set_pte_at)',
    edit(TABLES, 'broadcast(breakEntries(state, outcome), requests, send)', 'broadcast(state, requests, send)'),
  ),
  mutant(
    'break-for-a-new-frame',
    'break-before-make where the output address changes',
    'Arm ARM D8.17 RWHZWS',
    edit(BREAK, 'return pfnOf(before) !== pfnOf(after) || hasFlags', 'return hasFlags'),
  ),
  mutant(
    'break-for-contiguous',
    'break-before-make where the contiguous bit changes',
    'arch/arm64/mm/contpte.c:contpte_convert',
    edit('src/mm/contpte.ts', '      this.broken.push(at);\n', ''),
  ),
  mutant(
    'break-of-replaced-entries',
    'break-before-make of Linux entries that got another frame',
    'mm/memory.c:wp_page_copy',
    edit(EDITS, '  if (needsBreak(before, entry)) work.replaced.push(va);\n', ''),
  ),
  mutant(
    'break-of-native-entries',
    'break-before-make of native entries',
    'layer 3: native twin of ptep_clear_flush',
    edit(
      'src/mm/tableOps.ts',
      'if (needsBreak(before, after)) broken.push(va);',
      'if (needsBreak(before, after) && va < 0) broken.push(va);',
    ),
  ),
  mutant(
    'make-after-break',
    'the second half of break-before-make: the new entries are never written',
    'mm/memory.c:wp_page_copy (set_pte_at)',
    edit(FLUSH, '  for (const { va, pte } of makes) edit.set(va, pte);\n', ''),
  ),
  mutant(
    'walks-wait-for-make',
    'walks that met the gap of break-before-make are never tried again',
    'mm/memory.c:handle_pte_fault (spurious fault)',
    edit(
      FLUSH,
      '  for (const { walk, pid, cpu } of spurious) {',
      '  for (const { walk, pid, cpu } of spurious.slice(spurious.length)) {',
    ),
  ),
  mutant(
    'walks-see-the-gap',
    'a walk that meets the gap goes to the fault handler as if nothing were there',
    'mm/memory.c:handle_pte_fault under the page-table lock',
    edit(
      'machines/mmu.ts',
      '  if (!allows(pte, access) && isBroken) {',
      '  if (!allows(pte, access) && isBroken && va < 0) {',
    ),
  ),
];

/** All mutants of maintenance. */
export const maintenanceMutants: readonly Mutant[] = [...owed, ...ordered, ...cpuMutants];
