/**
 * procfs and sysfs as processes read them: text made of what the mm, its tables, the zone and the page caches hold at the moment,
 * in the units of the reader, or an errno where they do not fit.
 *
 * @models S-24 S-27 S-31 S-32 S-49 L-06 L-07 L-09
 */
import { setup } from 'xstate';
import { invariant } from '../../src/errors.ts';
import { parsePath } from '../../src/mm/procfs/paths.ts';
import type { Message } from '../messages.ts';
import { assertType, handle } from '../support.ts';
import { beginRead, foliosSeen, gathered, mmSeen, swapSeen, walked } from './gather.ts';
import { controlSeen, zoneSeen } from './system.ts';
import { initialProcfs, newRead, type ProcfsContext, type ProcfsInput, type ProcRead } from './procfsState.ts';

export type { ProcfsContext, ProcfsInput } from './procfsState.ts';

function readOf(context: ProcfsContext, request: number): ProcRead {
  const read = context.reads.get(request);
  invariant(read !== undefined, `process ${request} reads procfs`);
  return read;
}

const read = handle<ProcfsContext>((context, event, send) => {
  assertType(event, 'PROC_READ');
  const { request: pid, readerPageBytes, offsetBytes, lengthBytes } = event;
  const path = parsePath(event.path, pid) ?? { scope: 'system' as const, name: '' };
  return beginRead(context, newRead({ pid, readerPageBytes, path, offsetBytes, lengthBytes, text: null }), send);
});

const write = handle<ProcfsContext>((context, event, send) => {
  assertType(event, 'PROC_WRITE');
  const { request: pid, readerPageBytes, text } = event;
  const path = parsePath(event.path, pid) ?? { scope: 'system' as const, name: '' };
  return beginRead(context, newRead({ pid, readerPageBytes, path, offsetBytes: 0, lengthBytes: 0, text }), send);
});

const answered = handle<ProcfsContext>((context, event, send) => {
  const { request } = event as Message & { request: number };
  const under = readOf(context, request);
  switch (event.type) {
    case 'MM_STATE':
      return mmSeen(context, under, event, send);
    case 'WALKED':
      return walked(context, under, event, send);
    case 'FOLIOS':
      return foliosSeen(context, under, event, send);
    case 'KSM_PAGES':
      return gathered(context, { ...under, merged: event.pfns }, send);
    case 'SWAP_COUNTS':
      return swapSeen(context, under, event, send);
    case 'ZONE_STATE':
      return zoneSeen(context, under, event, send);
    case 'CONTROL_DONE':
      return controlSeen(context, under, event, send);
    case 'CACHE_STATE': {
      const cached = { ...under.cached, [event.file]: event.folios };
      return gathered(context, { ...under, cached }, send);
    }
    default:
      return context;
  }
});

/** The statechart: it serves every reader, one file of each at a time. */
export const procfsMachine = setup({
  types: { context: {} as ProcfsContext, events: {} as Message, input: {} as ProcfsInput },
  actions: { read, write, answered },
  guards: {
    isRead: ({ context }) => context.reads.size > 0,
    isIdle: ({ context }) => context.reads.size === 0,
  },
}).createMachine({
  id: 'procfs',
  context: ({ input }) => initialProcfs(input),
  initial: 'idle',
  on: { PROC_READ: { actions: 'read' }, PROC_WRITE: { actions: 'write' } },
  states: {
    idle: { always: { guard: 'isRead', target: 'gathering' } },
    gathering: {
      on: {
        MM_STATE: { actions: 'answered' },
        WALKED: { actions: 'answered' },
        FOLIOS: { actions: 'answered' },
        CACHE_STATE: { actions: 'answered' },
        KSM_PAGES: { actions: 'answered' },
        SWAP_COUNTS: { actions: 'answered' },
        ZONE_STATE: { actions: 'answered' },
        CONTROL_DONE: { actions: 'answered' },
      },
      always: { guard: 'isIdle', target: 'idle' },
    },
  },
});
