/**
 * The zone's part in reclaim, where there is kswapd: it is woken at the low watermark, hears of new folios when it asks, and an
 * allocation that finds no memory waits until some has been reclaimed (`mm/page_alloc.c:__alloc_pages_slowpath`).
 *
 * @models X-07
 */
import { PersistentList } from '../../src/mm/persistentList.ts';
import { SWAP_CLUSTER_MAX } from '../../src/mm/reclaim/scanBalance.ts';
import type { Message, MessageOf } from '../messages.ts';
import { reviseZone } from '../revise.ts';
import { assertType, type Send } from '../support.ts';
import type { Wish, ZoneContext } from '../zone.ts';

/** Rounds of reclaim for one allocation, and fruitless wakings, before it is given up [mm/internal.h:MAX_RECLAIM_RETRIES]. */
const MAX_RECLAIM_RETRIES = 16;
/** Above this order a single round must do [include/linux/mmzone.h]. */
const PAGE_ALLOC_COSTLY_ORDER = 3;

/** An allocation that waits for memory. */
export interface StalledWish {
  wish: Wish;
  request: number;
  copied: boolean;
  rounds: number;
}

/** What a zone keeps where there is kswapd. */
export interface ZoneReclaim {
  awake: boolean;
  /** Wakings in a row that brought nothing (`kswapd_failures`). */
  failures: number;
  /** Folios that are on no list yet, the oldest first (the `lru_add` batch of a CPU). */
  added: PersistentList<number>;
  stalled: StalledWish[];
  /** Allocations that had to wait so far (`ALLOCSTALL`). */
  stalls: number;
}

/**
 * The state at the beginning.
 *
 * @example
 * ```ts
 * initialReclaim().stalled; // []
 * ```
 */
export function initialReclaim(): ZoneReclaim {
  return { awake: false, failures: 0, added: PersistentList.empty(), stalled: [], stalls: 0 };
}

function withReclaim(context: ZoneContext, change: Partial<ZoneReclaim>): ZoneContext {
  const { reclaim } = context;
  if (reclaim === undefined) return context;
  return reviseZone(context, (draft) => {
    draft.reclaim = { ...reclaim, ...change };
  });
}

/**
 * Notes folios that were handed out, and wakes kswapd where the low watermark is reached (`wakeup_kswapd`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * handedOut(zone, 'anon', [64], () => {}).reclaim?.added.toPlain(); // [64]
 * ```
 */
export function handedOut(context: ZoneContext, kind: Wish['kind'], pfns: readonly number[], send: Send): ZoneContext {
  const { reclaim, buddy, marks } = context;
  if (reclaim === undefined) return context;
  const added = kind === 'table' ? reclaim.added : reclaim.added.pushAll(pfns);
  const wakes = !reclaim.awake && buddy.freeFrames <= marks.low && reclaim.failures < MAX_RECLAIM_RETRIES;
  if (wakes) send('kswapd', { type: 'WAKE_KSWAPD', urgentPages: 0 });
  return withReclaim(context, { added, awake: reclaim.awake || wakes });
}

/**
 * An allocation that waits: direct reclaim is done for it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const wish = { sender: 'mm:1', orderPages: 4, leastOrder: 4, fallbackOrders: null, count: 1, kind: 'anon' as const, zero: true };
 * stall(zone, { wish, request: 1, copied: false, rounds: 0 }, () => {}).reclaim?.stalls; // 1
 * ```
 */
export function stall(context: ZoneContext, stalled: StalledWish, send: Send): ZoneContext {
  const { reclaim } = context;
  if (reclaim === undefined) return context;
  send('kswapd', { type: 'WAKE_KSWAPD', urgentPages: urgencyOf(stalled) });
  return withReclaim(context, { awake: true, stalled: [...reclaim.stalled, stalled], stalls: reclaim.stalls + 1 });
}

/** `sc.nr_to_reclaim` of direct reclaim. */
function urgencyOf({ wish }: StalledWish): number {
  return Math.max(SWAP_CLUSTER_MAX, wish.count * 2 ** wish.leastOrder);
}

/** Tries to grant one of those that wait; null where it still cannot be. */
export type Grant = (context: ZoneContext, stalled: StalledWish, send: Send) => ZoneContext | null;

/**
 * Tries those that wait, the oldest first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * tryStalled(zone, () => null, () => {}) === zone; // true
 * ```
 */
export function tryStalled(context: ZoneContext, grant: Grant, send: Send): ZoneContext {
  if (context.reclaim === undefined || context.reclaim.stalled.length === 0) return context;
  let state = context;
  const left: StalledWish[] = [];
  for (const stalled of context.reclaim.stalled) {
    const granted = grant(state, stalled, send);
    if (granted === null) left.push(stalled);
    else state = granted;
  }
  return withReclaim(state, { stalled: left });
}

