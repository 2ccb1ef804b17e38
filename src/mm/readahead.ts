/**
 * Readahead: which pages of a file are brought in together, by the history of one open file (`struct file_ra_state`,
 * `mm/readahead.c` and `mm/filemap.c:do_sync_mmap_readahead` of Linux 6.12). All counts and indexes here are in *units*: one
 * unit is the least folio of the address space. So a file that a 64K process maps on a 4K kernel is read ahead as on a
 * kernel of 64K pages.
 */

/** Readahead at most, in bytes (`VM_READAHEAD_PAGES`, `include/linux/pagemap.h`). */
export const READAHEAD_BYTES = 128 * 1024;

/** The largest transfer of a device, in bytes (`bdi->io_pages`: `BLK_DEF_MAX_SECTORS_CAP`, 2560 sectors). */
export const IO_BYTES = 2560 * 512;

/** `MMAP_LOTSAMISS` (`mm/filemap.c`): with more misses than that, faults do not read around any more. */
export const MMAP_LOTSAMISS = 100;

/** `FORCE_CHUNK_BYTES`: forced readahead goes in pieces of 2M (`mm/readahead.c:force_page_cache_ra`). */
const FORCE_CHUNK_BYTES = 2 ** 21;

/**
 * The history of one open file. Plain data.
 *
 * @example
 * ```ts
 * const state: ReadaheadState = initialReadahead();
 * state.prevPosBytes; // -1
 * ```
 */
export interface ReadaheadState {
  /** First unit of the last window. */
  start: number;
  /** Units of the last window. */
  size: number;
  /** Units at the end of the window; reaching the first of them starts the next window. */
  asyncSize: number;
  /** Faults that missed, less those that hit. */
  mmapMiss: number;
  /** Where the last read ended, in bytes; -1 before the first. */
  prevPosBytes: number;
}

/** A folio to bring in; `readahead` is PG_readahead. In units. */
export interface PlannedFolio {
  index: number;
  order: number;
  readahead: boolean;
}

/** What readahead has to know of an address space, in units. */
export interface ReadaheadTarget {
  unitBytes: number;
  sizeBytes: number;
  /** Largest folio; 0 where the file system has no large folios (`mapping_max_folio_order`). */
  maxOrder: number;
  /** A folio is there at the unit (`xa_load`). */
  has(index: number): boolean;
  /** Nothing is there in 2^order units: inserting a folio of them would not be -EEXIST. */
  isFree(index: number, order: number): boolean;
}

/** What a readahead call decided: the history after it, and the folios to bring in. */
export interface ReadaheadPlan {
  state: ReadaheadState;
  folios: PlannedFolio[];
}

/**
 * The history of a file that was just opened (`file_ra_state_init`).
 *
 * @example
 * ```ts
 * initialReadahead().size; // 0
 * ```
 */
export function initialReadahead(): ReadaheadState {
  return { start: 0, size: 0, asyncSize: 0, mmapMiss: 0, prevPosBytes: -1 };
}

/**
 * The history with another count of misses.
 *
 * @example
 * ```ts
 * withMisses(initialReadahead(), 3).mmapMiss; // 3
 * ```
 */
export function withMisses({ start, size, asyncSize, prevPosBytes }: ReadaheadState, mmapMiss: number): ReadaheadState {
  return { start, size, asyncSize, mmapMiss, prevPosBytes };
}

function withWindow(
  { mmapMiss, prevPosBytes }: ReadaheadState,
  start: number,
  size: number,
  asyncSize: number,
): ReadaheadState {
  return { start, size, asyncSize, mmapMiss, prevPosBytes };
}

/**
 * `ra_pages` in units.
 *
 * @example
 * ```ts
 * readaheadUnits(4096); // 32
 * readaheadUnits(65536); // 2
 * ```
 */
export function readaheadUnits(unitBytes: number): number {
  return Math.floor(READAHEAD_BYTES / unitBytes);
}

/**
 * The first window of a sequential read (`mm/readahead.c:get_init_ra_size`), in units.
 *
 * @example
 * ```ts
 * initRaSize(1, 32); // 4
 * initRaSize(8, 32); // 16
 * ```
 */
export function initRaSize(size: number, max: number): number {
  const rounded = 2 ** Math.ceil(Math.log2(size));
  if (rounded <= Math.floor(max / 32)) return rounded * 4;
  return rounded <= Math.floor(max / 4) ? rounded * 2 : max;
}

/**
 * The window after one of `cur` units (`mm/readahead.c:get_next_ra_size`).
 *
 * @example
 * ```ts
 * nextRaSize(1, 32); // 4
 * nextRaSize(4, 32); // 8
 * nextRaSize(24, 32); // 32
 * ```
 */
