/**
 * The owner of the kernel's objects: perf, io_uring, BPF, packet sockets and AIO in one actor. It makes them, answers
 * their mmap handlers, and gives their pages to mms, each with a reference (`vm_insert_page`, `vm_ops->fault`).
 *
 * @models S-33 S-29 T-10
 */
import { setup } from 'xstate';
import { invariant } from '../../src/errors.ts';
import { ERRNO } from '../../src/mm/abiRules.ts';
import { afterMap, makeObject, mapObject, writablePages } from '../../src/mm/objects/kernelObject.ts';
import { sizesOf } from '../../src/mm/objects/mapping.ts';
import { shownName } from '../../src/mm/objects/objectFile.ts';
import { VVAR_PAGES } from '../../src/mm/objects/specialMappings.ts';
import { PTE } from '../../src/mm/pte.ts';
import type { Message, MessageOf } from '../messages.ts';
import { assertType, handle, type Send } from '../support.ts';
import {
  fileRuns,
  type HeldObject,
  heldObject,
  initialObjects,
  isLazy,
  missingPages,
  type ObjectContext,
  objectFrames,
  type ObjectInput,
  type ObjectWait,
  pageOfIndex,
  vdsoOf,
} from './objectState.ts';

export type { ObjectContext, ObjectInput } from './objectState.ts';

/** The area of a mapping that is refused. */
const NO_AREA = { flags: 0, inserts: false };

function withObject(context: ObjectContext, object: HeldObject): ObjectContext {
  return { ...context, objects: { ...context.objects, [object.file]: object } };
}

/** Asks the zone for pages of the object's size, each a folio that is never split. */
function allocate(
  context: ObjectContext,
  object: HeldObject,
  count: number,
  wait: ObjectWait,
  send: Send,
): ObjectContext {
  const request = context.nextRequest;
  const orderPages = Math.log2(object.sizes.objectPageBytes / context.kernelPageBytes);
  send('zone', { type: 'ALLOC', sender: 'object', request, orderPages, count, purpose: 'kernel', zero: true });
  return { ...context, nextRequest: request + 1, waits: { ...context.waits, [request]: wait } };
}

/** Goes once nobody has it open or mapped; a perf ring goes with its last mapping already (`perf_mmap_close`). */
function release(context: ObjectContext, object: HeldObject, send: Send): ObjectContext {
  const isUsed = object.open || object.mappers.length > 0;
  const ringGoes = object.mappers.length === 0 && object.shape.kind === 'perf';
  if (isUsed && !ringGoes) return withObject(context, object);
  const runs = objectFrames(object, context.kernelPageBytes);
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  if (isUsed) return withObject(context, { ...object, shape: { kind: 'perf', dataPages: null }, pages: [] });
  const { [object.file]: _gone, ...objects } = context.objects;
  return { ...context, objects };
}

function created(context: ObjectContext, file: string, request: number, send: Send): ObjectContext {
  const shape = context.objects[file]?.shape;
  const mapBytes = shape?.kind === 'aio' ? shape.lengthBytes : 0;
  send('abi', { type: 'OBJECT_CREATED', request, errno: 0, mapBytes });
  return context;
}

const create = handle<ObjectContext>((context, event, send) => {
  assertType(event, 'CREATE_OBJECT');
  const { file, request, pageBytes, call } = event;
  const sizes = sizesOf(pageBytes, context.kernelPageBytes, context.kernelObjects);
  const { errno, shape } = makeObject(call, sizes);
  if (shape === null) {
    send('abi', { type: 'OBJECT_CREATED', request, errno, mapBytes: 0 });
    return { ...context, refused: context.refused + 1 };
  }
  const object = heldObject(file, shape, sizes);
  const state = { ...withObject(context, object), made: context.made + 1 };
  const count = missingPages(object);
  if (count === 0) return created(state, file, request, send);
  return allocate(state, object, count, { do: 'created', file, request }, send);
});

const map = handle<ObjectContext>((context, event, send) => {
  assertType(event, 'MAP_OBJECT');
  const { file, request, pageBytes, mapping } = event;
  const object = context.objects[file];
  const refuse = (errno: number): ObjectContext => {
    send('abi', { type: 'OBJECT_MAPPED', request, errno, area: NO_AREA });
    return { ...context, refused: context.refused + 1 };
  };
  if (object === undefined) return refuse(ERRNO.EBADF);
  // Whoever maps it may have another page than whoever made it: a fork or an exec lies between.
  const sizes = { ...object.sizes, abiPageBytes: pageBytes };
  const { errno, area } = mapObject(object.shape, mapping, sizes);
  if (area === null) return refuse(errno);
  const shape = afterMap(object.shape, area.lengthBytes, sizes.objectPageBytes);
  const next = { ...object, shape };
  const inserts = area.entries === 'at-mmap';
  // `perf_mmap_may_split`, `arena_vm_may_split`.
  const noSplit = shape.kind === 'perf' || shape.kind === 'arena';
  const wish = { flags: area.flags, inserts, name: shownName(shape.kind), ...(noSplit ? { noSplit } : {}) };
  const answer = { type: 'OBJECT_MAPPED' as const, request, errno: 0, area: wish };
  const count = missingPages(next);
  if (count > 0) return allocate(withObject(context, next), next, count, { do: 'mapped', file, answer }, send);
  send('abi', answer);
  return withObject(context, next);
});

