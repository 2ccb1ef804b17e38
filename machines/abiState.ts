/** What the ABI adapter keeps, and the small steps that its calls are made of. */
import type { SharedMemory } from '../src/mm/abi/sharedMemory.ts';
import type { TraceCall, UserRange } from '../src/mm/runs.ts';
import type { ExecCall, MmCall, TlbCounts } from './messages.ts';
import { zeroCounts } from './process.ts';
import type { ResourceHolder, Send } from './support.ts';

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
  /** What is awaited: the mm, the file, the zone, the copy to or from user memory, or a CPU to do that copy on. */
  awaits: 'mm' | 'file' | 'zone' | 'uaccess' | 'cpu';
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
}

/** The adapter's state. */
export interface AbiContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  files: string[];
  /** The page-size ABI of each process that lives, by pid; set by execve and inherited by fork. */
  pageBytes: Record<number, number>;
  calls: Record<number, CallInFlight>;
  shared: SharedMemory;
  /** Calls refused here, before anything in the kernel saw them. */
  refused: number;
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
 * The same without one key.
 *
 * @example
 * ```ts
 * without({ 1: 'a', 2: 'b' }, 1); // { 2: 'b' }
 * ```
 */
export function without<V>(map: Record<number, V>, key: number): Record<number, V> {
  const { [key]: _removed, ...rest } = map;
  return rest;
}

/**
 * The page size of a process.
 *
 * @example
 * ```ts
 * pageBytesOf({ pageBytes: {}, kernelPageBytes: 4096 }, 1); // 4096
 * ```
 */
export function pageBytesOf(context: Pick<AbiContext, 'pageBytes' | 'kernelPageBytes'>, pid: number): number {
  return context.pageBytes[pid] ?? context.kernelPageBytes;
}

/**
 * Returns from a call.
 *
 * @example
 * ```ts
 * const abi = { resources: null, kernelPageBytes: 4096, files: [], pageBytes: {}, calls: {}, shared: noSharedMemory(), refused: 0 };
 * answer(abi, 1, { result: 0 }, () => {}).calls; // {}
 * ```
 */
export function answer(
  context: AbiContext,
  pid: number,
  end: { result: number; errno?: number; signal?: number; data?: number[] },
  send: Send,
): AbiContext {
  const counts = context.calls[pid]?.counts ?? zeroCounts();
  const { result, errno = 0, signal = 0, data = [] } = end;
  send(`process:${pid}`, { type: 'SYSRET', result, errno, signal, counts, data });
  return { ...context, calls: without(context.calls, pid) };
}

/**
 * Fails a call with an errno.
 *
 * @example
 * ```ts
 * const abi = { resources: null, kernelPageBytes: 4096, files: [], pageBytes: {}, calls: {}, shared: noSharedMemory(), refused: 0 };
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
 * const abi = { resources: null, kernelPageBytes: 4096, files: [], pageBytes: {}, calls: {}, shared: noSharedMemory(), refused: 0 };
 * refuse(abi, 1, 22, () => {}).refused; // 1
 * ```
 */
export function refuse(context: AbiContext, pid: number, errno: number, send: Send): AbiContext {
  return fail({ ...context, refused: context.refused + 1 }, pid, errno, send);
}

/**
 * Notes a call as it is now.
 *
 * @example
 * ```ts
 * const abi = { resources: null, kernelPageBytes: 4096, files: [], pageBytes: {}, calls: {}, shared: noSharedMemory(), refused: 0 };
 * begin(abi, newCall(7, 0, { op: 'exit', status: 0 })).calls[7].pid; // 7
 * ```
 */
export function begin(context: AbiContext, inFlight: CallInFlight): AbiContext {
  return { ...context, calls: { ...context.calls, [inFlight.pid]: inFlight } };
}

/**
 * Hands a call to an mm: the caller's own, or that of another process.
 *
 * @example
 * ```ts
 * const abi = { resources: null, kernelPageBytes: 4096, files: [], pageBytes: {}, calls: {}, shared: noSharedMemory(), refused: 0 };
 * askMm(abi, newCall(7, 0, { op: 'munlockall' }), { op: 'munlockall' }, () => {}).calls[7].awaits; // 'mm'
 * ```
 */
export function askMm(
  context: AbiContext,
  inFlight: CallInFlight,
  call: MmCall,
  send: Send,
  targetPid = inFlight.pid,
): AbiContext {
  send(`mm:${targetPid}`, { type: 'MM_CALL', request: inFlight.pid, call });
  return begin(context, { ...inFlight, awaits: 'mm' });
}

/**
 * Copies user memory on, on the CPU of the caller; one that sleeps is woken first and goes on with its next CPU.
 *
 * @example
 * ```ts
 * const abi = { resources: null, kernelPageBytes: 4096, files: [], pageBytes: {}, calls: {}, shared: noSharedMemory(), refused: 0 };
 * const call = { ...newCall(7, 0, { op: 'munlockall' }), copies: [{ addr: 4096, lengthBytes: 1 }] };
 * copyOn(abi, call, () => {}).calls[7].awaits; // 'uaccess'
 * copyOn(abi, { ...call, asleep: true }, () => {}).calls[7].awaits; // 'cpu'
 * ```
 */
export function copyOn(context: AbiContext, inFlight: CallInFlight, send: Send): AbiContext {
  const { pid, copies, access, asleep } = inFlight;
  if (asleep) {
    send(`process:${pid}`, { type: 'WAKE' });
    return begin(context, { ...inFlight, awaits: 'cpu' });
  }
  const [{ addr, lengthBytes }] = copies;
  send(`tlb:${inFlight.cpu}`, { type: 'UACCESS', pid, va: addr, lengthBytes, access });
  return begin(context, { ...inFlight, awaits: 'uaccess' });
}
