/**
 * The ABI adapter, layer 1 of the proposal: the system-call boundary. It knows each caller's page size, translates or
 * refuses each call by it (`src/mm/abiRules.ts`), moves bytes between user memory and files, and answers the caller.
 */
import { assertEvent, setup } from 'xstate';
import { ERRNO, isMemoryCall, translateCall } from '../src/mm/abiRules.ts';
import type { TraceCall } from '../src/mm/runs.ts';
import type { ExecCall, Message, MessageOf, MmCall, TlbCounts } from './messages.ts';
import { addCounts, zeroCounts } from './process.ts';
import { handle, type ResourceHolder, type Send } from './support.ts';

/** What the adapter is built with. */
export interface AbiInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  /** Paths of the files that have an address space. */
  files: string[];
}

/** A call under way: one a process at most. */
export interface CallInFlight {
  pid: number;
  cpu: number;
  call: TraceCall | ExecCall;
  /** What is awaited: the mm, the file, the copy to or from user memory, or a CPU to do that copy on. */
  awaits: 'mm' | 'file' | 'uaccess' | 'cpu';
  asleep: boolean;
  /** Bytes of user memory that are copied. */
  doneBytes: number;
  counts: TlbCounts;
}

/** The adapter's state. */
export interface AbiContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  files: string[];
  /** The page-size ABI of each process, by pid; set by execve and inherited by fork. */
  pageBytes: Record<number, number>;
  calls: Record<number, CallInFlight>;
  /** Calls refused here, before anything in the kernel saw them. */
  refused: number;
}

const SIGKILL = 9;

type FileCall = Extract<TraceCall, { op: 'read' | 'write' }>;

function without<V>(map: Record<number, V>, key: number): Record<number, V> {
  const { [key]: _removed, ...rest } = map;
  return rest;
}

function answer(
  context: AbiContext,
  pid: number,
  result: number,
  errno: number,
  send: Send,
  signal = 0,
  data: number[] = [],
): AbiContext {
  const counts = context.calls[pid]?.counts ?? zeroCounts();
  send(`process:${pid}`, { type: 'SYSRET', result, errno, signal, counts, data });
  return { ...context, calls: without(context.calls, pid) };
}

function begin(context: AbiContext, inFlight: CallInFlight): AbiContext {
  return { ...context, calls: { ...context.calls, [inFlight.pid]: inFlight } };
}

function askMm(context: AbiContext, inFlight: CallInFlight, call: MmCall, send: Send): AbiContext {
  send(`mm:${inFlight.pid}`, { type: 'MM_CALL', request: inFlight.pid, call });
  return begin(context, { ...inFlight, awaits: 'mm' });
}

function askFile(context: AbiContext, inFlight: CallInFlight, call: FileCall, send: Send): AbiContext {
  const { file, offsetBytes, lengthBytes } = call;
  const type = call.op === 'read' ? 'READ_FILE' : 'WRITE_FILE';
  send(`file:${file}`, { type, file, request: inFlight.pid, offsetBytes, lengthBytes });
  return begin(context, { ...inFlight, awaits: 'file' });
}

function copy(context: AbiContext, inFlight: CallInFlight, call: FileCall, send: Send): AbiContext {
  send(`tlb:${inFlight.cpu}`, {
    type: 'UACCESS',
    pid: inFlight.pid,
    va: call.buffer + inFlight.doneBytes,
    lengthBytes: call.lengthBytes - inFlight.doneBytes,
    access: call.op === 'read' ? 'write' : 'read',
  });
  return begin(context, { ...inFlight, awaits: 'uaccess' });
}

function isFileCall(call: { op: string }): call is FileCall {
  return call.op === 'read' || call.op === 'write';
}

const syscall = handle<AbiContext>((context, event, send) => {
  assertEvent(event, 'SYSCALL');
  const { pid, cpu, call } = event;
  const inFlight: CallInFlight = { pid, cpu, call, awaits: 'mm', asleep: false, doneBytes: 0, counts: zeroCounts() };
  if (call.op === 'execve') return execve(context, inFlight, call, send);
  if (call.op === 'exit') return askMm(context, inFlight, call, send);
  if (call.op === 'fork' && call.childPid >= 0) {
    // Noted before the fork: the child may make a call before this adapter hears that its parent's fork is done.
    const pageBytes = { ...context.pageBytes, [call.childPid]: context.pageBytes[pid] ?? context.kernelPageBytes };
    return askMm({ ...context, pageBytes }, inFlight, call, send);
  }
  if (isMemoryCall(call)) {
    const translated = translateCall(call, context.pageBytes[pid] ?? context.kernelPageBytes);
    if ('call' in translated) return askMm(context, inFlight, translated.call, send);
    if ('nothing' in translated) return answer(context, pid, 0, 0, send);
    return answer({ ...context, refused: context.refused + 1 }, pid, -1, translated.errno, send);
  }
  const hasFile = 'file' in call && context.files.includes(call.file);
  if (isFileCall(call) && hasFile && call.lengthBytes > 0) {
    const copyFirst = call.op === 'write' && call.buffer > 0;
    return copyFirst ? copy(context, inFlight, call, send) : askFile(context, inFlight, call, send);
  }
  if (call.op === 'truncate' && hasFile) {
    send(`file:${call.file}`, { type: 'TRUNCATE_FILE', file: call.file, request: pid, sizeBytes: call.sizeBytes });
    return begin(context, { ...inFlight, awaits: 'file' });
  }
  return answer(context, pid, 0, 0, send);
});

