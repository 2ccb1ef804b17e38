/**
 * States that differ from others by a few fields. `reviseMm(mm, (draft) => { draft.brk = end; })` reads as Immer's `produce`, and copies
 * by a literal of all fields: the spread of an object of this size costs ten times as much, and half of all time went there.
 */
import type { AbiContext } from './abiState.ts';
import type { FileContext } from './fileState.ts';
import type { MmContext } from './mmState.ts';
import type { MmuContext } from './mmuState.ts';
import type { ZoneContext } from './zone.ts';

function copyAbi(from: AbiContext): AbiContext {
  const copy: AbiContext = {
    resources: from.resources,
    kernelPageBytes: from.kernelPageBytes,
    files: from.files,
    pageBytes: from.pageBytes,
    calls: from.calls,
    shared: from.shared,
    refused: from.refused,
  };
  if (from.threads !== undefined) copy.threads = from.threads;
  if (from.futexes !== undefined) copy.futexes = from.futexes;
  if (from.selection !== undefined) copy.selection = from.selection;
  return copy;
}

/**
 * A state of the adapter that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * reviseAbi(abi, (draft) => {
 *   draft.refused = 1;
 * }).refused; // 1
 * ```
 */
export function reviseAbi(from: AbiContext, change: (draft: AbiContext) => void): AbiContext {
  const draft = copyAbi(from);
  change(draft);
  return draft;
}

function copyFile(from: FileContext): FileContext {
  const copy: FileContext = {
    resources: from.resources,
    path: from.path,
    kind: from.kind,
    ino: from.ino,
    sizeBytes: from.sizeBytes,
    kernelPageBytes: from.kernelPageBytes,
    policy: from.policy,
    minOrderPages: from.minOrderPages,
    cache: from.cache,
    prefill: from.prefill,
    mappers: from.mappers,
    handles: from.handles,
    readahead: from.readahead,
    pins: from.pins,
    gone: from.gone,
    current: from.current,
    phase: from.phase,
    pending: from.pending,
    queue: from.queue,
    drops: from.drops,
    droppedPages: from.droppedPages,
    rereadPages: from.rereadPages,
    readPages: from.readPages,
    writtenPages: from.writtenPages,
    hits: from.hits,
    misses: from.misses,
    orphanedPages: from.orphanedPages,
    collapses: from.collapses,
    copiedBytes: from.copiedBytes,
    busy: from.busy,
    refusedMaps: from.refusedMaps,
    existing: from.existing,
    zeroedBytes: from.zeroedBytes,
    paddingBytes: from.paddingBytes,
  };
  if (from.shrink !== undefined) copy.shrink = from.shrink;
  if (from.lostData !== undefined) copy.lostData = from.lostData;
  return copy;
}

/**
 * A state of an address space that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * reviseFile(file, (draft) => {
 *   draft.hits = 3;
 * }).hits; // 3
 * ```
 */
export function reviseFile(from: FileContext, change: (draft: FileContext) => void): FileContext {
  const draft = copyFile(from);
  change(draft);
  return draft;
}

function copyMm(from: MmContext): MmContext {
  const copy: MmContext = {
    resources: from.resources,
    pid: from.pid,
    kernelPageBytes: from.kernelPageBytes,
    nativeTables: from.nativeTables,
    zeroPfn: from.zeroPfn,
    stackLimitBytes: from.stackLimitBytes,
    pageBytes: from.pageBytes,
    vmas: from.vmas,
    startBrk: from.startBrk,
    brk: from.brk,
    lockFuture: from.lockFuture,
    limits: from.limits,
    writeNotify: from.writeNotify,
    shmems: from.shmems,
    job: from.job,
    rmap: from.rmap,
    waiting: from.waiting,
    nextRequest: from.nextRequest,
    minorFaults: from.minorFaults,
    majorFaults: from.majorFaults,
    rssAnonPages: from.rssAnonPages,
    rssFilePages: from.rssFilePages,
    rssPeakPages: from.rssPeakPages,
    rssExitPages: from.rssExitPages,
    droppedPages: from.droppedPages,
    rereadPages: from.rereadPages,
    zeroedBytes: from.zeroedBytes,
    copiedBytes: from.copiedBytes,
    fallbacks: from.fallbacks,
    fallbackReason: from.fallbackReason,
  };
  if (from.softClean !== undefined) copy.softClean = from.softClean;
  if (from.ksm !== undefined) copy.ksm = from.ksm;
  if (from.pinning !== undefined) copy.pinning = from.pinning;
  if (from.swap !== undefined) copy.swap = from.swap;
  if (from.kernelMaps !== undefined) copy.kernelMaps = from.kernelMaps;
  return copy;
}

