/** A block device that serves one transfer at a time: a latency, and a rate. */
import { setup } from 'xstate';
import { PersistentList } from '../src/mm/persistentList.ts';
import type { Message, MessageOf } from './messages.ts';
import { assertType, handle, type ResourceHolder, type Send } from './support.ts';

/** What a disk is built with. */
export interface DiskInput {
  resources: ResourceHolder;
}

/** A transfer that was asked for. */
type Transfer = MessageOf<'READ_BLOCKS' | 'WRITE_BLOCKS'>;

/** A disk's state. */
export interface DiskContext {
  resources: ResourceHolder;
  /** The transfer under way is the first. */
  queue: PersistentList<Transfer>;
  reads: number;
  writes: number;
  readBytes: number;
  writtenBytes: number;
}

function start(context: DiskContext, send: Send): DiskContext {
  const transfer = context.queue.at(0);
  if (transfer === undefined) return context;
  const { diskLatency, diskPerKb } = context.resources.costs;
  const busyCycles = diskLatency + Math.ceil((diskPerKb * transfer.lengthBytes) / 1024);
  // The device's own interrupt: a message to itself, so that the busy time is in the log.
  send('disk', { type: 'IO_DONE', request: transfer.request }, busyCycles);
  return context;
}

const queue = handle<DiskContext>((context, event, send) => {
  const transfer = event as Transfer;
  const read = transfer.type === 'READ_BLOCKS';
  const state = {
    resources: context.resources,
    queue: context.queue.push(transfer),
    reads: context.reads + (read ? 1 : 0),
    writes: context.writes + (read ? 0 : 1),
    readBytes: context.readBytes + (read ? transfer.lengthBytes : 0),
    writtenBytes: context.writtenBytes + (read ? 0 : transfer.lengthBytes),
  };
  return context.queue.length === 0 ? start(state, send) : state;
});

const done = handle<DiskContext>((context, event, send) => {
  assertType(event, 'IO_DONE');
  const transfer = context.queue.at(0);
  if (transfer === undefined) return context;
  send(transfer.file, { type: 'IO_DONE', request: transfer.request });
  const { resources, queue: waiting, reads, writes, readBytes, writtenBytes } = context;
  return start({ resources, queue: waiting.shift(), reads, writes, readBytes, writtenBytes }, send);
});

/** The disk's statechart. */
export const diskMachine = setup({
  types: { context: {} as DiskContext, events: {} as Message, input: {} as DiskInput },
  actions: { queue, done },
  guards: { busy: ({ context }) => context.queue.length > 0, free: ({ context }) => context.queue.length === 0 },
}).createMachine({
  id: 'disk',
  context: ({ input }) => ({
    resources: input.resources,
    queue: PersistentList.empty(),
    reads: 0,
    writes: 0,
    readBytes: 0,
    writtenBytes: 0,
  }),
  initial: 'idle',
  on: { READ_BLOCKS: { actions: 'queue' }, WRITE_BLOCKS: { actions: 'queue' } },
  states: {
    idle: { always: { guard: 'busy', target: 'busy' } },
    busy: { on: { IO_DONE: { actions: 'done' } }, always: { guard: 'free', target: 'idle' } },
  },
});
