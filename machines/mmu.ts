/**
 * The page tables of one mm: the Linux table that core mm edits, and the native table of layer 3 that hardware walks when
 * the page-size ABI is larger than the kernel page. An operation that the native table cannot hold makes it warn and move
 * to `fallback`: from then on hardware walks the Linux table.
 */
import { assertEvent, setup } from 'xstate';
import { invariant } from '../src/errors.ts';
import { gatherAccessedDirty } from '../src/mm/nativeTable.ts';
import { PageTable } from '../src/mm/pageTable.ts';
import { flagsOf, hasFlags, isValid, isWritable, makeDirty, makeYoung, PTE, pfnOf } from '../src/mm/pte.ts';
import { operate, type TableOutcome, type VaRange } from '../src/mm/tableOps.ts';
import type { Access, Message, MessageOf } from './messages.ts';
import { type Allocation, flushRequests, opOf, tableFramesNeeded } from './mmuSupport.ts';
import { handle, type ResourceHolder, type Send } from './support.ts';

/** What an MMU is built with. */
export interface MmuInput {
  resources: ResourceHolder;
  pid: number;
  kernelPageBytes: number;
  cpus: number;
  /** The cores have range TLBI operations (FEAT_TLBIRANGE). */
  tlbRange: boolean;
}

/** A table operation that an mm can ask for. */
export type TableMessage = MessageOf<
  'CONFIGURE' | 'RELEASE_TABLES' | 'SET_PTES' | 'CLEAR_PTES' | 'PROTECT_PTES' | 'AGE_PTES' | 'MOVE_PTES' | 'COPY_PTES'
>;

/** An MMU's state. */
export interface MmuContext {
  resources: ResourceHolder;
  pid: number;
  kernelPageBytes: number;
  cpus: number;
  tlbRange: boolean;
  /** Page size of the ABI; 0 until execve. */
  pageBytes: number;
  linux: PageTable;
  native: PageTable | null;
  asid: number;
  /** The operation under way, and those that wait for the page-table lock. */
  current: TableMessage | null;
  queue: TableMessage[];
  /** What the current operation waits for: frames for tables. */
  allocations: Allocation[];
  /** CPUs whose DSB is outstanding, and the answer that goes out when the last one is in. */
  acknowledgements: number;
  answer: MessageOf<'TABLE_DONE'> | null;
  /** Frames that hold tables, by order. */
  tableFrames: { orderPages: number; pfns: number[] }[];
  /** Why it fell back, empty while it did not; and when it warned, in operations. */
  fallback: string;
  operations: number;
  walks: number;
  flushes: number;
  tlbiInstructions: number;
  /** The most bytes that each table ever took. */
  linuxTableBytesPeak: number;
  nativeTableBytesPeak: number;
}

function emptyAnswer(request: number): MessageOf<'TABLE_DONE'> {
  return { type: 'TABLE_DONE', request, set: [], cleared: [], rejected: [], fallback: '' };
}

/** The table that TTBR0 points to. */
function walked(context: MmuContext): PageTable {
  return context.native ?? context.linux;
}

function allows(pte: number, access: Access): boolean {
  if (!isValid(pte)) return false;
  if (access === 'fetch') return hasFlags(pte, PTE.EXEC);
  return access === 'read' || isWritable(pte);
}

