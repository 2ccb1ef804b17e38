/**
 * ftruncate and fallocate of files of hugetlbfs (`fs/hugetlbfs/inode.c:hugetlbfs_setattr`, hugetlbfs_fallocate).
 *
 * @models S-28
 */
import { invariant } from '../../src/errors.ts';
import { ERRNO, FALLOC } from '../../src/mm/abi/numbers.ts';
import { dropPages, leaveOwn } from '../../src/mm/hugetlb/inode.ts';
import { takePage } from '../../src/mm/hugetlb/pool.ts';
import type { Send } from '../support.ts';
import { inodeFor } from './mappings.ts';
import { giveBack, takePromises } from './pools.ts';
import { type HugetlbContext, poolOf, withInode, withPool } from './state.ts';
import { finishFile, type MessageRequest, waitFor } from './waiting.ts';

/** Huge pages of the file that a truncation or a hole takes away; null where nothing goes. */
function cutOf(context: HugetlbContext, message: MessageRequest<'TRUNCATE_FILE' | 'ALLOCATE_FILE'>) {
  const { hugeBytes, sizeBytes } = inodeFor(context, message.file, 0);
  if (message.type === 'TRUNCATE_FILE') {
    return { first: message.sizeBytes / hugeBytes, end: Math.max(message.sizeBytes, sizeBytes) / hugeBytes };
  }
  const { offsetBytes, lengthBytes } = message;
  return { first: Math.ceil(offsetBytes / hugeBytes), end: Math.floor((offsetBytes + lengthBytes) / hugeBytes) };
}

/** Takes pages of the file away: those who map them unmap them first (`hugetlb_vmdelete_list`). */
function cut(context: HugetlbContext, message: MessageRequest<'TRUNCATE_FILE' | 'ALLOCATE_FILE'>, send: Send) {
  const inode = inodeFor(context, message.file, 0);
  const { first, end } = cutOf(context, message);
  if (first >= end || inode.mappers.length === 0) return cutDone(context, message, send);
  const pages = inode.hugeBytes / context.kernelPageBytes;
  const range = { firstIndex: first * pages, endIndex: end * pages, evenCows: true };
  for (const mm of inode.mappers) send(mm, { type: 'UNMAP_RANGE', file: message.file, request: 0, ...range });
  return waitFor(context, { message, step: 'unmapping', left: inode.mappers.length, page: null });
}

function cutDone(
  context: HugetlbContext,
  message: MessageRequest<'TRUNCATE_FILE' | 'ALLOCATE_FILE'>,
  send: Send,
): HugetlbContext {
  const before = inodeFor(context, message.file, 0);
  const { first, end } = cutOf(context, message);
  const dropped = dropPages(before, first, end);
  const free = dropped.given.map((pfn) => ({ pfn, restore: false }));
  let { inode } = dropped;
  // Private copies of what is gone go too.
  const indexes = inode.own.map(({ index }) => index).filter((index) => index >= first && index < end);
  for (const mm of inode.mappers) {
    const left = leaveOwn(inode, mm, indexes, false);
    inode = left.inode;
    free.push(...left.given);
  }
  const sized = message.type === 'TRUNCATE_FILE' ? { ...inode, sizeBytes: message.sizeBytes } : inode;
  const state = takePromises(withInode(context, sized), inode.hugeBytes, dropped.unpromised, send);
  return finishFile(giveBack(state, inode.hugeBytes, free, send), message, 0, 0, send);
}

/**
 * fallocate: pages of the pool that nobody was promised, or that the file was; or a hole.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const hole = { mode: 3, offsetBytes: 0, lengthBytes: 2 ** 21 };
 * const message = { type: 'ALLOCATE_FILE' as const, file: 'hugetlb:2048kB:1', sender: 'abi', request: 1, ...hole };
 * allocate(hugetlb, message, () => {}).current; // null
 * ```
 */
export function allocate(
  context: HugetlbContext,
  message: MessageRequest<'ALLOCATE_FILE'>,
  send: Send,
): HugetlbContext {
  const { file, offsetBytes, lengthBytes, mode } = message;
  if ((mode & FALLOC.PUNCH_HOLE) !== 0) return cut(context, message, send);
  let state = context;
  const { hugeBytes } = inodeFor(context, file, 0);
  const end = Math.ceil((offsetBytes + lengthBytes) / hugeBytes);
  for (let index = Math.floor(offsetBytes / hugeBytes); index < end; index++) {
    const inode = inodeFor(state, file, 0);
    if (inode.pages[index] !== undefined) continue;
    const taken = takePage(poolOf(state, hugeBytes), inode.region.includes(index));
    if (taken === null) return finishFile(state, message, ERRNO.ENOSPC, 0, send);
    const pages = { ...inode.pages, [index]: taken.pfn };
    state = withInode(withPool(state, taken.pool), { ...inode, pages });
  }
  const inode = inodeFor(state, file, 0);
  const keeps = (mode & FALLOC.KEEP_SIZE) !== 0 || inode.sizeBytes >= offsetBytes + lengthBytes;
  const grown = keeps ? inode : { ...inode, sizeBytes: offsetBytes + lengthBytes };
  return finishFile(withInode(state, grown), message, 0, 0, send);
}

/**
 * ftruncate: to a multiple of the huge page alone.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const message = { type: 'TRUNCATE_FILE' as const, file: 'hugetlb:2048kB:1', request: 1, sizeBytes: 4096 };
 * const sent: { errno: number }[] = [];
 * truncate(hugetlb, message, (_to, answer) => sent.push(answer));
 * sent[0]?.errno; // 22
 * ```
 */
export function truncate(
  context: HugetlbContext,
  message: MessageRequest<'TRUNCATE_FILE'>,
  send: Send,
): HugetlbContext {
  const { hugeBytes } = inodeFor(context, message.file, 0);
  if (message.sizeBytes % hugeBytes !== 0) return finishFile(context, message, ERRNO.EINVAL, 0, send);
  return cut(context, message, send);
}

/**
 * One more mapper has unmapped what is to go; with the last of them it goes.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * mapperUnmapped(hugetlb, () => {}).current; // null
 * ```
 */
export function mapperUnmapped(context: HugetlbContext, send: Send): HugetlbContext {
  const { current } = context;
  if (current === null || current.step !== 'unmapping') return context;
  if (current.left > 1) return waitFor(context, { ...current, left: current.left - 1 });
  const { message } = current;
  invariant(message.type === 'TRUNCATE_FILE' || message.type === 'ALLOCATE_FILE', 'only a cut waits for mappers');
  return cutDone({ ...context, current: null }, message, send);
}
