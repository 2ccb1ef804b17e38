/**
 * The operations on the page tables of one mm, one at a time as under the page-table lock: frames for new tables first,
 * then both tables change in one step, then TLB maintenance; frames of freed tables and the answer go out when every CPU
 * has acknowledged it, as after the DSB.
 *
 * @models S-38 S-39 S-40 L-05 D-02 D-03
 */
import { invariant } from '../src/errors.ts';
import { gatherAccessedDirty } from '../src/mm/nativeTable.ts';
import { PageTable } from '../src/mm/pageTable.ts';
import { operate, type TableOutcome } from '../src/mm/tableOps.ts';
import { mmOf, mmuOf, tlbOf } from './addresses.ts';
import { freeTables, noteUnlinked } from './gup/mmuWalkers.ts';
import { beginReturn } from './liveFallback/mmuReturn.ts';
import { installAll, installing, mayReturn, reserveAll } from './liveFallback/mmuSwitch.ts';
import type { MessageOf } from './messages.ts';
import { breakEntries, broadcast, broadcastLater, maintenanceOf, makeEntries, wholeAsid } from './mmuFlush.ts';
import { giveBack, runsOf, withGranted } from './mmuFrames.ts';
import { type MmuContext, type TableMessage, walked } from './mmuState.ts';
import { type Allocation, opOf, tableFramesNeeded } from './mmuSupport.ts';
import type { Send } from './support.ts';
import { reviseMmu } from './revise.ts';
import { firstStep, releaseWaiting } from './twoTables/mmuSteps.ts';

/** The MMU's own operation. */
const RETURN: TableMessage = { type: 'RETURN_NATIVE', request: 0 };

/**
 * An answer that says nothing yet.
 *
 * @example
 * ```ts
 * emptyAnswer(7).request; // 7
 * ```
 */
