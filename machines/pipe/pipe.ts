/**
 * A pipe that splice has filled: it holds references to pages of the page cache, without a mapping and without a pin. What
 * becomes of the file meanwhile does not reach it: where its folios are dropped for larger ones, the pipe keeps the old pages,
 * and tmpfs, which cannot read its pages again, refuses the mapping that needs them larger.
 *
 * @models T-09
 */
import { setup } from 'xstate';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { PersistentList } from '../../src/mm/persistentList.ts';
import { actorOfFile } from '../fileState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { assertType, handle, type ResourceHolder, type Send } from '../support.ts';

/** `PIPE_DEF_BUFFERS` (`include/linux/pipe_fs_i.h`): slots of a new pipe, a page each. */
export const PIPE_SLOTS = 16;

/** What a pipe is built with. */
export interface PipeInput {
  resources: ResourceHolder;
  name: string;
  kernelPageBytes: number;
  /** Slots of one kernel page each. */
  slots: number;
}

/** One slot: bytes of one page of a file. */
export interface PipeSlot {
  file: string;
  index: number;
  lengthBytes: number;
}

/** A pipe's state. */
export interface PipeContext extends PipeInput {
  filled: PersistentList<PipeSlot>;
  /** The splice that waits for its references, and those behind it (`pipe->mutex`). */
  current: MessageOf<'SPLICE'> | null;
  waiting: MessageOf<'SPLICE'>[];
  splicedBytes: number;
  drainedBytes: number;
  /** Times that there was no slot left. */
  full: number;
}

/** Takes the next splice that waits. */
function next(context: PipeContext, send: Send): PipeContext {
  const [splice, ...waiting] = context.waiting;
  if (context.current !== null || splice === undefined) return context;
  const room = context.slots - context.filled.length;
  if (room <= 0) {
    send('abi', { type: 'PIPE_DONE', request: splice.request, doneBytes: 0, errno: ERRNO.EAGAIN });
    return next({ ...context, waiting, full: context.full + 1 }, send);
  }
  const { file, offsetBytes, lengthBytes, request } = splice;
  const firstIndex = Math.floor(offsetBytes / context.kernelPageBytes);
  const last = Math.ceil((offsetBytes + lengthBytes) / context.kernelPageBytes);
  const endIndex = Math.min(last, firstIndex + room);
  const holder = `pipe:${context.name}`;
  send(actorOfFile(file), { type: 'PIN_PAGES', file, holder, firstIndex, endIndex, request });
  return { ...context, waiting, current: splice };
}

const splice = handle<PipeContext>((context, event, send) => {
  assertType(event, 'SPLICE');
  return next({ ...context, waiting: [...context.waiting, event] }, send);
});

/** The pages up to the first that is not there any more; each takes a slot (`splice_folio_into_pipe`). */
function slotsOf(context: PipeContext, current: MessageOf<'SPLICE'>, runs: readonly { index: number; nr: number }[]) {
  const { file, offsetBytes, lengthBytes } = current;
  const { kernelPageBytes: page } = context;
  const endBytes = offsetBytes + lengthBytes;
  const slots: PipeSlot[] = [];
  let index = Math.floor(offsetBytes / page);
  for (const run of runs) {
    if (run.index !== index) break;
    for (; index < run.index + run.nr; index++) {
      const from = Math.max(offsetBytes, index * page);
      slots.push({ file, index, lengthBytes: Math.min(endBytes, (index + 1) * page) - from });
    }
  }
  return slots;
}

const pinned = handle<PipeContext>((context, event, send) => {
  assertType(event, 'PINNED');
  const { current } = context;
  if (current === null) return context;
  const slots = slotsOf(context, current, event.runs);
  const held = event.runs.reduce((sum, run) => sum + run.nr, 0);
  // References behind a gap are given back.
  for (const { index, nr } of held === slots.length ? [] : event.runs.slice(1))
    unpin(context, current.file, index, nr, send);
  const doneBytes = slots.reduce((sum, slot) => sum + slot.lengthBytes, 0);
  send('abi', { type: 'PIPE_DONE', request: current.request, doneBytes, errno: 0 });
  const filled = context.filled.pushAll(slots);
  return next({ ...context, filled, current: null, splicedBytes: context.splicedBytes + doneBytes }, send);
});

function unpin({ name }: PipeContext, file: string, firstIndex: number, nr: number, send: Send): void {
  const holder = `pipe:${name}`;
  send(actorOfFile(file), { type: 'UNPIN_PAGES', file, holder, firstIndex, endIndex: firstIndex + nr });
}

const drain = handle<PipeContext>((context, event, send) => {
  assertType(event, 'DRAIN');
  let { filled } = context;
  let doneBytes = 0;
  for (let slot = filled.at(0); slot !== undefined && doneBytes < event.lengthBytes; slot = filled.at(0)) {
    const bytes = Math.min(slot.lengthBytes, event.lengthBytes - doneBytes);
    doneBytes += bytes;
    filled = filled.shift();
    if (bytes < slot.lengthBytes) {
      const rest = { ...slot, lengthBytes: slot.lengthBytes - bytes };
      filled = PersistentList.fromPlain([rest, ...filled.toPlain()]);
    } else unpin(context, slot.file, slot.index, 1, send);
  }
  // An empty pipe would put its reader to sleep; a program of a topology that drains it early has nothing to wait for.
  const errno = doneBytes === 0 ? ERRNO.EAGAIN : 0;
  send('abi', { type: 'PIPE_DONE', request: event.request, doneBytes, errno });
  return next({ ...context, filled, drainedBytes: context.drainedBytes + doneBytes }, send);
});

/** The pipe's statechart. */
export const pipeMachine = setup({
  types: { context: {} as PipeContext, events: {} as Message, input: {} as PipeInput },
  actions: { splice, pinned, drain },
  guards: {
    takes: ({ context }) => context.current !== null,
    holds: ({ context }) => context.current === null && context.filled.length > 0,
    isEmpty: ({ context }) => context.current === null && context.filled.length === 0,
  },
}).createMachine({
  id: 'pipe',
  context: ({ input }) => ({
    ...input,
    filled: PersistentList.empty(),
    current: null,
    waiting: [],
    splicedBytes: 0,
    drainedBytes: 0,
    full: 0,
  }),
  initial: 'empty',
  on: { SPLICE: { actions: 'splice' }, DRAIN: { actions: 'drain' }, PINNED: { actions: 'pinned' } },
  states: {
    empty: {
      always: [
        { guard: 'takes', target: 'splicing' },
        { guard: 'holds', target: 'filled' },
      ],
    },
    splicing: {
      always: [
        { guard: 'holds', target: 'filled' },
        { guard: 'isEmpty', target: 'empty' },
      ],
    },
    filled: {
      always: [
        { guard: 'takes', target: 'splicing' },
        { guard: 'isEmpty', target: 'empty' },
      ],
    },
  },
});
