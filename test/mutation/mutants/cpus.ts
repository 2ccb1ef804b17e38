/** Mutants of what CPUs do with maintenance, with ASIDs and with a change of granule. */
import type { Edit, Mutant } from '../mutant.ts';

const OBEY = 'machines/tlbMaintenance.ts';
const TLB = 'machines/tlb.ts';
const TABLES = 'machines/mmuTables.ts';
const ASID = 'src/mm/asid.ts';
const LIVE = 'machines/liveFallback/mmuSwitch.ts';
const LIVE_TLB = 'machines/liveFallback/tlbSwitch.ts';

function mutant(name: string, removes: string, standsFor: string, ...edits: Edit[]): Mutant {
  return { name: `maintenance/${name}`, group: 'maintenance', removes, standsFor, edits };
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** What a CPU does with maintenance, and ASIDs. */
const obeyed: readonly Mutant[] = [
  mutant(
    'stale-walks',
    'a walk under way when maintenance comes keeps what it has read',
    'Arm ARM D8.17 RRVJDB',
    edit(TLB, 'stale: true } : context.waits;', 'stale: false } : context.waits;'),
  ),
  mutant(
    'leaf-entries',
    'maintenance by address drops no leaf entry',
    'Arm ARM: TLBI VALE1IS',
    edit(
      OBEY,
      '  const pages = tlb.invalidatePages(asid, Math.floor(startVa / pageBytes), Math.ceil(endVa / pageBytes));',
      '  const pages = 0;',
    ),
  ),
  mutant(
    'last-page-of-a-range',
    'the last page of a range is left',
    'Arm ARM: TLBI RVAE1IS',
    edit(OBEY, 'Math.ceil(endVa / pageBytes));', 'Math.ceil(endVa / pageBytes) - 1);'),
  ),
  mutant(
    'asid-operations',
    'maintenance by ASID drops nothing',
    'Arm ARM: TLBI ASIDE1IS',
    edit(
      OBEY,
      "if (op === 'ASIDE1IS' || op === 'FLUSH_ADDRESS_SPACE') return tlb.invalidateAsid(asid);",
      "if (op === 'ASIDE1IS' || op === 'FLUSH_ADDRESS_SPACE') return 0;",
    ),
  ),
  mutant(
    'walk-caches',
    'maintenance that is not last-level only leaves walk caches',
    'Arm ARM: TLBI VAE1IS',
    edit(
      OBEY,
      'return lastLevelOnly ? pages : pages + tlb.invalidateWalks(asid, startVa, endVa, walkGeometry(pageBytes));',
      'return lastLevelOnly ? pages : pages;',
    ),
  ),
  mutant(
    'group-entries',
    'an entry that stands for a contiguous group is not looked for',
    'Arm ARM D8.7.1: TLBI by any address of a contiguous group',
    edit(
      TLB,
      '    tlb.groupPages = groupPagesOf(context.resources, request.pageBytes);\n    dropped',
      '    tlb.groupPages = 1;\n    dropped',
    ),
  ),
  mutant(
    'rollover-flush',
    "the flush at a CPU's first switch after an ASID rollover",
    'arch/arm64/mm/context.c:check_and_switch_context (tlb_flush_pending)',
    edit(ASID, 'asid: entry.asid, flush: flushPending };', 'asid: entry.asid, flush: false };'),
  ),
  mutant(
    'rollover-pending',
    'a rollover marks no CPU for its flush',
    'arch/arm64/mm/context.c:flush_context',
    edit(
      ASID,
      'reserved: active ?? reserved, flushPending: true };',
      'reserved: active ?? reserved, flushPending: false };',
    ),
  ),
  mutant(
    'reserved-asids',
    'what a CPU ran at a rollover is not reserved',
    'arch/arm64/mm/context.c:flush_context (reserved_asids)',
    edit(
      ASID,
      'return { active: null, reserved: active ?? reserved, flushPending: true };',
      'return { active: null, reserved: null, flushPending: true };',
    ),
    edit(
      ASID,
      '  const cpus = [...space.asidCpus].map(({ active, reserved }) => {',
      '  const cpus = [...space.asidCpus].map(() => {',
    ),
  ),
  mutant(
    'reserved-updates',
    "an mm that keeps its reserved ASID does not update the CPUs' notes",
    'arch/arm64/mm/context.c:check_update_reserved_asid',
    edit(ASID, 'if (same(cpu.reserved, old)) asidCpus', 'if (cpu === null) asidCpus'),
  ),
  mutant(
    'taken-asids',
    'a number that another mm keeps is handed out once more',
    'arch/arm64/mm/context.c:new_context (asid_map)',
    edit(
      ASID,
      '&& !space.asids.isTaken(asid) && !reserved.has(asid)) return asid;',
      '&& !reserved.has(asid)) return asid;',
    ),
  ),
  mutant(
    'ttbr-flush',
    'a CPU that is told to flush at a switch does not',
    'arch/arm64/mm/context.c:check_and_switch_context (local_flush_tlb_all)',
    edit(TLB, 'const maintained = context.maintained + tlb.invalidateAll();', 'const maintained = context.maintained;'),
  ),
];

/** execve, fallback and return: the granule that hardware walks with changes. */
const regranuled: readonly Mutant[] = [
  mutant(
    'flush-at-regranule',
    'the flush of the ASID when an mm changes its table',
    'layer 3: fallback (flush_tlb_mm)',
    edit(
      TABLES,
      '  return context.asid === 0 && context.notifiers === undefined\n    ?' +
        ' finish(context, send)\n    : broadcast(context, [wholeAsid(context)], send);',
      '  return finish(context, send);',
    ),
  ),
  mutant(
    'regranule-at-exec',
    'execve of another page size leaves CPUs that have the mm installed with the old granule',
    'fs/exec.c:exec_mmap, arch/arm64/mm/context.c:cpu_switch_mm',
    edit(
      TABLES,
      'return context.asid === 0 ? finish(state, send) : regranule(state, send);',
      'return finish(state, send);',
    ),
  ),
  mutant(
    'regranule-order',
    'CPUs are not told the granule of the table that hardware walks from now on',
    'layer 3: fallback, TCR_EL1.TG0',
    edit(
      TABLES,
      '    send(tlbOf(cpu), root === undefined ? order : { ...order, root });\n',
      '    if (cpu < 0) send(tlbOf(cpu), root === undefined ? order : { ...order, root });\n',
    ),
  ),
  mutant(
    'local-flush-at-regranule',
    'a CPU that changes its granule does not flush the ASID itself',
    'layer 3: reserved TTBR0, local flush, new TG0 (D-06)',
    edit(
      TLB,
      'const maintained = context.maintained + tlb.invalidateAsid(installed.asid);',
      'const maintained = context.maintained;',
    ),
  ),
  mutant(
    'reserved-table-first',
    'the tables change before every CPU has the reserved one',
    'layer 3: live fallback, reserved TTBR0 by IPI',
    edit(
      LIVE,
      "if (choices === null || choices.protocol === 'in-place' || reserved || context.asid === 0) return null;",
      'if (choices !== null) return null;\n  if (choices === null || reserved) return null;',
    ),
  ),
  mutant(
    'reserved-by-all',
    'the wait for every CPU but the first to have the reserved table',
    'layer 3: live fallback (smp_call_function, wait)',
    edit(
      LIVE,
      'return revised(context, { waiting, reserved: waiting === 0 });',
      'return revised(context, { waiting, reserved: true });',
    ),
  ),
  mutant(
    'reserve-flush',
    'a CPU that installs the reserved table keeps the translations of the ASID',
    'layer 3: live fallback, flush under the reserved table',
    edit(
      LIVE_TLB,
      '  const dropped = tlb.invalidateAsid(asid);\n',
      '  const dropped = tlb.invalidateAsid(-1 - asid);\n',
    ),
  ),
  mutant(
    'park-under-reserved',
    'a walk under way when the reserved table is installed goes on',
    'Arm ARM D8.17: walks from TTBR0',
    edit(LIVE_TLB, 'parked: true };\n', 'parked: false };\n'),
  ),
  mutant(
    'install-the-new-root',
    'CPUs keep the reserved table for ever',
    'layer 3: live fallback, new TTBR0',
    edit(LIVE, "    send(tlbOf(cpu), { type: 'TTBR0_INSTALL', mmu, root: rootOf(context), pageBytes });\n", ''),
  ),
];

/** All of them. */
export const cpuMutants: readonly Mutant[] = [...obeyed, ...regranuled];
