/**
 * The page cache of one inode (`struct address_space`): its folios, their least order, who maps it, and one operation at
 * a time on it, as `invalidate_lock` serialises them. When a process of a larger page size maps a file that is cached in
 * smaller folios, the policy says what becomes of those (`fileState.ts`).
 *
 * @models S-16 S-37
 */
import { setup } from 'xstate';
import { unmapFile } from './fileInvalidate.ts';
import { nextOperation, operateOnFile, rangeUnmapped, residentRuns, takeOn, unpin } from './fileOps.ts';
import { markDirty } from './filePages.ts';
import {
  endIndex as pagesUpToEnd,
  type FileContext,
  type FileInput,
  type FileMessage,
  type FilePhase,
  initialFile,
} from './fileState.ts';
import type { Message } from './messages.ts';
import { showCache } from './procfs/answers.ts';
import { failPage } from './hwpoison/filePoison.ts';
import { askReferences, beginShrink, endShrink, SHRINK_WRITE } from './reclaim/fileShrink.ts';
import { handle, type Send } from './support.ts';

/**
 * What an inode does with a message: the same for a file of its own actor and for one of the internal tmpfs mount.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * takeMessage(file, { type: 'UNMAP_FILE', file: 'a', mm: 'mm:1' }, () => {}).mappers.length; // 0
 * ```
 */
export function takeMessage(context: FileContext, event: Message, send: Send): FileContext {
  switch (event.type) {
    case 'SHRINK_FILE':
      return beginShrink(context, event, send);
    case 'FAIL_PAGE':
      return failPage(context, event, send);
    case 'FOLIOS':
      return endShrink(context, event, send);
    case 'UNMAP_FILE':
      return unmapFile(context, event.mm);
    case 'DIRTIED':
      return markDirty(context, event.runs);
    case 'RANGE_UNMAPPED':
      return rangeUnmapped(context, event, send);
    case 'UNPIN_PAGES':
      return unpin(context, event, send);
    case 'RESIDENT': {
      const { mm, request, firstIndex, endIndex, orderPages } = event;
      const runs = residentRuns(context, firstIndex, endIndex);
      const end = orderPages === undefined ? {} : { fileEndIndex: pagesUpToEnd(context, orderPages) };
      send(mm, { type: 'RESIDENT_PAGES', request, runs, ...end });
      return context;
    }
    case 'IO_DONE':
      if (event.request === SHRINK_WRITE) return askReferences(context, send);
      return nextOperation(takeOn(context, event, send), send);
    case 'CACHE_QUERY':
      return showCache(context, event, send);
    case 'FRAMES':
    case 'NO_MEMORY':
    case 'GOT':
      return nextOperation(takeOn(context, event, send), send);
    default:
      return operateOnFile(context, event as FileMessage, send);
  }
}

const take = handle<FileContext>((context, event, send) => takeMessage(context, event, send));

const isIn =
  (...phases: FilePhase[]) =>
  ({ context }: { context: FileContext }): boolean =>
    phases.includes(context.phase);
const hasLeft =
  (...phases: FilePhase[]) =>
  ({ context }: { context: FileContext }): boolean =>
    !phases.includes(context.phase);

/** What an inode takes, of an actor of its own as of the internal tmpfs mount. */
export const inodeEvents = {
  MAP_FILE: { actions: 'take' },
  UNMAP_FILE: { actions: 'take' },
  GET_PAGES: { actions: 'take' },
  READ_FILE: { actions: 'take' },
  WRITE_FILE: { actions: 'take' },
  DIRECT_IO: { actions: 'take' },
  TRUNCATE_FILE: { actions: 'take' },
  ALLOCATE_FILE: { actions: 'take' },
  READ_AHEAD: { actions: 'take' },
  FAIL_PAGE: { actions: 'take' },
  SYNC_FILE: { actions: 'take' },
  RESIDENT: { actions: 'take' },
  CACHE_QUERY: { actions: 'take' },
  PIN_PAGES: { actions: 'take' },
  UNPIN_PAGES: { actions: 'take' },
  DIRTIED: { actions: 'take' },
  RANGE_UNMAPPED: { actions: 'take' },
  FRAMES: { actions: 'take' },
  NO_MEMORY: { actions: 'take' },
  GOT: { actions: 'take' },
} as const;

/** The address space's statechart. */
export const fileMachine = setup({
  types: { context: {} as FileContext, events: {} as Message, input: {} as FileInput },
  actions: { take },
  guards: {
    invalidates: isIn('unmapping'),
    reads: isIn('allocating', 'reading', 'referencing'),
    writes: isIn('writing'),
    invalidated: hasLeft('unmapping'),
    read: hasLeft('allocating', 'reading', 'referencing'),
    written: hasLeft('writing'),
  },
}).createMachine({
  id: 'file',
  context: ({ input }) => initialFile(input),
  initial: 'stable',
  on: {
    ...inodeEvents,
    IO_DONE: { actions: 'take' },
    SHRINK_FILE: { actions: 'take' },
    FOLIOS: { actions: 'take' },
  },
  states: {
    stable: {
      always: [
        { guard: 'invalidates', target: 'invalidating' },
        { guard: 'reads', target: 'reading' },
        { guard: 'writes', target: 'writing-back' },
      ],
    },
    invalidating: { always: { guard: 'invalidated', target: 'stable' } },
    reading: { always: { guard: 'read', target: 'stable' } },
    'writing-back': { always: { guard: 'written', target: 'stable' } },
  },
});
