/**
 * What changes in an inode when address spaces come, go and fork: done at once, without waiting for anybody.
 * Sources: mm/hugetlb.c:hugetlb_vm_op_close, __unmap_hugepage_range, fs/hugetlbfs/inode.c:hugetlbfs_evict_inode.
 *
 * @models S-28
 */
import { dropPages, type HugeInode, leaveOwn, newInode, releasePromises } from '../../src/mm/hugetlb/inode.ts';
import { hugeBytesOfFile } from '../../src/mm/hugetlb/names.ts';
import type { Message, MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { giveBack, takePromises } from './pools.ts';
import { type HugetlbContext, poolOf, withInode } from './state.ts';

/** One past every index. */
const ALL = Number.MAX_SAFE_INTEGER;

/**
 * The inode of a name; one that is not known yet is made.
 *
 * @example
 * ```ts
 * inodeFor({ inodes: {} }, 'hugetlb:2048kB:1.0', 2 ** 22).sizeBytes; // 4194304
 * ```
 */
export function inodeFor({ inodes }: Pick<HugetlbContext, 'inodes'>, file: string, sizeBytes: number): HugeInode {
  return inodes[file] ?? newInode(file, hugeBytesOfFile(file) ?? 1, sizeBytes);
}

/** Nobody maps it or has a handle on it: its pages go back, and so does what it was promised. */
function evict(context: HugetlbContext, inode: HugeInode, send: Send): HugetlbContext {
  if (inode.mappers.length > 0 || inode.handles > 0) return context;
  const { given, unpromised } = dropPages(inode, 0, ALL);
  const { [inode.file]: _gone, ...inodes } = context.inodes;
  const state = takePromises({ ...context, inodes }, inode.hugeBytes, unpromised, send);
  return giveBack(
    state,
    inode.hugeBytes,
    given.map((pfn) => ({ pfn, restore: false })),
    send,
  );
}

/**
 * Own pages of an address space are mapped no more.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const file = 'hugetlb:2048kB:1.0';
 * const inode = { ...newInode(file, 2 ** 21, 2 ** 21), own: [{ index: 0, pfn: 512, owners: ['mm:1'] }] };
 * const used = withInode({ ...hugetlb, pools: [{ ...emptyPool(2 ** 21, 0), total: 1 }] }, inode);
 * unmapped(used, { type: 'HUGE_UNMAPPED', file, mm: 'mm:1', indexes: [0] }, () => {}).pools[0]?.free; // [512]
 * ```
 */
export function unmapped(context: HugetlbContext, event: MessageOf<'HUGE_UNMAPPED'>, send: Send): HugetlbContext {
  const { file, mm, indexes } = event;
  const inode = context.inodes[file];
  if (inode === undefined) return context;
  const mayRestore = poolOf(context, inode.hugeBytes).surplus === 0;
  const left = leaveOwn(inode, mm, indexes, mayRestore);
  return giveBack(withInode(context, left.inode), inode.hugeBytes, left.given, send);
}

function released(context: HugetlbContext, event: MessageOf<'HUGE_RELEASE'>, send: Send): HugetlbContext {
  const inode = context.inodes[event.file];
  if (inode === undefined) return context;
  const left = releasePromises(inode, event.mm, event.firstIndex, event.endIndex);
  return takePromises(withInode(context, left.inode), inode.hugeBytes, left.count, send);
}

/** The last mapping by an address space is gone: nothing of the file is its own any more. */
function unmappedFile(context: HugetlbContext, { file, mm }: MessageOf<'UNMAP_FILE'>, send: Send): HugetlbContext {
  const known = context.inodes[file];
  if (known === undefined) return context;
  const indexes = known.own.filter(({ owners }) => owners.includes(mm)).map(({ index }) => index);
  const dropped = unmapped(context, { type: 'HUGE_UNMAPPED', file, mm, indexes }, send);
  const state = released(dropped, { type: 'HUGE_RELEASE', file, mm, firstIndex: 0, endIndex: ALL }, send);
  const inode = inodeFor(state, file, 0);
  const { [mm]: _none, ...promises } = inode.promises;
  const left = { ...inode, mappers: inode.mappers.filter((other) => other !== mm), promises };
  return evict(withInode(state, left), left, send);
}

function mapped(context: HugetlbContext, event: MessageOf<'MAP_FILE'>, send: Send): HugetlbContext {
  const { file, mm, request, createBytes } = event;
  const inode = inodeFor(context, file, Math.max(0, createBytes));
  send(mm, { type: 'MAPPED', request, file, writeNotify: false, droppedPages: 0, errno: 0 });
  if (inode.mappers.includes(mm)) return context;
  return withInode(context, { ...inode, mappers: [...inode.mappers, mm] });
}

/** fork: the child is one more owner of every own page of its parent; promises stay with the parent. */
function duplicated(context: HugetlbContext, event: MessageOf<'HUGE_DUP'>, send: Send): HugetlbContext {
  const { sender, request, child } = event;
  send(sender, { type: 'HUGE_DUPED', request });
  let state = context;
  for (const inode of Object.values(context.inodes)) {
    if (!inode.own.some(({ owners }) => owners.includes(sender))) continue;
    const own = inode.own.map((page) =>
      page.owners.includes(sender) ? { ...page, owners: [...page.owners, child] } : page,
    );
    state = withInode(state, { ...inode, own });
  }
  return state;
}

/**
 * Takes a message about who maps what.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const map = { type: 'MAP_FILE' as const, file: 'hugetlb:2048kB:1.0', request: 1, mm: 'mm:1', orderPages: 0, createBytes: 2 ** 21 };
 * const known = mapping(hugetlb, map, () => {});
 * mapping(known, { type: 'UNMAP_FILE', file: map.file, mm: 'mm:1' }, () => {}).inodes; // {}
 * ```
 */
export function mapping(context: HugetlbContext, event: Message, send: Send): HugetlbContext {
  switch (event.type) {
    case 'MAP_FILE':
      return mapped(context, event, send);
    case 'UNMAP_FILE':
      return unmappedFile(context, event, send);
    case 'HUGE_UNMAPPED':
      return unmapped(context, event, send);
    case 'HUGE_RELEASE':
      return released(context, event, send);
    case 'HUGE_DUP':
      return duplicated(context, event, send);
    case 'CLOSE_FILE': {
      const inode = context.inodes[event.file];
      if (inode === undefined) return context;
      const left = { ...inode, handles: inode.handles - 1 };
      return evict(withInode(context, left), left, send);
    }
    default:
      return context;
  }
}
