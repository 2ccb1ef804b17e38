/**
 * One userfaultfd: the queue of faults of a process that wait for a monitor, and the requests that let them go on. A
 * process that faults in an area that is registered sleeps until the page is there and somebody wakes the range.
 *
 * @models L-08 X-05
 */
import { setup } from 'xstate';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { translateCall } from '../../src/mm/abiRules.ts';
import {
  isRangeCall,
  type ResolvedUserfaultCall,
  type UserfaultCall,
  type UserfaultMmCall,
} from '../../src/mm/userfaultfd/calls.ts';
import {
  agreeOn,
  closedDescriptor,
  deliver,
  type Descriptor,
  hasFeature,
  openDescriptor,
  wakeRange,
} from '../../src/mm/userfaultfd/descriptor.ts';
import { UFFD, UFFD_FEATURE, type UserfaultGranularity } from '../../src/mm/userfaultfd/numbers.ts';
import { mmOf, processOf } from '../addresses.ts';
import type { Message, MessageOf } from '../messages.ts';
import { assertType, handle, type ResourceHolder, type Send } from '../support.ts';
import { mmCallOf } from './requests.ts';

/** What a descriptor is built with. */
export interface UffdInput {
  resources: ResourceHolder;
  fd: string;
  kernelPageBytes: number;
  granularity: UserfaultGranularity;
}

/** A descriptor's state. */
export interface UffdContext {
  resources: ResourceHolder;
  fd: string;
  kernelPageBytes: number;
  granularity: UserfaultGranularity;
  descriptor: Descriptor;
  /** Processes that have it open: whoever made it, and whoever has used it since. */
  holders: number[];
  /** The process whose memory it watches has gone. */
  mmGone: boolean;
  /** Faults that were passed on, events read, and wake-ups given. */
  userfaults: number;
  eventsRead: number;
  wakeUps: number;
}

type Call = MessageOf<'UFFD_CALL'>;

function done(event: Call, errno: number, send: Send, data: number[] = []): void {
  send('abi', { type: 'UFFD_DONE', request: event.request, errno, data, left: null });
}

/** Gives events to readers as long as there are both. */
function deliverAll(context: UffdContext, send: Send): UffdContext {
  let { descriptor, eventsRead } = context;
  for (let step = deliver(descriptor); step.delivered !== null; step = deliver(descriptor)) {
    const { pid, data } = step.delivered;
    send('abi', { type: 'UFFD_DONE', request: pid, errno: 0, data, left: null });
    descriptor = step.descriptor;
    eventsRead++;
  }
  return descriptor === context.descriptor ? context : { ...context, descriptor, eventsRead };
}

/** userfaultfd(2). */
function open(context: UffdContext, event: Call, flags: number, send: Send): UffdContext {
  const { kernelPageBytes, granularity } = context;
  const refusal = translateCall({ op: 'userfaultfd', fd: context.fd, flags }, event.pageBytes);
  if ('errno' in refusal || context.descriptor.pid !== 0) {
    done(event, 'errno' in refusal ? refusal.errno : ERRNO.EBUSY, send);
    return context;
  }
  const sizes = { pageBytes: event.pageBytes, kernelPageBytes };
  done(event, 0, send);
  const descriptor = openDescriptor(event.request, flags, sizes, granularity);
  return { ...context, descriptor, holders: [event.request], mmGone: false };
}

/** read(2): an event at once, or the caller sleeps until there is one. */
function read(context: UffdContext, event: Call, send: Send): UffdContext {
  const { descriptor } = context;
  const waiting = { ...descriptor, readers: [...descriptor.readers, event.request] };
  const after = deliverAll({ ...context, descriptor: waiting }, send);
  if (!after.descriptor.readers.includes(event.request)) return after;
  if ((descriptor.flags & UFFD.O_NONBLOCK) !== 0) {
    done(event, ERRNO.EAGAIN, send);
    return context;
  }
  send('abi', { type: 'IO_WAIT', request: event.request });
  return after;
}

/** `userfaultfd_release`: the last that had it open has closed it; everybody who waits tries again, watched no more. */
function leave(context: UffdContext, pid: number, send: Send): UffdContext {
  const holders = context.holders.filter((holder) => holder !== pid);
  const { descriptor } = context;
  if (holders.length > 0 || descriptor.pid === 0) return { ...context, holders };
  if (!context.mmGone) send(mmOf(descriptor.pid), { type: 'UFFD_RELEASE', fd: context.fd });
  for (const fault of descriptor.faults) send(processOf(fault.pid), { type: 'WAKE' });
  const wakeUps = context.wakeUps + descriptor.faults.length;
  return { ...context, holders, descriptor: closedDescriptor(), wakeUps };
}

function api(context: UffdContext, event: Call, call: Extract<UserfaultCall, { op: 'uffdio_api' }>, send: Send) {
  const refusal = translateCall(call, event.pageBytes);
  const { descriptor, errno } =
    'errno' in refusal
      ? { descriptor: context.descriptor, errno: refusal.errno }
      : agreeOn(context.descriptor, call.features);
  done(event, errno, send);
  return { ...context, descriptor };
}

/** The range that a call leaves out: the page of the event that the caller read last, in pages of the caller. */
function resolved(context: UffdContext, event: Call): ResolvedUserfaultCall | null {
  const { call, pageBytes, request } = event;
  if (!isRangeCall(call)) return call;
  const last = context.descriptor.lastRead[request];
  const addr = call.addr ?? (last === undefined ? null : last - (last % pageBytes));
  return addr === null ? null : { ...call, addr, lengthBytes: call.lengthBytes ?? pageBytes };
}