function execve(context: AbiContext, inFlight: CallInFlight, call: ExecCall, send: Send): AbiContext {
  if (call.pageBytes < context.kernelPageBytes) {
    return answer({ ...context, refused: context.refused + 1 }, inFlight.pid, -1, ERRNO.EINVAL, send);
  }
  const pageBytes = { ...context.pageBytes, [inFlight.pid]: call.pageBytes };
  return askMm({ ...context, pageBytes }, inFlight, call, send);
}

const mmDone = handle<AbiContext>((context, event, send) => {
  assertEvent(event, 'MM_DONE');
  const inFlight = context.calls[event.request];
  return answer(context, inFlight.pid, event.result, event.errno, send, 0, event.data);
});

const ioWait = handle<AbiContext>((context, event, send) => {
  assertEvent(event, 'IO_WAIT');
  const inFlight = context.calls[event.request];
  send(`process:${inFlight.pid}`, { type: 'SLEEP', pid: inFlight.pid });
  return begin(context, { ...inFlight, asleep: true });
});

const fileDone = handle<AbiContext>((context, event, send) => {
  assertEvent(event, 'FILE_DONE');
  const inFlight = context.calls[event.request];
  const { call, pid } = inFlight;
  // The one way it fails: no memory for the page cache (`filemap_create_folio`).
  if (event.failed) return answer(context, pid, -1, ERRNO.ENOMEM, send);
  const copies = call.op === 'read' && call.buffer > 0;
  if (!copies) return answer(context, pid, 'lengthBytes' in call ? call.lengthBytes : 0, 0, send);
  if (!inFlight.asleep) return copy(context, inFlight, call, send);
  send(`process:${pid}`, { type: 'WAKE' });
  return begin(context, { ...inFlight, awaits: 'cpu' });
});

const awake = handle<AbiContext>((context, event, send) => {
  assertEvent(event, 'AWAKE');
  const inFlight = context.calls[event.pid];
  return copy(context, { ...inFlight, cpu: event.cpu, asleep: false }, inFlight.call as FileCall, send);
});

const copied = handle<AbiContext>((context, event, send) => {
  assertEvent(event, 'UACCESS_DONE');
  const before = context.calls[event.pid];
  const doneBytes = before.doneBytes + event.doneBytes;
  const inFlight = { ...before, doneBytes, counts: addCounts(before.counts, event.counts) };
  const call = inFlight.call as FileCall;
  const state = begin(context, inFlight);
  if (event.reason === 'fault') return faulted(state, inFlight, event.signal, send);
  if (event.reason === 'asleep') {
    // The fault handler wakes the process; the copy goes on where it stopped.
    send(`process:${event.pid}`, { type: 'SLEEP', pid: event.pid });
    return begin(state, { ...inFlight, asleep: true, awaits: 'cpu' });
  }
  if (call.op === 'write') return askFile(state, inFlight, call, send);
  return answer(state, event.pid, call.lengthBytes, 0, send);
});

/** A copy that met a bad address: what was copied before it counts, and EFAULT is for nothing at all. */
function faulted(context: AbiContext, inFlight: CallInFlight, signal: number, send: Send): AbiContext {
  const { pid, doneBytes } = inFlight;
  const call = inFlight.call as FileCall;
  // Out of memory in the middle of a call kills the process; a bad address only fails the copy.
  if (signal === SIGKILL) return answer(context, pid, -1, ERRNO.EFAULT, send, SIGKILL);
  if (doneBytes === 0) return answer(context, pid, -1, ERRNO.EFAULT, send);
  if (call.op === 'read') return answer(context, pid, doneBytes, 0, send);
  const short = { ...call, lengthBytes: doneBytes };
  return askFile(context, { ...inFlight, call: short }, short, send);
}

/** The adapter's statechart: it serves every process, one call of each at a time. */
export const abiMachine = setup({
  types: { context: {} as AbiContext, events: {} as Message, input: {} as AbiInput },
  actions: { syscall, mmDone, ioWait, fileDone, awake, copied },
  guards: {
    known: ({ context, event }) => {
      const request = (event as MessageOf<'MM_DONE'>).request;
      return context.calls[request] !== undefined;
    },
    inCopy: ({ context, event }) => context.calls[(event as MessageOf<'AWAKE'>).pid] !== undefined,
    inCall: ({ context }) => Object.keys(context.calls).length > 0,
    noCall: ({ context }) => Object.keys(context.calls).length === 0,
  },
}).createMachine({
  id: 'abi',
  context: ({ input }) => ({
    resources: input.resources,
    kernelPageBytes: input.kernelPageBytes,
    files: input.files,
    pageBytes: {},
    calls: {},
    refused: 0,
  }),
  initial: 'idle',
  on: { SYSCALL: { actions: 'syscall' } },
  states: {
    idle: { always: { guard: 'inCall', target: 'translating' } },
    translating: {
      on: {
        MM_DONE: { guard: 'known', actions: 'mmDone' },
        IO_WAIT: { guard: 'known', actions: 'ioWait' },
        FILE_DONE: { guard: 'known', actions: 'fileDone' },
        AWAKE: { guard: 'inCopy', actions: 'awake' },
        UACCESS_DONE: { guard: 'inCopy', actions: 'copied' },
      },
      always: { guard: 'noCall', target: 'idle' },
    },
  },
});
