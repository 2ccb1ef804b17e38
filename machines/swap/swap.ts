/**
 * A swap device with its swap cache (`mm/swapfile.c`, `mm/swap_state.c`): slots for pages that have no file, counted by the entries
 * that name them, and the folios that are both in memory and on the device.
 *
 * @models S-10 D-07
 */
import { setup } from 'xstate';
import type { Message } from '../messages.ts';
import { showSwap } from '../procfs/answers.ts';
import { assertType, handle, type Send } from '../support.ts';
import { failRead, freeSlots, readSlots, referenced, swapAhead, swapIn, transferred } from './swapIn.ts';
import { addToSwap, dropSwap, writeSwap } from './swapOut.ts';
import { countSlots, freeSwap, initialSwap, slotRuns, type SwapContext, type SwapInput } from './swapState.ts';

export type { SwapContext, SwapInput } from './swapState.ts';

/** mincore asks which slots have their page in the cache. */
function resident(context: SwapContext, event: Message, send: Send): SwapContext {
  assertType(event, 'SWAP_RESIDENT');
  const slots = event.slots.flatMap(({ offset, nr }) => Array.from({ length: nr }, (_, at) => offset + at));
  const cached = slotRuns(slots.filter((slot) => context.frames.has(slot)));
  send(event.sender, { type: 'SWAP_CACHED', request: event.request, slots: cached });
  return context;
}

/** Counts the slots for a child. */
function duplicate(context: SwapContext, event: Message, send: Send): SwapContext {
  assertType(event, 'SWAP_DUPLICATE');
  send(event.sender, { type: 'SWAP_DUPLICATED', request: event.request });
  return { ...context, map: countSlots(context.map, event.slots, 1) };
}

/** Pages that an mm maps no more: their copies are of no use unless an entry names them (`free_swap_cache`). */
function freeCache(context: SwapContext, event: Message, send: Send): SwapContext {
  assertType(event, 'FREE_SWAP_CACHE');
  let state = context;
  for (const { pfn, nr } of event.runs) {
    const heads: number[] = [];
    // The folio may begin before the run.
    const before = context.cache.last(pfn);
    if (before !== null && before.key + before.value.slots.length > pfn) heads.push(before.key);
    context.cache.forEach(pfn + 1, pfn + nr, (head) => heads.push(head));
    for (const head of heads) state = freeSwap(state, head, send);
  }
  return state;
}

function takeMessage(context: SwapContext, event: Message, send: Send): SwapContext {
  switch (event.type) {
    case 'ADD_TO_SWAP':
      return addToSwap(context, event, send);
    case 'SWAP_WRITE':
      return writeSwap(context, event, send);
    case 'SWAP_DROP':
      return dropSwap(context, event, send);
    case 'SWAP_IN':
      return swapIn(context, event, send);
    case 'SWAP_AHEAD':
      return swapAhead(context, event, send);
    case 'SWAP_FREE':
      return freeSlots(context, event, send);
    case 'SWAP_DUPLICATE':
      return duplicate(context, event, send);
    case 'FREE_SWAP_CACHE':
      return freeCache(context, event, send);
    case 'SWAP_QUERY':
      return showSwap(context, event, send);
    case 'SWAP_RESIDENT':
      return resident(context, event, send);
    case 'FRAMES':
      return readSlots(context, event, send);
    case 'NO_MEMORY':
      return failRead(context, event, send);
    case 'GOT':
      return referenced(context, event.request, send);
    default:
      assertType(event, 'IO_DONE');
      return transferred(context, event.request, send);
  }
}

const take = handle<SwapContext>((context, event, send) => {
  const next = takeMessage(context, event, send);
  const { freeSlots } = next.map;
  if (context.map.freeSlots === 0 && freeSlots > 0) send('kswapd', { type: 'SWAP_SPACE', freeSlots });
  return next;
});

const isBusy = ({ context }: { context: SwapContext }): boolean =>
  context.work.some((work) => work.kind !== 'get' && work.transfers.length > 0);
const isFull = ({ context }: { context: SwapContext }): boolean => context.map.freeSlots === 0;

/** The swap device's statechart: at rest, transferring, or without a free slot. */
export const swapMachine = setup({
  types: { context: {} as SwapContext, events: {} as Message, input: {} as SwapInput },
  actions: { take },
  guards: {
    isBusy,
    isFull,
    rests: ({ context }) => !isBusy({ context }),
    hasRoom: ({ context }) => !isFull({ context }),
  },
}).createMachine({
  id: 'swap',
  context: ({ input }) => initialSwap(input),
  initial: 'idle',
  on: {
    ADD_TO_SWAP: { actions: 'take' },
    SWAP_WRITE: { actions: 'take' },
    SWAP_DROP: { actions: 'take' },
    SWAP_IN: { actions: 'take' },
    SWAP_AHEAD: { actions: 'take' },
    SWAP_FREE: { actions: 'take' },
    SWAP_DUPLICATE: { actions: 'take' },
    FREE_SWAP_CACHE: { actions: 'take' },
    SWAP_RESIDENT: { actions: 'take' },
    SWAP_QUERY: { actions: 'take' },
    FRAMES: { actions: 'take' },
    NO_MEMORY: { actions: 'take' },
    GOT: { actions: 'take' },
    IO_DONE: { actions: 'take' },
  },
  states: {
    idle: {
      always: [
        { guard: 'isBusy', target: 'transferring' },
        { guard: 'isFull', target: 'full' },
      ],
    },
    transferring: { always: { guard: 'rests', target: 'idle' } },
    full: {
      always: [
        { guard: 'isBusy', target: 'transferring' },
        { guard: 'hasRoom', target: 'idle' },
      ],
    },
  },
});