/** A hardware walk, access flag and dirty state updated by hardware (FEAT_HAFDBS, Arm ARM D8.5). */
const walk = handle<MmuContext>((context, event, send) => {
  assertEvent(event, 'WALK');
  const { va, access, cpu, pid } = event;
  const table = walked(context);
  const { granuleBytes } = table.geometry;
  const page = va - (va % granuleBytes);
  const { pte, levelsRead: levels } = table.walk(page);
  const delay = Math.max(1, levels - event.skipLevels) * context.resources.costs.walkStep;
  const state = { ...context, walks: context.walks + 1 };
  if (!allows(pte, access)) {
    const linux = context.linux.get(va - (va % context.kernelPageBytes));
    const known = linux === 0 ? { ptePfn: 0, pteFlags: 0 } : { ptePfn: pfnOf(linux), pteFlags: flagsOf(linux) };
    send(`tlb:${cpu}`, { type: 'EXCEPTION', walk: event.walk, pid, va, levels }, delay);
    const entered = delay + context.resources.costs.exceptionEntryExit;
    send(`mm:${pid}`, { type: 'FAULT', walk: event.walk, pid, cpu, va, access, ...known }, entered);
    return state;
  }
  const updated = access === 'write' ? makeDirty(makeYoung(pte)) : makeYoung(pte);
  const translation: Message = {
    type: 'TRANSLATION',
    walk: event.walk,
    pid,
    va,
    // In kernel pages, whichever table it came from.
    pfn: pfnOf(updated) * (granuleBytes / context.kernelPageBytes),
    pageBytes: granuleBytes,
    read: true,
    write: isWritable(updated) && !hasFlags(updated, PTE.READONLY),
    exec: hasFlags(updated, PTE.EXEC),
    levels,
  };
  send(`tlb:${cpu}`, translation, delay);
  if (updated === pte) return state;
  const edit = table.edit();
  edit.set(page, updated);
  return context.native === null ? { ...state, linux: edit.done() } : { ...state, native: edit.done() };
});

/** Takes the next operation that waits and starts it. */
function begin(context: MmuContext, send: Send): MmuContext {
  const [current, ...queue] = context.queue;
  if (context.current !== null || current === undefined) return context;
  const state = { ...context, current, queue, operations: context.operations + 1 };
  if (current.type === 'CONFIGURE') return configure(state, current, send);
  if (current.type === 'RELEASE_TABLES') return release(state, current, send);
  const outcome = operate(state, opOf(current));
  const allocations = tableFramesNeeded(state, outcome, state.kernelPageBytes);
  if (allocations.length === 0) return commit(state, outcome, send);
  askFrames(state.pid, allocations, send);
  return { ...state, allocations };
}

function askFrames(pid: number, allocations: readonly Allocation[], send: Send): void {
  const sender = `mmu:${pid}`;
  for (const { orderPages, count } of allocations) {
    send('zone', { type: 'ALLOC', sender, request: orderPages, orderPages, count, purpose: 'table', zero: true });
  }
}

/** A new mm starts with two empty roots; roots below a kernel page come from a slab cache and are no frames. */
function configure(context: MmuContext, message: MessageOf<'CONFIGURE'>, send: Send): MmuContext {
  const { pageBytes, native } = message;
  const state: MmuContext = {
    ...context,
    pageBytes,
    linux: PageTable.empty(context.kernelPageBytes),
    native: native ? PageTable.empty(pageBytes) : null,
    fallback: '',
  };
  const roots = [state.linux, state.native].filter((table) => table !== null);
  const bytes = roots.map((table) => (table.geometry.levels[0]?.tableBytes ?? 0) / context.kernelPageBytes);
  const allocations = bytes.filter((pages) => pages >= 1).map((pages) => ({ orderPages: Math.log2(pages), count: 1 }));
  if (allocations.length === 0) return finish({ ...state, answer: emptyAnswer(message.request) }, send);
  askFrames(state.pid, allocations, send);
  return { ...state, allocations };
}

/** exit_mmap: whatever tables are left go, and every translation of the ASID with them. */
function release(context: MmuContext, message: MessageOf<'RELEASE_TABLES'>, send: Send): MmuContext {
  for (const { orderPages, pfns } of context.tableFrames) {
    if (pfns.length > 0) send('zone', { type: 'PUT', runs: pfns.map((pfn) => ({ pfn, nr: 2 ** orderPages })) });
  }
  const empty = PageTable.empty(context.kernelPageBytes);
  const answer = emptyAnswer(message.request);
  const state = { ...context, linux: empty, native: null, tableFrames: [], pageBytes: 0, fallback: '', answer };
  const { asid } = context;
  return broadcast(state, [{ op: 'ASIDE1IS', asid, startVa: 0, endVa: 0, pageBytes: 0, instructions: 1 }], send);
}

