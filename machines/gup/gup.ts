/**
 * A holder of pins: a driver, io_uring or a debugger that has pages of user memory (`mm/gup.c`). It takes them by the lockless
 * walk of the Linux table where it can, each load a message of its own, so that whatever else happens may come between two
 * of them; and through the mm, under its lock, where the walk gives up.
 *
 * @models S-08 S-09
 */
import { setup } from 'xstate';
import { addHeld, heldPages, takeHeld } from '../../src/mm/gup/held.ts';
import { mmOf } from '../addresses.ts';
import type { Message, MessageOf } from '../messages.ts';
import { assertType, handle, type Send } from '../support.ts';
import { beginWalk, entered, grabbed, holderOf, leaveWalk, sequenceRead } from './gupWalk.ts';
import { type GupContext, type GupInput, type GupPhase, type GupWork, initialGup } from './gupState.ts';

export type { GupContext, GupInput } from './gupState.ts';

function answer(
  context: GupContext,
  to: { sender: string; request: number },
  result: number,
  errno: number,
  send: Send,
): GupContext {
  if (to.sender === 'abi') send('abi', { type: 'GUP_DONE', request: to.request, result, errno });
  return next({ ...context, phase: 'idle', work: null, unpin: null }, send);
}

/** Takes the first request that waits. */
function next(context: GupContext, send: Send): GupContext {
  const [message, ...queue] = context.queue;
  if (context.phase !== 'idle' || message === undefined) return context;
  const state = { ...context, queue };
  return message.type === 'GUP_UNPIN' ? beginUnpin(state, message, send) : beginPin(state, message, send);
}

function beginPin(context: GupContext, message: MessageOf<'GUP_PIN'>, send: Send): GupContext {
  const { addr, lengthBytes, fast, force } = message;
  const page = context.kernelPageBytes;
  const va = Math.floor(addr / page) * page;
  const endVa = Math.ceil((addr + lengthBytes) / page) * page;
  const nothing = { pfn: 0, flags: 0, kind: '', owner: '', taken: [] };
  const work: GupWork = { message, va, endVa, seq: 0, step: 'pmd', ...nothing };
  // FOLL_FORCE is none of the flags of the fast walk (`gup_fast_fallback`).
  if (fast && !force) return beginWalk({ ...context, work }, work, send);
  return goSlow({ ...context, work }, work, send);
}

/** `__gup_longterm_locked` for the pages that are left. */
function goSlow(context: GupContext, work: GupWork, send: Send): GupContext {
  const { pid, write, longterm, force } = work.message;
  const request = context.nextRequest;
  const wish = { write, longterm, force };
  const range = { addr: work.va, lengthBytes: work.endVa - work.va };
  const call = { op: 'pin_user_pages' as const, sender: holderOf(context), ...range, ...wish };
  send(mmOf(pid), { type: 'MM_CALL', request, call });
  return { ...context, work, phase: 'slow', awaits: request, nextRequest: request + 1 };
}

/** The walk is over: what it took is kept, and the rest goes the slow way. */
function walkEnded(context: GupContext, work: GupWork, send: Send): GupContext {
  return work.va < work.endVa ? goSlow(context, work, send) : keep(context, work, heldPages(work.taken), 0, 0, send);
}

/** The request is done, with so many pages of each way. */
function keep(
  context: GupContext,
  work: GupWork,
  fastPages: number,
  slowPages: number,
  errno: number,
  send: Send,
): GupContext {
  const { taken, message } = work;
  const page = context.kernelPageBytes;
  const wanted = work.endVa / page - Math.floor(message.addr / page);
  const result = fastPages + slowPages;
  const counted = {
    ...context,
    held: addHeld(context.held, taken, page),
    fastPages: context.fastPages + fastPages,
    slowPages: context.slowPages + slowPages,
    short: context.short + (result < wanted ? 1 : 0),
  };
  return result > 0 ? answer(counted, message, result, 0, send) : answer(counted, message, -1, errno, send);
}

function beginUnpin(context: GupContext, message: MessageOf<'GUP_UNPIN'>, send: Send): GupContext {
  const { pid, addr, lengthBytes } = message;
  const page = context.kernelPageBytes;
  const range = { startVa: Math.floor(addr / page) * page, endVa: Math.ceil((addr + lengthBytes) / page) * page };
  const { taken, left } = takeHeld(context.held, pid, range, page);
  if (taken.length === 0) return answer(context, message, 0, 0, send);
  const request = context.nextRequest;
  const runs = taken.map(({ pfn, nr }) => ({ pfn, nr }));
  send('zone', { type: 'UNPIN', sender: holderOf(context), request, runs });
  return { ...context, unpin: message, held: left, phase: 'unpinning', awaits: request, nextRequest: request + 1 };
}