/** A request on a range: refused by its arguments, or handed on to the mm. */
function request(context: UffdContext, event: Call, send: Send): UffdContext {
  const { descriptor } = context;
  const call = resolved(context, event);
  const then = call === null ? { errno: ERRNO.EINVAL } : mmCallOf(descriptor, call, event.request);
  if ('errno' in then) {
    done(event, then.errno, send);
    return context;
  }
  if (context.mmGone) {
    done(event, then.op === 'uffd_register' || then.op === 'uffd_unregister' ? ERRNO.ENOMEM : ERRNO.ESRCH, send);
    return context;
  }
  const handed: { pid: number; call: UserfaultMmCall } = { pid: descriptor.pid, call: then };
  send('abi', { type: 'UFFD_DONE', request: event.request, errno: 0, data: [], left: handed });
  return context;
}

const call = handle<UffdContext>((before, event, send) => {
  assertType(event, 'UFFD_CALL');
  const { call: asked, request: pid } = event;
  if (asked.op === 'userfaultfd') return open(before, event, asked.flags, send);
  if (before.descriptor.pid === 0) {
    done(event, ERRNO.EBADF, send);
    return before;
  }
  const context = before.holders.includes(pid) ? before : { ...before, holders: [...before.holders, pid] };
  if (asked.op === 'uffd_close') {
    done(event, 0, send);
    return leave(context, pid, send);
  }
  if (asked.op === 'uffdio_api') return api(context, event, asked, send);
  if (context.descriptor.features < 0) {
    done(event, ERRNO.EINVAL, send);
    return context;
  }
  return asked.op === 'uffd_read' ? read(context, event, send) : request(context, event, send);
});

/** `handle_userfault`: the fault waits; the address is that of its page unless the exact one was agreed on. */
const userfault = handle<UffdContext>((context, event, send) => {
  assertType(event, 'USERFAULT');
  const { descriptor } = context;
  const { pid, va, flags } = event;
  if (descriptor.pid === 0) {
    // Released meanwhile: it tries again, and is watched no more.
    send(processOf(pid), { type: 'WAKE' });
    return { ...context, wakeUps: context.wakeUps + 1 };
  }
  const address = hasFeature(descriptor, UFFD_FEATURE.EXACT_ADDRESS) ? va : va - (va % descriptor.pageBytes);
  const faults = [...descriptor.faults, { pid, address, flags, read: false }];
  const userfaults = context.userfaults + 1;
  return deliverAll({ ...context, userfaults, descriptor: { ...descriptor, faults } }, send);
});

const wake = handle<UffdContext>((context, event, send) => {
  assertType(event, 'UFFD_WAKE');
  const { descriptor, woken } = wakeRange(context.descriptor, event.startVa, event.lengthBytes);
  for (const pid of woken) send(processOf(pid), { type: 'WAKE' });
  return { ...context, descriptor, wakeUps: context.wakeUps + woken.length };
});

const exited = handle<UffdContext>((context, event, send) => {
  assertType(event, 'UFFD_EXIT');
  const { pid } = event;
  const { descriptor } = context;
  const readers = descriptor.readers.filter((reader) => reader !== pid);
  const faults = descriptor.faults.filter((fault) => fault.pid !== pid);
  const mmGone = context.mmGone || descriptor.pid === pid;
  return leave({ ...context, mmGone, descriptor: { ...descriptor, readers, faults } }, pid, send);
});

/** The descriptor's statechart: `enum userfaultfd_state`, and whether anybody waits. */
export const uffdMachine = setup({
  types: { context: {} as UffdContext, events: {} as Message, input: {} as UffdInput },
  actions: { call, userfault, wake, exited },
  guards: {
    opened: ({ context }) => context.descriptor.pid !== 0,
    closed: ({ context }) => context.descriptor.pid === 0,
    agreed: ({ context }) => context.descriptor.features >= 0,
    anyWaits: ({ context }) => context.descriptor.faults.length > 0,
    nobodyWaits: ({ context }) => context.descriptor.faults.length === 0,
  },
}).createMachine({
  id: 'uffd',
  context: ({ input }) => ({
    resources: input.resources,
    fd: input.fd,
    kernelPageBytes: input.kernelPageBytes,
    granularity: input.granularity,
    descriptor: closedDescriptor(),
    holders: [],
    mmGone: false,
    userfaults: 0,
    eventsRead: 0,
    wakeUps: 0,
  }),
  initial: 'closed',
  on: {
    UFFD_CALL: { actions: 'call' },
    USERFAULT: { actions: 'userfault' },
    UFFD_WAKE: { actions: 'wake' },
    UFFD_EXIT: { actions: 'exited' },
  },
  states: {
    closed: { always: { guard: 'opened', target: 'wait-api' } },
    'wait-api': {
      always: [
        { guard: 'closed', target: 'closed' },
        { guard: 'agreed', target: 'running' },
      ],
    },
    running: {
      always: [
        { guard: 'closed', target: 'closed' },
        { guard: 'anyWaits', target: 'faults-wait' },
      ],
    },
    'faults-wait': {
      always: [
        { guard: 'closed', target: 'closed' },
        { guard: 'nobodyWaits', target: 'running' },
      ],
    },
  },
});