/** Makes an operation's outcome the state, frees tables, and starts the TLB maintenance that it needs. */
function commit(context: MmuContext, outcome: TableOutcome, send: Send): MmuContext {
  const current = context.current as TableMessage;
  let state = withPeaks({ ...context, linux: outcome.linux, native: outcome.native });
  state = freeTables(state, outcome, send);
  const { set, cleared, rejected, untranslatable } = outcome;
  const answer = { ...emptyAnswer(current.request), set, cleared, rejected, fallback: untranslatable };
  if (untranslatable !== '') return fallBack({ ...state, answer }, untranslatable, send);
  return flush({ ...state, answer }, outcome.flush, freedAny(outcome), send);
}

function withPeaks(context: MmuContext): MmuContext {
  const linuxTableBytesPeak = Math.max(context.linuxTableBytesPeak, context.linux.tableBytes);
  const nativeTableBytesPeak = Math.max(context.nativeTableBytesPeak, context.native?.tableBytes ?? 0);
  return { ...context, linuxTableBytesPeak, nativeTableBytesPeak };
}

function freedAny(outcome: TableOutcome): boolean {
  return [...outcome.freedLinux, ...outcome.freedNative].some((count) => count > 0);
}

function freeTables(context: MmuContext, outcome: TableOutcome, send: Send): MmuContext {
  let state = giveBack(context, outcome.linux, outcome.freedLinux, send);
  if (outcome.native !== null) state = giveBack(state, outcome.native, outcome.freedNative, send);
  return state;
}

function giveBack(context: MmuContext, table: PageTable, freed: readonly number[], send: Send): MmuContext {
  let { tableFrames } = context;
  for (const [depth, count] of freed.entries()) {
    const pages = (table.geometry.levels[depth]?.tableBytes ?? 0) / context.kernelPageBytes;
    if (pages < 1 || count === 0) continue;
    const orderPages = Math.log2(pages);
    const pool = tableFrames.find((entry) => entry.orderPages === orderPages)?.pfns ?? [];
    invariant(pool.length >= count, 'a table that is freed has frames');
    send('zone', { type: 'PUT', runs: pool.slice(pool.length - count).map((pfn) => ({ pfn, nr: pages })) });
    const rest = pool.slice(0, pool.length - count);
    tableFrames = tableFrames.map((entry) => (entry.orderPages === orderPages ? { orderPages, pfns: rest } : entry));
  }
  return { ...context, tableFrames };
}

/** The native table cannot hold this any more: warn, drop it, and let hardware walk the Linux table. */
function fallBack(context: MmuContext, reason: string, send: Send): MmuContext {
  const { native } = context;
  invariant(native !== null, 'only a native table falls back');
  const linux = context.linux.edit();
  const edit = native.edit();
  gatherAccessedDirty(linux, edit, 0, 2 ** native.geometry.vaBits);
  // All but the root are given back; the root goes with the mm.
  const freed = native.tableCount.map((count, depth) => (depth === 0 ? 0 : count));
  let state = giveBack(context, native, freed, send);
  state = { ...state, linux: linux.done(), native: null, fallback: reason };
  for (let cpu = 0; cpu < context.cpus; cpu++) {
    send(`tlb:${cpu}`, { type: 'REGRANULE', mmu: `mmu:${context.pid}`, pageBytes: context.kernelPageBytes });
  }
  return broadcast(
    state,
    [{ op: 'ASIDE1IS', asid: state.asid, startVa: 0, endVa: 0, pageBytes: 0, instructions: 1 }],
    send,
  );
}

function flush(context: MmuContext, ranges: readonly VaRange[], freedTables: boolean, send: Send): MmuContext {
  if (context.asid === 0 || (ranges.length === 0 && !freedTables)) return finish(context, send);
  const requests = flushRequests({
    ranges,
    asid: context.asid,
    pageBytes: walked(context).geometry.granuleBytes,
    tlbRange: context.tlbRange,
    freedTables,
  });
  return requests.length === 0 ? finish(context, send) : broadcast(context, requests, send);
}

