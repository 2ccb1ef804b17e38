/**
 * A memory zone: the buddy allocator with its watermarks, and the reference count of every folio handed out. It is the
 * one owner of frames: whoever has one has a reference, and the last reference frees it.
 */
import { setup } from 'xstate';
import { pageSizeLimits } from '../src/arch/granule.ts';
import { calculateMinFreeKbytes, type Watermarks, watermarks } from '../src/arch/watermarks.ts';
import { Buddy } from '../src/mm/buddy.ts';
import { FolioTable, type FolioTableEdit } from '../src/mm/frames.ts';
import { wholeFolio } from '../src/mm/largeFolio.ts';
import { type MthpCounts, withMthp } from '../src/mm/mthpCounts.ts';
import { PersistentList } from '../src/mm/persistentList.ts';
import type { Message } from './messages.ts';
import { assertType, handle, type ResourceHolder, type Send, ZERO_BYTES } from './support.ts';
import { shrink as shrinkFolios, splitDeferred } from './zoneReclaim.ts';
import { reviseZone } from './revise.ts';

/** RAM begins at 1 GiB of physical addresses, as on the `virt` machine that the oracle's kernels ran on. */
const RAM_START_BYTES = 2 ** 30;

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
  /** Counters of `/sys/kernel/mm/transparent_hugepage/hugepages-SIZEkB/stats`, by order. */
  mthp: Readonly<Record<number, MthpCounts>>;
  /** Large folios that are partly mapped, oldest first (`deferred_split_queue`). */
  deferredSplits: PersistentList<number>;
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
    mthp: {},
    deferredSplits: PersistentList.empty(),
  };
}

interface Wish {
  sender: string;
  orderPages: number;
  leastOrder: number;
  /** Orders to try after that, falling; null where it is no anonymous fault, which sysfs counts. */
  fallbackOrders: readonly number[] | null;
  count: number;
  kind: 'anon' | 'file' | 'table';
  zero: boolean;
}

interface Granted {
  context: ZoneContext;
  wish: Wish;
  pfns: number[];
}

/**
 * The first of the orders of a wish that can be had (`mm/memory.c:alloc_anon_folio`). Where there is none, large folios
 * that are partly mapped are split first: reclaim calls the shrinker for them (`deferred_split_scan`).
 */
function allocateFalling(before: ZoneContext, wish: Wish): { context: ZoneContext; granted: Granted | null } {
  let context = before;
  const { fallbackOrders } = wish;
  const orders = fallbackOrders === null ? [wish.orderPages] : [wish.orderPages, ...fallbackOrders];
  for (const orderPages of orders) {
    const tried = orderPages === wish.orderPages ? wish : { ...wish, orderPages };
    const counts = wish.fallbackOrders !== null && orderPages > 0;
    let allocated = allocate(context, tried);
    // A large folio is asked for without direct reclaim (`vma_thp_gfp_mask`), the least one with it.
    if (allocated === null && orderPages === wish.leastOrder && context.deferredSplits.length > 0) {
      context = splitDeferred(context);
      allocated = allocate(context, tried);
    }
    if (allocated !== null) {
      const { pfns } = allocated;
      if (!counts) return { context, granted: { context: allocated.context, wish: tried, pfns } };
      const counted = reviseZone(allocated.context, (draft) => {
        draft.mthp = withMthp(draft.mthp, orderPages, 'anonFaultAlloc', 1);
      });
      return { context, granted: { context: counted, wish: tried, pfns } };
    }
    if (counts)
      context = reviseZone(context, (draft) => {
        draft.mthp = withMthp(context.mthp, orderPages, 'anonFaultFallback', 1);
      });
  }
  return { context, granted: null };
}

/** Allocates all of a wish or nothing; the min watermark is kept for the kernel (`__zone_watermark_ok`). */
function allocate(context: ZoneContext, wish: Wish): { context: ZoneContext; pfns: number[] } | null {
  const { sender, orderPages, leastOrder, count, kind, zero } = wish;
  const pages = count * 2 ** orderPages;
  if (context.buddy.freeFrames - pages < context.marks.min) return null;
  const buddy = context.buddy.edit();
  const folios = context.folios.edit();
  const pfns: number[] = [];
  for (let folio = 0; folio < count; folio++) {
    const pfn = buddy.alloc(orderPages);
    if (pfn === null) return null;
    const large = orderPages > leastOrder ? wholeFolio(orderPages, leastOrder) : null;
    folios.add({ pfn, order: orderPages, refs: 2 ** orderPages, owner: sender, kind, large });
    pfns.push(pfn);
  }
  const free = buddy.freeFrames;
  const next = reviseZone(context, (draft) => {
    draft.buddy = buddy.done();
    draft.folios = folios.done();
    draft.allocations = context.allocations + count;
    draft.freePagesLeast = Math.min(context.freePagesLeast, free);
    draft.zeroedBytes = context.zeroedBytes + (zero ? pages * context.kernelPageBytes : 0);
  });
  return { context: next, pfns };
}

