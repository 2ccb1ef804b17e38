/**
 * Threads at the system-call boundary (`kernel/fork.c:copy_process` with CLONE_VM, `kernel/exit.c`): who shares an mm, and who is
 * its last user.
 *
 * @models S-39
 */
import { IntRecord } from '../src/mm/intRecord.ts';
import { inherit } from '../src/mm/abi/sharedMemory.ts';
import { type AbiContext, answer, askMm, type CallInFlight, mmPidOf, pageBytesOf } from './abiState.ts';
import { reviseAbi } from './revise.ts';
import type { Send } from './support.ts';

/**
 * A new thread in the address space of its maker: it has the page size of the process, and the names of files that there are.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const cloned = cloneThread(abi, 1, 7, () => {});
 * mmPidOf(cloned, 7); // 1
 * ```
 */
export function cloneThread(context: AbiContext, pid: number, tid: number, send: Send): AbiContext {
  const threads = (context.threads ?? IntRecord.empty<number>()).with(tid, mmPidOf(context, pid));
  const pageBytes = context.pageBytes.with(tid, pageBytesOf(context, pid));
  const shared = inherit(context.shared, pid, tid);
  send(`process:${tid}`, { type: 'WAKE' });
  const state = reviseAbi(context, (draft) => {
    draft.threads = threads;
    draft.pageBytes = pageBytes;
    draft.shared = shared;
  });
  return answer(state, pid, { result: tid }, send);
}

/** Whether anybody but this one still runs in its address space. */
function hasOthers(context: AbiContext, pid: number): boolean {
  const { threads } = context;
  if (threads === undefined) return false;
  const group = mmPidOf(context, pid);
  const others = [...threads.entries()].filter(([tid, of]) => of === group && tid !== pid);
  return others.length > 0 || (pid !== group && context.pageBytes.has(group));
}

/**
 * The end of a task: the address space goes with the last that runs in it (`mmput`).
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'exit' as const, status: 0 };
 * beginExit(abi, newCall(1, 0, call), call, () => {}).calls.get(1)?.awaits; // 'mm'
 * ```
 */
export function beginExit(
  context: AbiContext,
  inFlight: CallInFlight,
  call: { op: 'exit'; status: number },
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  if (!hasOthers(context, pid)) return askMm(context, inFlight, call, send);
  const pageBytes = context.pageBytes.without(pid);
  const state = reviseAbi(withoutThread(context, pid), (draft) => {
    draft.pageBytes = pageBytes;
  });
  return answer(state, pid, { result: 0 }, send);
}

/**
 * A thread is gone.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * withoutThread(cloneThread(abi, 1, 7, () => {}), 7).threads?.size; // 0
 * ```
 */
export function withoutThread(context: AbiContext, pid: number): AbiContext {
  const { threads } = context;
  if (threads === undefined || !threads.has(pid)) return context;
  return reviseAbi(context, (draft) => {
    draft.threads = threads.without(pid);
  });
}
