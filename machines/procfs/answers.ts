/** What the zone, an address space, a swap device and ksmd answer to procfs: as they are at the moment, nothing changed. */
import type { KsmContext } from '../ksm/state.ts';
import type { FileContext } from '../fileState.ts';
import type { Message } from '../messages.ts';
import { assertType, type Send } from '../support.ts';
import type { SwapContext } from '../swap/swapState.ts';
import type { ZoneContext } from '../zone.ts';

/**
 * Answers CACHE_QUERY.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const sent: unknown[] = [];
 * const query = { type: 'CACHE_QUERY' as const, file: 'a', sender: 'procfs', request: 1, firstIndex: 0, endIndex: 2 };
 * showCache(file, query, (_to, message) => sent.push(message));
 * sent; // [{ type: 'CACHE_STATE', request: 1, file: 'a', folios: [] }]
 * ```
 */
export function showCache(context: FileContext, event: Message, send: Send): FileContext {
  assertType(event, 'CACHE_QUERY');
  const { sender, request, file, firstIndex, endIndex } = event;
  send(sender, { type: 'CACHE_STATE', request, file, folios: context.cache.range(firstIndex, endIndex) });
  return context;
}

/**
 * Answers ZONE_QUERY.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const zone = createActor(machines.zone, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } }).getSnapshot().context;
 * const sent: Message[] = [];
 * showZone(zone, { type: 'ZONE_QUERY', sender: 'procfs', request: 1 }, (_to, message) => sent.push(message));
 * sent[0]?.totalPages; // 8192
 * ```
 */
export function showZone(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'ZONE_QUERY');
  const { buddy, folios, marks, totalPages } = context;
  const { base: basePfn, free } = buddy.toPlain();
  // Pairs of first block and number of blocks.
  const freeBlocks = free.map((runs) => runs.reduce((sum, value, at) => sum + (at % 2 === 0 ? 0 : value), 0));
  const frames = { ...folios.framesByKind };
  const { min, low, high } = marks;
  const counts = { totalPages, basePfn, freePages: buddy.freeFrames, freeBlocks, frames, min, low, high };
  send(event.sender, { type: 'ZONE_STATE', request: event.request, ...counts });
  return context;
}

/**
 * Answers SWAP_QUERY.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'scatter' });
 * const sent: Message[] = [];
 * const query = { type: 'SWAP_QUERY' as const, sender: 'procfs', request: 1, slots: [{ offset: 3, nr: 2 }], pfns: [9] };
 * showSwap(swap, query, (_to, message) => sent.push(message));
 * sent[0]?.counts; // [0, 0]
 * ```
 */
export function showSwap(context: SwapContext, event: Message, send: Send): SwapContext {
  assertType(event, 'SWAP_QUERY');
  const { sender, request, slots, pfns } = event;
  const { map, cache } = context;
  const counts = slots.flatMap(({ offset, nr }) => Array.from({ length: nr }, (_, at) => map.countOf(offset + at)));
  const cached = pfns.filter((pfn) => {
    const below = cache.last(pfn);
    return below !== null && pfn < below.key + below.value.slots.length;
  });
  send(sender, { type: 'SWAP_COUNTS', request, counts, cached, totalPages: map.slots, freePages: map.freeSlots });
  return context;
}

/**
 * Answers KSM_QUERY.
 *
 * @example
 * ```ts
 * const node = { pfn: 16, nr: 4, values: [7], checksum: 'x', mappedPages: 8, sharers: 2 };
 * const ksm = { trees: { ...emptyTrees(), stable: [node] } };
 * const sent: Message[] = [];
 * showKsm(ksm, { type: 'KSM_QUERY', sender: 'procfs', request: 1, pfns: [15, 17] }, (_to, message) => sent.push(message));
 * sent[0]?.pfns; // [17]
 * ```
 */
export function showKsm(context: KsmContext, event: Message, send: Send): KsmContext {
  assertType(event, 'KSM_QUERY');
  const { stable } = context.trees;
  const pfns = event.pfns.filter((pfn) => stable.some((node) => pfn >= node.pfn && pfn < node.pfn + node.nr));
  send(event.sender, { type: 'KSM_PAGES', request: event.request, pfns });
  return context;
}
