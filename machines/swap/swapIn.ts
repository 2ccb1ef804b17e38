/** Pages on their way back (`mm/memory.c:do_swap_page`, `mm/swap_state.c:read_swap_cache_async`), and slots that are given up. */
import { invariant } from '../../src/errors.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { countSlots, freeSwap, intoCache, slotRuns, type SwapContext, type SwapWork } from './swapState.ts';

type ReadWork = Extract<SwapWork, { kind: 'read' }>;
type WriteWork = Extract<SwapWork, { kind: 'write' }>;

/** The frame of the first slot, where the cache has all of them in consecutive frames; null where it has not. */
function cachedFrame(context: SwapContext, slots: readonly number[]): number | null {
  const [first = -1] = slots;
  const pfn = context.frames.get(first);
  const folio = pfn === undefined ? undefined : context.cache.get(pfn);
  if (pfn === undefined || folio === undefined) return null;
  const page = folio.slots.indexOf(first);
  return slots.every((slot, at) => folio.slots[page + at] === slot) ? pfn + page : null;
}

function used(context: SwapContext, slots: readonly number[]): SwapContext {
  const pfn = context.frames.get(slots[0] ?? -1);
  const folio = pfn === undefined ? undefined : context.cache.get(pfn);
  if (pfn === undefined || folio === undefined) return context;
  return { ...context, cache: context.cache.set(pfn, { ...folio, uses: folio.uses + 1 }) };
}

/** The one who maps the pages gets a reference to each, before it hears of them. */
function handOut(
  context: SwapContext,
  to: { sender: string; request: number },
  pages: { pfn: number; nr: number; major: boolean },
  send: Send,
): SwapContext {
  const { pfn, nr, major } = pages;
  const reference = context.nextRequest;
  send('zone', { type: 'GET', sender: 'swap', request: reference, runs: [{ pfn, nr }] });
  const work = [...context.work, { kind: 'get' as const, reference, ...to, pfn, major }];
  return { ...context, work, nextRequest: reference + 1 };
}

/**
 * Somebody wants the pages of slots back, in one folio.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const cached = intoCache(swap, 64, { slots: [8, 9], clean: true, uses: 0 });
 * swapIn(cached, { type: 'SWAP_IN', sender: 'mm:1', request: 1, slots: [8, 9] }, () => {}).cacheHits; // 1
 * ```
 */
export function swapIn(context: SwapContext, event: MessageOf<'SWAP_IN'>, send: Send): SwapContext {
  const { sender, request, slots } = event;
  const hit = cachedFrame(context, slots);
  if (hit !== null) {
    const counted = { ...used(context, slots), cacheHits: context.cacheHits + 1 };
    return handOut(counted, { sender, request }, { pfn: hit, nr: slots.length, major: false }, send);
  }
  const sameSlots = (each: ReadWork): boolean => each.slots.length === slots.length && each.slots[0] === slots[0];
  const reading = context.work.find((each): each is ReadWork => each.kind === 'read' && sameSlots(each));
  if (reading !== undefined) {
    send(sender, { type: 'IO_WAIT', request });
    const waiters = [...reading.waiters, { sender, request }];
    return replaceWork(context, reading, { ...reading, waiters });
  }
  return readFor(context, [{ sender, request }], slots, send);
}

/** swapcache_prepare: nobody else reads these slots, and they stay while they are read. */
function readFor(context: SwapContext, waiters: ReadWork['waiters'], slots: number[], send: Send): SwapContext {
  let { map } = context;
  for (const { offset, nr } of slotRuns(slots)) map = map.cache(offset, nr, true);
  const allocation = context.nextRequest;
  const orderPages = Math.log2(slots.length);
  const wish = { sender: 'swap', request: allocation, orderPages, leastOrder: orderPages, count: 1, zero: false };
  send('zone', { type: 'ALLOC', ...wish, purpose: 'anon' });
  const read: ReadWork = { kind: 'read', waiters, slots, allocation, pfn: -1, transfers: [] };
  return { ...context, map, work: [...context.work, read], nextRequest: allocation + 1 };
}