const enqueue = handle<GupContext>((context, event, send) => {
  const message = event as MessageOf<'GUP_PIN' | 'GUP_UNPIN'>;
  return next({ ...context, queue: [...context.queue, message] }, send);
});

const sequence = handle<GupContext>((context, event, send) => {
  assertType(event, 'PROTECT_SEQ');
  const { state, verdict } = sequenceRead(context, event.seq, send);
  const work = state.work as GupWork;
  if (verdict === 'slow') return goSlow(state, work, send);
  return verdict === 'kept' ? walkEnded(state, work, send) : state;
});

/** The walk gives up at an entry: interrupts on, and the sequence again where anything was taken. */
const entry = handle<GupContext>((context, event, send) => {
  assertType(event, 'GUP_ENTRY');
  const { state, over } = entered(context, event, send);
  return over ? endWalk(state, send) : state;
});

function endWalk(context: GupContext, send: Send): GupContext {
  const state = leaveWalk(context, send);
  return state.phase === 'checking' ? state : walkEnded(state, state.work as GupWork, send);
}

const grab = handle<GupContext>((context, event, send) => {
  assertType(event, 'GRABBED');
  const { state, over } = grabbed(context, event, send);
  return over ? endWalk(state, send) : state;
});

const released = handle<GupContext>((context, event, send) => {
  assertType(event, 'UNPINNED');
  const { phase, work, unpin } = context;
  if (phase === 'dropping') return endWalk(context, send);
  if (phase === 'undoing') return goSlow(context, work as GupWork, send);
  const message = unpin as MessageOf<'GUP_UNPIN'>;
  return answer(context, message, 0, 0, send);
});

/** The mm has pinned what it could: runs of address, frame, pages and PTE flags. */
const slowDone = handle<GupContext>((context, event, send) => {
  assertType(event, 'MM_DONE');
  const work = context.work as GupWork;
  const { pid, write, longterm } = work.message;
  const taken = [...work.taken];
  for (let at = 0; at < event.data.length; at += 4) {
    const [va, pfn, nr, anon] = event.data.slice(at, at + 4);
    taken.push({ pid, va, pfn, nr, anon: anon === 1, write, longterm });
  }
  // Pages of zero memory are among the result, and nobody pins them.
  return keep(context, { ...work, taken }, heldPages(work.taken), Math.max(event.result, 0), event.errno, send);
});

const isIn =
  (...phases: GupPhase[]) =>
  ({ context }: { context: GupContext }): boolean =>
    phases.includes(context.phase);

const awaited = ({ context, event }: { context: GupContext; event: Message }): boolean =>
  'request' in event && event.request === context.awaits;

/** Where each state of the chart can lead to: wherever the step has taken the request. */
const ways = [
  { guard: 'samples' as const, target: 'sampling' },
  { guard: 'walks' as const, target: 'walking' },
  { guard: 'grabs' as const, target: 'grabbing' },
  { guard: 'givesBack' as const, target: 'giving-back' },
  { guard: 'asksMm' as const, target: 'slow' },
  { guard: 'rests' as const, target: 'idle' },
];

const waysFrom = (state: string): typeof ways => ways.filter(({ target }) => target !== state);

/** The holder's statechart: where in `pin_user_pages` it is. */
export const gupMachine = setup({
  types: { context: {} as GupContext, events: {} as Message, input: {} as GupInput },
  actions: { enqueue, sequence, entry, grab, released, slowDone },
  guards: {
    awaited,
    samples: isIn('sampling', 'checking'),
    walks: isIn('walking'),
    grabs: isIn('grabbing'),
    givesBack: isIn('dropping', 'undoing', 'unpinning'),
    asksMm: isIn('slow'),
    rests: isIn('idle'),
  },
}).createMachine({
  id: 'gup',
  context: ({ input }) => initialGup(input),
  initial: 'idle',
  on: { GUP_PIN: { actions: 'enqueue' }, GUP_UNPIN: { actions: 'enqueue' } },
  states: {
    idle: { always: waysFrom('idle') },
    /** `write_protect_seq` is read. */
    sampling: { on: { PROTECT_SEQ: { guard: 'awaited', actions: 'sequence' } }, always: waysFrom('sampling') },
    /** Interrupts are off: tables that are unlinked meanwhile stay. */
    walking: { on: { GUP_ENTRY: { guard: 'awaited', actions: 'entry' } }, always: waysFrom('walking') },
    grabbing: { on: { GRABBED: { guard: 'awaited', actions: 'grab' } }, always: waysFrom('grabbing') },
    'giving-back': { on: { UNPINNED: { guard: 'awaited', actions: 'released' } }, always: waysFrom('giving-back') },
    slow: { on: { MM_DONE: { guard: 'awaited', actions: 'slowDone' } }, always: waysFrom('slow') },
  },
});
