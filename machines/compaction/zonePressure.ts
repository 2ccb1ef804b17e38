/**
 * The zone where a topology asks for it: free lists by migrate type, watermarks with their boost, and a slow path for what
 * cannot be had at once.
 *
 * @models S-14 S-23
 */
import type { Watermarks } from '../../src/arch/watermarks.ts';
import { invariant } from '../../src/errors.ts';
import { hasFreeBlock } from '../../src/mm/compaction/suitable.ts';
import type { FolioTable } from '../../src/mm/frames.ts';
import type { AllocationType } from '../../src/mm/pageblock/migrateTypes.ts';
import { Pageblocks } from '../../src/mm/pageblock/pageblocks.ts';
import { SWAP_CLUSTER_MAX } from '../../src/mm/reclaim/scanBalance.ts';
import { watermarkOk } from '../../src/mm/pageblock/reserves.ts';
import type { Message, MessageOf } from '../messages.ts';
import { copyZone } from '../revise.ts';
import type { Send } from '../support.ts';
import type { ZoneContext } from '../zone.ts';
import type { Wish } from '../zoneAlloc.ts';
import { splitDeferred } from '../zoneReclaim.ts';

/** What a zone keeps besides where there is a slow path. Plain data. */
export interface ZonePressure {
  /** Memory is grouped by mobility (`page_group_by_mobility_disabled` is not set). */
  groups: boolean;
  /** kcompactd is woken when a large block is not there. */
  background: boolean;
  /** Allocations that the free lists did not have, by order. */
  slowAllocations: Readonly<Record<number, number>>;
  /** Blocks taken from page blocks of another type, and page blocks that were taken over with them. */
  steals: number;
  retypedBlocks: number;
  /** Pages moved by compaction, and pages whose move came to nothing. */
  migratedPages: number;
  migrateFailedPages: number;
  /** First frames of the folios that are being moved: nobody may pin them meanwhile (`folio_ref_freeze`). */
  isolated: readonly number[];
  /** A slow path waits for kswapd to be done with direct reclaim. */
  reclaimRequest?: number;
}

/**
 * Nothing has happened yet.
 *
 * @example
 * ```ts
 * noPressure({ groups: true, background: false }).steals; // 0
 * ```
 */
export function noPressure({ groups, background }: Pick<ZonePressure, 'groups' | 'background'>): ZonePressure {
  const counts = { steals: 0, retypedBlocks: 0, migratedPages: 0, migrateFailedPages: 0 };
  return { groups, background, slowAllocations: {}, ...counts, isolated: [] };
}

/**
 * The allocator of a zone that has one by migrate type.
 *
 * @throws GranuleError INVARIANT for one that has not
 * @example
 * ```ts
 * pageblocksOf({ buddy: Pageblocks.create(0, 64, 4, 3) }).pageblockOrder; // 3
 * ```
 */
export function pageblocksOf({ buddy }: Pick<ZoneContext, 'buddy'>): Pageblocks {
  invariant(buddy instanceof Pageblocks, 'a zone with a slow path groups its pages');
  return buddy;
}

/**
 * The migrate type of what is asked for: user memory and the page cache move, tables and the kernel's own do not. Where
 * memory is not grouped, everything is unmovable [include/linux/gfp.h:gfp_migratetype].
 *
 * @example
 * ```ts
 * migrateTypeOf({ kind: 'anon', sender: 'mm:1' }, true); // 'movable'
 * migrateTypeOf({ kind: 'table', sender: 'mmu:1' }, true); // 'unmovable'
 * migrateTypeOf({ kind: 'anon', sender: 'mm:1' }, false); // 'unmovable'
 * ```
 */
export function migrateTypeOf({ kind, sender }: Pick<Wish, 'kind' | 'sender'>, groups: boolean): AllocationType {
  const moves = kind === 'anon' || kind === 'file' || sender === 'hugetlb';
  return groups && moves ? 'movable' : 'unmovable';
}

/**
 * The watermarks as they are now: all are raised while page blocks have been mixed [include/linux/mmzone.h:wmark_pages].
 *
 * @example
 * ```ts
 * boostedMarks({ min: 10, low: 12, high: 14 }, 512).low; // 524
 * ```
 */
