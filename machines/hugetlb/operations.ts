/**
 * Requests that may have to wait: for pages from the zone, for their references, for mappers to unmap. They are served one after the other,
 * in the order in which they came (`hugetlb_fault_mutex_table`, `hugetlb_lock`).
 *
 * @models S-28 S-25
 */
import { pageSizeLimits } from '../../src/arch/granule.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { writtenHuge } from '../../src/mm/hugetlb/controls.ts';
import { entered, type HugeFault, look, unpromised, withPromises } from '../../src/mm/hugetlb/inode.ts';
import { mayTake, mounted, promise, resized, surplusFor, takePage, withPage } from '../../src/mm/hugetlb/pool.ts';
import { newSubpool } from '../../src/mm/hugetlb/subpool.ts';
import { invariant } from '../../src/errors.ts';
import type { Message } from '../messages.ts';
import type { Send } from '../support.ts';
import { allocate, mapperUnmapped, truncate } from './files.ts';
import { inodeFor } from './mappings.ts';
import { putFrames } from './pools.ts';
import { shareEntry } from './share.ts';
import { type HugeOperation, type HugeRequest, type HugetlbContext, poolOf, withInode, withPool } from './state.ts';
import { askZone, bytesOf, controlOf, finishFile, type MessageRequest, waitFor } from './waiting.ts';

/** A promise for a mapping, or for the file that a segment is made with; the errno where it cannot be had, null while it waits. */
function reserve(
  context: HugetlbContext,
  message: MessageRequest<'RESERVE_HUGE'>,
  send: Send,
): HugetlbContext | number {
  const { file, sender, firstIndex, endIndex, shared, promises, grows } = message;
  const known = inodeFor(context, file, message.sizeBytes);
  const needsBytes = endIndex * known.hugeBytes;
  const inode = grows && known.sizeBytes < needsBytes ? { ...known, sizeBytes: needsBytes } : known;
  if (!promises) return withInode(context, inode);
  const indexes = unpromised(inode, firstIndex, endIndex, shared);
  const pool = poolOf(context, inode.hugeBytes);
  const lacking = surplusFor(pool, indexes.length);
  if (lacking === null) return ERRNO.ENOMEM;
  if (lacking > 0) return askZone(context, { message, left: lacking }, inode.hugeBytes, lacking, send);
  const mm = shared ? null : sender;
  return withInode(withPool(context, promise(pool, indexes.length)), withPromises(inode, indexes, mm));
}

function answerReserve(context: HugetlbContext, message: MessageRequest<'RESERVE_HUGE'>, send: Send): HugetlbContext {
  const done = reserve(context, message, send);
  if (typeof done !== 'number' && done.current !== null) return done;
  const { sender, request } = message;
  send(sender, { type: 'HUGE_RESERVED', request, errno: typeof done === 'number' ? done : 0 });
  return typeof done === 'number' ? context : done;
}

function faultOf({ sender: mm, index, write, shared, wrote }: MessageRequest<'HUGE_FAULT'>): HugeFault {
  return { mm, index, write, shared, wrote };
}

function answerFault(
  context: HugetlbContext,
  message: MessageRequest<'HUGE_FAULT'>,
  page: NonNullable<HugeOperation['page']>,
  send: Send,
  delayCycles = 0,
): HugetlbContext {
  send(message.sender, { type: 'HUGE_PAGE', request: message.request, ...page }, delayCycles);
  return { ...context, faults: context.faults + 1, current: null };
}

/** The references of a mapping, before the page is handed out: the zone counts them. */
function takeReferences(
  context: HugetlbContext,
  message: MessageRequest<'HUGE_FAULT'>,
  page: NonNullable<HugeOperation['page']>,
  send: Send,
  delayCycles = 0,
): HugetlbContext {
  const request = context.nextRequest;
  const nr = bytesOf(context, message) / context.kernelPageBytes;
  send('zone', { type: 'GET', sender: 'hugetlb', request, runs: [{ pfn: page.pfn, nr }] }, delayCycles);
  return waitFor({ ...context, nextRequest: request + 1 }, { message, step: 'references', left: 0, page });
}

const NO_PAGE = { pfn: 0, own: false, reuse: false };

