/**
 * The life of a task at the boundary: which page size it has from execve on, what a child inherits, what its end closes; and what
 * one task writes of another to /proc.
 *
 * @models D-07
 */
import { inherit, leave } from '../src/mm/abi/sharedMemory.ts';
import { ERRNO } from '../src/mm/abiRules.ts';
import type { TraceCall } from '../src/mm/runs.ts';
import { type AbiContext, answer, askMm, type CallInFlight, fail, pageBytesOf, refuse } from './abiState.ts';
import { uffdOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import type { ExecCall } from './messages.ts';
import { reviseAbi } from './revise.ts';
import { taskCloned, taskStarted } from './selection/abiSelection.ts';
import type { Send } from './support.ts';

type CallOf<O extends TraceCall['op']> = Extract<TraceCall, { op: O }>;

/**
 * execve of a program with a page size, which is never below the kernel's.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'execve' as const, file: 'a', pageBytes: 1024, image: [] };
 * execve(abi, newCall(1, 0, call), call, () => {}).refused; // 1
 * ```
 */
export function execve(context: AbiContext, inFlight: CallInFlight, call: ExecCall, send: Send): AbiContext {
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

/**
 * fork: the child has the page size and the shared memory of its parent. Noted before the fork: the child may make a call before
 * this adapter hears that its parent's fork is done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'fork' as const, childPid: -1 };
 * forkTask(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function forkTask(context: AbiContext, inFlight: CallInFlight, call: CallOf<'fork'>, send: Send): AbiContext {
  const { pid } = inFlight;
  if (call.childPid < 0) return answer(context, pid, { result: 0 }, send);
  const cloned = taskCloned(context, pid, call);
  if (typeof cloned === 'number') return fail(context, pid, cloned, send);
  const pageBytes = context.pageBytes.with(call.childPid, pageBytesOf(context, pid));
  const shared = inherit(context.shared, pid, call.childPid);
  const noted = reviseAbi(cloned, (draft) => {
    draft.pageBytes = pageBytes;
    draft.shared = shared;
  });
  return askMm(noted, inFlight, { op: 'fork', childPid: call.childPid }, send);
}

/**
 * A task is gone (`exit_shm`, `exit_files`): what only it had open is closed.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const sent: string[] = [];
 * exited(abi, 1, (to) => sent.push(to));
 * sent; // ['process:1']
 * ```
 */
export function exited(context: AbiContext, pid: number, send: Send): AbiContext {
  const { shared, closed } = leave(context.shared, pid);
  for (const fd of context.resources.userfaultfd.descriptors) send(uffdOf(fd), { type: 'UFFD_EXIT', fd, pid });
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

/**
 * A write to /proc/PID/clear_refs, for the mm of that process.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'clear_refs' as const, targetPid: 9, value: 4 };
 * const sent: unknown[] = [];
 * clearRefs(abi, newCall(1, 0, call), call, (_to, message) => sent.push(message.errno));
 * sent; // [3]
 * ```
 */
export function clearRefs(
  context: AbiContext,
  inFlight: CallInFlight,
  call: CallOf<'clear_refs'>,
  send: Send,
): AbiContext {
  const target = call.targetPid === 0 ? inFlight.pid : call.targetPid;
  if (!context.pageBytes.has(target)) return fail(context, inFlight.pid, ERRNO.ESRCH, send);
  return askMm(context, inFlight, call, send, target);
}
