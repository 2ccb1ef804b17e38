/**
 * The TLB maintenance of the MMU machine: what a table operation must flush, how, and the broadcast of it.
 *
 * @models S-12 D-05 D-11
 */
import type { TableOutcome } from '../src/mm/tableOps.ts';
import { notify } from './notifiers/mmuNotify.ts';
import { mmuOf, tlbOf } from './addresses.ts';
import type { MessageOf, TlbiRequest } from './messages.ts';
import { type MmuContext, type TableMessage, walked } from './mmuState.ts';
import { flushesByInterrupt, flushRequests } from './mmuSupport.ts';
import type { Send } from './support.ts';
import { reviseMmu } from './revise.ts';

/** The granule of the CPU that issues maintenance for the operation under way. */
function issuerPageBytes(context: MmuContext): number {
  const { current } = context;
  if (current !== null && 'rmap' in current && current.rmap !== undefined) return current.rmap.issuerPageBytes;
  return walked(context).geometry.granuleBytes;
}

function anyFreed(tables: readonly number[]): boolean {
  return tables.some((count) => count > 0);
}

/**
 * One operation for everything of the ASID (`flush_tlb_mm`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * wholeAsid(initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false })).op; // 'ASIDE1IS'
 * ```
 */
export function wholeAsid({ asid, resources }: MmuContext): TlbiRequest {
  const instructions = resources.design.kpti ? 2 : 1;
  const op = resources.architecture.name === 'arm64' ? 'ASIDE1IS' : 'FLUSH_ADDRESS_SPACE';
  return { op, asid, startVa: 0, endVa: 0, pageBytes: 0, operandPageBytes: 0, level: null, instructions };
}

/**
 * What an outcome needs flushed, in order: each contpte block that was converted (`contpte_convert`: level 3, leaf only),
 * then what the operation itself owes. Empty where nothing can be cached.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const read = operate(mmu, { op: 'read', ranges: [] });
 * maintenanceOf({ ...mmu, asid: 3 }, { type: 'READ_PTES', request: 1, ranges: [] }, read); // []
 * ```
 */
export function maintenanceOf(context: MmuContext, current: TableMessage, outcome: TableOutcome): TlbiRequest[] {
  const { asid, resources, tlbRange, kernelPageBytes } = context;
  const { architecture } = resources;
  const freedTables = anyFreed(outcome.freedLinux) || anyFreed(outcome.freedNative);
  // A device may have walked what no CPU has run yet.
  if (
    (asid === 0 && context.notifiers === undefined) ||
    (outcome.flush.length === 0 && outcome.converts.length === 0 && !freedTables)
  )
    return [];
  // fork flushes the whole mm (`dup_mmap`), and so does the end of it (`tlb_flush` with `fullmm`).
  const whole = current.type === 'COPY_PTES' || (current.type === 'CLEAR_PTES' && current.fullMm);
  const { crossGranuleFlush, kpti, tlbiOperands } = resources.design;
  if (whole || crossGranuleFlush === 'asid') return [wholeAsid(context)];
  const { granuleBytes: pageBytes } = walked(context).geometry;
  if (architecture.name !== 'arm64')
    return flushesByInterrupt(architecture, outcome.flush, asid, pageBytes, freedTables);
  const operandPageBytes = tlbiOperands === 'process-page' ? pageBytes : kernelPageBytes;
  // mremap flushes by `flush_tlb_range`, which drops walk caches too and gives no hint; a gather drops leaves of one level.
  const leafOnly = !freedTables && current.type !== 'MOVE_PTES';
  const level = leafOnly ? 3 : null;
  const target = { asid, pageBytes, operandPageBytes, tlbRange };
  const owed = flushRequests(target, { ranges: outcome.flush, freedTables, lastLevelOnly: leafOnly, level });
  const requests = outcome.converts.flatMap((block) =>
    flushRequests(target, { ranges: [block], freedTables: false, lastLevelOnly: true, level: 3 }),
  );
  requests.push(...owed);
  return kpti ? requests.map((request) => ({ ...request, instructions: 2 * request.instructions })) : requests;
}