export function boostedMarks({ min, low, high }: Watermarks, boostPages: number): Watermarks {
  return { min: min + boostPages, low: low + boostPages, high: high + boostPages };
}

/** Frames of movable memory in a page block: what is on the LRU. */
function movableIn(folios: Pick<FolioTable, 'forEach'>, pfn: number, nr: number): number {
  let pages = 0;
  folios.forEach(pfn, pfn + nr, ({ kind, order }) => {
    if (kind === 'anon' || kind === 'file') pages += Math.min(2 ** order, nr);
  });
  return pages;
}

/** What an allocation of tables may go down to: the MMU asks under its lock and cannot wait, so it may use a reserve. */
function marksTried(kind: Wish['kind'], mark: keyof Watermarks): { mark: keyof Watermarks; high: boolean }[] {
  if (kind !== 'table') return [{ mark, high: false }];
  return [
    { mark, high: false },
    { mark: 'min', high: true },
  ];
}

/**
 * Takes the blocks of a wish off the free lists, all or none, while enough stays above a watermark.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, pressure: { background: false } };
 * const zone = copyZone(createActor(machines.zone, { input }).getSnapshot().context);
 * const wish = { sender: 'mm:1', orderPages: 4, leastOrder: 4, fallbackOrders: null, count: 1, kind: 'anon' as const, zero: true };
 * takeTyped(zone, wish, 4, 'low'); // [262160]
 * ```
 */
export function takeTyped(
  draft: ZoneContext,
  wish: Pick<Wish, 'sender' | 'kind' | 'count'>,
  order: number,
  mark: keyof Watermarks,
): number[] | null {
  const { pressure, folios } = draft;
  invariant(pressure !== undefined, 'a zone that groups its pages has a slow path');
  const before = pageblocksOf(draft);
  const { count, kind } = wish;
  const { highatomicPages, boostPages } = before;
  const freePages = before.freeFrames - (count - 1) * 2 ** order;
  const hasBlock = (least: number): boolean => hasFreeBlock(before, least);
  const marks = boostedMarks(draft.marks, boostPages);
  const allowed = marksTried(kind, mark).some(({ mark: name, high }) =>
    watermarkOk({ freePages, highatomicPages, hasBlock }, { order, mark: marks[name], high }),
  );
  // Asked beforehand: an edit that is given up makes the version before dear to look at.
  if (!allowed || !before.canAlloc(order, count)) return null;
  const edit = before.edit();
  const movablePages = (pfn: number, nr: number): number => movableIn(folios, pfn, nr);
  const type = migrateTypeOf(wish, pressure.groups);
  const pageWish = { type, highMark: marks.high, movablePages, ungrouped: !pressure.groups };
  const pfns: number[] = [];
  for (let block = 0; block < count; block++) {
    const pfn = edit.alloc(order, pageWish);
    if (pfn === null) invariant(false, 'so many blocks can be had');
    pfns.push(pfn);
  }
  draft.buddy = edit.done();
  const { steals } = edit;
  if (steals.length === 0) return pfns;
  const retyped = steals.filter((steal) => steal.retyped).length;
  draft.pressure = {
    ...pressure,
    steals: pressure.steals + steals.length,
    retypedBlocks: pressure.retypedBlocks + retyped,
  };
  return pfns;
}

/**
 * Hands an allocation that the free lists do not have to its slow path, and wakes kcompactd for a large one.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, pressure: { background: true } };
 * const zone = copyZone(createActor(machines.zone, { input }).getSnapshot().context);
 * const wish = { sender: 'mm:1', orderPages: 4, leastOrder: 4, fallbackOrders: null, count: 1, kind: 'anon' as const, zero: true };
 * const sent: string[] = [];
 * goSlow(zone, wish, { request: 3, copied: false }, (to) => sent.push(to));
 * sent; // ['kcompactd', 'page-alloc']
 * ```
 */
