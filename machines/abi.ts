/**
 * The ABI adapter, layer 1 of the proposal: the system-call boundary. It knows each caller's page size, refuses or translates
 * each call by it (`src/mm/abi/rules.ts`), hands it to an mm or a file, moves bytes between them and user memory, and answers.
 */
import { setup } from 'xstate';
import { ERRNO, translateCall } from '../src/mm/abiRules.ts';
import { isPlanned } from '../src/mm/calls/index.ts';
import { auxiliaryValue, sysconfValue } from '../src/mm/abi/answers.ts';
import { abiRules, type RuledCall } from '../src/mm/abi/rules.ts';
import { inherit, leave } from '../src/mm/abi/sharedMemory.ts';
import type { FileCall, OtherProcessCall, SharedMemoryCall } from '../src/mm/runs.ts';
import { userCopied } from './abiCopies.ts';
import { beginFileCall, fileAnswered, hasPages, inodeOf } from './abiFiles.ts';
import { beginPipeCall, pipeAnswered, spliceRead } from './pipe/abiPipe.ts';
import { beginOtherCall, otherAnswered } from './abiOthers.ts';
import { beginSharedCall, sharedAnswered } from './abiShared.ts';
import { actorOfFile } from './fileState.ts';
import { createHugeMemfd, forgetSegment, hugeMemfdOf } from './hugetlb/abiHuge.ts';
import { beginControl, controlAnswered } from './khugepaged/abiControls.ts';
import {
  askHandler,
  beginIoctl,
  beginObjectCall,
  ioctlDone,
  isObjectCall,
  objectCreated,
  objectMapped,
} from './objects/abiObjects.ts';
import {
  type AbiContext,
  type AbiInput,
  answer,
  askMm,
  begin,
  type CallInFlight,
  callOf,
  copyOn,
  fail,
  initialAbi,
  newCall,
  pageBytesOf,
  refuse,
} from './abiState.ts';
import { accessAnswered, beginPinningCall, isPinningCall, pinsDone } from './gup/abiPins.ts';
import { beginExit, cloneThread, withoutThread } from './abiThreads.ts';
import type { ExecCall, Message, MessageOf } from './messages.ts';
import {
  beginExec,
  beginSelectionCall,
  executed,
  isSelectionCall,
  taskCloned,
  taskEnded,
  taskStarted,
} from './selection/abiSelection.ts';
import { assertType, handle, type Send } from './support.ts';
import { areaKnown, beginFutex } from './uaccess/abiFutex.ts';
import { reviseAbi } from './revise.ts';
import { reviseCall } from './reviseWork.ts';

export type { AbiContext, AbiInput, CallInFlight } from './abiState.ts';

const FILE_CALLS: ReadonlySet<string> = new Set<FileCall['op']>([
  'read',
  'write',
  'truncate',
  'ftruncate',
  'fallocate',
  'memfd_create',
]);
const SHARED_CALLS: ReadonlySet<string> = new Set<SharedMemoryCall['op']>(['shmget', 'shmat', 'shmdt', 'shmctl']);
const OTHER_CALLS: ReadonlySet<string> = new Set<OtherProcessCall['op']>([
  'move_pages',
  'process_madvise',
  'process_vm_readv',
  'process_vm_writev',
]);

const isFileCall = (call: { op: string }): call is FileCall => FILE_CALLS.has(call.op);
const isSharedCall = (call: { op: string }): call is SharedMemoryCall => SHARED_CALLS.has(call.op);
const isOtherCall = (call: { op: string }): call is OtherProcessCall => OTHER_CALLS.has(call.op);
const isRuled = (call: { op: string }): call is RuledCall => call.op in abiRules;

const syscall = handle<AbiContext>((context, event, send) => {
  assertType(event, 'SYSCALL');
  const { pid, cpu, call } = event;
  const inFlight = newCall(pid, cpu, call);
  if (isRuled(call)) return ruled(context, inFlight, call, send);
  if (isPinningCall(call)) return beginPinningCall(context, inFlight, call, send);
  if (isObjectCall(call)) return beginObjectCall(context, inFlight, call, send);
  if (isSelectionCall(call)) return beginSelectionCall(context, inFlight, call, send);
  switch (call.op) {
    case 'splice':
    case 'drain':
      return beginPipeCall(context, inFlight, call, send);
    case 'execve':
      return execve(context, inFlight, call, send);
    case 'exec':
      return beginExec(context, inFlight, call, send);
    case 'exit':
      return beginExit(context, inFlight, call, send);
    case 'futex':
      return beginFutex(context, inFlight, call, send);
    case 'clone':
      return cloneThread(context, pid, call.tid, send);
    case 'fork': {
      if (call.childPid < 0) return answer(context, pid, { result: 0 }, send);
      const cloned = taskCloned(context, pid, call);
      if (typeof cloned === 'number') return fail(context, pid, cloned, send);
      // Noted before the fork: the child may make a call before this adapter hears that its parent's fork is done.
      const pageBytes = context.pageBytes.with(call.childPid, pageBytesOf(context, pid));
      const shared = inherit(context.shared, pid, call.childPid);
      return askMm(
        reviseAbi(cloned, (draft) => {
          draft.pageBytes = pageBytes;
          draft.shared = shared;
        }),
        inFlight,
        { op: 'fork', childPid: call.childPid },
        send,
      );
    }
    case 'ioctl':
      return beginIoctl(context, inFlight, call, send);
    case 'auxval':
      return answer(context, pid, auxiliaryValue(call.name, pageBytesOf(context, pid)), send);
    case 'read_control':
    case 'write_control':
      return beginControl(context, inFlight, call, send);
    case 'sysconf':
      send('zone', { type: 'SYSINFO', request: pid });
      return begin(
        context,
        reviseCall(inFlight, (draft) => {
          draft.awaits = 'zone';
        }),
      );
    default:
      return answer(context, pid, { result: 0 }, send);
  }
});