/** `perf_mmap_fault` and the like: which pages a fault may have. */
const getPages = handle<ObjectContext>((context, event, send) => {
  assertType(event, 'GET_PAGES');
  return serve(context, event, send);
});

function pagesAnswer(request: number, runs: MessageOf<'PAGES'>['runs'], writeNotify: boolean): MessageOf<'PAGES'> {
  const nothing = { major: false, failed: false, rereadPages: 0 };
  return { type: 'PAGES', request, runs, eof: runs.length === 0, writeNotify, ...nothing };
}

function serve(context: ObjectContext, wish: MessageOf<'GET_PAGES'>, send: Send): ObjectContext {
  const { file, mm, request, index, write } = wish;
  const object = context.objects[file];
  const page = object === undefined ? -1 : pageOfIndex(object, index, context.kernelPageBytes);
  const none = (): ObjectContext => {
    send(mm, pagesAnswer(request, [], false));
    return context;
  };
  if (object === undefined || (page < 0 && wish.insert !== true)) return none();
  const isInserted = !['perf', 'arena', 'aio', 'vdso'].includes(object.shape.kind);
  // The second page of vvar is for time namespaces, of which there are none (`vvar_fault`).
  if (object.shape.kind === 'vdso' && page === VVAR_PAGES - 1) return none();
  // What mmap has inserted has no fault handler: once it is gone, it is gone (`vma_dummy_vm_ops`).
  if (isInserted && wish.insert !== true) return none();
  const mayWrite = page < writablePages(object.shape);
  if (write && !mayWrite) return none();
  if (isLazy(object.shape) && (object.pages[page] ?? null) === null) {
    return allocate(context, object, 1, { do: 'page', file, page, wish }, send);
  }
  const [firstIndex, endIndex] = windowOf(context, object, wish, isInserted);
  const runs = fileRuns(object, firstIndex, endIndex, context.kernelPageBytes);
  if (runs.length === 0) return none();
  // `vmf_insert_pfn`: nobody counts it.
  if (object.shape.kind === 'vdso' && page === 0) {
    const special = runs.map((run) => ({ ...run, pteFlags: PTE.SPECIAL }));
    send(mm, pagesAnswer(request, special, false));
    return context;
  }
  const number = context.nextRequest;
  send('zone', { type: 'GET', sender: 'object', request: number, runs: runs.map(({ pfn, nr }) => ({ pfn, nr })) });
  const answer = pagesAnswer(request, runs, !mayWrite);
  const waits = { ...context.waits, [number]: { do: 'referred' as const, mm, answer } };
  return { ...context, nextRequest: number + 1, waits };
}

/** mmap inserts all that its area shows; a fault handler gives the page of the object that it was called for. */
function windowOf(
  { kernelPageBytes }: ObjectContext,
  { sizes }: HeldObject,
  { index, firstIndex, endIndex }: MessageOf<'GET_PAGES'>,
  inserted: boolean,
): [number, number] {
  if (inserted) return [firstIndex, endIndex];
  const nr = sizes.objectPageBytes / kernelPageBytes;
  const first = index - (index % nr);
  return [Math.max(firstIndex, first), Math.min(endIndex, first + nr)];
}

const answered = handle<ObjectContext>((context, event, send) => {
  const { request } = event as MessageOf<'GOT'>;
  const wait = context.waits[request];
  invariant(wait !== undefined, `the zone answers request ${request} of an object`);
  const { [request]: _done, ...waits } = context.waits;
  return goOn({ ...context, waits }, wait, event, send);
});

