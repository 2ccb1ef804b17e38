/** How a zone answers those who want memory: from its free lists, or by the slow path where it has one. */
import type { Watermarks } from '../src/arch/watermarks.ts';
import { invariant } from '../src/errors.ts';
import { Buddy } from '../src/mm/buddy.ts';
import { wholeFolio } from '../src/mm/largeFolio.ts';
import { withMthp } from '../src/mm/mthpCounts.ts';
import { chargeTo, failedCharges, unchargeFrom } from './cgroup/zoneCharge.ts';
import { freeBlock, takeContiguous } from './hugetlb/contig.ts';
import { goSlow, takeTyped } from './compaction/zonePressure.ts';
import type { Message } from './messages.ts';
import { copyZone } from './revise.ts';
import { assertType, type Send } from './support.ts';
import { type Grant, handedOut, stall, type StalledWish } from './reclaim/zoneKswapd.ts';
import type { ZoneContext } from './zone.ts';
import { splitDeferred } from './zoneReclaim.ts';

/** An allocation that is asked for. */
export interface Wish {
  sender: string;
  orderPages: number;
  leastOrder: number;
  /** Orders to try after that, falling; null where it is no anonymous fault, which sysfs counts. */
  fallbackOrders: readonly number[] | null;
  count: number;
  kind: 'anon' | 'file' | 'table' | 'kernel';
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

/** Gigantic pages are made of free blocks that lie side by side; there is nothing else beyond the largest block. */
function takeGigantic(draft: ZoneContext, { count, kind }: Wish, orderPages: number): number[] | null {
  const least = draft.marks.min + count * 2 ** orderPages;
  const { buddy: before } = draft;
  // Pageblocks have lists of their own, out of which no stretch is taken here.
  if (kind !== 'kernel' || !(before instanceof Buddy) || before.freeFrames < least) return null;
  const buddy = before.edit();
  const pfns: number[] = [];
  while (pfns.length < count) {
    const pfn = takeContiguous(before, buddy, orderPages);
    if (pfn === null) break;
    pfns.push(pfn);
  }
  const isWhole = pfns.length === count;
  if (!isWhole) for (const pfn of pfns) freeBlock(buddy, pfn, orderPages);
  draft.buddy = buddy.done();
  return isWhole ? pfns : null;
}

/**
 * Takes blocks for a wish out of the free lists, all or none; what becomes of them is the caller's affair.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = copyZone(createActor(machines.zone, { input }).getSnapshot().context);
 * const order = { orderPages: 4, leastOrder: 4, fallbackOrders: null, count: 1 };
 * takeBlocks(zone, { sender: 'mm:1', ...order, kind: 'anon', zero: true }, 4)?.length; // 1
 * takeBlocks(zone, { sender: 'mm:1', ...order, kind: 'anon', zero: true }, 17); // null
 * ```
 */
export function takeBlocks(
  draft: ZoneContext,
  wish: Wish,
  orderPages: number,
  mark: keyof Watermarks = 'low',
): number[] | null {
  if (orderPages > draft.buddy.maxOrder) return takeGigantic(draft, wish, orderPages);
  return draft.pressure === undefined ? takePlain(draft, wish, orderPages) : takeTyped(draft, wish, orderPages, mark);
}

/** Takes blocks off the one list there is for each order, all or none. */
function takePlain(draft: ZoneContext, { count, kind }: Wish, orderPages: number): number[] | null {
  const free = draft.buddy.freeFrames - count * (1 << orderPages);
  // Tables are asked for under the page-table lock here, where nobody can wait for reclaim: they may use the reserve.
  const least = kind === 'table' && draft.reclaim !== undefined ? 0 : draft.marks.min;
  // Asked beforehand: an edit that is given up makes the version before dear to look at.
  if (free < least || !draft.buddy.canAlloc(orderPages, count)) return null;
  const buddy = draft.buddy.edit();
  const pfns: number[] = [];
  for (let folio = 0; folio < count; folio++) {
    const pfn = buddy.alloc(orderPages);
    if (pfn === null) invariant(false, 'so many blocks can be had');
    pfns.push(pfn);
  }
  draft.buddy = buddy.done();
  return pfns;
}

/** Allocates all of a wish or nothing; the min watermark is kept for the kernel (`__zone_watermark_ok`). */
function allocate(draft: ZoneContext, wish: Wish, orderPages: number, mark: keyof Watermarks = 'low'): Granted | null {
  const { sender, leastOrder, count, kind, zero } = wish;
  const span = 1 << orderPages;
  const free = draft.buddy.freeFrames - count * span;
  if (!chargeTo(draft, sender, count * span)) return null;
  const pfns = takeBlocks(draft, wish, orderPages, mark);
  if (pfns === null) {
    unchargeFrom(draft, sender, count * span);
    return null;
  }
  const folios = draft.folios.edit();
  for (const pfn of pfns) {
    const large = orderPages > leastOrder ? wholeFolio(orderPages, leastOrder) : null;
    folios.add({ pfn, order: orderPages, refs: span, pins: 0, owner: sender, kind, lazyFree: false, large });
  }
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
    // No reclaim makes a block larger than the largest (`__alloc_pages` refuses the order).
    const least = wish.fallbackOrders === null ? wish.orderPages : wish.leastOrder;
    // A group at its limit is its own affair: memory of others does not help.
    const isLimited = failedCharges(draft) !== failedCharges(context);
    const waits = wish.kind !== 'table' && least <= draft.buddy.maxOrder && !isLimited;
    // The MMU asks under its lock: it does not wait, and gets by without a native table.
    if (draft.pressure !== undefined && waits) {
      goSlow(draft, wish, { request, copied }, send);
      return draft;
    }
    if (draft.reclaim !== undefined && waits) {
      return stall(draft, { wish, request, copied, rounds: 0 }, send);
    }
    send(wish.sender, { type: 'NO_MEMORY', request });
    draft.failures += 1;
    return draft;
  }
  return handOut(draft, { wish, request, copied }, granted, send);
}

