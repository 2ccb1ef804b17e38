/**
 * A device's driver: memory that a process maps, registers or RAM, by one of the shapes that Linux offers for it. What
 * the core can see of a mapping, and what becomes of memory that fills no process page, are rules
 * (`src/mm/objects/driverShapes.ts`); what it showed to whom, its own and foreign, is its state.
 *
 * @models S-29 S-30 S-47 T-10 D-20 L-10
 */
import { setup } from 'xstate';
import { invariant } from '../../src/errors.ts';
import { ERRNO } from '../../src/mm/abiRules.ts';
import { driverShapes, mapDriver } from '../../src/mm/objects/driverShapes.ts';
import { exposures } from '../../src/mm/objects/exposure.ts';
import { ioctls, overrunBytes } from '../../src/mm/objects/ioctls.ts';
import { sizesOf } from '../../src/mm/objects/mapping.ts';
import { mmOf } from '../addresses.ts';
import type { FileRun, Message, MessageOf } from '../messages.ts';
import { assertType, handle, type Send } from '../support.ts';
import {
  type DriverContext,
  type DriverInput,
  type DriverWait,
  type ForeignMemory,
  initialDriver,
  memoryBytes,
  memoryOf,
  ramWish,
  shownPieces,
  shownRuns,
} from './driverState.ts';

export type { DriverContext, DriverInput } from './driverState.ts';

function ask(context: DriverContext, wait: DriverWait, message: (request: number) => Message, send: Send) {
  const request = context.nextRequest;
  send('zone', message(request));
  return { ...context, nextRequest: request + 1, waits: { ...context.waits, [request]: wait } };
}

function idOf({ name }: DriverContext): string {
  return `driver:${name}`;
}

/** mmap: the memory is there from the first one on. */
const map = handle<DriverContext>((context, event, send) => {
  assertType(event, 'MAP_OBJECT');
  if (context.registersBytes !== null || context.frames.length > 0) return mapNow(context, event, send);
  const wish = ramWish(context, memoryBytes(context));
  const sender = idOf(context);
  const alloc = (request: number): Message => {
    return { type: 'ALLOC', sender, request, ...wish, purpose: 'kernel', zero: true };
  };
  return ask(context, { do: 'map', event }, alloc, send);
});

function refuse(context: DriverContext, request: number, errno: number, send: Send): DriverContext {
  send('abi', { type: 'OBJECT_MAPPED', request, errno, area: { flags: 0, inserts: false } });
  return { ...context, refused: context.refused + 1 };
}

function mapNow(context: DriverContext, event: MessageOf<'MAP_OBJECT'>, send: Send): DriverContext {
  const { request, pageBytes, mapping } = event;
  const { kernelPageBytes, shape, small } = context;
  const memory = memoryOf(context);
  const { errno, area } = mapDriver(shape, memory, mapping, { abiPageBytes: pageBytes, kernelPageBytes }, small);
  if (area === null) return refuse(context, request, errno, send);
  const mm = mmOf(request);
  const pieces = shownPieces(area.pieces, mapping.offsetBytes);
  const areas = { ...context.areas, [mm]: [...pieces, ...(context.areas[mm] ?? [])] };
  const own = { owner: idOf(context), ...memory };
  // The driver has what its block is rounded up to, shown or not.
  const owned = context.registersBytes === null ? { ...own, lengthBytes: ramBytes(context) } : own;
  const exposed = exposures(area.pieces, owned, context.owners, kernelPageBytes).map((each) => ({ mm, ...each }));
  const inserts = area.row.entries === 'at-mmap';
  const answer = { type: 'OBJECT_MAPPED' as const, request, errno: 0, area: { flags: area.flags, inserts } };
  const state = { ...context, areas };
  if (context.registersBytes === null && exposed.length > 0) return askOwners(state, exposed, answer, send);
  send('abi', answer);
  return { ...state, exposed: [...context.exposed, ...exposed] };
}

