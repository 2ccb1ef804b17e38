/**
 * The ABI adapter, layer 1 of the proposal: the system-call boundary. It knows each caller's page size, refuses or translates
 * each call by it (`src/mm/abi/rules.ts`), hands it to an mm or a file, moves bytes between them and user memory, and answers.
 */
import { setup } from 'xstate';
import { sysconfValue } from '../src/mm/abi/answers.ts';
import { fileAnswered } from './abiFiles.ts';
import { procAnswered } from './procfs/abiProc.ts';
import { pipeAnswered, spliceRead } from './pipe/abiPipe.ts';
import { forgetSegment } from './hugetlb/abiHuge.ts';
import { controlAnswered } from './khugepaged/abiControls.ts';
import { ioctlDone, objectCreated, objectMapped } from './objects/abiObjects.ts';
import {
  type AbiContext,
  type AbiInput,
  answer,
  begin,
  callOf,
  copyOn,
  initialAbi,
  newCall,
  pageBytesOf,
} from './abiState.ts';
import type { Message, MessageOf } from './messages.ts';
import { assertType, handle } from './support.ts';
import { userfaultAnswered } from './userfaultfd/abiCalls.ts';
import { reviseCall } from './reviseWork.ts';
import { mmAnswered, userCopied } from './abiAnswers.ts';
import { beginCall } from './abiDispatch.ts';

export type { AbiContext, AbiInput, CallInFlight } from './abiState.ts';

const syscall = handle<AbiContext>((context, event, send) => {
  assertType(event, 'SYSCALL');
  const { pid, cpu, call } = event;
  return beginCall(context, newCall(pid, cpu, call), send);
});

const mmDone = handle<AbiContext>((context, event, send) => {
  assertType(event, 'MM_DONE');
  return mmAnswered(context, event, send);
});

const ioWait = handle<AbiContext>((context, event, send) => {
  assertType(event, 'IO_WAIT');
  const inFlight = callOf(context, event.request);
  if (inFlight.asleep) return context;
  send(`process:${inFlight.pid}`, { type: 'SLEEP', pid: inFlight.pid });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.asleep = true;
    }),
  );
});

const fileDone = handle<AbiContext>((context, event, send) => {
  assertType(event, 'FILE_DONE');
  const inFlight = callOf(context, event.request);
  if (inFlight.call.op === 'splice') return spliceRead(context, inFlight, event, send);
  const state = event.failed && inFlight.call.op === 'shmget' ? forgetSegment(context, inFlight) : context;
  return fileAnswered(state, inFlight, event, send);
});

const pipeDone = handle<AbiContext>((context, event, send) => {
  assertType(event, 'PIPE_DONE');
  return pipeAnswered(context, event, send);
});

const procData = handle<AbiContext>((context, event, send) => {
  assertType(event, 'PROC_DATA');
  return procAnswered(context, event, send);
});

const uffdDone = handle<AbiContext>((context, event, send) => {
  assertType(event, 'UFFD_DONE');
  return userfaultAnswered(context, callOf(context, event.request), event, send);
});

const objectAnswered = handle<AbiContext>((context, event, send) => {
  const inFlight = callOf(context, (event as MessageOf<'OBJECT_MAPPED'>).request);
  if (event.type === 'OBJECT_CREATED') return objectCreated(context, inFlight, event, send);
  if (event.type === 'OBJECT_MAPPED') return objectMapped(context, inFlight, event, send);
  assertType(event, 'IOCTL_DONE');
  return ioctlDone(context, inFlight, event, send);
});

const sysinfo = handle<AbiContext>((context, event, send) => {
  assertType(event, 'SYSINFO_DONE');
  const { pid, call } = callOf(context, event.request);
  const name = call.op === 'sysconf' ? call.name : '';
  return answer(context, pid, sysconfValue(name, pageBytesOf(context, pid), event), send);
});

const controlDone = handle<AbiContext>((context, event, send) => {
  assertType(event, 'CONTROL_DONE');
  return controlAnswered(context, callOf(context, event.request), event, send);
});

const awake = handle<AbiContext>((context, event, send) => {
  assertType(event, 'AWAKE');
  const inFlight = callOf(context, event.pid);
  return copyOn(
    context,
    reviseCall(inFlight, (draft) => {
      draft.cpu = event.cpu;
      draft.asleep = false;
    }),
    send,
  );
});

const copied = handle<AbiContext>((context, event, send) => {
  assertType(event, 'UACCESS_DONE');
  return userCopied(context, event, send);
});

/** The adapter's statechart: it serves every process, one call of each at a time. */
export const abiMachine = setup({
  types: { context: {} as AbiContext, events: {} as Message, input: {} as AbiInput },
  actions: {
    syscall,
    mmDone,
    ioWait,
    fileDone,
    objectAnswered,
    pipeDone,
    uffdDone,
    procData,
    sysinfo,
    controlDone,
    awake,
    copied,
  },
  guards: {
    known: ({ context, event }) => context.calls.has((event as MessageOf<'MM_DONE'>).request),
    inCopy: ({ context, event }) => context.calls.has((event as MessageOf<'AWAKE'>).pid),
    inCall: ({ context }) => context.calls.size > 0,
    noCall: ({ context }) => context.calls.size === 0,
  },
}).createMachine({
  id: 'abi',
  context: ({ input }) => initialAbi(input),
  initial: 'idle',
  on: { SYSCALL: { actions: 'syscall' } },
  states: {
    idle: { always: { guard: 'inCall', target: 'translating' } },
    translating: {
      on: {
        MM_DONE: { guard: 'known', actions: 'mmDone' },
        IO_WAIT: { guard: 'known', actions: 'ioWait' },
        FILE_DONE: { guard: 'known', actions: 'fileDone' },
        UFFD_DONE: { guard: 'known', actions: 'uffdDone' },
        OBJECT_CREATED: { guard: 'known', actions: 'objectAnswered' },
        OBJECT_MAPPED: { guard: 'known', actions: 'objectAnswered' },
        IOCTL_DONE: { guard: 'known', actions: 'objectAnswered' },
        PIPE_DONE: { guard: 'known', actions: 'pipeDone' },
        PROC_DATA: { guard: 'known', actions: 'procData' },
        SYSINFO_DONE: { guard: 'known', actions: 'sysinfo' },
        CONTROL_DONE: { guard: 'known', actions: 'controlDone' },
        AWAKE: { guard: 'inCopy', actions: 'awake' },
        UACCESS_DONE: { guard: 'inCopy', actions: 'copied' },
      },
      always: { guard: 'noCall', target: 'idle' },
    },
  },
});