/**
 * Pages are wanted before anybody needs them: they are read unless they are there, or on their way, or given up by now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * swapAhead(swap, { type: 'SWAP_AHEAD', slots: [3] }, () => {}).work; // []
 * ```
 */
export function swapAhead(context: SwapContext, { slots }: MessageOf<'SWAP_AHEAD'>, send: Send): SwapContext {
  const { map, frames } = context;
  const isWanted = slots.every((slot) => map.countOf(slot) > 0 && !map.isCached(slot) && !frames.has(slot));
  return isWanted ? readFor(context, [], slots, send) : context;
}

function replaceWork(context: SwapContext, before: SwapWork, after: SwapWork | null): SwapContext {
  const work = context.work.flatMap((each) => (each === before ? (after === null ? [] : [after]) : [each]));
  return { ...context, work };
}

function readWaitingFor(context: SwapContext, allocation: number): ReadWork {
  const found = context.work.find((each): each is ReadWork => each.kind === 'read' && each.allocation === allocation);
  invariant(found !== undefined, 'frames come for a read');
  return found;
}

/**
 * Frames came: the pages are read into them, a transfer for each run of slots. Those who wait go to sleep.
 *
 * @throws GranuleError INVARIANT where nobody asked for them
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const { map = swap.map } = swap.map.allocate(0) ?? {};
 * const asked = swapIn({ ...swap, map }, { type: 'SWAP_IN', sender: 'mm:1', request: 1, slots: [0] }, () => {});
 * readSlots(asked, { type: 'FRAMES', request: 1, orderPages: 0, pfns: [64] }, () => {}).readPages; // 1
 * ```
 */
export function readSlots(context: SwapContext, event: MessageOf<'FRAMES'>, send: Send): SwapContext {
  const read = readWaitingFor(context, event.request);
  let { nextRequest } = context;
  const transfers: number[] = [];
  for (const { nr } of slotRuns(read.slots)) {
    const lengthBytes = nr * context.kernelPageBytes;
    send('disk', { type: 'READ_BLOCKS', file: 'swap', request: nextRequest, lengthBytes });
    transfers.push(nextRequest++);
  }
  for (const { sender, request } of read.waiters) send(sender, { type: 'IO_WAIT', request });
  const state = replaceWork(context, read, { ...read, pfn: event.pfns[0], transfers });
  return { ...state, nextRequest, readPages: context.readPages + read.slots.length };
}

/**
 * No frames: those who wait hear it.
 *
 * @throws GranuleError INVARIANT where nobody asked for them
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const { map = swap.map } = swap.map.allocate(0) ?? {};
 * const asked = swapIn({ ...swap, map }, { type: 'SWAP_IN', sender: 'mm:1', request: 1, slots: [0] }, () => {});
 * failRead(asked, { type: 'NO_MEMORY', request: 1 }, () => {}).work; // []
 * ```
 */
export function failRead(context: SwapContext, event: MessageOf<'NO_MEMORY'>, send: Send): SwapContext {
  const read = readWaitingFor(context, event.request);
  for (const { sender, request } of read.waiters) {
    send(sender, { type: 'SWAPPED_IN', request, pfn: -1, major: true, failed: true });
  }
  let { map } = context;
  for (const { offset, nr } of slotRuns(read.slots)) map = map.cache(offset, nr, false);
  return { ...replaceWork(context, read, null), map };
}

/** All transfers of a write are complete: the device has what the folios held. */
function written(context: SwapContext, work: WriteWork, send: Send): SwapContext {
  const cache = context.cache.edit();
  for (const pfn of work.pfns) {
    const folio = cache.get(pfn);
    if (folio !== undefined) cache.set(pfn, { ...folio, clean: true });
  }
  send(work.sender, { type: 'SWAP_WRITTEN', request: work.request });
  return { ...replaceWork(context, work, null), cache: cache.done() };
}