export function nextRaSize(cur: number, max: number): number {
  if (cur < Math.floor(max / 16)) return 4 * cur;
  return cur <= Math.floor(max / 2) ? 2 * cur : max;
}

/** `ractl_max_pages`: a request larger than the window may be as large as the device transfers at once. */
function maxUnits(target: ReadaheadTarget, request: number): number {
  const max = readaheadUnits(target.unitBytes);
  const io = Math.floor(IO_BYTES / target.unitBytes);
  return request > max && io > max ? Math.min(request, io) : max;
}

/** `do_page_cache_ra` and `page_cache_ra_unbounded`: single units that are missing, up to the end of the file. */
function singles(target: ReadaheadTarget, index: number, wanted: number, lookahead: number): PlannedFolio[] {
  if (target.sizeBytes === 0) return [];
  const endIndex = Math.floor((target.sizeBytes - 1) / target.unitBytes);
  if (index > endIndex) return [];
  const count = wanted > endIndex - index ? endIndex - index + 1 : wanted;
  const mark = index + count - lookahead;
  // Mostly nothing at all is there, which takes one look at the whole stretch.
  const isEmpty = target.isFree(index, Math.ceil(Math.log2(count)));
  const folios: PlannedFolio[] = [];
  for (let at = index; at < index + count; at++) {
    if (isEmpty || target.isFree(at, 0)) folios.push({ index: at, order: 0, readahead: at === mark });
  }
  return folios;
}

/** The exponent of the largest power of two that divides an index (`__ffs`). */
function alignmentOrder(index: number): number {
  let order = 0;
  while ((index / 2 ** order) % 2 === 0) order++;
  return order;
}

/**
 * `page_cache_ra_order`: the window of the state in folios of an order, or in single units where the file system has no
 * larger ones, or where something is in the way.
 *
 * @example
 * ```ts
 * const none = { unitBytes: 4096, sizeBytes: 2 ** 20, maxOrder: 0, has: () => false, isFree: () => true };
 * const state = { ...initialReadahead(), start: 0, size: 4, asyncSize: 1 };
 * raOrder(none, state, 0, 0).map((folio) => folio.readahead); // [false, false, false, true]
 * ```
 */
export function raOrder(
  target: ReadaheadTarget,
  state: ReadaheadState,
  first: number,
  wantedOrder: number,
): PlannedFolio[] {
  const { size, asyncSize } = state;
  if (target.maxOrder === 0 || size < 4) return singles(target, first, size, asyncSize);
  const mark = first + size - asyncSize;
  const limit = Math.min(Math.floor((target.sizeBytes - 1) / target.unitBytes), first + size - 1);
  const raised = wantedOrder < target.maxOrder ? wantedOrder + 2 : wantedOrder;
  const newOrder = Math.min(target.maxOrder, raised, Math.floor(Math.log2(size)));
  const folios: PlannedFolio[] = [];
  let index = first;
  while (index <= limit) {
    let order = index % 2 ** newOrder === 0 ? newOrder : alignmentOrder(index);
    while (order > 0 && index + 2 ** order - 1 > limit) order--;
    if (!target.isFree(index, order)) return [...folios, ...singles(target, index, size, asyncSize)];
    folios.push({ index, order, readahead: index === Math.floor(mark / 2 ** order) * 2 ** order });
    index += 2 ** order;
  }
  return folios;
}

/** `page_cache_prev_miss`: the nearest unit at or below that is missing, -1 for none; stops after `max` units. */
function prevMiss(target: ReadaheadTarget, index: number, max: number): number {
  let at = index;
  for (let scanned = 0; scanned < max; scanned++, at--) {
    if (at < 0 || !target.has(at)) return at;
  }
  return at + 1;
}

/** `page_cache_next_miss`: the nearest unit at or above that is missing, or the one after `max` units. */
function nextMiss(target: ReadaheadTarget, index: number, max: number): number {
  for (let at = index; at < index + max; at++) if (!target.has(at)) return at;
  return index + max;
}

/**
 * A page that is missing is asked for, `request` units from it on (`mm/readahead.c:page_cache_sync_ra`).
 *
 * @example
 * ```ts
 * const none = { unitBytes: 4096, sizeBytes: 2 ** 20, maxOrder: 0, has: () => false, isFree: () => true };
 * syncReadahead(none, initialReadahead(), 0, 1).folios.length; // 4
 * syncReadahead(none, initialReadahead(), 9, 1).folios.length; // 1
 * ```
 */
