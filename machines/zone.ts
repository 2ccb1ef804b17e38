/**
 * A memory zone: the buddy allocator with its watermarks, and the reference count of every folio handed out. It is the
 * one owner of frames: whoever has one has a reference, and the last reference frees it.
 */
import { setup } from 'xstate';
import { pageSizeLimits } from '../src/arch/granule.ts';
import { calculateMinFreeKbytes, type Watermarks, watermarks } from '../src/arch/watermarks.ts';
import { invariant } from '../src/errors.ts';
import { Buddy, type BuddyEdit } from '../src/mm/buddy.ts';
import { type Folio, FolioTable } from '../src/mm/frames.ts';
import { wholeFolio } from '../src/mm/largeFolio.ts';
import { type MthpCounts, withMthp } from '../src/mm/mthpCounts.ts';
import { PersistentList } from '../src/mm/persistentList.ts';
import { type PinWaiter, tryGrab, unpinPages, waitUnpinned } from './gup/zonePins.ts';
import type { Message } from './messages.ts';
import { assertType, handle, type ResourceHolder, type Send, ZERO_BYTES } from './support.ts';
import { folioAt, getReferences } from './zoneReferences.ts';
import { shrink as shrinkFolios, splitDeferred } from './zoneReclaim.ts';
import {
  type Grant,
  handedOut,
  initialReclaim,
  stall,
  type StalledWish,
  takeReclaim,
  tryStalled,
  type ZoneReclaim,
} from './reclaim/zoneKswapd.ts';
import { folioQuery } from './walkers/zoneWalk.ts';
import { copyZone } from './revise.ts';

/** RAM begins at 1 GiB of physical addresses, as on the `virt` machine that the oracle's kernels ran on. */
const RAM_START_BYTES = 2 ** 30;

/** What a zone is built with. */
export interface ZoneInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  memoryBytes: number;
  /** There is kswapd: it is woken, and allocations wait for it. */
  kswapd?: boolean;
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
  /** Those who wait until pages are unpinned; absent where nobody ever did. */
  pinWaiters?: readonly PinWaiter[];
  /** Absent without kswapd. */
  reclaim?: ZoneReclaim;
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
    ...(input.kswapd === true ? { reclaim: initialReclaim() } : {}),
  };
}

/** What is asked of a zone. */
export interface Wish {
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
  orderPages: number;
  pfns: number[];
}

/**
 * The first of the orders of a wish that can be had (`mm/memory.c:alloc_anon_folio`). Where there is none, large folios
 * that are partly mapped are split first: reclaim calls the shrinker for them (`deferred_split_scan`).
 */
function allocateFalling(draft: ZoneContext, wish: Wish): Granted | null {
  if (wish.fallbackOrders === null) return allocateOrder(draft, wish, wish.orderPages);
  for (const orderPages of [wish.orderPages, ...wish.fallbackOrders]) {
    const granted = allocateOrder(draft, wish, orderPages);
    const counted = granted === null ? 'anonFaultFallback' : 'anonFaultAlloc';
    draft.mthp = withMthp(draft.mthp, orderPages, counted, 1);
    if (granted !== null) return granted;
  }
  return null;
}

function allocateOrder(draft: ZoneContext, wish: Wish, orderPages: number): Granted | null {
  const granted = allocate(draft, wish, orderPages);
  // A large folio is asked for without direct reclaim (`vma_thp_gfp_mask`), the least one with it.
  if (granted !== null || orderPages !== wish.leastOrder || draft.deferredSplits.length === 0) return granted;
  Object.assign(draft, splitDeferred(draft));
  return allocate(draft, wish, orderPages);
}

/** Allocates all of a wish or nothing; the min watermark is kept for the kernel (`__zone_watermark_ok`). */
function allocate(draft: ZoneContext, wish: Wish, orderPages: number): Granted | null {
  const { sender, leastOrder, count, kind, zero } = wish;
  const span = 1 << orderPages;
  const free = draft.buddy.freeFrames - count * span;
  // Tables are asked for under the page-table lock here, where nobody can wait for reclaim: they may use the reserve.
  const least = kind === 'table' && draft.reclaim !== undefined ? 0 : draft.marks.min;
  // Asked beforehand: an edit that is given up makes the version before dear to look at.
  if (free < least || !draft.buddy.canAlloc(orderPages, count)) return null;
  const buddy = draft.buddy.edit();
  const folios = draft.folios.edit();
  const pfns: number[] = [];
  for (let folio = 0; folio < count; folio++) {
    const pfn = buddy.alloc(orderPages);
    if (pfn === null) invariant(false, 'so many blocks can be had');
    const large = orderPages > leastOrder ? wholeFolio(orderPages, leastOrder) : null;
    folios.add({ pfn, order: orderPages, refs: span, pins: 0, owner: sender, kind, lazyFree: false, large });
    pfns.push(pfn);
  }
  draft.buddy = buddy.done();
  draft.folios = folios.done();
  draft.allocations += count;
  draft.freePagesLeast = Math.min(draft.freePagesLeast, free);
  if (zero) draft.zeroedBytes += count * span * draft.kernelPageBytes;
  return { orderPages, pfns };
}

