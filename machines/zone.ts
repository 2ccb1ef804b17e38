/**
 * A memory zone: the buddy allocator with its watermarks, and the reference count of every folio handed out. It is the
 * one owner of frames: whoever has one has a reference, and the last reference frees it.
 */
import { setup } from 'xstate';
import { pageSizeLimits } from '../src/arch/granule.ts';
import { calculateMinFreeKbytes, type Watermarks, watermarks } from '../src/arch/watermarks.ts';
import { invariant } from '../src/errors.ts';
import { Buddy, type BuddyEdit } from '../src/mm/buddy.ts';
import { type Folio, FolioTable, type FolioTableEdit } from '../src/mm/frames.ts';
import { type MthpCounts, withMthp } from '../src/mm/mthpCounts.ts';
import type { Pageblocks, PageblocksEdit } from '../src/mm/pageblock/pageblocks.ts';
import { PersistentList } from '../src/mm/persistentList.ts';
import { groupedZone, type PressureInput } from './compaction/zoneBoot.ts';
import { directReclaim, reclaimedFor, type ZonePressure } from './compaction/zonePressure.ts';
import { compactScan } from './compaction/zoneScan.ts';
import { allocPinnable, type PinWaiter, tryGrab, unpinPages, waitUnpinned } from './gup/zonePins.ts';
import type { Message } from './messages.ts';
import { unchargeFrom, type ZoneCgroups } from './cgroup/zoneCharge.ts';
import { assertType, handle, type ResourceHolder, ZERO_BYTES } from './support.ts';
import { initialReclaim, takeReclaim, tryStalled, type ZoneReclaim } from './reclaim/zoneKswapd.ts';
import { alloc, copyOnWrite, grant, tryAlloc } from './zoneAlloc.ts';
import { shrink as shrinkFolios } from './zoneReclaim.ts';
import { hugeZero } from './khugepaged/hugeZero.ts';
import { mthpCounts } from './khugepaged/zoneCounts.ts';
import { freeBlock } from './hugetlb/contig.ts';
import { showZone } from './procfs/answers.ts';
import { quarantine } from './hwpoison/zonePoison.ts';
import { folioQuery, tryGet } from './walkers/zoneWalk.ts';
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
  /** Memory cgroups, where there are any. */
  cgroups?: ZoneCgroups;
  /** Free lists by migrate type, and a slow path for allocations; absent: a plain buddy allocator that fails at once. */
  pressure?: PressureInput;
}

export type { Wish } from './zoneAlloc.ts';

/** A zone's state. */
export interface ZoneContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  buddy: Buddy | Pageblocks;
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
  /** The huge zero page, once somebody has asked for it. */
  hugeZero?: { pfn: number; order: number };
  /** Absent without kswapd. */
  reclaim?: ZoneReclaim;
  /** Absent without memory cgroups. */
  cgroups?: ZoneCgroups;
  /** Where there is a slow path. */
  pressure?: ZonePressure;
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
  const plain = plainContext(input);
  return input.pressure === undefined ? plain : groupedZone(plain, input.pressure);
}

function plainContext(input: ZoneInput): ZoneContext {
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
    ...(input.cgroups === undefined ? {} : { cgroups: input.cgroups }),
  };
}

/** The folio that a frame of a run lies in. */
function folioAt(folios: FolioTableEdit, pfn: number): Folio {
  const folio = folios.find(pfn);
  if (folio === null) invariant(false, `frame ${pfn} lies in a folio`);
  return folio;
}

const get = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'GET');
  const folios = context.folios.edit();
  for (const { pfn, nr } of event.runs) {
    for (let at = pfn; at < pfn + nr; ) {
      const folio = folioAt(folios, at);
      const end = Math.min(pfn + nr, folio.pfn + (1 << folio.order));
      folios.getPages(folio, at, end - at);
      at = end;
    }
  }
  if (event.request > 0) send(event.sender, { type: 'GOT', request: event.request });
  const draft = copyZone(context);
  draft.folios = folios.done();
  return draft;
});

const put = handle<ZoneContext>((context, event, send) => {
  assertType(event, 'PUT');
  const folios = context.folios.edit();
  let buddy: BuddyEdit | PageblocksEdit | null = null;
  const partly: Folio[] = [];
  const gone: Folio[] = [];
  for (const { pfn, nr } of event.runs) {
    for (let at = pfn; at < pfn + nr; ) {
      const before = folioAt(folios, at);
      const end = Math.min(pfn + nr, before.pfn + (1 << before.order));
      const after = folios.putPages(before, at, end - at);
      if (after === null) {
        buddy ??= context.buddy.edit();
        freeBlock(buddy, before.pfn, before.order);
        gone.push(before);
      } else if (after.large?.partlyMapped === true && before.large?.partlyMapped !== true) partly.push(after);
      at = end;
    }
  }
  const draft = copyZone(context);
  draft.folios = folios.done();
  if (buddy !== null) draft.buddy = buddy.done();
  for (const { owner, order } of gone) unchargeFrom(draft, owner, 1 << order);
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

const reclaim = handle<ZoneContext>((context, event, send) =>
  reclaimedFor(takeReclaim(context, event, grant, send), event, send),
);

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
    alloc: handle<ZoneContext>(alloc),
    copyOnWrite: handle<ZoneContext>(copyOnWrite),
    get,
    put,
    shrink,
    sysinfo,
    reclaim,
    folioQuery: handle<ZoneContext>(folioQuery),
    grab: handle<ZoneContext>(tryGrab),
    allocPinnable: handle<ZoneContext>(allocPinnable),
    unpin: handle<ZoneContext>((context, event, send) => tryStalled(unpinPages(context, event, send), grant, send)),
    awaitUnpin: handle<ZoneContext>(waitUnpinned),
    zoneQuery: handle<ZoneContext>(showZone),
    tryGet: handle<ZoneContext>(tryGet),
    quarantine: handle<ZoneContext>(quarantine),
    tryAlloc: handle<ZoneContext>(tryAlloc),
    directReclaim: handle<ZoneContext>((context, event, send) => {
      assertType(event, 'DIRECT_RECLAIM');
      return directReclaim(context, event, send);
    }),
    compactScan: handle<ZoneContext>((context, event, send) => {
      assertType(event, 'COMPACT_SCAN');
      return compactScan(context, event, send);
    }),
    mthpCounts: handle<ZoneContext>(mthpCounts),
    hugeZero: handle<ZoneContext>(hugeZero),
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
    TRY_GET: { actions: 'tryGet' },
    QUARANTINE: { actions: 'quarantine' },
    MTHP_QUERY: { actions: 'mthpCounts' },
    HUGE_ZERO: { actions: 'hugeZero' },
    KSWAPD_SLEEPS: { actions: 'reclaim' },
    ISOLATE: { actions: 'reclaim' },
    SET_SWAPBACKED: { actions: 'reclaim' },
    TRY_ALLOC: { actions: 'tryAlloc' },
    DIRECT_RECLAIM: { actions: 'directReclaim' },
    COMPACT_SCAN: { actions: 'compactScan' },
    SYSINFO: { actions: 'sysinfo' },
    TRY_GRAB: { actions: 'grab' },
    UNPIN: { actions: 'unpin' },
    WAIT_UNPINNED: { actions: 'awaitUnpin' },
    ALLOC_PINNABLE: { actions: 'allocPinnable' },
    ZONE_QUERY: { actions: 'zoneQuery' },
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
