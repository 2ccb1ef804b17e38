/** What the TLBs of a CPU keep, and the draft of it that the handler of one event writes to. */
import type { CorePreset } from '../src/arch/cores.ts';
import type { Tlb } from '../src/mm/tlb.ts';
import { copyCounts, copyStretch, type Stretch } from '../src/mm/stretch.ts';
import type { Access, TableRoot, TlbCounts } from './messages.ts';
import { copyTlb } from './reviseCpu.ts';
import type { ResourceHolder } from './support.ts';
import type { Copy } from './tlbCopy.ts';
import { groupPagesOf } from './tlbMaintenance.ts';

/** What a TLB is built with. */
export interface TlbInput {
  resources: ResourceHolder;
  cpu: number;
  core: CorePreset;
}

/** Whose tables TTBR0 points to. */
export interface Installed {
  pid: number;
  asid: number;
  mmu: string;
  pageBytes: number;
  /** Where changes of table are modelled: which table, and that the reserved one stands in for it. */
  root?: TableRoot;
  reserved?: true;
}

/** What the CPU is doing for a process. */
export type Work =
  | { kind: 'run'; pid: number; trace: string; stretch: Stretch; walks: number; walkReads: number }
  | { kind: 'copy'; pid: number; copy: Copy; walks: number; walkReads: number };

/** An access that waits for a walk. `stale`: maintenance came meanwhile, so what the walk found must not be kept. */
export interface PendingAccess {
  va: number;
  access: Access;
  skipLevels: number;
  stale: boolean;
  /** It met the reserved table. */
  parked?: true;
}

/** A TLB's state. */
export interface TlbContext {
  resources: ResourceHolder;
  cpu: number;
  /** Cycles of an L1 miss that hits in L2. */
  l2HitCycles: number;
  tlb: Tlb;
  installed: Installed | null;
  work: Work | null;
  /** The access that waits for a walk or a fault, null when none does. */
  waits: PendingAccess | null;
  /** Numbers the walks, so that an answer to an abandoned one is told from a fresh one. */
  walk: number;
  /** Entries that maintenance removed. */
  maintained: number;
  /** Switches that changed TG0. */
  granuleSwitches: number;
}

/** A version of the TLBs to edit, which knows the groups of the tables that it works for. */
function editTlb({ tlb, resources }: TlbContext, pageBytes: number): Tlb {
  const edit = tlb.edit();
  edit.groupPages = groupPagesOf(resources, pageBytes);
  return edit;
}

/**
 * What was counted for the work under way, walks included.
 *
 * @example
 * ```ts
 * const copy = { va: 0, endVa: 8, access: 'read' as const, doneBytes: 0, counts: noCounts() };
 * countsOf({ kind: 'copy', pid: 1, copy, walks: 2, walkReads: 6 }).walks; // 2
 * ```
 */
export function countsOf(work: Work): TlbCounts {
  const counts = work.kind === 'run' ? work.stretch.counts : work.copy.counts;
  const { references, l1iAccesses, l1iMisses, l1dAccesses, l1dMisses, l2Accesses, l2Misses } = counts;
  const { walks, walkReads } = work;
  return { references, l1iAccesses, l1iMisses, l1dAccesses, l1dMisses, l2Accesses, l2Misses, walks, walkReads };
}

/**
 * A context of its own for the handler of one event to write to, with TLBs to edit: every event of a CPU changes several fields, and
 * a copy for each would cost more than all else that it does.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, cpu: 5, core: corePresets['cortex-a76'] };
 * drafted(createActor(machines.tlb, { input }).getSnapshot().context, 4096).cpu; // 5
 * ```
 */
export function drafted(context: TlbContext, pageBytes: number): TlbContext {
  const draft = copyTlb(context);
  draft.tlb = editTlb(context, pageBytes);
  return draft;
}

/**
 * The work of a draft, as the draft's own.
 *
 * @example
 * ```ts
 * const copy = { va: 0, endVa: 8, access: 'read' as const, doneBytes: 0, counts: noCounts() };
 * draftedWork({ kind: 'copy', pid: 1, copy, walks: 2, walkReads: 6 }).walkReads; // 6
 * ```
 */
export function draftedWork(work: Work): Work {
  const { pid, walks, walkReads } = work;
  if (work.kind === 'run') {
    return { kind: 'run', pid, trace: work.trace, stretch: copyStretch(work.stretch), walks, walkReads };
  }
  const { va, endVa, access, doneBytes, counts } = work.copy;
  const copy = { va, endVa, access, doneBytes, counts: copyCounts(counts) };
  return { kind: 'copy', pid, copy, walks, walkReads };
}

/**
 * Takes a walk that has ended into the counts of a draft's work: at least the descriptor it ended at was read.
 *
 * @example
 * ```ts
 * const copy = { va: 0, endVa: 8, access: 'read' as const, doneBytes: 0, counts: noCounts() };
 * const work = { kind: 'copy' as const, pid: 1, copy, walks: 2, walkReads: 6 };
 * countWalk(work, { va: 0, access: 'read', skipLevels: 2, stale: false }, 4);
 * work.walkReads; // 8
 * ```
 */
export function countWalk(work: Work, waits: PendingAccess | null, levels: number): void {
  work.walks += 1;
  work.walkReads += Math.max(1, levels - (waits?.skipLevels ?? 0));
}