export function goSlow(
  draft: ZoneContext,
  wish: Wish,
  { request, copied }: { request: number; copied: boolean },
  send: Send,
): void {
  const { pressure } = draft;
  invariant(pressure !== undefined, 'a zone that groups its pages has a slow path');
  const { sender, count, kind, zero } = wish;
  // A fault tried its larger orders already and waits for the least; who names one order wants that (khugepaged, MADV_COLLAPSE).
  const orderPages = wish.fallbackOrders === null ? wish.orderPages : wish.leastOrder;
  if (pressure.background && orderPages > 0) send('kcompactd', { type: 'WAKE_KCOMPACTD', orderPages });
  const slow = { sender, request, orderPages, leastOrder: wish.leastOrder, count, kind, zero, copied };
  send('page-alloc', { type: 'SLOW_ALLOC', wish: slow });
  const before = pressure.slowAllocations[orderPages] ?? 0;
  draft.pressure = { ...pressure, slowAllocations: { ...pressure.slowAllocations, [orderPages]: before + 1 } };
}

/**
 * Direct reclaim: large folios of which only a part is mapped are split, and kswapd is asked where it is there. What it does
 * about mixed page blocks is held to be done with that, so the watermarks go back to where they belong.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, pressure: { background: false } };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: unknown[] = [];
 * directReclaim(zone, { type: 'DIRECT_RECLAIM', request: 1, orderPages: 4 }, (_to, message) => sent.push(message));
 * sent; // [{ type: 'DIRECT_RECLAIMED', request: 1, pages: 0 }]
 * ```
 */
export function directReclaim(context: ZoneContext, event: MessageOf<'DIRECT_RECLAIM'>, send: Send): ZoneContext {
  const { request, orderPages } = event;
  const split = splitDeferred(context);
  const pages = split.buddy.freeFrames - context.buddy.freeFrames;
  const { pressure, reclaim } = split;
  const draft = copyZone(split);
  if (reclaim !== undefined && pressure !== undefined && pages === 0) {
    send('kswapd', { type: 'WAKE_KSWAPD', urgentPages: Math.max(SWAP_CLUSTER_MAX, 2 ** orderPages) });
    draft.reclaim = { ...reclaim, awake: true, stalls: reclaim.stalls + 1 };
    draft.pressure = { ...pressure, reclaimRequest: request };
  } else send('page-alloc', { type: 'DIRECT_RECLAIMED', request, pages });
  if (pageblocksOf(split).boostPages === 0) return draft;
  const edit = pageblocksOf(split).edit();
  edit.clearBoost();
  draft.buddy = edit.done();
  return draft;
}

/**
 * kswapd is done: the slow path that waits for it hears how much it has reclaimed.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, pressure: { background: false }, kswapd: true };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: string[] = [];
 * const send = (to: string): void => void sent.push(to);
 * const waits = directReclaim(zone, { type: 'DIRECT_RECLAIM', request: 1, orderPages: 4 }, send);
 * reclaimedFor(waits, { type: 'KSWAPD_SLEEPS', reclaimedPages: 9 }, send).pressure?.reclaimRequest; // undefined
 * sent; // ['kswapd', 'page-alloc']
 * ```
 */
export function reclaimedFor(context: ZoneContext, event: Message, send: Send): ZoneContext {
  const { pressure } = context;
  if (event.type !== 'KSWAPD_SLEEPS' || pressure?.reclaimRequest === undefined) return context;
  const { reclaimRequest: request, ...rest } = pressure;
  send('page-alloc', { type: 'DIRECT_RECLAIMED', request, pages: event.reclaimedPages });
  const draft = copyZone(context);
  draft.pressure = rest;
  return draft;
}

/**
 * Whether a frame lies in a folio that is being moved. Whoever wants to pin it tries again: in Linux the count of such a folio
 * is frozen, and GUP-fast backs off [mm/migrate.c:__folio_migrate_mapping].
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, pressure: { background: false } };
 * isBeingMoved(createActor(machines.zone, { input }).getSnapshot().context, 262150); // false
 * ```
 */
export function isBeingMoved({ pressure, folios }: Pick<ZoneContext, 'pressure' | 'folios'>, pfn: number): boolean {
  if (pressure === undefined || pressure.isolated.length === 0) return false;
  const head = folios.headOf(pfn);
  return head !== null && pressure.isolated.includes(head);
}