function goOn(context: ObjectContext, wait: ObjectWait, event: Message, send: Send): ObjectContext {
  if (wait.do === 'referred') {
    send(wait.mm, wait.answer);
    return context;
  }
  const object = context.objects[wait.file];
  invariant(object !== undefined, `${wait.file} stays while it is being allocated`);
  if (event.type === 'NO_MEMORY') return withoutMemory(context, object, wait, send);
  invariant(event.type === 'FRAMES', 'an allocation is answered with frames or without');
  if (wait.do === 'page') {
    const [pfn = null] = event.pfns;
    if ((object.pages[wait.page] ?? null) !== null) {
      // Another process touched it meanwhile: its page stays (`arena->lock`).
      send('zone', { type: 'PUT', runs: event.pfns.map((first) => ({ pfn: first, nr: 2 ** event.orderPages })) });
      return serve(context, wait.wish, send);
    }
    const untouched = Math.max(0, wait.page + 1 - object.pages.length);
    const pages = [...object.pages, ...Array.from({ length: untouched }, () => null)];
    pages[wait.page] = pfn;
    return serve(withObject(context, { ...object, pages }), wait.wish, send);
  }
  const state = withObject(context, { ...object, pages: [...object.pages, ...event.pfns] });
  if (wait.do === 'created') return created(state, wait.file, wait.request, send);
  send('abi', wait.answer);
  return state;
}

function withoutMemory(
  context: ObjectContext,
  object: HeldObject,
  wait: Exclude<ObjectWait, { do: 'referred' }>,
  send: Send,
): ObjectContext {
  if (wait.do === 'page') {
    // `arena_vm_fault` gives SIGSEGV; the model has SIGKILL for every fault without memory.
    send(wait.wish.mm, { ...pagesAnswer(wait.wish.request, [], false), eof: false, failed: true });
    return context;
  }
  if (wait.do === 'created') {
    send('abi', { type: 'OBJECT_CREATED', request: wait.request, errno: ERRNO.ENOMEM, mapBytes: 0 });
    return release(context, { ...object, open: false }, send);
  }
  send('abi', { ...wait.answer, errno: ERRNO.ENOMEM });
  return withObject(context, { ...object, shape: { kind: 'perf', dataPages: null } });
}

/** What an mm says to a file: here most of it changes who maps the object, or nothing. */
const told = handle<ObjectContext>((context, event, send) => {
  const { file } = event as MessageOf<'UNMAP_FILE'>;
  const object = context.objects[file];
  switch (event.type) {
    case 'MAP_FILE': {
      const mapped = object ?? vdsoOf(file);
      const errno = mapped === null ? ERRNO.EBADF : 0;
      const { request, mm } = event;
      send(mm, { type: 'MAPPED', request, file, writeNotify: false, droppedPages: 0, errno });
      if (mapped === null || mapped.mappers.includes(mm)) return context;
      return withObject(context, { ...mapped, mappers: [...mapped.mappers, mm] });
    }
    case 'RESIDENT':
      send(event.mm, { type: 'RESIDENT_PAGES', request: event.request, runs: [] });
      return context;
    case 'ALLOCATE_FILE': {
      // vfs_fallocate: no regular file.
      const nothing = { rereadPages: 0, failed: true, doneBytes: 0 };
      send(event.sender, { type: 'FILE_DONE', request: event.request, errno: ERRNO.ENODEV, ...nothing });
      return context;
    }
    case 'UNMAP_FILE': {
      if (object === undefined) return context;
      const mappers = object.mappers.filter((mm) => mm !== event.mm);
      return release(context, { ...object, mappers }, send);
    }
    case 'CLOSE_FILE':
      return object === undefined ? context : release(context, { ...object, open: false }, send);
    default:
      return context;
  }
});

/** The statechart: whether there is any object. */
export const objectMachine = setup({
  types: { context: {} as ObjectContext, events: {} as Message, input: {} as ObjectInput },
  actions: { create, map, getPages, answered, told },
  guards: {
    inUse: ({ context }) => Object.keys(context.objects).length > 0,
    unused: ({ context }) => Object.keys(context.objects).length === 0,
  },
}).createMachine({
  id: 'object',
  context: ({ input }) => initialObjects(input),
  initial: 'empty',
  on: {
    CREATE_OBJECT: { actions: 'create' },
    MAP_OBJECT: { actions: 'map' },
    GET_PAGES: { actions: 'getPages' },
    FRAMES: { actions: 'answered' },
    NO_MEMORY: { actions: 'answered' },
    GOT: { actions: 'answered' },
    MAP_FILE: { actions: 'told' },
    UNMAP_FILE: { actions: 'told' },
    CLOSE_FILE: { actions: 'told' },
    DIRTIED: { actions: 'told' },
    READ_AHEAD: { actions: 'told' },
    RESIDENT: { actions: 'told' },
    ALLOCATE_FILE: { actions: 'told' },
    RANGE_UNMAPPED: { actions: 'told' },
  },
  states: {
    empty: { always: { guard: 'inUse', target: 'in-use' } },
    'in-use': { always: { guard: 'unused', target: 'empty' } },
  },
});