function answer(context: ZoneContext, wish: Wish, request: number, copied: boolean, send: Send): ZoneContext {
  const draft = copyZone(context);
  const granted = allocateFalling(draft, wish);
  if (granted === null) {
    if (draft.reclaim !== undefined && wish.kind !== 'table') {
      return stall(draft, { wish, request, copied, rounds: 0 }, send);
    }
    send(wish.sender, { type: 'NO_MEMORY', request });
    draft.failures += 1;
    return draft;
  }
  return grantTo(draft, { wish, request, copied }, granted, send);
}

/** Those who waited for memory are tried again. */
const grant: Grant = (context, { wish, request, copied }, send) => {
  const draft = copyZone(context);
  const granted = allocateFalling(draft, wish);
  return granted === null ? null : grantTo(draft, { wish, request, copied }, granted, send);
};

const reclaim = handle<ZoneContext>((context, event, send) => takeReclaim(context, event, grant, send));

function grantTo(draft: ZoneContext, asked: Omit<StalledWish, 'rounds'>, granted: Granted, send: Send): ZoneContext {
  const { wish, request, copied } = asked;
  const { orderPages, pfns } = granted;
  const { costs } = draft.resources;
  const kib = (wish.count * (1 << orderPages) * draft.kernelPageBytes) / 1024;
  const perKib = copied ? costs.copyPerKb : wish.zero ? costs.zeroPerKb : 0;
  const delay = costs.frameAllocation * wish.count + Math.ceil(perKib * kib);
  send(wish.sender, { type: 'FRAMES', request, orderPages, pfns }, delay);
  return handedOut(draft, wish.kind, pfns, send);
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
  const wish: Wish = {
    sender,
    orderPages,
    leastOrder: orderPages,
    fallbackOrders: null,
    count: 1,
    kind: 'anon',
    zero: false,
  };
  return answer(context, wish, request, true, send);
});

const put = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'PUT');
  const folios = context.folios.edit();
  let buddy: BuddyEdit | null = null;
  const partly: Folio[] = [];
  for (const { pfn, nr } of event.runs) {
    for (let at = pfn; at < pfn + nr; ) {
      const before = folioAt(folios, at);
      const end = Math.min(pfn + nr, before.pfn + (1 << before.order));
      const after = folios.putPages(before, at, end - at);
      if (after === null) {
        buddy ??= context.buddy.edit();
        buddy.free(before.pfn, before.order);
      } else if (after.large?.partlyMapped === true && before.large?.partlyMapped !== true) partly.push(after);
      at = end;
    }
  }
  const draft = copyZone(context);
  draft.folios = folios.done();
  if (buddy !== null) draft.buddy = buddy.done();
  if (partly.length === 0) return buddy === null ? draft : tryStalled(draft, grant, send);
  // deferred_split_folio: what waits to be split is found again by its first frame, if it is still there.
  draft.deferredSplits = context.deferredSplits.pushAll(partly.map(({ pfn }) => pfn));
  draft.mthp = partly.reduce((counts, { order }) => withMthp(counts, order, 'splitDeferred', 1), context.mthp);
  return tryStalled(draft, grant, send);
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
  actions: {
    alloc,
    copyOnWrite,
    get: handle<ZoneContext>(getReferences),
    put,
    shrink,
    sysinfo,
    reclaim,
    folioQuery: handle<ZoneContext>(folioQuery),
    grab: handle<ZoneContext>(tryGrab),
    unpin: handle<ZoneContext>((context, event, send) => tryStalled(unpinPages(context, event, send), grant, send)),
    awaitUnpin: handle<ZoneContext>(waitUnpinned),
  },
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
    FOLIO_QUERY: { actions: 'folioQuery' },
    KSWAPD_SLEEPS: { actions: 'reclaim' },
    ISOLATE: { actions: 'reclaim' },
    SET_SWAPBACKED: { actions: 'reclaim' },
    SYSINFO: { actions: 'sysinfo' },
    TRY_GRAB: { actions: 'grab' },
    UNPIN: { actions: 'unpin' },
    WAIT_UNPINNED: { actions: 'awaitUnpin' },
  },
  states: {
    ok: {
      always: [
        { guard: 'isOut', target: 'out-of-memory' },
        { guard: 'isLow', target: 'low' },
      ],
    },
    /** kswapd, where there is one, is awake from here until the high watermark is reached again. */
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
