/** What the ABI adapter keeps, and the small steps that its calls are made of. */
import { invariant } from '../src/errors.ts';
import { noSharedMemory, type SharedMemory } from '../src/mm/abi/sharedMemory.ts';
import { IntRecord } from '../src/mm/intRecord.ts';
import { PathSet } from '../src/mm/pathSet.ts';
import type { TraceCall, UserRange } from '../src/mm/runs.ts';
import type { UserfaultFill } from '../src/mm/userfaultfd/calls.ts';
import type { ExecCall, MmCall, TlbCounts } from './messages.ts';
import { zeroCounts } from './processState.ts';
import { noTasks } from '../src/mm/selection/state.ts';
import type { AbiSelection } from './selection/abiSelection.ts';
import type { ResourceHolder, Send } from './support.ts';
import type { FutexWaiter } from './uaccess/abiFutex.ts';
import { reviseAbi } from './revise.ts';
import { reviseCall } from './reviseWork.ts';

/** What the adapter is built with. */
export interface AbiInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  /** Paths of the files that have an address space. */
  files: string[];
  /** Programs that execve finds, and how they come by their page size. */
  selection?: Omit<AbiSelection, 'tasks'>;
}

/** A call under way: one a process at most. */
export interface CallInFlight {
  pid: number;
  cpu: number;
  call: TraceCall | ExecCall;
  /**
   * What is awaited: an mm, a file, object, device, pipe, userfaultfd, pins, a futex, the zone, settings, a file of procfs, the
   * copy of user memory, or a CPU for that copy.
   */
  awaits:
    | 'mm'
    | 'file'
    | 'object'
    | 'pipe'
    | 'uffd'
    | 'gup'
    | 'futex'
    | 'zone'
    | 'control'
    | 'uaccess'
    | 'cpu'
    | 'procfs';
  asleep: boolean;
  /** User memory that is still to be copied, and the access that the kernel makes. */
  copies: UserRange[];
  access: 'read' | 'write';
  /** Bytes of user memory that are copied. */
  doneBytes: number;
  /** Of a call over several ranges: the one to do next, and the bytes of those that are done. */
  at: number;
  advancedBytes: number;
  /** The last range came short: what follows is left. */
  short: boolean;
  /** What the call returns when the copy is done. */
  result: number;
  data: number[];
  counts: TlbCounts;
  /** Of UFFDIO_COPY: what the mm of that process does once the source is read. */
  filling?: { pid: number; call: UserfaultFill };
}

/** The adapter's state. */
export interface AbiContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  files: PathSet;
  /** The page-size ABI of each process that lives, by pid; set by execve and inherited by fork. */
  pageBytes: IntRecord<number>;
  calls: IntRecord<CallInFlight>;
  shared: SharedMemory;
  /** Calls refused here, before anything in the kernel saw them. */
  refused: number;
  /** The process of each thread that lives; absent where there never was one. */
  threads?: IntRecord<number>;
  /** Who waits on futexes, in order of arrival; absent where nobody ever did. */
  futexes?: readonly FutexWaiter[];
  /** Absent unless the topology has programs to execute. */
  selection?: AbiSelection;
}

/**
 * A call as it begins.
 *
 * @example
 * ```ts
 * newCall(1, 0, { op: 'exit', status: 0 }).awaits; // 'mm'
 * ```
 */
export function newCall(pid: number, cpu: number, call: TraceCall | ExecCall): CallInFlight {
  return {
    pid,
    cpu,
    call,
    awaits: 'mm',
    asleep: false,
    copies: [],
    access: 'write',
    doneBytes: 0,
    at: 0,
    advancedBytes: 0,
    short: false,
    result: 0,
    data: [],
    counts: zeroCounts(),
  };
}

/**
 * The adapter before the first call.
 *
 * @example
 * ```ts
 * initialAbi({ resources: null, kernelPageBytes: 4096, files: ['/bin/true'] }).files.has('/bin/true'); // true
 * ```
 */
export function initialAbi({ resources, kernelPageBytes, files, selection }: AbiInput): AbiContext {
  return {
    resources,
    kernelPageBytes,
    files: new PathSet(files),
    pageBytes: IntRecord.empty(),
    calls: IntRecord.empty(),
    shared: noSharedMemory(),
    refused: 0,
    ...(selection === undefined ? {} : { selection: { ...selection, tasks: noTasks } }),
  };
}

/**
 * The call of a process that is under way.
 *
 * @throws GranuleError INVARIANT where it makes none
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * callOf(begin(abi, newCall(7, 0, { op: 'exit', status: 0 })), 7).pid; // 7
 * ```
 */