function broadcast(context: MmuContext, operations: MessageOf<'TLBI'>['operations'], send: Send): MmuContext {
  if (context.asid === 0) return finish(context, send);
  const instructions = operations.reduce((sum, request) => sum + request.instructions, 0);
  const delay = instructions * context.resources.costs.tlbiOperation;
  for (let cpu = 0; cpu < context.cpus; cpu++) {
    send(`tlb:${cpu}`, { type: 'TLBI', mmu: `mmu:${context.pid}`, operations }, delay);
  }
  return {
    ...context,
    acknowledgements: context.cpus,
    flushes: context.flushes + 1,
    tlbiInstructions: context.tlbiInstructions + instructions,
  };
}

/** The operation is complete: answer the mm and take the next. */
function finish(context: MmuContext, send: Send): MmuContext {
  const answer = context.answer as MessageOf<'TABLE_DONE'>;
  const entries = [...answer.set, ...answer.cleared].reduce((sum, run) => sum + run.nr, 0);
  send(`mm:${context.pid}`, answer, entries * context.resources.costs.pteWrite);
  return begin({ ...context, current: null, answer: null, acknowledgements: 0 }, send);
}

const operation = handle<MmuContext>((context, event, send) =>
  begin({ ...context, queue: [...context.queue, event as TableMessage] }, send),
);

const frames = handle<MmuContext>((context, event, send) => {
  assertEvent(event, 'FRAMES');
  const { orderPages, pfns } = event;
  const held = context.tableFrames.find((entry) => entry.orderPages === orderPages)?.pfns ?? [];
  const others = context.tableFrames.filter((entry) => entry.orderPages !== orderPages);
  const tableFrames = [...others, { orderPages, pfns: [...held, ...pfns] }].sort((a, b) => a.orderPages - b.orderPages);
  // A root and the tables below it may have asked for the same order: one answer settles one of them.
  const at = context.allocations.findIndex((entry) => entry.orderPages === orderPages);
  const state = { ...context, tableFrames, allocations: context.allocations.filter((_, index) => index !== at) };
  if (state.allocations.length > 0) return state;
  const current = state.current as TableMessage;
  if (current.type === 'CONFIGURE') return finish({ ...state, answer: emptyAnswer(current.request) }, send);
  invariant(current.type !== 'RELEASE_TABLES', 'freeing tables asks for no frames');
  return commit(state, operate(state, opOf(current)), send);
});

/** No memory for a table: the operation fails as a whole, and the mm takes it as an out-of-memory fault. */
const noFrames = handle<MmuContext>((context, event, send) => {
  assertEvent(event, 'NO_MEMORY');
  const at = context.allocations.findIndex((entry) => entry.orderPages === event.request);
  const state = { ...context, allocations: context.allocations.filter((_, index) => index !== at) };
  const current = state.current as TableMessage;
  if (state.allocations.length > 0) return state;
  const rejected = current.type === 'SET_PTES' ? current.runs : [];
  return finish({ ...state, answer: { ...emptyAnswer(current.request), rejected, fallback: 'no-memory' } }, send);
});

const acknowledged = handle<MmuContext>((context, _event, send) => {
  const acknowledgements = context.acknowledgements - 1;
  return acknowledgements > 0 ? { ...context, acknowledgements } : finish({ ...context, acknowledgements }, send);
});

const activate = handle<MmuContext>((context, event, send) => {
  assertEvent(event, 'ACTIVATE');
  const { pid, cpu, asid, flush: flushFirst } = event;
  const pageBytes = walked(context).geometry.granuleBytes;
  send(`tlb:${cpu}`, { type: 'SET_TTBR', pid, asid, pageBytes, mmu: `mmu:${context.pid}`, flush: flushFirst });
  return { ...context, asid };
});