function fault(
  context: HugetlbContext,
  message: MessageRequest<'HUGE_FAULT'>,
  send: Send,
  asked = false,
): HugetlbContext {
  const inode = inodeFor(context, message.file, 0);
  const found = look(inode, faultOf(message));
  if (found.kind === 'beyond') return answerFault(context, message, { ...NO_PAGE, errno: ERRNO.EFAULT }, send);
  if (found.kind === 'reuse') return answerFault(context, message, { ...NO_PAGE, errno: 0, reuse: true }, send);
  if (found.kind === 'page') {
    return takeReferences(context, message, { errno: 0, pfn: found.pfn, own: found.own, reuse: false }, send);
  }
  const pool = poolOf(context, inode.hugeBytes);
  const taken = takePage(pool, found.promised);
  if (taken === null) {
    // alloc_surplus_hugetlb_folio: one page beyond the pool, where that is allowed.
    const may = !asked && pool.surplus < pool.overcommit && (found.promised || mayTake(pool));
    if (may) return askZone(context, { message, left: 1 }, inode.hugeBytes, 1, send);
    return answerFault(context, message, { ...NO_PAGE, errno: ERRNO.ENOSPC }, send);
  }
  const { copyPerKb, zeroPerKb } = context.resources.costs;
  const delay = Math.ceil(((found.copy ? copyPerKb : zeroPerKb) * inode.hugeBytes) / 1024);
  const state = withInode(withPool(context, taken.pool), entered(inode, faultOf(message), taken.pfn));
  return takeReferences(state, message, { errno: 0, pfn: taken.pfn, own: found.own, reuse: false }, send, delay);
}

/** `memfd_create` and `shmget` with MFD_HUGETLB and SHM_HUGETLB: a segment is promised all its pages when it is made. */
function create(context: HugetlbContext, message: MessageRequest<'CREATE_FILE'>, send: Send): HugetlbContext {
  const { file, sizeBytes, sender, request } = message;
  const inode = inodeFor(context, file, sizeBytes);
  const endIndex = Math.ceil(sizeBytes / inode.hugeBytes);
  const range = { firstIndex: 0, endIndex, shared: true, promises: endIndex > 0, grows: false };
  const state = withInode(context, { ...inode, handles: 1 });
  const done = reserve(state, { type: 'RESERVE_HUGE', sender, request, file, sizeBytes, ...range }, send);
  // What waits is the promise; the request that goes on with it is still this one.
  if (typeof done !== 'number' && done.current !== null) return { ...done, current: { ...done.current, message } };
  if (typeof done !== 'number') return finishFile(done, message, 0, 0, send);
  const { [file]: _gone, ...inodes } = context.inodes;
  return finishFile({ ...context, inodes }, message, done, 0, send);
}

/** One page more for a pool, as often as they are wanted and there are any (`set_max_huge_pages`). */
function fill(context: HugetlbContext, message: HugeRequest, left: number, send: Send): HugetlbContext {
  if (left > 0) return askZone(context, { message, left }, bytesOf(context, message), 1, send);
  if (message.type === 'WRITE_CONTROL') {
    send(message.sender, { type: 'CONTROL_DONE', request: message.request, errno: 0, text: '' });
  }
  const mount = message.type === 'FILL' ? context.facility.pools[message.bytes]?.mount : undefined;
  const state = { ...context, current: null };
  if (mount === undefined || message.type !== 'FILL') return state;
  return withPool(state, mounted(poolOf(state, message.bytes), newSubpool(mount.maxPages, mount.minPages)));
}

function write(context: HugetlbContext, message: MessageRequest<'WRITE_CONTROL'>, send: Send): HugetlbContext {
  const { kernelPageBytes } = context;
  const control = controlOf(context, message);
  const { maxPageOrder } = pageSizeLimits(kernelPageBytes);
  const written = writtenHuge(control, message.text, maxPageOrder, kernelPageBytes);
  if ('errno' in written || control === null) {
    const errno = 'errno' in written ? written.errno : ERRNO.ENOENT;
    send(message.sender, { type: 'CONTROL_DONE', request: message.request, errno, text: '' });
    return context;
  }
  const pool = poolOf(context, control.bytes);
  if (control.field === 'nr_overcommit_hugepages') {
    return fill(withPool(context, { ...pool, overcommit: written.pages }), message, 0, send);
  }
  const { pool: next, wanted, freed } = resized(pool, written.pages);
  putFrames(freed, control.bytes, kernelPageBytes, send);
  const has = context.pools.some(({ bytes }) => bytes === control.bytes);
  return fill(withPool(context, next), message, has ? wanted : 0, send);
}

