/**
 * Taking entries away from both tables in two steps, with the page-table lock held over both (`design.getAndClear`). The lock keeps
 * software out; hardware goes on walking the native table between the steps.
 *
 * @models D-02
 */
import { invariant } from '../../src/errors.ts';
import { gatherAccessedDirty } from '../../src/mm/nativeTable.ts';
import type { PageTable } from '../../src/mm/pageTable.ts';
import { isDirty } from '../../src/mm/pte.ts';
import { operate, type TableOp, type TableOutcome } from '../../src/mm/tableOps.ts';
import { mmuOf, tlbOf } from '../addresses.ts';
import type { MmuContext, TableMessage } from '../mmuState.ts';
import { opOf } from '../mmuSupport.ts';
import { reviseMmu } from '../revise.ts';
import type { Send } from '../support.ts';

/** Between the steps: native entries that go, by their addresses, and of the Linux table's part what is done already. */
export interface HalfDone {
  vas: number[];
  linuxPart: Omit<TableOutcome, 'linux' | 'native'> | null;
}

/** Goes on with an operation that is done in both tables (`machines/mmuTables.ts:commit`). */
export type Commit = (context: MmuContext, outcome: TableOutcome, send: Send) => MmuContext;

/** Where valid native entries become invalid, in both versions of a table. */
function clearedEntries(before: PageTable, after: PageTable): number[] {
  const cleared: number[] = [];
  for (const { startVa, endVa } of after.changedRanges(before)) {
    before.forEach(startVa, endVa, (va, pte) => {
      if (pte !== 0 && after.get(va) === 0) cleared.push(va);
    });
  }
  return cleared;
}

/** Entries are taken away with all tables left in place: by rmap, truncation and madvise. */
function takesAway(current: TableMessage): boolean {
  if (current.type === 'EXCHANGE_PTES') return true;
  return current.type === 'CLEAR_PTES' && !current.fullMm && current.freeWithin === null;
}

/**
 * Does the first step of an operation whose outcome is known; null where it is one step: no native entry goes, or the design has
 * it so.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const read = operate(mmu, { op: 'read', ranges: [] });
 * firstStep({ ...mmu, current: { type: 'READ_PTES', request: 1, ranges: [] } }, read, () => {}); // null
 * ```
 */
export function firstStep(context: MmuContext, outcome: TableOutcome, send: Send): MmuContext | null {
  const { current, native, resources, pid } = context;
  const { getAndClear } = resources.design;
  if (getAndClear === undefined || native === null || outcome.native === null || outcome.untranslatable !== '')
    return null;
  if (current === null || !takesAway(current)) return null;
  const vas = clearedEntries(native, outcome.native);
  if (vas.length === 0) return null;
  send(mmuOf(pid), { type: 'TABLES_STEP' });
  if (getAndClear === 'linux-first') {
    const { linux, native: _native, ...linuxPart } = outcome;
    return reviseMmu(context, (draft) => {
      draft.linux = linux;
      draft.halfDone = { vas, linuxPart };
    });
  }
  const linux = context.linux.edit();
  const walkedByHardware = native.edit();
  for (const va of vas) {
    gatherAccessedDirty(linux, native, va, va + native.geometry.granuleBytes);
    if (getAndClear === 'native-first') walkedByHardware.clear(va);
  }
  return reviseMmu(context, (draft) => {
    draft.linux = linux.done();
    draft.native = walkedByHardware.done();
    draft.halfDone = { vas, linuxPart: null };
  });
}

/** Kernel pages of native entries that are dirty now, and were not when their Linux entries went. */
function lostPages({ native, kernelPageBytes }: MmuContext, { vas, linuxPart }: HalfDone): number {
  if (native === null || linuxPart === null) return 0;
  const { granuleBytes } = native.geometry;
  let lost = 0;
  for (const va of vas) {
    if (!isDirty(native.get(va))) continue;
    const known = linuxPart.cleared.some((run) => {
      return run.va < va + granuleBytes && run.va + run.nr * kernelPageBytes > va && isDirty(run.flags);
    });
    if (!known) lost += granuleBytes / kernelPageBytes;
  }
  return lost;
}

/** `linux-first`: the native entries are overwritten, with whatever hardware has noted meanwhile. */
function overwritten(context: MmuContext, half: HalfDone): TableOutcome {
  const { linux, native } = context;
  const { linuxPart } = half;
  invariant(linuxPart !== null && native !== null, 'the Linux table went first');
  const edit = native.edit();
  for (const va of half.vas) edit.clear(va);
  const lostDirty = linuxPart.lostDirty + lostPages(context, half);
  return { ...linuxPart, linux, native: edit.done(), lostDirty };
}

/**
 * The second step: the other table follows.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'CLEAR_PTES' as const, request: 1, ranges: [], freeWithin: null, fileOnly: false, fullMm: false };
 * const half = { ...mmu, current, halfDone: { vas: [], linuxPart: null } };
 * secondStep(half, (state) => state, () => {}).halfDone; // undefined
 * ```
 */
export function secondStep(context: MmuContext, commit: Commit, send: Send): MmuContext {
  const { halfDone, current, resources } = context;
  invariant(halfDone !== undefined && current !== null, 'there is an operation between its steps');
  const state = reviseMmu(context, (draft) => {
    delete draft.halfDone;
  });
  if (halfDone.linuxPart !== null) return commit(state, overwritten(context, halfDone), send);
  invariant(current.type === 'EXCHANGE_PTES' || current.type === 'CLEAR_PTES', 'entries are taken away');
  const op: TableOp = opOf(current);
  const naive = resources.design.getAndClear === 'read-then-clear' ? { linuxTableOnly: true } : {};
  const { contpte, nativeFill } = resources.design;
  return commit(state, operate(state, { ...op, ...naive }, contpte, nativeFill === 'lazy'), send);
}

/**
 * Whether a native entry is invalid because an operation is between its steps: a walk that meets it waits for the lock.
 *
 * @example
 * ```ts
 * isBetweenSteps({ halfDone: { vas: [65536], linuxPart: null } }, 65536); // true
 * ```
 */
export function isBetweenSteps({ halfDone }: Pick<MmuContext, 'halfDone'>, va: number): boolean {
  return halfDone?.vas.includes(va) ?? false;
}

/**
 * The lock is free: the walks that waited for it look again.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const sent: string[] = [];
 * releaseWaiting({ ...mmu, spurious: [{ walk: 1, pid: 1, cpu: 0 }] }, (to) => void sent.push(to)).spurious; // []
 * sent; // ['tlb:0']
 * ```
 */
export function releaseWaiting(context: MmuContext, send: Send): MmuContext {
  const { spurious, makes, resources } = context;
  if (spurious.length === 0 || makes.length > 0) return context;
  const { exceptionEntryExit, faultHandlerBase } = resources.costs;
  for (const { walk, pid, cpu } of spurious) {
    send(tlbOf(cpu), { type: 'WALK_AGAIN', walk, pid }, exceptionEntryExit + faultHandlerBase);
  }
  return reviseMmu(context, (draft) => {
    draft.spurious = [];
  });
}
