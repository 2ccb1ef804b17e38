/**
 * A memory zone: the buddy allocator with its watermarks, and the reference count of every folio handed out. It is the
 * one owner of frames: whoever has one has a reference, and the last reference frees it.
 */
import { assertEvent, setup } from 'xstate';
import { pageSizeLimits } from '../src/arch/granule.ts';
import { calculateMinFreeKbytes, type Watermarks, watermarks } from '../src/arch/watermarks.ts';
import { Buddy } from '../src/mm/buddy.ts';
import { FolioTable } from '../src/mm/frames.ts';
import type { FrameRun, Message } from './messages.ts';
import { handle, type ResourceHolder, type Send, ZERO_BYTES } from './support.ts';

/** RAM begins at 1 GiB of physical addresses, as on the `virt` machine that the oracle's kernels ran on. */
export const RAM_START_BYTES = 2 ** 30;

/** What a zone is built with. */
export interface ZoneInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  memoryBytes: number;
}

/** A zone's state. */
export interface ZoneContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  buddy: Buddy;
  folios: FolioTable;
  marks: Watermarks;
  totalPages: number;
  allocations: number;
  failures: number;
  /** Least free pages there ever were. */
  freePagesLeast: number;
  zeroedBytes: number;
}

/**
 * The first frame of the shared zero memory (`empty_zero_page`), `ZERO_BYTES` long: the first of the zone.
 *
 * @example
 * ```ts
 * zeroFrame(4096); // 262144
 * ```
 */
export function zeroFrame(kernelPageBytes: number): number {
  return RAM_START_BYTES / kernelPageBytes;
}

function initialContext(input: ZoneInput): ZoneContext {
  const { resources, kernelPageBytes, memoryBytes } = input;
  const totalPages = Math.floor(memoryBytes / kernelPageBytes);
  const { maxPageOrder } = pageSizeLimits(kernelPageBytes);
  const buddy = Buddy.create(zeroFrame(kernelPageBytes), totalPages, maxPageOrder).edit();
  const zeroOrder = Math.log2(ZERO_BYTES / kernelPageBytes);
  buddy.allocAt(zeroFrame(kernelPageBytes), zeroOrder);
  const folios = FolioTable.empty().edit();
  folios.add({ pfn: zeroFrame(kernelPageBytes), order: zeroOrder, owner: 'zone', kind: 'reserved' });
  const minPages = Math.floor((calculateMinFreeKbytes(memoryBytes / 1024) * 1024) / kernelPageBytes);
  return {
    resources,
    kernelPageBytes,
    buddy: buddy.done(),
    folios: folios.done(),
    marks: watermarks(minPages, totalPages),
    totalPages,
    allocations: 0,
    failures: 0,
    freePagesLeast: totalPages - ZERO_BYTES / kernelPageBytes,
    zeroedBytes: 0,
  };
}

interface Wish {
  sender: string;
  orderPages: number;
  /** Orders to try after that, falling. */
  fallbackOrders: readonly number[];
  count: number;
  kind: 'anon' | 'file' | 'table';
  zero: boolean;
}

/** The first of the orders of a wish that can be had. */
function allocateFalling(
  context: ZoneContext,
  wish: Wish,
): { context: ZoneContext; wish: Wish; pfns: number[] } | null {
  for (const orderPages of [wish.orderPages, ...wish.fallbackOrders]) {
    const tried = { ...wish, orderPages };
    const allocated = allocate(context, tried);
    if (allocated !== null) return { ...allocated, wish: tried };
  }
  return null;
}

/** Allocates all of a wish or nothing; the min watermark is kept for the kernel (`__zone_watermark_ok`). */
function allocate(context: ZoneContext, wish: Wish): { context: ZoneContext; pfns: number[] } | null {
  const { sender, orderPages, count, kind, zero } = wish;
  const pages = count * 2 ** orderPages;
  if (context.buddy.freeFrames - pages < context.marks.min) return null;
  const buddy = context.buddy.edit();
  const folios = context.folios.edit();
  const pfns: number[] = [];
  for (let folio = 0; folio < count; folio++) {
    const pfn = buddy.alloc(orderPages);
    if (pfn === null) return null;
    folios.add({ pfn, order: orderPages, refs: 2 ** orderPages, owner: sender, kind });
    pfns.push(pfn);
  }
  const free = buddy.freeFrames;
  const next = {
    ...context,
    buddy: buddy.done(),
    folios: folios.done(),
    allocations: context.allocations + count,
    freePagesLeast: Math.min(context.freePagesLeast, free),
    zeroedBytes: context.zeroedBytes + (zero ? pages * context.kernelPageBytes : 0),
  };
  return { context: next, pfns };
}