export function emptyAnswer(request: number): MessageOf<'TABLE_DONE'> {
  return { type: 'TABLE_DONE', request, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
}

/**
 * Takes the next operation that waits and starts it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const configure = { type: 'CONFIGURE' as const, request: 7, pageBytes: 65536, native: true };
 * const asked = beginOperation({ ...mmu, queue: [configure] }, () => {});
 * asked.allocations; // [{ orderPages: 0, count: 1 }]
 * ```
 */
export function beginOperation(context: MmuContext, send: Send): MmuContext {
  if (context.current !== null || context.queue.length === 0) return context;
  const [current, ...queue] = context.queue;
  return begin(context, current, queue, send);
}

/**
 * An operation comes in; most find nothing before them, and need not go through the queue.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * takeOperation(mmu, { type: 'READ_PTES', request: 7, ranges: [] }, () => {}).operations; // 1
 * ```
 */
export function takeOperation(context: MmuContext, operation: TableMessage, send: Send): MmuContext {
  const { queue } = context;
  if (context.current === null && queue.length === 0) return begin(context, operation, queue, send);
  const state = reviseMmu(context, (draft) => {
    draft.queue = [...queue, operation];
  });
  return beginOperation(state, send);
}

function begin(context: MmuContext, current: TableMessage, queue: TableMessage[], send: Send): MmuContext {
  const state = reviseMmu(context, (draft) => {
    draft.current = current;
    draft.queue = queue;
    draft.operations = context.operations + 1;
  });
  if (current.type === 'CONFIGURE') return configure(state, current, send);
  if (current.type === 'RELEASE_TABLES') return release(state, current, send);
  if (current.type === 'RETURN_NATIVE') return beginReturn(state, send);
  const { contpte, nativeFill } = state.resources.design;
  const outcome = operate(state, opOf(current), contpte, nativeFill === 'lazy');
  if (isRefused(state, current, outcome)) return refuse(state, current, outcome.untranslatable, send);
  const allocations = tableFramesNeeded(state, outcome, state.kernelPageBytes);
  if (allocations.length === 0) return firstStep(state, outcome, send) ?? commit(state, outcome, send);
  return askFrames(state, allocations, send);
}

/** `design.untranslatable` is `fail`. What is done for another (rmap) cannot be refused: there the mm falls back. */
function isRefused({ resources }: MmuContext, current: TableMessage, outcome: TableOutcome): boolean {
  if (outcome.untranslatable === '' || resources.design.untranslatable !== 'fail') return false;
  return !('rmap' in current) || current.rmap === undefined;
}

/** The operation fails as a whole: both tables stay as they are. */
function refuse(context: MmuContext, current: TableMessage, failed: string, send: Send): MmuContext {
  const rejected = current.type === 'SET_PTES' ? current.runs : [];
  const answer = { ...emptyAnswer(current.request), rejected, failed };
  return finish(
    reviseMmu(context, (draft) => {
      draft.answer = answer;
      draft.refusals = context.refusals + 1;
    }),
    send,
  );
}

/**
 * Asks for folios to hold tables; the operation goes on when all of them are answered.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * askFrames(mmu, [{ orderPages: 0, count: 1 }], () => {}).allocations.length; // 1
 * ```
 */
export function askFrames(context: MmuContext, allocations: Allocation[], send: Send): MmuContext {
  const sender = mmuOf(context.pid);
  for (const { orderPages, count } of allocations) {
    send('zone', { type: 'ALLOC', sender, request: orderPages, orderPages, count, purpose: 'table', zero: true });
  }
  return reviseMmu(context, (draft) => {
    draft.allocations = allocations;
  });
}

/** A new mm starts with two empty roots; roots below a kernel page come from a slab cache and are no frames. */
function configure(context: MmuContext, message: MessageOf<'CONFIGURE'>, send: Send): MmuContext {
  const { pageBytes, native } = message;
  const state: MmuContext = reviseMmu(context, (draft) => {
    draft.pageBytes = pageBytes;
    draft.linux = PageTable.empty(context.kernelPageBytes);
    draft.native = native ? PageTable.empty(pageBytes) : null;
    draft.fallback = '';
  });
  const roots = [state.linux, state.native].filter((table) => table !== null);
  const bytes = roots.map((table) => (table.geometry.levels[0]?.tableBytes ?? 0) / context.kernelPageBytes);
  const allocations = bytes.filter((pages) => pages >= 1).map((pages) => ({ orderPages: Math.log2(pages), count: 1 }));
  if (allocations.length === 0) return configured(state, message, send);
  return askFrames(state, allocations, send);
}

/**
 * A CPU that has this mm installed still walks with the granule of the program before (execve of another size).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const configure = { type: 'CONFIGURE' as const, request: 7, pageBytes: 65536, native: true };
 * const sent: string[] = [];
 * configured({ ...mmu, current: configure }, configure, (to) => sent.push(to));
 * sent; // ['mm:1']
 * ```
 */
export function configured(context: MmuContext, message: MessageOf<'CONFIGURE'>, send: Send): MmuContext {
  const state = reviseMmu(context, (draft) => {
    draft.answer = emptyAnswer(message.request);
  });
  return context.asid === 0 ? finish(state, send) : regranule(state, send);
}

/** pgd_free: the roots, the only tables that are left after `CLEAR_PTES` of the whole mm, which has flushed the ASID. */
function release(context: MmuContext, message: MessageOf<'RELEASE_TABLES'>, send: Send): MmuContext {
  const freed = context.tableFrames.flatMap(runsOf);
  const linux = PageTable.empty(context.kernelPageBytes);
  const answer = emptyAnswer(message.request);
  return finish(
    reviseMmu(context, (draft) => {
      draft.linux = linux;
      draft.native = null;
      draft.tableFrames = [];
      draft.freed = freed;
      draft.pageBytes = 0;
      draft.fallback = '';
      draft.answer = answer;
    }),
    send,
  );
}

/**
 * Makes an operation's outcome the state, and starts the TLB maintenance that it needs.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'READ_PTES' as const, request: 7, ranges: [] };
 * const outcome = operate(mmu, { op: 'read', ranges: [] });
 * commit({ ...mmu, current }, outcome, () => {}).current; // null
 * ```
 */
export function commit(context: MmuContext, outcome: TableOutcome, send: Send): MmuContext {
  const waits = outcome.untranslatable === '' ? null : reserveAll(context, outcome.untranslatable, send);
  if (waits !== null) return waits;
  const current = context.current as TableMessage;
  const { request } = current;
  const { set, cleared, rejected, untranslatable } = outcome;
  let state = reviseMmu(noteUnlinked(context, outcome.linux), (draft) => {
    draft.tableFrames = withGranted(context.tableFrames, context.granted);
    draft.granted = [];
    draft.linux = outcome.linux;
    draft.native = outcome.native;
    draft.answer = { type: 'TABLE_DONE', request, set, cleared, rejected, fallback: untranslatable, failed: '' };
    draft.contpteFolds += outcome.folds;
    draft.contpteUnfolds += outcome.unfolds;
    notePeaks(draft);
  });
  state = giveBack(state, outcome.linux, outcome.freedLinux);
  if (outcome.native !== null) state = giveBack(state, outcome.native, outcome.freedNative);
  if (untranslatable !== '') return regranule(withoutNative(state, untranslatable), send);
  if (outcome.lostDirty > 0) {
    state = reviseMmu(state, (draft) => {
      draft.lostDirtyPages = (state.lostDirtyPages ?? 0) + outcome.lostDirty;
    });
  }
  const requests = maintenanceOf(state, current, outcome);
  if (current.type === 'HARVEST_PTES' && requests.length > 0)
    return finish(broadcastLater(state, requests, send), send);
  return requests.length === 0 ? finish(state, send) : broadcast(breakEntries(state, outcome), requests, send);
}

/**
 * Notes the most that the tables ever took.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * withPeaks(mmu).linuxTableBytesPeak; // 4096
 * ```
 */
export function withPeaks(context: MmuContext): MmuContext {
  return reviseMmu(context, notePeaks);
}

function notePeaks(draft: MmuContext): void {
  draft.linuxTableBytesPeak = Math.max(draft.linuxTableBytesPeak, draft.linux.tableBytes);
  if (draft.native === null) return;
  draft.nativeTableBytesPeak = Math.max(draft.nativeTableBytesPeak, draft.native.tableBytes);
}

/**
 * The native table cannot hold this any more: warn, drop it, and let hardware walk the Linux table.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * withoutNative({ ...mmu, native: PageTable.empty(65536) }, 'torn').fallback; // 'torn'
 * ```
 */
export function withoutNative(context: MmuContext, reason: string): MmuContext {
  const { native } = context;
  invariant(native !== null, 'only a native table falls back');
  const linux = context.linux.edit();
  gatherAccessedDirty(linux, native, 0, 2 ** native.geometry.vaBits);
  // All but the root are given back; the root goes with the mm.
  const tables = native.tableCount.map((count, depth) => (depth === 0 ? 0 : count));
  return { ...giveBack(context, native, tables), linux: linux.done(), native: null, fallback: reason };
}

/**
 * Tells every CPU the granule to walk with, and flushes the ASID: the acknowledgement covers both.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'READ_PTES' as const, request: 7, ranges: [] };
 * const sent: string[] = [];
 * regranule({ ...mmu, current, answer: emptyAnswer(7) }, (to) => sent.push(to));
 * sent; // ['tlb:0', 'mm:1']
 * ```
 */
export function regranule(context: MmuContext, send: Send): MmuContext {
  const configures = context.current?.type === 'CONFIGURE';
  const live = configures ? null : installAll(context, send);
  if (live !== null)
    return (live.flush && context.asid !== 0) || context.notifiers !== undefined
      ? broadcast(live.state, [wholeAsid(context)], send)
      : finish(live.state, send);
  const { granuleBytes } = walked(context).geometry;
  for (let cpu = 0; cpu < context.cpus; cpu++) {
    const { root } = installing(context);
    const order = { type: 'REGRANULE' as const, mmu: mmuOf(context.pid), pageBytes: granuleBytes };
    send(tlbOf(cpu), root === undefined ? order : { ...order, root });
  }
  return context.asid === 0 && context.notifiers === undefined
    ? finish(context, send)
    : broadcast(context, [wholeAsid(context)], send);
}

/**
 * The operation is complete: give back what it freed, answer the mm and take the next.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'READ_PTES' as const, request: 7, ranges: [] };
 * finish({ ...mmu, current, answer: emptyAnswer(7) }, () => {}).current; // null
 * ```
 */
export function finish(before: MmuContext, send: Send): MmuContext {
  const context = freeTables(releaseWaiting(makeEntries(before, send), send), send);
  const { answer, current } = context;
  const queue = current !== null && mayReturn(context, current) ? [RETURN, ...context.queue] : context.queue;
  if (answer !== null) send(mmOf(context.pid), answer);
  return beginOperation(
    reviseMmu(context, (draft) => {
      draft.current = null;
      draft.queue = queue;
      draft.answer = null;
      draft.freed = [];
      draft.acknowledgements = 0;
    }),
    send,
  );
}

/**
 * A CPU's DSB is complete.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false });
 * acknowledgeFlush({ ...mmu, acknowledgements: 2 }, () => {}).acknowledgements; // 1
 * ```
 */
export function acknowledgeFlush(context: MmuContext, send: Send): MmuContext {
  if (context.acknowledgements === 0) {
    return reviseMmu(context, (draft) => {
      draft.lateAcknowledgements = (context.lateAcknowledgements ?? 0) - 1;
    });
  }
  const state = reviseMmu(context, (draft) => {
    draft.acknowledgements = context.acknowledgements - 1;
  });
  return state.acknowledgements > 0 ? state : finish(state, send);
}
