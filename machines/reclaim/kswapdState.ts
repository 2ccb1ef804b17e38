/** The state of reclaim: its lists, the pass under way, and the folios that it has in hand. */
import type { Folio } from '../../src/mm/frames.ts';
import { LruLists, type LruName } from '../../src/mm/reclaim/lruLists.ts';
import type { Verdict } from '../../src/mm/reclaim/references.ts';
import type { SwapUnit } from '../mmState.ts';
import type { ResourceHolder } from '../support.ts';
import type { Mapping } from './messages.ts';

/** Where accessed and dirty bits are looked for: in both tables, or naively in the Linux table alone. */
export type NotedBy = 'gather' | 'linux-table-only';

/** What kswapd is built with. */
export interface KswapdInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  /** vm.swappiness. */
  swappiness: number;
  /** Whether there is swap, how large it is in slots, and what goes to it at once. */
  swapSlots: number;
  unit: SwapUnit;
  dirty: NotedBy;
  accessed: NotedBy;
  /** Every mm that can map anything; and of each, those that share anonymous pages with it by fork. */
  mms: string[];
  families: Record<string, string[]>;
  /** MMUs whose lazy native tables may be dropped under pressure. */
  droppable: string[];
}

/** A mapping, and the mm that it is in. */
export interface FolioMapping extends Mapping {
  mm: string;
}

/** A folio in hand: it has a reference of ours to each page. */
export interface BatchFolio {
  folio: Folio;
  mappings: FolioMapping[];
  verdict: Verdict | 'undecided';
  /** `PG_referenced` afterwards. */
  referenced: boolean;
  /** How it goes: to swap, to its file, for good, out of the swap cache, or not at all. */
  way: 'none' | 'swap' | 'file' | 'discard' | 'uncache';
  /** Slots by page, of those that go to swap. */
  slots: number[];
  /** What it is known by in the swap cache, by its first page or page by page, and the device has it all. */
  clean: boolean;
  dirty: boolean;
  /** Entries that were replaced, and those that were to be. */
  unmapped: number;
  mapped: number;
  gone: boolean;
}

/** What the folios in hand wait for. */
export type BatchPhase = 'isolating' | 'harvesting' | 'finding-slots' | 'unmapping' | 'writing' | 'dropping';

/** Folios that are looked at together (`shrink_folio_list`). */
export interface Batch {
  /** The list they are from; `advice`: of MADV_PAGEOUT, used or not; `query`: a look at the zone alone. */
  from: LruName | 'advice' | 'query';
  phase: BatchPhase;
  request: number;
  /** Answers that are outstanding. */
  pending: number;
  pfns: number[];
  folios: BatchFolio[];
  /** Of advice: who waits for it. */
  answer: { sender: string; request: number } | null;
}

/** A pass over the lists (`shrink_lruvec`). */
export interface Pass {
  priority: number;
  /** Pages of each list that are still to be looked at. */
  counts: Record<LruName, number>;
  reclaimed: number;
}

/** Reclaim's state. */
export interface KswapdContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  swappiness: number;
  unit: SwapUnit;
  dirty: NotedBy;
  accessed: NotedBy;
  mms: string[];
  families: Record<string, string[]>;
  droppable: string[];
  lru: LruLists;
  /** Slots of the swap device, 0 without; and those that are free. */
  swapSlots: number;
  freeSlots: number;
  awake: boolean;
  /** Pages that an allocation waits for, and those reclaimed since it woke. */
  urgentPages: number;
  reclaimedPages: number;
  freePages: number;
  highPages: number;
  pass: Pass | null;
  batch: Batch | null;
  advice: { sender: string; request: number; pfns: number[] }[];
  nextRequest: number;
  wakes: number;
  scannedPages: number;
  stolenPages: number;
  activatedPages: number;
  deactivatedPages: number;
  discardedPages: number;
  /** Dirty pages that had to be written before they could go, and clean ones that went at once. */
  writtenPages: number;
  cleanPages: number;
  /** Times that native tables were dropped. */
  tableShrinks: number;
  /** Exchanges that tore a process page, so that its mm fell back: against the proposal's invariant. */
  violations: number;
}

/**
 * Reclaim asleep, its lists empty.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const design = { unit: 'process-page' as const, dirty: 'gather' as const, accessed: 'gather' as const };
 * const input = { resources, kernelPageBytes: 4096, swappiness: 60, swapSlots: 0, mms: [], families: {}, droppable: [], ...design };
 * initialKswapd(input).awake; // false
 * ```
 */
export function initialKswapd(input: KswapdInput): KswapdContext {
  return {
    resources: input.resources,
    kernelPageBytes: input.kernelPageBytes,
    swappiness: input.swappiness,
    unit: input.unit,
    dirty: input.dirty,
    accessed: input.accessed,
    mms: input.mms,
    families: input.families,
    droppable: input.droppable,
    lru: LruLists.empty(),
    swapSlots: input.swapSlots,
    freeSlots: input.swapSlots,
    awake: false,
    urgentPages: 0,
    reclaimedPages: 0,
    freePages: 0,
    highPages: 0,
    pass: null,
    batch: null,
    advice: [],
    nextRequest: 1,
    wakes: 0,
    scannedPages: 0,
    stolenPages: 0,
    activatedPages: 0,
    deactivatedPages: 0,
    discardedPages: 0,
    writtenPages: 0,
    cleanPages: 0,
    tableShrinks: 0,
    violations: 0,
  };
}

/**
 * Pages of a folio in hand.
 *
 * @example
 * ```ts
 * pagesOf({ folio: { order: 4 } }); // 16
 * ```
 */
export function pagesOf({ folio }: { folio: { order: number } }): number {
  return 2 ** folio.order;
}

/**
 * The state with other folios in hand, in a phase that waits for so many answers to one request.
 *
 * @example
 * ```ts
 * const batch: Batch = { from: 'query', phase: 'isolating', request: 1, pending: 1, pfns: [], folios: [], answer: null };
 * withBatch({ nextRequest: 4 } as KswapdContext, batch, 'unmapping', 2).batch?.request; // 4
 * ```
 */
export function withBatch(context: KswapdContext, batch: Batch, phase: BatchPhase, pending: number): KswapdContext {
  const request = context.nextRequest;
  return { ...context, nextRequest: request + 1, batch: { ...batch, phase, request, pending } };
}
