/** The state of a swap device: its slots, the swap cache, and what waits for the disk or for memory. */
import { IntMap } from '../../src/mm/intMap.ts';
import { SwapMap } from '../../src/mm/swap/swapMap.ts';
import type { ResourceHolder, Send } from '../support.ts';
import type { SlotRun } from './messages.ts';

/** What becomes of a process page where no aligned run of slots is left: its pages take any slots, or it stays in memory. */
export type WhenFragmented = 'scatter' | 'keep';

/** What a swap device is built with. */
export interface SwapInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  sizeBytes: number;
  fragmented: WhenFragmented;
}

/** A folio in the swap cache. */
export interface CachedSwap {
  /** The slot of each page. */
  slots: number[];
  /** The device has what the folio held when it was last written. */
  clean: boolean;
  /** Times that it was mapped again since reclaim took it up. */
  uses: number;
}

/** A write or read under way: it is complete when all its transfers are. */
export type SwapWork =
  | { kind: 'write'; sender: string; request: number; pfns: number[]; transfers: number[] }
  | {
      kind: 'read';
      /** Who waits for the pages. */
      waiters: { sender: string; request: number }[];
      slots: number[];
      /** The request that the zone answers: frames. */
      allocation: number;
      pfn: number;
      transfers: number[];
    }
  /** References for one who maps pages of the swap cache, on their way. */
  | { kind: 'get'; reference: number; sender: string; request: number; pfn: number; major: boolean };

/** A swap device's state. */
export interface SwapContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  fragmented: WhenFragmented;
  map: SwapMap;
  /** The swap cache, by first frame; and by slot the frame that has its page. */
  cache: IntMap<CachedSwap>;
  frames: IntMap<number>;
  work: SwapWork[];
  nextRequest: number;
  /** Pages written and read; folios that found no aligned run of slots; swap-ins that the cache answered. */
  writtenPages: number;
  readPages: number;
  scattered: number;
  refused: number;
  cacheHits: number;
  /** The most slots that were ever in use. */
  usedPeak: number;
}

/**
 * A swap device with nothing on it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'scatter' }).map.freeSlots; // 256
 * ```
 */
export function initialSwap({ resources, kernelPageBytes, sizeBytes, fragmented }: SwapInput): SwapContext {
  return {
    resources,
    kernelPageBytes,
    fragmented,
    map: SwapMap.empty(Math.floor(sizeBytes / kernelPageBytes)),
    cache: IntMap.empty(),
    frames: IntMap.empty(),
    work: [],
    nextRequest: 1,
    writtenPages: 0,
    readPages: 0,
    scattered: 0,
    refused: 0,
    cacheHits: 0,
    usedPeak: 0,
  };
}

/**
 * Slots as runs, in the order given.
 *
 * @example
 * ```ts
 * slotRuns([4, 5, 6, 9]); // [{ offset: 4, nr: 3 }, { offset: 9, nr: 1 }]
 * ```
 */
export function slotRuns(slots: readonly number[]): SlotRun[] {
  const runs: SlotRun[] = [];
  for (const slot of slots) {
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.nr === slot) last.nr++;
    else runs.push({ offset: slot, nr: 1 });
  }
  return runs;
}

/**
 * Changes the count of every slot of runs.
 *
 * @example
 * ```ts
 * const { map } = SwapMap.empty(512).allocate(2) ?? { map: SwapMap.empty(512) };
 * countSlots(map, [{ offset: 0, nr: 4 }], 1).countOf(3); // 1
 * ```
 */
export function countSlots(map: SwapMap, slots: readonly SlotRun[], by: number): SwapMap {
  return slots.reduce((counted, { offset, nr }) => counted.count(offset, nr, by), map);
}

/**
 * Puts a folio into the swap cache; its slots are marked already.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * intoCache(swap, 64, { slots: [0, 1], clean: true, uses: 0 }).frames.get(1); // 64
 * ```
 */
export function intoCache(context: SwapContext, pfn: number, folio: CachedSwap): SwapContext {
  const frames = context.frames.edit();
  for (const slot of folio.slots) frames.set(slot, pfn);
  return { ...context, cache: context.cache.set(pfn, folio), frames: frames.done() };
}

/** Nobody names a slot of the folio any more. */
function isUnused({ map }: SwapContext, { slots }: CachedSwap): boolean {
  return slots.every((slot) => map.countOf(slot) === 0);
}

/** Reclaim is writing the folio, and will let go of it. */
function isBeingWritten({ work }: SwapContext, pfn: number): boolean {
  return work.some((each) => each.kind === 'write' && each.pfns.includes(pfn));
}

/**
 * Takes a folio out of the swap cache (`delete_from_swap_cache`): its slots are free unless entries name them, and the
 * references of the cache go.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * outOfCache(swap, 64, () => {}) === swap; // true
 * ```
 */
export function outOfCache(context: SwapContext, pfn: number, send: Send): SwapContext {
  const folio = context.cache.get(pfn);
  if (folio === undefined) return context;
  const frames = context.frames.edit();
  let { map } = context;
  for (const { offset, nr } of slotRuns(folio.slots)) map = map.cache(offset, nr, false);
  for (const slot of folio.slots) frames.delete(slot);
  send('zone', { type: 'PUT', runs: [{ pfn, nr: folio.slots.length }] });
  return { ...context, map, cache: context.cache.delete(pfn), frames: frames.done() };
}

/**
 * The same where no entry names a slot of the folio and nobody is writing it (`folio_free_swap`); else nothing happens.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const swap = initialSwap({ resources, kernelPageBytes: 4096, sizeBytes: 2 ** 20, fragmented: 'keep' });
 * freeSwap(swap, 64, () => {}) === swap; // true
 * ```
 */
export function freeSwap(context: SwapContext, pfn: number, send: Send): SwapContext {
  const folio = context.cache.get(pfn);
  if (folio === undefined || !isUnused(context, folio)) return context;
  // Whoever is writing it lets go of it afterwards.
  if (isBeingWritten(context, pfn)) return { ...context, cache: context.cache.set(pfn, { ...folio, uses: 0 }) };
  return outOfCache(context, pfn, send);
}