/** The MMU's statechart: in which mode hardware walks, beside what the tables are busy with. */
export const mmuMachine = setup({
  types: { context: {} as MmuContext, events: {} as Message, input: {} as MmuInput },
  actions: {
    walk,
    operation,
    frames,
    noFrames,
    acknowledged,
    activate,
    retry: handle<MmuContext>((context, event, send) => {
      assertEvent(event, 'FAULT_DONE');
      send(`tlb:${event.cpu}`, { type: 'WALK_AGAIN', walk: event.walk, pid: event.pid });
      return context;
    }),
    abort: handle<MmuContext>((context, event, send) => {
      assertEvent(event, 'FAULT_SIGNAL');
      const { walk: number, pid, va, signal, code } = event;
      send(`tlb:${event.cpu}`, { type: 'ABORT', walk: number, pid, va, signal, code });
      return context;
    }),
  },
  guards: {
    plain: ({ context }) => context.pageBytes !== 0 && context.native === null && context.fallback === '',
    native: ({ context }) => context.native !== null,
    released: ({ context }) => context.pageBytes === 0,
    fellBack: ({ context }) => context.fallback !== '',
    allocating: ({ context }) => context.allocations.length > 0,
    flushing: ({ context }) => context.acknowledgements > 0,
    rests: ({ context }) => context.current === null,
  },
}).createMachine({
  id: 'mmu',
  context: ({ input }) => ({
    resources: input.resources,
    pid: input.pid,
    kernelPageBytes: input.kernelPageBytes,
    cpus: input.cpus,
    tlbRange: input.tlbRange,
    pageBytes: 0,
    linux: PageTable.empty(input.kernelPageBytes),
    native: null,
    asid: 0,
    current: null,
    queue: [],
    allocations: [],
    acknowledgements: 0,
    answer: null,
    tableFrames: [],
    fallback: '',
    operations: 0,
    walks: 0,
    flushes: 0,
    tlbiInstructions: 0,
    linuxTableBytesPeak: 0,
    nativeTableBytesPeak: 0,
  }),
  type: 'parallel',
  on: {
    WALK: { actions: 'walk' },
    FAULT_DONE: { actions: 'retry' },
    FAULT_SIGNAL: { actions: 'abort' },
    ACTIVATE: { actions: 'activate' },
    CONFIGURE: { actions: 'operation' },
    SET_PTES: { actions: 'operation' },
    CLEAR_PTES: { actions: 'operation' },
    PROTECT_PTES: { actions: 'operation' },
    AGE_PTES: { actions: 'operation' },
    MOVE_PTES: { actions: 'operation' },
    COPY_PTES: { actions: 'operation' },
    RELEASE_TABLES: { actions: 'operation' },
    FRAMES: { actions: 'frames' },
    NO_MEMORY: { actions: 'noFrames' },
    TLBI_DONE: { actions: 'acknowledged' },
  },
  states: {
    mode: {
      initial: 'unconfigured',
      states: {
        unconfigured: {
          always: [
            { guard: 'native', target: 'native' },
            { guard: 'plain', target: 'plain' },
          ],
        },
        plain: { always: { guard: 'released', target: 'unconfigured' } },
        native: {
          always: [
            { guard: 'fellBack', target: 'fallback' },
            { guard: 'released', target: 'unconfigured' },
          ],
        },
        fallback: { always: { guard: 'released', target: 'unconfigured' } },
      },
    },
    tables: {
      initial: 'idle',
      states: {
        idle: {
          always: [
            { guard: 'allocating', target: 'allocating' },
            { guard: 'flushing', target: 'flushing' },
          ],
        },
        allocating: {
          always: [
            { guard: 'flushing', target: 'flushing' },
            { guard: 'rests', target: 'idle' },
          ],
        },
        flushing: {
          always: [
            { guard: 'allocating', target: 'allocating' },
            { guard: 'rests', target: 'idle' },
          ],
        },
      },
    },
  },
});
