/** fork, execve and exit at the system-call boundary: which page size a task's calls are judged by, and what is its own. */
import { ERRNO } from '../src/mm/abiRules.ts';
import { inherit, leave } from '../src/mm/abi/sharedMemory.ts';
import type { TaskCall } from '../src/mm/runs.ts';
import { type AbiContext, answer, askMm, type CallInFlight, fail, pageBytesOf, refuse } from './abiState.ts';
import { uffdOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import type { ExecCall } from './messages.ts';
import { reviseAbi } from './revise.ts';
import { withoutThread } from './abiThreads.ts';
import { taskCloned, taskEnded, taskStarted } from './selection/abiSelection.ts';
import type { Send } from './support.ts';

/**
 * fork: the child is noted before it, since it may make a call before this adapter hears that its parent's fork is done.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'fork' as const, childPid: 2 };
 * beginFork(abi, newCall(1, 0, call), call, () => {}).pageBytes.get(2); // 4096
 * ```
 */
export function beginFork(
  context: AbiContext,
  inFlight: CallInFlight,
  call: Extract<TaskCall, { op: 'fork' }>,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const { childPid } = call;
  if (childPid < 0) return answer(context, pid, { result: 0 }, send);
  const cloned = taskCloned(context, pid, call);
  if (typeof cloned === 'number') return fail(context, pid, cloned, send);
  const pageBytes = context.pageBytes.with(childPid, pageBytesOf(context, pid));
  const shared = inherit(context.shared, pid, childPid);
  const state = reviseAbi(cloned, (draft) => {
    draft.pageBytes = pageBytes;
    draft.shared = shared;
  });
  return askMm(state, inFlight, { op: 'fork', childPid }, send);
}

/**
 * execve as the outside asks for it, with the page size of the topology.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'execve' as const, file: '/a', pageBytes: 65536, image: [] };
 * beginExecve(abi, newCall(1, 0, call), call, () => {}).pageBytes.get(1); // 65536
 * ```
 */
export function beginExecve(context: AbiContext, inFlight: CallInFlight, call: ExecCall, send: Send): AbiContext {
  const { pid } = inFlight;
  if (call.pageBytes < context.kernelPageBytes) return refuse(context, pid, ERRNO.EINVAL, send);
  const pageBytes = context.pageBytes.with(pid, call.pageBytes);
  const state = reviseAbi(taskStarted(context, pid, call.pageBytes), (draft) => {
    draft.pageBytes = pageBytes;
  });
  return askMm(state, inFlight, call, send);
}

/**
 * `exit_shm`, `exit_files`: what only this process had open goes.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * exited(abi, 1, () => {}).pageBytes.get(1); // undefined
 * ```
 */
export function exited(before: AbiContext, pid: number, send: Send): AbiContext {
  const context = withoutThread(before, pid);
  const { shared, closed } = leave(context.shared, pid);
  for (const fd of context.resources.userfaultfd.descriptors) send(uffdOf(fd), { type: 'UFFD_EXIT', fd, pid });
  for (const file of closed) send(actorOfFile(file), { type: 'CLOSE_FILE', file });
  const pageBytes = context.pageBytes.without(pid);
  const state = reviseAbi(taskEnded(context, pid), (draft) => {
    draft.shared = shared;
    draft.pageBytes = pageBytes;
  });
  return answer(state, pid, { result: 0 }, send);
}