/** Bytes of RAM that were allocated: a block is a power of two of pages. */
function ramBytes(context: DriverContext): number {
  const { orderPages, count } = ramWish(context, memoryBytes(context));
  return count * 2 ** orderPages * context.kernelPageBytes;
}

/** Whose RAM lies beside the driver's, the zone knows. */
function askOwners(
  context: DriverContext,
  exposed: ForeignMemory[],
  answer: MessageOf<'OBJECT_MAPPED'>,
  send: Send,
): DriverContext {
  const page = context.kernelPageBytes;
  const pages = exposed.flatMap((each) =>
    Array.from({ length: each.lengthBytes / page }, (_, at) => {
      const from = at * page;
      return { ...each, areaBytes: each.areaBytes + from, startBytes: each.startBytes + from, lengthBytes: page };
    }),
  );
  const pfns = pages.map(({ startBytes }) => startBytes / page);
  const query = (request: number): Message => ({ type: 'FOLIO_QUERY', sender: idOf(context), request, pfns });
  return ask(context, { do: 'owners', exposed: pages, answer }, query, send);
}

/** Which frames a fault, or mmap itself, may enter. */
const getPages = handle<DriverContext>((context, event, send) => {
  assertType(event, 'GET_PAGES');
  const { mm, request } = event;
  const runs = given(context, event);
  const nothing = { major: false, failed: false, rereadPages: 0, writeNotify: false };
  const answer: MessageOf<'PAGES'> = { type: 'PAGES', request, runs, eof: runs.length === 0, ...nothing };
  const counted = driverShapes[context.shape].special ? [] : runs.map(({ pfn, nr }) => ({ pfn, nr }));
  if (counted.length === 0) {
    send(mm, answer);
    return context;
  }
  const get = (number: number): Message => ({ type: 'GET', sender: idOf(context), request: number, runs: counted });
  return ask(context, { do: 'referred', mm, answer }, get, send);
});

function given(context: DriverContext, event: MessageOf<'GET_PAGES'>): FileRun[] {
  const { mm, index, firstIndex, endIndex, orderPages, insert } = event;
  const { entries } = driverShapes[context.shape];
  const pieces = context.areas[mm] ?? [];
  if (entries === 'at-mmap') return insert === true ? shownRuns(context, pieces, firstIndex, endIndex) : [];
  // An unmodified handler enters the one page that it was called for; a core that knows of process pages calls it for
  // each.
  if (context.small === 'driver') return shownRuns(context, pieces, index, index + 1);
  const least = 2 ** orderPages;
  const first = Math.max(firstIndex, index - (index % least));
  const runs = shownRuns(context, pieces, first, Math.min(endIndex, first + least));
  const pages = runs.reduce((sum, run) => sum + run.nr, 0);
  const isHere = runs.some((run) => index >= run.index && index < run.index + run.nr);
  const isWhole = pages === least || context.small === 'pad';
  return isHere && isWhole ? runs : [];
}

const answered = handle<DriverContext>((context, event, send) => {
  const { request } = event as MessageOf<'GOT'>;
  const wait = context.waits[request];
  invariant(wait !== undefined, `the zone answers request ${request} of ${idOf(context)}`);
  const { [request]: _done, ...waits } = context.waits;
  const state = { ...context, waits };
  if (wait.do === 'referred') {
    send(wait.mm, wait.answer);
    return state;
  }
  if (wait.do === 'owners') {
    invariant(event.type === 'FOLIOS', 'a question for folios is answered with folios');
    const { folios } = event;
    const exposed = wait.exposed.map((each, at) => ({ ...each, owner: folios[at]?.owner ?? 'nobody' }));
    send('abi', wait.answer);
    return { ...state, exposed: [...state.exposed, ...exposed] };
  }
  if (event.type === 'NO_MEMORY') return refuse(state, wait.event.request, ERRNO.ENOMEM, send);
  invariant(event.type === 'FRAMES', 'an allocation is answered with frames or without');
  const nr = 2 ** event.orderPages;
  const frames = event.pfns.flatMap((pfn) => Array.from({ length: nr }, (_, at) => pfn + at));
  // Somebody else's mmap may have brought the memory meanwhile: what came second goes back.
  if (state.frames.length > 0) {
    send('zone', { type: 'PUT', runs: event.pfns.map((pfn) => ({ pfn, nr })) });
    return mapNow(state, wait.event, send);
  }
  return mapNow({ ...state, frames }, wait.event, send);
});