function begin(context: HugetlbContext, message: HugeRequest, send: Send): HugetlbContext {
  switch (message.type) {
    case 'FILL':
      return fill(context, message, message.pages, send);
    case 'RESERVE_HUGE':
      return answerReserve(context, message, send);
    case 'HUGE_FAULT':
      return fault(context, message, send);
    case 'CREATE_FILE':
      return create(context, message, send);
    case 'WRITE_CONTROL':
      return write(context, message, send);
    case 'ALLOCATE_FILE':
      return allocate(context, message, send);
    default:
      return truncate(context, message, send);
  }
}

/**
 * Serves requests until one has to wait or none is left.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const pools = { [2 ** 21]: { pages: 1, overcommit: 0 } };
 * const facility = { pools, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * serve(hugetlb, () => {}).current?.step; // 'frames'
 * ```
 */
export function serve(context: HugetlbContext, send: Send): HugetlbContext {
  let state = context;
  while (state.current === null) {
    const [message, ...queue] = state.queue;
    if (message === undefined) return state;
    // What is on its way into the tables of others must not arrive behind the cut.
    const cuts = message.type === 'TRUNCATE_FILE' || message.type === 'ALLOCATE_FILE';
    if (cuts && Object.keys(state.shared).length > 0) return state;
    state = begin({ ...state, queue }, message, send);
  }
  return state;
}

/**
 * Pages came from the zone, or did not.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const pools = { [2 ** 21]: { pages: 1, overcommit: 0 } };
 * const facility = { pools, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = serve(initialHugetlb({ resources, kernelPageBytes: 4096, facility }), () => {});
 * gotFrames(hugetlb, { type: 'FRAMES', request: 1, orderPages: 9, pfns: [512] }, () => {}).pools[1]?.free; // [512]
 * ```
 */
export function gotFrames(context: HugetlbContext, event: Message, send: Send): HugetlbContext {
  const { current } = context;
  invariant(current !== null, 'frames come for a request that is under way');
  const { message, left } = current;
  const state = { ...context, current: null };
  const bytes = bytesOf(context, message);
  const grows = message.type === 'FILL' || message.type === 'WRITE_CONTROL';
  if (event.type !== 'FRAMES') {
    if (grows) return serve(fill(state, message, 0, send), send);
    return serve(refused(state, message, send), send);
  }
  const filled = event.pfns.reduce(
    (held, pfn) => withPool(held, withPage(poolOf(held, bytes), pfn, !grows)),
    state as HugetlbContext,
  );
  if (grows) return serve(fill(filled, message, left - 1, send), send);
  if (message.type === 'HUGE_FAULT') return serve(fault(filled, message, send, true), send);
  return serve(begin(filled, message, send), send);
}

/** There are no pages for what was asked. */
function refused(context: HugetlbContext, message: HugeRequest, send: Send): HugetlbContext {
  if (message.type === 'HUGE_FAULT') return answerFault(context, message, { ...NO_PAGE, errno: ERRNO.ENOSPC }, send);
  if (message.type === 'RESERVE_HUGE') {
    send(message.sender, { type: 'HUGE_RESERVED', request: message.request, errno: ERRNO.ENOMEM });
    return context;
  }
  invariant(message.type === 'CREATE_FILE', 'only promises and faults wait for surplus pages');
  const { [message.file]: _gone, ...inodes } = context.inodes;
  return finishFile({ ...context, inodes }, message, ERRNO.ENOMEM, 0, send);
}

/**
 * The references of a fault are taken: the page goes out, and into the tables that are shared.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * gotReferences(hugetlb, () => {}).faults; // 0
 * ```
 */
export function gotReferences(context: HugetlbContext, send: Send): HugetlbContext {
  const { current } = context;
  if (current === null || current.page === null || current.message.type !== 'HUGE_FAULT') return context;
  const { message, page } = current;
  const answered = answerFault(context, message, page, send);
  return serve(message.shared ? shareEntry(answered, message, page.pfn, send) : answered, send);
}

/**
 * One more mapper has unmapped what is to go.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * rangeUnmapped(hugetlb, () => {}).current; // null
 * ```
 */
export function rangeUnmapped(context: HugetlbContext, send: Send): HugetlbContext {
  return serve(mapperUnmapped(context, send), send);
}