/**
 * Those who waited for kswapd are tried again; null where there is still no memory.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const wish = { sender: 'mm:1', orderPages: 4, leastOrder: 4, fallbackOrders: null, count: 1, kind: 'anon' as const, zero: true };
 * grant(zone, { wish, request: 1, copied: false, rounds: 0 }, () => {})?.allocations; // 1
 * ```
 */
export const grant: Grant = (context, { wish, request, copied }, send) => {
  const draft = copyZone(context);
  const granted = allocateFalling(draft, wish);
  return granted === null ? null : handOut(draft, { wish, request, copied }, granted, send);
};

/** Answers an allocation with its frames; zeroing and copying take their time. */
function handOut(
  draft: ZoneContext,
  { wish, request, copied }: Omit<StalledWish, 'rounds'>,
  { orderPages, pfns }: Granted,
  send: Send,
): ZoneContext {
  const { kernelPageBytes } = draft;
  const { costs } = draft.resources;
  const kib = (wish.count * (1 << orderPages) * kernelPageBytes) / 1024;
  const perKib = copied ? costs.copyPerKb : wish.zero ? costs.zeroPerKb : 0;
  const delay = costs.frameAllocation * wish.count + Math.ceil(perKib * kib);
  send(wish.sender, { type: 'FRAMES', request, orderPages, pfns }, delay);
  return handedOut(draft, wish.kind, pfns, send);
}

/**
 * A slow path tries again; who waits gets the frames from here.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: string[] = [];
 * const asked = { sender: 'mm:1', request: 7, orderPages: 4, leastOrder: 4, count: 1, kind: 'anon' as const, zero: true, copied: false };
 * tryAlloc(zone, { type: 'TRY_ALLOC', request: 1, mark: 'min', wish: asked }, (to) => sent.push(to)).allocations; // 1
 * sent; // ['page-alloc', 'mm:1']
 * ```
 */
export function tryAlloc(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'TRY_ALLOC');
  const { request, mark, wish: asked } = event;
  const draft = copyZone(context);
  const { sender, orderPages, leastOrder, count, kind, zero, copied } = asked;
  const wish: Wish = { sender, orderPages, leastOrder, fallbackOrders: null, count, kind, zero };
  const granted = allocate(draft, wish, orderPages, mark);
  send('page-alloc', { type: 'TRIED', request, granted: granted !== null });
  if (granted === null) return context;
  return handOut(draft, { wish, request: asked.request, copied }, granted, send);
}

/**
 * Answers ALLOC.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: string[] = [];
 * const asked = { sender: 'mm:1', request: 7, orderPages: 4, count: 1, purpose: 'anon' as const, zero: true };
 * alloc(zone, { type: 'ALLOC', ...asked }, (to) => sent.push(to)).allocations; // 1
 * sent; // ['mm:1']
 * ```
 */
export function alloc(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'ALLOC');
  const { sender, orderPages, leastOrder = orderPages, fallbackOrders = null, count, purpose, zero } = event;
  const wish = { sender, orderPages, leastOrder, fallbackOrders, count, kind: purpose, zero };
  return answer(context, wish, event.request, false, send);
}

/**
 * A folio that only the asker's process page refers to is reused; any other is copied, as is a page of a large folio
 * (`wp_can_reuse_anon_folio`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: string[] = [];
 * const asked = { sender: 'mm:1', request: 7, pfn: 262144, nr: 1, orderPages: 0 };
 * copyOnWrite(zone, { type: 'COPY_ON_WRITE', ...asked }, (to) => sent.push(to)).allocations; // 1
 * ```
 */
export function copyOnWrite(context: ZoneContext, event: Message, send: Send): ZoneContext {
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
}