function answer(context: ZoneContext, asked: Wish, request: number, copied: boolean, send: Send): ZoneContext {
  const { context: tried, granted } = allocateFalling(context, asked);
  if (granted === null) {
    send(asked.sender, { type: 'NO_MEMORY', request });
    return reviseZone(tried, (draft) => {
      draft.failures += 1;
    });
  }
  const { wish, pfns } = granted;
  const { costs } = context.resources;
  const kib = (wish.count * 2 ** wish.orderPages * context.kernelPageBytes) / 1024;
  const perKib = copied ? costs.copyPerKb : wish.zero ? costs.zeroPerKb : 0;
  const delay = costs.frameAllocation * wish.count + Math.ceil(perKib * kib);
  send(wish.sender, { type: 'FRAMES', request, orderPages: wish.orderPages, pfns }, delay);
  return granted.context;
}

const alloc = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'ALLOC');
  const { sender, orderPages, leastOrder = orderPages, fallbackOrders = null, count, purpose, zero } = event;
  const wish = { sender, orderPages, leastOrder, fallbackOrders, count, kind: purpose, zero };
  return answer(context, wish, event.request, false, send);
});

/**
 * A folio that only the asker's process page refers to is reused; any other is copied, as is a page of a large folio
 * (`wp_can_reuse_anon_folio`).
 */
const copyOnWrite = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'COPY_ON_WRITE');
  const { sender, request, pfn, nr, orderPages } = event;
  const folio = context.folios.find(pfn);
  if (folio !== null && folio.large === null && folio.refs === nr && folio.order === orderPages) {
    send(sender, { type: 'REUSE', request });
    return context;
  }
  const order = { orderPages, leastOrder: orderPages, fallbackOrders: null };
  return answer(context, { sender, ...order, count: 1, kind: 'anon', zero: false }, request, true, send);
});

const get = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'GET');
  const folios = context.folios.edit();
  for (const { pfn, nr } of event.runs) eachFolio(folios, pfn, nr, (at, pages) => folios.countPages(at, pages, 1));
  if (event.request > 0) send(event.sender, { type: 'GOT', request: event.request });
  return reviseZone(context, (draft) => {
    draft.folios = folios.done();
  });
});

/** Calls back with the part of each folio that a run of frames lies in. */
function eachFolio(folios: FolioTableEdit, pfn: number, nr: number, visit: (pfn: number, pages: number) => void): void {
  let at = pfn;
  while (at < pfn + nr) {
    const folio = folios.find(at);
    const end = folio === null ? at + 1 : Math.min(pfn + nr, folio.pfn + 2 ** folio.order);
    visit(at, end - at);
    at = end;
  }
}

const put = handle<ZoneContext>((context, event) => {
  assertType(event, 'PUT');
  const folios = context.folios.edit();
  const buddy = context.buddy.edit();
  const partly: { pfn: number; order: number }[] = [];
  const release = (pfn: number, pages: number): void => {
    const { before, after } = folios.putPages(pfn, pages);
    if (after.refs === 0) buddy.free(after.pfn, after.order);
    else if (after.large?.partlyMapped === true && before.large?.partlyMapped !== true) partly.push(after);
  };
  for (const { pfn, nr } of event.runs) eachFolio(folios, pfn, nr, release);
  const state = reviseZone(context, (draft) => {
    draft.folios = folios.done();
    draft.buddy = buddy.done();
  });
  if (partly.length === 0) return state;
  // deferred_split_folio: what waits to be split is found again by its first frame, if it is still there.
  const deferredSplits = context.deferredSplits.pushAll(partly.map(({ pfn }) => pfn));
  const mthp = partly.reduce((counts, { order }) => withMthp(counts, order, 'splitDeferred', 1), context.mthp);
  return reviseZone(state, (draft) => {
    draft.deferredSplits = deferredSplits;
    draft.mthp = mthp;
  });
});

const shrink = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'SHRINK');
  const { state, runs } = shrinkFolios(context, event.how, event.runs);
  send(event.sender, { type: 'SHRUNK', request: event.request, runs });
  return state;
});

/** `si_meminfo`; the shared zeroes are part of the kernel image, which no one gets. */
const sysinfo = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'SYSINFO');
  const { kernelPageBytes, totalPages, buddy } = context;
  const totalBytes = totalPages * kernelPageBytes - ZERO_BYTES;
  const freeBytes = buddy.freeFrames * kernelPageBytes;
  send('abi', { type: 'SYSINFO_DONE', request: event.request, totalBytes, freeBytes });
  return context;
});

/** The zone's statechart: above its low watermark, below it, or with nothing left above min. */
export const zoneMachine = setup({
  types: { context: {} as ZoneContext, events: {} as Message, input: {} as ZoneInput },
  actions: { alloc, copyOnWrite, get, put, shrink, sysinfo },
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
    SHRINK: { actions: 'shrink' },
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
