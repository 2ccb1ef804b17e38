/** Pages on their way out (`mm/swap_state.c:add_to_swap`, `mm/page_io.c:swap_writepage`, `mm/vmscan.c:__remove_mapping`). */
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { intoCache, outOfCache, slotRuns, type SwapContext } from './swapState.ts';

type AddedFolio = MessageOf<'ADD_TO_SWAP'>['folios'][number];
type SlottedFolio = MessageOf<'SWAP_SLOTS'>['folios'][number];

/** Slots for the pages of one folio: aligned and in one run, or from anywhere where the settings allow. */
function slotsFor(context: SwapContext, nr: number): { state: SwapContext; slots: number[] } {
  const aligned = context.map.allocate(Math.log2(nr));
  if (aligned !== null) {
    const slots = Array.from({ length: nr }, (_, at) => aligned.offset + at);
    return { state: { ...context, map: aligned.map }, slots };
  }
  const scattered = context.fragmented === 'scatter' ? context.map.allocateScattered(nr) : null;
  if (scattered === null) return { state: { ...context, refused: context.refused + 1 }, slots: [] };
  return {
    state: { ...context, map: scattered.map, scattered: context.scattered + 1 },
    slots: scattered.offsets,
  };
}

function addFolio(context: SwapContext, { pfn, counts }: AddedFolio): { state: SwapContext; answer: SlottedFolio } {
  const known = context.cache.get(pfn);
  const none = { pfn, slots: [], clean: false, fresh: false };
  // A folio that was split since it came back: what the cache knows of it is of another size.
  if (known !== undefined && known.slots.length !== counts.length) return { state: context, answer: none };
  const { state, slots } =
    known === undefined ? slotsFor(context, counts.length) : { state: context, slots: known.slots };
  if (slots.length === 0) return { state, answer: none };
  let { map } = state;
  for (const [page, slot] of slots.entries()) if (counts[page] > 0) map = map.count(slot, 1, counts[page]);
  const clean = known?.clean ?? false;
  const cached = intoCache({ ...state, map }, pfn, { slots, clean, uses: 0 });
  return { state: cached, answer: { pfn, slots, clean, fresh: known === undefined } };
}

/**
 * Gives folios their slots.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const add = { type: 'ADD_TO_SWAP' as const, sender: 'kswapd', request: 1, folios: [{ pfn: 64, counts: [1, 1, 1, 1] }] };
 * addToSwap(swap, add, () => {}).map.freeSlots; // 252
 * ```
 */
export function addToSwap(context: SwapContext, event: MessageOf<'ADD_TO_SWAP'>, send: Send): SwapContext {
  let state = context;
  const folios: SlottedFolio[] = [];
  for (const folio of event.folios) {
    const added = addFolio(state, folio);
    state = added.state;
    folios.push(added.answer);
  }
  const { freeSlots, slots } = state.map;
  send(event.sender, { type: 'SWAP_SLOTS', request: event.request, folios, freeSlots });
  return { ...state, usedPeak: Math.max(state.usedPeak, slots - freeSlots) };
}

/**
 * Writes folios: neighbours on the device in one transfer, as a plug does it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const cached = intoCache(swap, 64, { slots: [8, 9], clean: false, uses: 0 });
 * writeSwap(cached, { type: 'SWAP_WRITE', sender: 'kswapd', request: 1, pfns: [64] }, () => {}).writtenPages; // 2
 * ```
 */
export function writeSwap(context: SwapContext, event: MessageOf<'SWAP_WRITE'>, send: Send): SwapContext {
  const { sender, request } = event;
  // What has left the cache meanwhile needs no writing: its pages came back, and its slots are free.
  const pfns = event.pfns.filter((pfn) => context.cache.has(pfn));
  const slots = pfns.flatMap((pfn) => context.cache.get(pfn)?.slots ?? []).sort((a, b) => a - b);
  if (slots.length === 0) {
    send(sender, { type: 'SWAP_WRITTEN', request });
    return context;
  }
  let { nextRequest } = context;
  const transfers: number[] = [];
  for (const { nr } of slotRuns(slots)) {
    const lengthBytes = nr * context.kernelPageBytes;
    send('disk', { type: 'WRITE_BLOCKS', file: 'swap', request: nextRequest, lengthBytes });
    transfers.push(nextRequest++);
  }
  const work = [...context.work, { kind: 'write' as const, sender, request, pfns, transfers }];
  return { ...context, work, nextRequest, writtenPages: context.writtenPages + slots.length };
}

/**
 * Lets go of folios that are on the device, unless they are in use again (`__remove_mapping`, `folio_ref_freeze`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * const cached = intoCache(swap, 64, { slots: [], clean: true, uses: 1 });
 * const drop = { type: 'SWAP_DROP' as const, sender: 'kswapd', request: 1, pfns: [64] };
 * dropSwap(cached, drop, () => {}).cache.get(64)?.uses; // 0
 * ```
 */
export function dropSwap(context: SwapContext, event: MessageOf<'SWAP_DROP'>, send: Send): SwapContext {
  let state = context;
  const freed: number[] = [];
  const kept: number[] = [];
  for (const pfn of event.pfns) {
    const folio = state.cache.get(pfn);
    if (folio === undefined || folio.uses > 0) {
      kept.push(pfn);
      if (folio !== undefined) state = { ...state, cache: state.cache.set(pfn, { ...folio, uses: 0 }) };
      continue;
    }
    freed.push(pfn);
    state = outOfCache(state, pfn, send);
  }
  send(event.sender, { type: 'SWAP_DROPPED', request: event.request, freed, kept, freeSlots: state.map.freeSlots });
  return state;
}
