/**
 * The page cache of one inode (`struct address_space`): its folios, their least order, who maps it, and one operation at
 * a time on it, as `invalidate_lock` serialises them. When a process of a larger page size maps a file that is cached in
 * smaller folios, those are unmapped everywhere, written back where dirty, dropped, and read again at the larger order.
 */
import { assertEvent, setup } from 'xstate';
import { IntMap } from '../src/mm/intMap.ts';
import { PageCacheIndex } from '../src/mm/pageCache.ts';
import type { FileOperation } from './fileAnswers.ts';
import { beginOperation, takeOn } from './fileOps.ts';
import type { Message, MessageOf } from './messages.ts';
import { handle, ResourceHolder, type Send } from './support.ts';

/** How the least folio order of a file follows those who map it. */
export type PageCachePolicy =
  /** It is that of the largest page size that maps the file now: smaller folios may come back later. */
  | 'drop-and-re-read'
  /** Once raised it stays. */
  | 'sticky-order';

/** What an address space is built with. */
export interface FileInput {
  resources: ResourceHolder;
  path: string;
  sizeBytes: number;
  kernelPageBytes: number;
  policy: PageCachePolicy;
}

/** What the operation under way waits for. */
export type FilePhase = 'none' | 'unmapping' | 'allocating' | 'reading' | 'referencing' | 'writing';

/** An address space's state. */
export interface FileContext {
  resources: ResourceHolder;
  path: string;
  sizeBytes: number;
  kernelPageBytes: number;
  policy: PageCachePolicy;
  minOrderPages: number;
  cache: PageCacheIndex;
  /** The mms that map the file, with the least order each needs. */
  mappers: { mm: string; orderPages: number }[];
  /** Pages that were dropped and not read again yet. */
  gone: IntMap<true>;
  current: FileOperation | null;
  phase: FilePhase;
  /** Answers that are outstanding: of mms that unmap. */
  pending: number;
  queue: FileMessage[];
  /** Times that folios were dropped for a larger order, pages dropped, and pages read again after that. */
  drops: number;
  droppedPages: number;
  rereadPages: number;
  readPages: number;
  writtenPages: number;
  hits: number;
  misses: number;
}

/**
 * An address space that caches nothing yet.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * file.cache.counts.pages; // 0
 * ```
 */
export function initialFile(input: FileInput): FileContext {
  return {
    resources: input.resources,
    path: input.path,
    sizeBytes: input.sizeBytes,
    kernelPageBytes: input.kernelPageBytes,
    policy: input.policy,
    minOrderPages: 0,
    cache: PageCacheIndex.empty(input.kernelPageBytes),
    mappers: [],
    gone: IntMap.empty<true>(),
    current: null,
    phase: 'none',
    pending: 0,
    queue: [],
    drops: 0,
    droppedPages: 0,
    rereadPages: 0,
    readPages: 0,
    writtenPages: 0,
    hits: 0,
    misses: 0,
  };
}

/** Operations that are done one at a time. */
export type FileMessage = MessageOf<
  'MAP_FILE' | 'GET_PAGES' | 'READ_FILE' | 'WRITE_FILE' | 'TRUNCATE_FILE' | 'SYNC_FILE'
>;

/** Takes operations from the queue until one has to wait. */
function next(context: FileContext, send: Send): FileContext {
  let state = context;
  while (state.current === null) {
    const [message, ...queue] = state.queue;
    if (message === undefined) return state;
    state = beginOperation({ ...state, queue }, message, send);
  }
  return state;
}

const operation = handle<FileContext>((context, event, send) =>
  next({ ...context, queue: [...context.queue, event as FileMessage] }, send),
);

const goOn = handle<FileContext>((context, event, send) => next(takeOn(context, event, send), send));

const unmapped = handle<FileContext>((context, event, send) => {
  assertEvent(event, 'RANGE_UNMAPPED');
  const cache = context.cache.edit();
  for (const index of event.dirtyIndexes) if (cache.get(index) !== null) cache.setDirty(index, true);
  const state = { ...context, cache: cache.done(), pending: context.pending - 1 };
  return state.pending > 0 ? state : next(takeOn(state, event, send), send);
});

const dirtied = handle<FileContext>((context, event) => {
  assertEvent(event, 'DIRTIED');
  const cache = context.cache.edit();
  for (const { index, nr } of event.runs) {
    for (let page = index; page < index + nr; page++) if (cache.get(page) !== null) cache.setDirty(page, true);
  }
  return { ...context, cache: cache.done() };
});

const unmap = handle<FileContext>((context, event) => {
  assertEvent(event, 'UNMAP_FILE');
  const mappers = context.mappers.filter(({ mm }) => mm !== event.mm);
  const largest = mappers.reduce((order, mapper) => Math.max(order, mapper.orderPages), 0);
  const minOrderPages = context.policy === 'sticky-order' ? context.minOrderPages : largest;
  return { ...context, mappers, minOrderPages };
});

const inPhase =
  (...phases: FilePhase[]) =>
  ({ context }: { context: FileContext }): boolean =>
    phases.includes(context.phase);

/** The address space's statechart. */
export const fileMachine = setup({
  types: { context: {} as FileContext, events: {} as Message, input: {} as FileInput },
  actions: { operation, goOn, unmapped, dirtied, unmap },
  guards: {
    invalidates: inPhase('unmapping'),
    reads: inPhase('allocating', 'reading', 'referencing'),
    writes: inPhase('writing'),
    invalidated: inPhase('none', 'allocating', 'reading', 'referencing', 'writing'),
    read: inPhase('none', 'unmapping', 'writing'),
    written: inPhase('none', 'allocating', 'reading', 'referencing', 'unmapping'),
  },
}).createMachine({
  id: 'file',
  context: ({ input }) => initialFile(input),
  initial: 'stable',
  on: {
    MAP_FILE: { actions: 'operation' },
    GET_PAGES: { actions: 'operation' },
    READ_FILE: { actions: 'operation' },
    WRITE_FILE: { actions: 'operation' },
    TRUNCATE_FILE: { actions: 'operation' },
    SYNC_FILE: { actions: 'operation' },
    UNMAP_FILE: { actions: 'unmap' },
    DIRTIED: { actions: 'dirtied' },
    RANGE_UNMAPPED: { actions: 'unmapped' },
    FRAMES: { actions: 'goOn' },
    NO_MEMORY: { actions: 'goOn' },
    IO_DONE: { actions: 'goOn' },
    GOT: { actions: 'goOn' },
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