/** All transfers of a read are complete: the folio is in the cache, and goes to those who wait. */
function readDone(context: SwapContext, work: ReadWork, send: Send): SwapContext {
  const { pfn, slots, waiters } = work;
  let state = intoCache(replaceWork(context, work, null), pfn, { slots, clean: true, uses: waiters.length });
  for (const waiter of waiters) state = handOut(state, waiter, { pfn, nr: slots.length, major: true }, send);
  // What was read ahead may have been given up meanwhile.
  return waiters.length === 0 ? freeSwap(state, pfn, send) : state;
}

/**
 * A transfer is complete.
 *
 * @throws GranuleError INVARIANT where it is none of this device
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const write = { kind: 'write' as const, sender: 'kswapd', request: 1, pfns: [], transfers: [7, 8] };
 * transferred({ ...swap, work: [write] }, 7, () => {}).work.length; // 1
 * ```
 */
export function transferred(context: SwapContext, transfer: number, send: Send): SwapContext {
  const work = context.work.find(
    (each): each is ReadWork | WriteWork => each.kind !== 'get' && each.transfers.includes(transfer),
  );
  invariant(work !== undefined, 'a transfer is of a read or a write');
  const transfers = work.transfers.filter((each) => each !== transfer);
  if (transfers.length > 0) return replaceWork(context, work, { ...work, transfers });
  return work.kind === 'write' ? written(context, work, send) : readDone(context, work, send);
}

/**
 * References are taken: the pages go to the one who asked.
 *
 * @throws GranuleError INVARIANT where nobody asked for them
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const get = { kind: 'get' as const, reference: 3, sender: 'mm:1', request: 1, pfn: 64, major: false };
 * referenced({ ...swap, work: [get] }, 3, () => {}).work; // []
 * ```
 */
export function referenced(context: SwapContext, reference: number, send: Send): SwapContext {
  const work = context.work.find((each) => each.kind === 'get' && each.reference === reference);
  invariant(work?.kind === 'get', 'references come for somebody');
  const { sender, request, pfn, major } = work;
  send(sender, { type: 'SWAPPED_IN', request, pfn, major, failed: false });
  return replaceWork(context, work, null);
}

/** Folios of the cache that have one of the slots. */
function foliosOf(context: SwapContext, slots: readonly { offset: number; nr: number }[]): number[] {
  const found = new Set<number>();
  for (const { offset, nr } of slots) {
    for (let slot = offset; slot < offset + nr; slot++) {
      const pfn = context.frames.get(slot);
      if (pfn !== undefined) found.add(pfn);
    }
  }
  return [...found];
}

/**
 * Entries that named slots are gone. A page that is mapped again stays in the cache, so that it need not be written again
 * unless it is dirtied; not where its mapper is about to dirty it, or where swap is more than half full
 * (`should_try_to_free_swap`, `vm_swap_full`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const add = { type: 'ADD_TO_SWAP' as const, sender: 'kswapd', request: 1, folios: [{ pfn: 64, counts: [1] }] };
 * const free = { type: 'SWAP_FREE' as const, slots: [{ offset: 0, nr: 1 }] };
 * freeSlots(addToSwap(swap, add, () => {}), free, () => {}).map.freeSlots; // 256
 * ```
 */
export function freeSlots(context: SwapContext, event: MessageOf<'SWAP_FREE'>, send: Send): SwapContext {
  const { slots, mapped } = event;
  const folios = foliosOf(context, slots);
  let state: SwapContext = { ...context, map: countSlots(context.map, slots, -1) };
  const isFull = state.map.freeSlots * 2 < state.map.slots;
  if (mapped !== undefined && !mapped.owned && !isFull) return state;
  for (const pfn of folios) state = freeSwap(state, pfn, send);
  return state;
}