export function syncReadahead(
  target: ReadaheadTarget,
  state: ReadaheadState,
  index: number,
  request: number,
): ReadaheadPlan {
  const max = maxUnits(target, request);
  const prevIndex = state.prevPosBytes < 0 ? -2 : Math.floor(state.prevPosBytes / target.unitBytes);
  const follows = prevIndex >= 0 && index - prevIndex >= 0 && index - prevIndex <= 1;
  if (index === 0 || request > max || follows) {
    const size = initRaSize(request, max);
    const asyncSize = size > request ? size - request : Math.floor(size / 2);
    const next = withWindow(state, index, size, asyncSize);
    return { state: next, folios: raOrder(target, next, index, 0) };
  }
  const miss = prevMiss(target, index - 1, max);
  const contiguous = index - miss - 1;
  if (contiguous <= request) return { state, folios: singles(target, index, request, 0) };
  const history = miss === -1 ? contiguous * 2 : contiguous;
  const next = withWindow(state, index, Math.min(history + request, max), 1);
  return { state: next, folios: raOrder(target, next, index, 0) };
}

/**
 * A folio with PG_readahead was met (`mm/readahead.c:page_cache_async_ra`); the caller clears its mark. `order` is the
 * folio's.
 *
 * @example
 * ```ts
 * const cached = { unitBytes: 4096, sizeBytes: 2 ** 20, maxOrder: 0, has: (at: number) => at < 32, isFree: (at: number) => at >= 32 };
 * const state = { ...initialReadahead(), start: 0, size: 32, asyncSize: 8 };
 * asyncReadahead(cached, state, { index: 24, order: 0 }, 24, 32).folios[0]; // { index: 32, order: 0, readahead: true }
 * ```
 */
export function asyncReadahead(
  target: ReadaheadTarget,
  state: ReadaheadState,
  folio: { index: number; order: number },
  index: number,
  request: number,
): ReadaheadPlan {
  const max = maxUnits(target, request);
  const span = 1 << folio.order;
  const expected = Math.floor((state.start + state.size - state.asyncSize) / span) * span;
  if (index === expected) {
    const size = Math.max(state.size, nextRaSize(state.size, max));
    const next = withWindow(state, state.start + state.size, size, size);
    return { state: next, folios: raOrder(target, next, next.start, folio.order) };
  }
  const start = nextMiss(target, index + 1, max);
  if (start - index > max) return { state, folios: [] };
  const size = nextRaSize(start - index + request, max);
  const next = withWindow(state, start, size, size);
  return { state: next, folios: raOrder(target, next, start, folio.order) };
}

/** How a mapping is going to be used, of its VMA flags. */
export interface FaultAdvice {
  /** VM_RAND_READ: no readahead. */
  random: boolean;
  /** VM_SEQ_READ: a window from the page on. */
  sequential: boolean;
}

/**
 * A fault on a page that is missing (`mm/filemap.c:do_sync_mmap_readahead`): read around it, or from it on, or nothing.
 *
 * @example
 * ```ts
 * const none = { unitBytes: 4096, sizeBytes: 2 ** 22, maxOrder: 0, has: () => false, isFree: () => true };
 * const plan = faultReadahead(none, initialReadahead(), 40, { random: false, sequential: false });
 * [plan.folios[0]?.index, plan.folios.length]; // [24, 32]
 * ```
 */
export function faultReadahead(
  target: ReadaheadTarget,
  state: ReadaheadState,
  index: number,
  { random, sequential }: FaultAdvice,
): ReadaheadPlan {
  const max = readaheadUnits(target.unitBytes);
  if (random || max === 0) return { state, folios: [] };
  if (sequential) return syncReadahead(target, state, index, max);
  const mmapMiss = state.mmapMiss < MMAP_LOTSAMISS * 10 ? state.mmapMiss + 1 : state.mmapMiss;
  if (mmapMiss > MMAP_LOTSAMISS) return { state: withMisses(state, mmapMiss), folios: [] };
  const start = Math.max(0, index - Math.floor(max / 2));
  const next = withWindow(withMisses(state, mmapMiss), start, max, Math.floor(max / 4));
  return { state: next, folios: raOrder(target, next, start, 0) };
}

/**
 * MADV_WILLNEED and POSIX_FADV_WILLNEED (`mm/readahead.c:force_page_cache_ra`): the pages asked for, as many as the device
 * transfers at once.
 *
 * @example
 * ```ts
 * const none = { unitBytes: 4096, sizeBytes: 2 ** 23, maxOrder: 0, has: () => false, isFree: () => true };
 * forcedReadahead(none, 0, 1000).length; // 320
 * ```
 */
export function forcedReadahead(target: ReadaheadTarget, index: number, request: number): PlannedFolio[] {
  const io = Math.floor(IO_BYTES / target.unitBytes);
  const chunk = Math.floor(FORCE_CHUNK_BYTES / target.unitBytes);
  let left = Math.min(request, Math.max(io, readaheadUnits(target.unitBytes)));
  const folios: PlannedFolio[] = [];
  for (let at = index; left > 0; at += chunk, left -= chunk) {
    folios.push(...singles(target, at, Math.min(chunk, left), 0));
  }
  return folios;
}