/** A call that has a rule: refused by it, or handed on as it leaves it. */
function ruled(context: AbiContext, inFlight: CallInFlight, call: RuledCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const hugeMemfd = hugeMemfdOf(context, pid, call);
  if (hugeMemfd !== null) return createHugeMemfd(context, inFlight, hugeMemfd, send);
  const translated = translateCall(call, pageBytesOf(context, pid));
  if ('errno' in translated) return refuse(context, pid, translated.errno, send);
  if ('nothing' in translated) return answer(context, pid, { result: 0 }, send);
  const made = translated.call;
  if (isFileCall(made)) return beginFileCall(context, inFlight, made, send);
  if (isSharedCall(made)) return beginSharedCall(context, inFlight, made, send);
  if (isOtherCall(made)) return beginOtherCall(context, inFlight, made, send);
  if (made.op === 'pkey_mprotect') {
    const { addr, lengthBytes, prot } = made;
    return askMm(context, inFlight, { op: 'mprotect', addr, lengthBytes, prot }, send);
  }
  if (made.op === 'mmap' && made.file !== null) {
    const asked = askHandler(context, inFlight, made, send);
    const file = inodeOf(context, pid, made.file);
    // What the program has not made yet, or could not, is no open file.
    if (asked === null && !hasPages(context, file)) return fail(context, pid, ERRNO.EBADF, send);
    return asked ?? askMm(context, inFlight, { ...made, file }, send);
  }
  return isPlanned(made) ? askMm(context, inFlight, made, send) : answer(context, pid, { result: 0 }, send);
}

function execve(context: AbiContext, inFlight: CallInFlight, call: ExecCall, send: Send): AbiContext {
  if (call.pageBytes < context.kernelPageBytes) return refuse(context, inFlight.pid, ERRNO.EINVAL, send);
  const pageBytes = context.pageBytes.with(inFlight.pid, call.pageBytes);
  return askMm(
    reviseAbi(taskStarted(context, inFlight.pid, call.pageBytes), (draft) => {
      draft.pageBytes = pageBytes;
    }),
    inFlight,
    call,
    send,
  );
}

const mmDone = handle<AbiContext>((context, event, send) => {
  assertType(event, 'MM_DONE');
  const inFlight = callOf(context, event.request);
  const { call, pid } = inFlight;
  const { result, errno, data } = event;
  if (isOtherCall(call)) return otherAnswered(context, inFlight, call, event, send);
  if (isPinningCall(call)) return accessAnswered(context, inFlight, event, send);
  if (isSharedCall(call)) return sharedAnswered(context, inFlight, event, send);
  if (call.op === 'exit') return exited(taskEnded(context, pid), pid, send);
  if (call.op === 'execve') return executed(context, inFlight, call, errno, send);
  if (call.op === 'mincore' && errno === 0 && call.vec !== undefined && data.length > 0) {
    const copies = [{ addr: call.vec, lengthBytes: data.length }];
    return copyOn(
      context,
      reviseCall(inFlight, (draft) => {
        draft.copies = copies;
        draft.access = 'write';
        draft.result = result;
        draft.data = data;
      }),
      send,
    );
  }
  return answer(context, pid, { result, errno, data }, send);
});

/** `exit_shm`, `exit_files`: what only this process had open goes. */
function exited(before: AbiContext, pid: number, send: Send): AbiContext {
  const context = withoutThread(before, pid);
  const { shared, closed } = leave(context.shared, pid);
  for (const file of closed) send(actorOfFile(file), { type: 'CLOSE_FILE', file });
  const pageBytes = context.pageBytes.without(pid);
  return answer(
    reviseAbi(context, (draft) => {
      draft.shared = shared;
      draft.pageBytes = pageBytes;
    }),
    pid,
    { result: 0 },
    send,
  );
}

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

/** The adapter's statechart: it serves every process, one call of each at a time. */
export const abiMachine = setup({
  types: { context: {} as AbiContext, events: {} as Message, input: {} as AbiInput },
  actions: {
    syscall,
    areas: handle<AbiContext>(areaKnown),
    pinsDone: handle<AbiContext>(pinsDone),
    mmDone,
    ioWait,
    fileDone,
    objectAnswered,
    pipeDone,
    sysinfo,
    controlDone,
    awake,
    copied: handle<AbiContext>(userCopied),
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
        OBJECT_CREATED: { guard: 'known', actions: 'objectAnswered' },
        OBJECT_MAPPED: { guard: 'known', actions: 'objectAnswered' },
        IOCTL_DONE: { guard: 'known', actions: 'objectAnswered' },
        PIPE_DONE: { guard: 'known', actions: 'pipeDone' },
        SYSINFO_DONE: { guard: 'known', actions: 'sysinfo' },
        CONTROL_DONE: { guard: 'known', actions: 'controlDone' },
        AWAKE: { guard: 'inCopy', actions: 'awake' },
        GUP_DONE: { guard: 'known', actions: 'pinsDone' },
        MM_STATE: { guard: 'known', actions: 'areas' },
        UACCESS_DONE: { guard: 'inCopy', actions: 'copied' },
      },
      always: { guard: 'noCall', target: 'idle' },
    },
  },
});