/**
 * kswapd has done what it could. Who still waits has it do another round, while there is progress and the block is no large
 * one; else there is no memory (`should_reclaim_retry`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const asleep = { type: 'KSWAPD_SLEEPS' as const, reclaimedPages: 0 };
 * kswapdSleeps(zone, asleep, () => null, () => {}).reclaim?.failures; // 1
 * ```
 */
export function kswapdSleeps(
  context: ZoneContext,
  { reclaimedPages }: MessageOf<'KSWAPD_SLEEPS'>,
  grant: Grant,
  send: Send,
): ZoneContext {
  const { reclaim } = context;
  if (reclaim === undefined) return context;
  const failures = reclaimedPages > 0 ? 0 : reclaim.failures + 1;
  const state = tryStalled(withReclaim(context, { awake: false, failures }), grant, send);
  const again: StalledWish[] = [];
  let refused = 0;
  for (const stalled of state.reclaim?.stalled ?? []) {
    const rounds = stalled.rounds + 1;
    const costly = stalled.wish.leastOrder > PAGE_ALLOC_COSTLY_ORDER;
    if (reclaimedPages > 0 && rounds < (costly ? 2 : MAX_RECLAIM_RETRIES)) again.push({ ...stalled, rounds });
    else {
      send(stalled.wish.sender, { type: 'NO_MEMORY', request: stalled.request });
      refused++;
    }
  }
  const urgentPages = again.reduce((most, stalled) => Math.max(most, urgencyOf(stalled)), 0);
  if (again.length > 0) send('kswapd', { type: 'WAKE_KSWAPD', urgentPages });
  const next = withReclaim(state, { stalled: again, awake: again.length > 0 });
  return reviseZone(next, (draft) => {
    draft.failures += refused;
  });
}

/** New folios that are still there, as the lists want them. What lives in memory alone has no way out yet and is on none. */
function drained(context: ZoneContext): MessageOf<'ISOLATED'>['added'] {
  const seen = new Set<number>();
  const added: MessageOf<'ISOLATED'>['added'] = [];
  for (const pfn of context.reclaim?.added ?? []) {
    const folio = context.folios.find(pfn);
    if (folio === null || folio.pfn !== pfn || seen.has(pfn) || folio.owner === 'shmem') continue;
    if (folio.kind !== 'anon' && folio.kind !== 'file') continue;
    seen.add(pfn);
    added.push({ pfn, pages: 2 ** folio.order, isFile: folio.kind === 'file' });
  }
  return added;
}

/**
 * Gives folios out, with a reference to each page (`isolate_lru_folios`, `folio_try_get`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const isolate = { type: 'ISOLATE' as const, sender: 'kswapd', request: 1, pfns: [], anyPage: false };
 * isolateFolios(zone, isolate, () => {}).reclaim?.added.length; // 0
 * ```
 */
export function isolateFolios(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'ISOLATE');
  const { sender, request, pfns, anyPage } = event;
  const added = drained(context);
  const taken = new Set<number>();
  const edit = context.folios.edit();
  const folios = pfns.map((pfn) => {
    const folio = edit.find(pfn);
    if (folio === null || taken.has(folio.pfn) || !(anyPage || folio.pfn === pfn)) return null;
    if (folio.kind !== 'anon' && folio.kind !== 'file') return null;
    taken.add(folio.pfn);
    edit.getPages(folio, folio.pfn, 2 ** folio.order);
    return folio;
  });
  const { freeFrames: freePages } = context.buddy;
  send(sender, { type: 'ISOLATED', request, folios, added, freePages, highPages: context.marks.high });
  const state = withReclaim(context, { added: PersistentList.empty() });
  return reviseZone(state, (draft) => {
    draft.folios = edit.done();
  });
}

/**
 * Folios that MADV_FREE gave up are ordinary ones again.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * setSwapbacked(zone, { type: 'SET_SWAPBACKED', pfns: [7] }).folios.count; // 1
 * ```
 */
export function setSwapbacked(context: ZoneContext, event: Message): ZoneContext {
  assertType(event, 'SET_SWAPBACKED');
  const edit = context.folios.edit();
  for (const pfn of event.pfns) {
    if (edit.find(pfn) !== null) edit.update(pfn, (folio) => ({ ...folio, lazyFree: false }));
  }
  return reviseZone(context, (draft) => {
    draft.folios = edit.done();
  });
}

/**
 * What reclaim says to the zone.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * takeReclaim(zone, { type: 'KSWAPD_SLEEPS', reclaimedPages: 9 }, () => null, () => {}).reclaim?.failures; // 0
 * ```
 */
export function takeReclaim(context: ZoneContext, event: Message, grant: Grant, send: Send): ZoneContext {
  if (event.type === 'ISOLATE') return isolateFolios(context, event, send);
  if (event.type === 'SET_SWAPBACKED') return setSwapbacked(context, event);
  assertType(event, 'KSWAPD_SLEEPS');
  return kswapdSleeps(context, event, grant, send);
}