export function callOf(context: AbiContext, pid: number): CallInFlight {
  const call = context.calls.get(pid);
  if (call === undefined) invariant(false, `process ${pid} is in a call`);
  return call;
}

/**
 * The page size of a process.
 *
 * @example
 * ```ts
 * pageBytesOf({ pageBytes: IntRecord.empty(), kernelPageBytes: 4096 }, 1); // 4096
 * ```
 */
export function pageBytesOf(context: Pick<AbiContext, 'pageBytes' | 'kernelPageBytes'>, pid: number): number {
  return context.pageBytes.get(pid) ?? context.kernelPageBytes;
}

/**
 * The process whose address space a process or thread runs in.
 *
 * @example
 * ```ts
 * mmPidOf({ threads: IntRecord.empty().with(7, 1) }, 7); // 1
 * mmPidOf({}, 7); // 7
 * ```
 */
export function mmPidOf(context: Pick<AbiContext, 'threads'>, pid: number): number {
  return context.threads?.get(pid) ?? pid;
}

/**
 * Returns from a call.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * answer(abi, 1, { result: 0 }, () => {}).calls.size; // 0
 * ```
 */
export function answer(
  context: AbiContext,
  pid: number,
  end: { result: number; errno?: number; signal?: number; data?: number[] },
  send: Send,
  delayCycles = 0,
): AbiContext {
  const counts = context.calls.get(pid)?.counts ?? zeroCounts();
  const { result, errno = 0, signal = 0, data = [] } = end;
  send(`process:${pid}`, { type: 'SYSRET', result, errno, signal, counts, data }, delayCycles);
  return reviseAbi(context, (draft) => {
    draft.calls = context.calls.without(pid);
  });
}

/**
 * Fails a call with an errno.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * fail(abi, 1, 22, (_to, message) => message.errno).refused; // 0
 * ```
 */
export function fail(context: AbiContext, pid: number, errno: number, send: Send, signal = 0): AbiContext {
  return answer(context, pid, { result: -1, errno, signal }, send);
}

/**
 * Refuses a call before anything in the kernel saw it.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * refuse(abi, 1, 22, () => {}).refused; // 1
 * ```
 */
export function refuse(context: AbiContext, pid: number, errno: number, send: Send): AbiContext {
  return fail(
    reviseAbi(context, (draft) => {
      draft.refused = context.refused + 1;
    }),
    pid,
    errno,
    send,
  );
}

/**
 * Notes a call as it is now.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * begin(abi, newCall(7, 0, { op: 'exit', status: 0 })).calls.get(7)?.pid; // 7
 * ```
 */
export function begin(context: AbiContext, inFlight: CallInFlight): AbiContext {
  return reviseAbi(context, (draft) => {
    draft.calls = context.calls.with(inFlight.pid, inFlight);
  });
}

/**
 * Hands a call to an mm: the caller's own, or that of another process.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * askMm(abi, newCall(7, 0, { op: 'munlockall' }), { op: 'munlockall' }, () => {}).calls.get(7)?.awaits; // 'mm'
 * ```
 */
export function askMm(
  context: AbiContext,
  inFlight: CallInFlight,
  call: MmCall,
  send: Send,
  targetPid = inFlight.pid,
): AbiContext {
  send(`mm:${mmPidOf(context, targetPid)}`, { type: 'MM_CALL', request: inFlight.pid, call });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'mm';
    }),
  );
}

/**
 * Copies user memory on, on the CPU of the caller; one that sleeps is woken first and goes on with its next CPU.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { ...newCall(7, 0, { op: 'munlockall' }), copies: [{ addr: 4096, lengthBytes: 1 }] };
 * copyOn(abi, call, () => {}).calls.get(7)?.awaits; // 'uaccess'
 * copyOn(abi, { ...call, asleep: true }, () => {}).calls.get(7)?.awaits; // 'cpu'
 * ```
 */
export function copyOn(context: AbiContext, inFlight: CallInFlight, send: Send): AbiContext {
  const { pid, copies, access, asleep } = inFlight;
  if (asleep) {
    send(`process:${pid}`, { type: 'WAKE' });
    return begin(
      context,
      reviseCall(inFlight, (draft) => {
        draft.awaits = 'cpu';
      }),
    );
  }
  const [{ addr, lengthBytes }] = copies;
  send(`tlb:${inFlight.cpu}`, { type: 'UACCESS', pid, va: addr, lengthBytes, access });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'uaccess';
    }),
  );
}