/**
 * DSB ISHST; TLBI...; and the wait for the DSB of every CPU.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = { ...initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false }), asid: 3 };
 * broadcast(mmu, [wholeAsid(mmu)], () => {}).acknowledgements; // 2
 * ```
 */
export function broadcast(context: MmuContext, operations: TlbiRequest[], send: Send): MmuContext {
  const instructions = operations.reduce((sum, request) => sum + request.instructions, 0);
  const { costs, architecture } = context.resources;
  const delay = instructions * costs.tlbiOperation + (architecture.maintenance.reach === 'interrupts' ? costs.ipi : 0);
  const tlbi: MessageOf<'TLBI'> = {
    type: 'TLBI',
    mmu: mmuOf(context.pid),
    operations,
    issuerPageBytes: issuerPageBytes(context),
  };
  for (let cpu = 0; cpu < context.cpus; cpu++) send(tlbOf(cpu), tlbi, delay);
  const notified = notify(context, operations, delay, send);
  const { lateAcknowledgements } = context;
  return reviseMmu(context, (draft) => {
    // A DSB waits for all maintenance before it, that which nobody waited for too.
    draft.acknowledgements = context.cpus + notified + (lateAcknowledgements ?? 0);
    if (lateAcknowledgements !== undefined) draft.lateAcknowledgements = 0;
    draft.flushes = context.flushes + 1;
    draft.tlbiInstructions = context.tlbiInstructions + instructions;
  });
}

/**
 * Makes the entries that must not change in one step invalid until the flush is complete, and notes what they become.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const first = { va: 0, pfn: 5, nr: 1, flags: PTE.VALID };
 * const one = operate(mmu, { op: 'set', runs: [first], expects: -1 });
 * const two = operate(one, { op: 'set', runs: [{ ...first, pfn: 9 }], expects: 5 });
 * const broken = breakEntries({ ...mmu, linux: two.linux }, two);
 * [broken.linux.get(0), broken.makes.length]; // [0, 1]
 * ```
 */
export function breakEntries(context: MmuContext, outcome: TableOutcome): MmuContext {
  const { linuxBroken, nativeBroken } = outcome;
  const walkedBroken = context.native === null ? linuxBroken : nativeBroken;
  if (walkedBroken.length === 0) return context;
  const name = context.native === null ? ('linux' as const) : ('native' as const);
  const edit = walked(context).edit();
  const makes = walkedBroken.map((va) => ({ table: name, va, pte: edit.clear(va) }));
  return { ...context, [name]: edit.done(), makes, breaks: context.breaks + 1 };
}

/**
 * The flush is complete: writes the new entries, and lets the walks go on that met the invalid ones.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const makes = [{ table: 'linux' as const, va: 0, pte: packPte(5, PTE.VALID) }];
 * makeEntries({ ...mmu, makes }, () => {}).linux.presentCount; // 1
 * ```
 */
export function makeEntries(context: MmuContext, send: Send): MmuContext {
  const { makes, spurious, resources } = context;
  if (makes.length === 0) return context;
  const name = makes[0].table;
  const edit = walked(context).edit();
  for (const { va, pte } of makes) edit.set(va, pte);
  const { exceptionEntryExit, faultHandlerBase } = resources.costs;
  for (const { walk, pid, cpu } of spurious) {
    send(tlbOf(cpu), { type: 'WALK_AGAIN', walk, pid }, exceptionEntryExit + faultHandlerBase);
  }
  return { ...context, [name]: edit.done(), makes: [], spurious: [] };
}

/**
 * The same without the DSB at the end: nobody waits (`flush_tlb_page_nosync`). Until it has reached a CPU, that may go on with an
 * entry which is young, and hardware notes no access.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false });
 * const { acknowledgements, lateAcknowledgements } = broadcastLater(mmu, [wholeAsid(mmu)], () => {});
 * [acknowledgements, lateAcknowledgements]; // [0, 2]
 * ```
 */
export function broadcastLater(context: MmuContext, operations: TlbiRequest[], send: Send): MmuContext {
  const sent = broadcast(context, operations, send);
  return reviseMmu(sent, (draft) => {
    draft.acknowledgements = 0;
    draft.lateAcknowledgements = sent.acknowledgements;
  });
}