/**
 * A state of an mm that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * reviseMm(mm, (draft) => {
 *   draft.brk = 4096;
 * }).brk; // 4096
 * ```
 */
export function reviseMm(from: MmContext, change: (draft: MmContext) => void): MmContext {
  const draft = copyMm(from);
  // Fields of facilities: a field that is there but undefined would be another state.
  if (from.thp !== undefined) draft.thp = from.thp;
  if (from.hugeZero !== undefined) draft.hugeZero = from.hugeZero;
  if (from.hugetlbPages !== undefined) draft.hugetlbPages = from.hugetlbPages;
  change(draft);
  return draft;
}

function copyMmu(from: MmuContext): MmuContext {
  const copy: MmuContext = {
    resources: from.resources,
    pid: from.pid,
    kernelPageBytes: from.kernelPageBytes,
    cpus: from.cpus,
    tlbRange: from.tlbRange,
    pageBytes: from.pageBytes,
    linux: from.linux,
    native: from.native,
    asid: from.asid,
    current: from.current,
    queue: from.queue,
    allocations: from.allocations,
    granted: from.granted,
    refused: from.refused,
    freed: from.freed,
    acknowledgements: from.acknowledgements,
    answer: from.answer,
    makes: from.makes,
    spurious: from.spurious,
    tableFrames: from.tableFrames,
    fallback: from.fallback,
    operations: from.operations,
    walks: from.walks,
    flushes: from.flushes,
    tlbiInstructions: from.tlbiInstructions,
    contpteFolds: from.contpteFolds,
    contpteUnfolds: from.contpteUnfolds,
    breaks: from.breaks,
    spuriousFaults: from.spuriousFaults,
    refusals: from.refusals,
    linuxTableBytesPeak: from.linuxTableBytesPeak,
    nativeTableBytesPeak: from.nativeTableBytesPeak,
  };
  if (from.walkers !== undefined) copy.walkers = from.walkers;
  if (from.live !== undefined) copy.live = from.live;
  if (from.notifiers !== undefined) copy.notifiers = from.notifiers;
  // What is not in use is not there, in the plain form neither.
  if (from.lateAcknowledgements !== undefined) copy.lateAcknowledgements = from.lateAcknowledgements;
  if (from.lostDirtyPages !== undefined) copy.lostDirtyPages = from.lostDirtyPages;
  if (from.halfDone !== undefined) copy.halfDone = from.halfDone;
  return copy;
}

/**
 * A state of an MMU that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * reviseMmu(mmu, (draft) => {
 *   draft.walks += 1;
 * }).walks; // 1
 * ```
 */
export function reviseMmu(from: MmuContext, change: (draft: MmuContext) => void): MmuContext {
  const draft = copyMmu(from);
  change(draft);
  return draft;
}

/**
 * A copy of a zone's state, to be written to.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 28 };
 * copyZone(createActor(machines.zone, { input }).getSnapshot().context).totalPages; // 65536
 * ```
 */
export function copyZone(from: ZoneContext): ZoneContext {
  const copy: ZoneContext = {
    resources: from.resources,
    kernelPageBytes: from.kernelPageBytes,
    buddy: from.buddy,
    folios: from.folios,
    marks: from.marks,
    totalPages: from.totalPages,
    allocations: from.allocations,
    failures: from.failures,
    freePagesLeast: from.freePagesLeast,
    zeroedBytes: from.zeroedBytes,
    mthp: from.mthp,
    deferredSplits: from.deferredSplits,
  };
  if (from.pinWaiters !== undefined) copy.pinWaiters = from.pinWaiters;
  if (from.hugeZero !== undefined) copy.hugeZero = from.hugeZero;
  // Absent unless a topology asks for kswapd, or for a slow path.
  if (from.reclaim !== undefined) copy.reclaim = from.reclaim;
  if (from.cgroups !== undefined) copy.cgroups = from.cgroups;
  if (from.pressure !== undefined) copy.pressure = from.pressure;
  return copy;
}

/**
 * A state of a zone that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const zone = createActor(machines.zone, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 28 } }).getSnapshot();
 * reviseZone(zone.context, (draft) => {
 *   draft.failures = 1;
 * }).failures; // 1
 * ```
 */
export function reviseZone(from: ZoneContext, change: (draft: ZoneContext) => void): ZoneContext {
  const draft = copyZone(from);
  change(draft);
  return draft;
}