function answer(context: ZoneContext, asked: Wish, request: number, copied: boolean, send: Send): ZoneContext {
  const allocated = allocateFalling(context, asked);
  if (allocated === null) {
    send(asked.sender, { type: 'NO_MEMORY', request });
    return { ...context, failures: context.failures + 1 };
  }
  const { wish } = allocated;
  const { costs } = context.resources;
  const kib = (wish.count * 2 ** wish.orderPages * context.kernelPageBytes) / 1024;
  const perKib = copied ? costs.copyPerKb : wish.zero ? costs.zeroPerKb : 0;
  const delay = costs.frameAllocation * wish.count + Math.ceil(perKib * kib);
  send(wish.sender, { type: 'FRAMES', request, orderPages: wish.orderPages, pfns: allocated.pfns }, delay);
  return allocated.context;
}

const alloc = handle<ZoneContext>((context, event, send) => {
  assertEvent(event, 'ALLOC');
  const { sender, orderPages, fallbackOrders = [], count, purpose, zero } = event;
  const wish = { sender, orderPages, fallbackOrders, count, kind: purpose, zero };
  return answer(context, wish, event.request, false, send);
});

/** A folio that only the asker's process page refers to is reused; any other is copied (`wp_can_reuse_anon_folio`). */
const copyOnWrite = handle<ZoneContext>((context, event, send) => {
  assertEvent(event, 'COPY_ON_WRITE');
  const { sender, request, pfn, nr, orderPages } = event;
  const folio = context.folios.find(pfn);
  if (folio !== null && folio.refs === nr && folio.order === orderPages) {
    send(sender, { type: 'REUSE', request });
    return context;
  }
  const wish = { sender, orderPages, fallbackOrders: [], count: 1, kind: 'anon' as const, zero: false };
  return answer(context, wish, request, true, send);
});

const get = handle<ZoneContext>((context, event, send) => {
  assertEvent(event, 'GET');
  const folios = context.folios.edit();
  for (const { pfn, nr } of event.runs) eachFolio(folios, pfn, nr, (head, pages) => folios.get(head, pages));
  if (event.request > 0) send(event.sender, { type: 'GOT', request: event.request });
  return { ...context, folios: folios.done() };
});

/** Calls back with each folio that a run of frames lies in, and how many of its pages the run covers. */
function eachFolio(
  folios: ReturnType<FolioTable['edit']>,
  pfn: number,
  nr: number,
  visit: (head: number, pages: number) => void,
): void {
  let at = pfn;
  while (at < pfn + nr) {
    const head = folios.headOf(at) ?? at;
    const folio = folios.find(head);
    const end = Math.min(pfn + nr, head + 2 ** (folio?.order ?? 0));
    visit(head, end - at);
    at = end;
  }
}

const put = handle<ZoneContext>((context, event) => {
  assertEvent(event, 'PUT');
  const folios = context.folios.edit();
  const buddy = context.buddy.edit();
  const release = (run: FrameRun): void => {
    eachFolio(folios, run.pfn, run.nr, (head, pages) => {
      const freed = folios.put(head, pages);
      if (freed !== null) buddy.free(freed.pfn, freed.order);
    });
  };
  for (const run of event.runs) release(run);
  return { ...context, folios: folios.done(), buddy: buddy.done() };
});

/** `si_meminfo`; the shared zeroes are part of the kernel image, which no one gets. */
const sysinfo = handle<ZoneContext>((context, event, send) => {
  assertEvent(event, 'SYSINFO');
  const { kernelPageBytes, totalPages, buddy } = context;
  const totalBytes = totalPages * kernelPageBytes - ZERO_BYTES;
  const freeBytes = buddy.freeFrames * kernelPageBytes;
  send('abi', { type: 'SYSINFO_DONE', request: event.request, totalBytes, freeBytes });
  return context;
});

/** The zone's statechart: above its low watermark, below it, or with nothing left above min. */
export const zoneMachine = setup({
  types: { context: {} as ZoneContext, events: {} as Message, input: {} as ZoneInput },
  actions: { alloc, copyOnWrite, get, put, sysinfo },
  guards: {
    isOk: ({ context }) => context.buddy.freeFrames > context.marks.high,
    isLow: ({ context }) =>
      context.buddy.freeFrames <= context.marks.low && context.buddy.freeFrames > context.marks.min,
    isOut: ({ context }) => context.buddy.freeFrames <= context.marks.min,
  },
}).createMachine({
  id: 'zone',
  context: ({ input }) => initialContext(input),
  initial: 'ok',
  on: {
    ALLOC: { actions: 'alloc' },
    COPY_ON_WRITE: { actions: 'copyOnWrite' },
    GET: { actions: 'get' },
    PUT: { actions: 'put' },
    SYSINFO: { actions: 'sysinfo' },
  },
  states: {
    ok: {
      always: [
        { guard: 'isOut', target: 'out-of-memory' },
        { guard: 'isLow', target: 'low' },
      ],
    },
    /** kswapd would be awake from here until the high watermark is reached again. */
    low: {
      always: [
        { guard: 'isOut', target: 'out-of-memory' },
        { guard: 'isOk', target: 'ok' },
      ],
    },
    'out-of-memory': {
      always: [
        { guard: 'isOk', target: 'ok' },
        { guard: 'isLow', target: 'low' },
      ],
    },
  },
});
