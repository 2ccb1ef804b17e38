/**
 * The kernel's internal tmpfs mount (`shm_mnt`): an inode for each piece of shared anonymous memory, each System V segment
 * and each memfd. An inode lives while somebody maps it or has a handle on it (`mm/shmem.c:shmem_zero_setup`,
 * `ipc/shm.c:newseg`, `mm/memfd.c`).
 *
 * @models D-14
 */
import { setup } from 'xstate';
import { IntRecord } from '../src/mm/intRecord.ts';
import { inodeEvents, takeMessage } from './file.ts';
import { dropFolios } from './fileDrop.ts';
import { type FileContext, initialFile, type PageCachePolicy } from './fileState.ts';
import type { Message } from './messages.ts';
import { Inodes } from './shmemInodes.ts';
import { handle, type ResourceHolder, type Send } from './support.ts';

/** What the mount is built with. */
export interface ShmemInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  policy: PageCachePolicy;
}

/** The mount's state. */
export interface ShmemContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  policy: PageCachePolicy;
  inodes: Inodes;
  /** Paths by inode number, which answers carry. */
  byIno: IntRecord<string>;
  nextIno: number;
  created: number;
}

/** Messages that may still come when an inode is gone, and mean nothing then. */
const LATE: ReadonlySet<string> = new Set(['UNMAP_FILE', 'DIRTIED', 'RANGE_UNMAPPED', 'UNPIN_PAGES', 'CLOSE_FILE']);

function withInode(context: ShmemContext, file: FileContext, send: Send): ShmemContext {
  const { resources: _shared, ...inode } = file;
  const { path, ino } = inode;
  const used =
    inode.mappers.length > 0 ||
    inode.handles > 0 ||
    inode.pins.length > 0 ||
    inode.current !== null ||
    inode.queue.length > 0;
  if (used || inode.pending > 0) return { ...context, inodes: context.inodes.with(inode) };
  // iput: `shmem_evict_inode` truncates; what is pinned stays with its holder.
  dropFolios(file, file.cache.range(), false, send);
  return { ...context, inodes: context.inodes.without(path), byIno: context.byIno.without(ino) };
}

function create(context: ShmemContext, path: string, sizeBytes: number): { context: ShmemContext; file: FileContext } {
  const { resources, kernelPageBytes, policy, nextIno: ino } = context;
  const input = { resources, path, sizeBytes, kernelPageBytes, policy, ino };
  const file = initialFile({ ...input, kind: 'shmem' });
  const byIno = context.byIno.with(ino, path);
  return { context: { ...context, byIno, nextIno: ino + 1, created: context.created + 1 }, file };
}

/** The inode that a message is about: named by it, or by the request that it answers. */
function pathOf(context: ShmemContext, event: Message): string | null {
  if ('file' in event) return event.file;
  return 'request' in event ? (context.byIno.get(Math.abs(event.request)) ?? null) : null;
}

const take = handle<ShmemContext>((context, event, send) => {
  const path = pathOf(context, event);
  if (path === null) return context;
  const inode = context.inodes.get(path);
  if (event.type === 'CREATE_FILE') {
    const made = create(context, path, event.sizeBytes);
    send(event.sender, {
      type: 'FILE_DONE',
      request: event.request,
      rereadPages: 0,
      failed: false,
      errno: 0,
      doneBytes: 0,
    });
    return withInode(made.context, { ...made.file, handles: 1 }, send);
  }
  if (inode === undefined && event.type === 'CACHE_QUERY') {
    send(event.sender, { type: 'CACHE_STATE', request: event.request, file: path, folios: [] });
    return context;
  }
  if (inode === undefined) {
    if (LATE.has(event.type)) return context;
    const made = create(context, path, event.type === 'MAP_FILE' ? Math.max(0, event.createBytes) : 0);
    return withInode(made.context, takeMessage(made.file, event, send), send);
  }
  const file = { ...inode, resources: context.resources };
  if (event.type === 'CLOSE_FILE') return withInode(context, { ...file, handles: file.handles - 1 }, send);
  return withInode(context, takeMessage(file, event, send), send);
});

/** The mount's statechart. */
export const shmemMachine = setup({
  types: { context: {} as ShmemContext, events: {} as Message, input: {} as ShmemInput },
  actions: { take },
  guards: {
    inUse: ({ context }) => context.inodes.size > 0,
    unused: ({ context }) => context.inodes.size === 0,
  },
}).createMachine({
  id: 'shmem',
  context: ({ input }) => ({ ...input, inodes: Inodes.empty(), byIno: IntRecord.empty(), nextIno: 1, created: 0 }),
  initial: 'empty',
  on: {
    CREATE_FILE: { actions: 'take' },
    CLOSE_FILE: { actions: 'take' },
    ...inodeEvents,
  },
  states: {
    empty: { always: { guard: 'inUse', target: 'in-use' } },
    'in-use': { always: { guard: 'unused', target: 'empty' } },
  },
});
