/**
 * hugetlb: pools of huge pages, and the internal hugetlbfs mounts whose files are mapped by MAP_HUGETLB, MFD_HUGETLB and SHM_HUGETLB.
 * Sources: mm/hugetlb.c, fs/hugetlbfs/inode.c.
 *
 * @models S-28 S-25
 */
import { setup } from 'xstate';
import { readHuge, controlAt } from '../../src/mm/hugetlb/controls.ts';
import type { Message, MessageOf } from '../messages.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { assertType, handle, type Send } from '../support.ts';
import { inodeFor, mapping } from './mappings.ts';
import { gotFrames, gotReferences, rangeUnmapped, serve } from './operations.ts';
import { sharedReferences, sharedReplaced, unshare } from './share.ts';
import { type HugeRequest, type HugetlbContext, type HugetlbInput, initialHugetlb } from './state.ts';

/** Requests wait their turn. */
const enqueue = handle<HugetlbContext>((context, event, send) =>
  serve({ ...context, queue: [...context.queue, event as HugeRequest] }, send),
);

const got = handle<HugetlbContext>((context, event, send) => {
  return sharedReferences(context, event, send) ?? gotReferences(context, send);
});

const readControl = handle<HugetlbContext>((context, event, send) => {
  assertType(event, 'READ_CONTROL');
  const { sender, request, path, pageBytes } = event;
  const { kernelPageBytes, facility, pools } = context;
  const reader = { pageBytes, kernelPageBytes, policy: facility.policy };
  const read = readHuge(pools, controlAt(path, reader, facility.defaultSize));
  const errno = 'errno' in read ? read.errno : 0;
  send(sender, { type: 'CONTROL_DONE', request, errno, text: 'text' in read ? read.text : '' });
  return context;
});

type FileRequest = MessageOf<'READ_FILE' | 'WRITE_FILE' | 'SYNC_FILE' | 'RESIDENT'>;

/**
 * What needs no page: a file of hugetlbfs is read up to its end, holes as zeroes, and cannot be written with write (there is no
 * `write_iter`); fsync has nothing to do. mincore looks at the table alone (`mincore_hugetlb`).
 */
function answered(context: HugetlbContext, event: FileRequest, send: Send): HugetlbContext {
  const { request } = event;
  if (event.type === 'RESIDENT') {
    send(event.mm, { type: 'RESIDENT_PAGES', request, runs: [] });
    return context;
  }
  const { sizeBytes } = inodeFor(context, event.file, 0);
  const to = event.type === 'SYNC_FILE' ? event.sender : 'abi';
  const isRead = event.type === 'READ_FILE';
  const doneBytes = isRead ? Math.max(0, Math.min(event.lengthBytes, sizeBytes - event.offsetBytes)) : 0;
  const errno = event.type === 'WRITE_FILE' ? ERRNO.EINVAL : 0;
  send(to, { type: 'FILE_DONE', request, rereadPages: 0, failed: errno !== 0, errno, doneBytes });
  return context;
}

/** hugetlb's statechart: what the request under way waits for. */
export const hugetlbMachine = setup({
  types: { context: {} as HugetlbContext, events: {} as Message, input: {} as HugetlbInput },
  actions: {
    enqueue,
    got,
    readControl,
    boot: handle<HugetlbContext>((context, _event, send) => serve(context, send)),
    frames: handle<HugetlbContext>(gotFrames),
    mapping: handle<HugetlbContext>(mapping),
    answered: handle<HugetlbContext>((context, event, send) => answered(context, event as FileRequest, send)),
    rangeUnmapped: handle<HugetlbContext>((context, _event, send) => rangeUnmapped(context, send)),
    unshare: handle<HugetlbContext>((context, event, send) => {
      assertType(event, 'HUGE_UNSHARE');
      return unshare(context, event, send);
    }),
    replaced: handle<HugetlbContext>((context, event, send) => {
      assertType(event, 'REPLACED');
      return serve(sharedReplaced(context, event, send), send);
    }),
  },
  guards: {
    rests: ({ context }) => context.current === null,
    awaitsFrames: ({ context }) => context.current?.step === 'frames',
    awaitsReferences: ({ context }) => context.current?.step === 'references',
    awaitsMappers: ({ context }) => context.current?.step === 'unmapping',
  },
}).createMachine({
  id: 'hugetlb',
  context: ({ input }) => initialHugetlb(input),
  initial: 'idle',
  on: {
    HUGETLB_BOOT: { actions: 'boot' },
    RESERVE_HUGE: { actions: 'enqueue' },
    HUGE_FAULT: { actions: 'enqueue' },
    CREATE_FILE: { actions: 'enqueue' },
    TRUNCATE_FILE: { actions: 'enqueue' },
    ALLOCATE_FILE: { actions: 'enqueue' },
    WRITE_CONTROL: { actions: 'enqueue' },
    READ_CONTROL: { actions: 'readControl' },
    FRAMES: { actions: 'frames' },
    NO_MEMORY: { actions: 'frames' },
    GOT: { actions: 'got' },
    MAP_FILE: { actions: 'mapping' },
    UNMAP_FILE: { actions: 'mapping' },
    CLOSE_FILE: { actions: 'mapping' },
    HUGE_UNMAPPED: { actions: 'mapping' },
    HUGE_RELEASE: { actions: 'mapping' },
    HUGE_DUP: { actions: 'mapping' },
    HUGE_UNSHARE: { actions: 'unshare' },
    REPLACED: { actions: 'replaced' },
    RANGE_UNMAPPED: { actions: 'rangeUnmapped' },
    READ_FILE: { actions: 'answered' },
    WRITE_FILE: { actions: 'answered' },
    SYNC_FILE: { actions: 'answered' },
    RESIDENT: { actions: 'answered' },
    // Nothing is written back, and nothing is read ahead.
    DIRTIED: {},
    READ_AHEAD: {},
  },
  states: {
    idle: {
      always: [
        { guard: 'awaitsFrames', target: 'growing' },
        { guard: 'awaitsReferences', target: 'faulting' },
        { guard: 'awaitsMappers', target: 'cutting' },
      ],
    },
    growing: {
      always: [
        { guard: 'awaitsReferences', target: 'faulting' },
        { guard: 'awaitsMappers', target: 'cutting' },
        { guard: 'rests', target: 'idle' },
      ],
    },
    faulting: {
      always: [
        { guard: 'awaitsFrames', target: 'growing' },
        { guard: 'awaitsMappers', target: 'cutting' },
        { guard: 'rests', target: 'idle' },
      ],
    },
    cutting: {
      always: [
        { guard: 'awaitsFrames', target: 'growing' },
        { guard: 'awaitsReferences', target: 'faulting' },
        { guard: 'rests', target: 'idle' },
      ],
    },
  },
});