const ioctl = handle<DriverContext>((context, event, send) => {
  assertType(event, 'IOCTL');
  const { request, pageBytes, call } = event;
  const row = ioctls[call.command];
  const sizes = sizesOf(pageBytes, context.kernelPageBytes, context.ioctlPages);
  const answer = row?.answer(call.values, sizes) ?? { errno: ERRNO.ENOTTY, result: -1 };
  send('abi', { type: 'IOCTL_DONE', request, ...answer });
  return { ...context, overrunBytes: context.overrunBytes + overrunBytes(call.command, call.values, sizes) };
});

/** What an mm says to a file. */
const told = handle<DriverContext>((context, event, send) => {
  switch (event.type) {
    case 'MAP_FILE': {
      const { request, mm, file } = event;
      send(mm, { type: 'MAPPED', request, file, writeNotify: false, droppedPages: 0, errno: 0 });
      if (context.mappers.includes(mm)) return context;
      // A child of fork has what its parent has, in the same pages.
      const [first = []] = Object.values(context.areas);
      const areas = { ...context.areas, [mm]: context.areas[mm] ?? first };
      return { ...context, areas, mappers: [...context.mappers, mm] };
    }
    case 'UNMAP_FILE': {
      const { [event.mm]: _gone, ...areas } = context.areas;
      return { ...context, areas, mappers: context.mappers.filter((mm) => mm !== event.mm) };
    }
    case 'RESIDENT':
      send(event.mm, { type: 'RESIDENT_PAGES', request: event.request, runs: [] });
      return context;
    case 'ALLOCATE_FILE': {
      const nothing = { rereadPages: 0, failed: true, doneBytes: 0 };
      send(event.sender, { type: 'FILE_DONE', request: event.request, errno: ERRNO.ENODEV, ...nothing });
      return context;
    }
    default:
      return context;
  }
});

/** The statechart: whether anybody has the memory mapped. */
export const driverMachine = setup({
  types: { context: {} as DriverContext, events: {} as Message, input: {} as DriverInput },
  actions: { map, getPages, answered, ioctl, told },
  guards: {
    isMapped: ({ context }) => context.mappers.length > 0,
    isUnmapped: ({ context }) => context.mappers.length === 0,
  },
}).createMachine({
  id: 'driver',
  context: ({ input }) => initialDriver(input),
  initial: 'unmapped',
  on: {
    MAP_OBJECT: { actions: 'map' },
    GET_PAGES: { actions: 'getPages' },
    IOCTL: { actions: 'ioctl' },
    FRAMES: { actions: 'answered' },
    NO_MEMORY: { actions: 'answered' },
    GOT: { actions: 'answered' },
    FOLIOS: { actions: 'answered' },
    MAP_FILE: { actions: 'told' },
    UNMAP_FILE: { actions: 'told' },
    DIRTIED: { actions: 'told' },
    READ_AHEAD: { actions: 'told' },
    RESIDENT: { actions: 'told' },
    ALLOCATE_FILE: { actions: 'told' },
    RANGE_UNMAPPED: { actions: 'told' },
  },
  states: {
    unmapped: { always: { guard: 'isMapped', target: 'mapped' } },
    mapped: { always: { guard: 'isUnmapped', target: 'unmapped' } },
  },
});
