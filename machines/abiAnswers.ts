/** How a call goes on and ends: with the answer of the mm, or of a CPU that has touched user memory for it. */
import { accessAnswered, isPinningCall } from './gup/abiPins.ts';
import { ERRNO } from '../src/mm/abiRules.ts';
import { transferCopied, transferFaulted } from './abiFiles.ts';
import { otherAnswered, otherCopied } from './abiOthers.ts';
import { sharedAnswered } from './abiShared.ts';
import { type AbiContext, answer, begin, type CallInFlight, callOf, copyOn, fail } from './abiState.ts';
import type { MessageOf } from './messages.ts';
import { executed } from './selection/abiSelection.ts';
import { addCounts } from './processState.ts';
import { type Send } from './support.ts';
import { wordRead } from './uaccess/abiFutex.ts';
import { sourceRead } from './userfaultfd/abiCalls.ts';
import { reviseCall } from './reviseWork.ts';
import { exited } from './abiTasks.ts';
import { isOtherCall, isSharedCall } from './abiKinds.ts';

/**
 * The mm has done its part of a call.
 *
 * @example
 * ```ts
 * const abi = begin(initialAbi({ resources: null, kernelPageBytes: 4096, files: [] }), newCall(1, 0, { op: 'munlockall' }));
 * mmAnswered(abi, { type: 'MM_DONE', request: 1, result: 0, errno: 0, data: [] }, () => {}).calls.size; // 0
 * ```
 */
export function mmAnswered(context: AbiContext, event: MessageOf<'MM_DONE'>, send: Send): AbiContext {
  const inFlight = callOf(context, event.request);
  const { call, pid } = inFlight;
  const { result, errno, data } = event;
  if (isOtherCall(call)) return otherAnswered(context, inFlight, call, event, send);
  if (isPinningCall(call)) return accessAnswered(context, inFlight, event, send);
  if (isSharedCall(call)) return sharedAnswered(context, inFlight, event, send);
  if (call.op === 'exit') return exited(context, pid, send);
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
}

/**
 * A CPU has touched user memory for a call, or met a fault there.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { ...newCall(1, 0, { op: 'mincore', addr: 0, lengthBytes: 1 }), copies: [{ addr: 0, lengthBytes: 1 }] };
 * const done = { type: 'UACCESS_DONE' as const, pid: 1, doneBytes: 1, reason: 'done' as const, signal: 0, counts: zeroCounts() };
 * userCopied(begin(abi, call), done, () => {}).calls.size; // 0
 * ```
 */
export function userCopied(context: AbiContext, event: MessageOf<'UACCESS_DONE'>, send: Send): AbiContext {
  const before = callOf(context, event.pid);
  const [first, ...rest] = before.copies;
  const { addr, lengthBytes } = first;
  const left = { addr: addr + event.doneBytes, lengthBytes: lengthBytes - event.doneBytes };
  const inFlight: CallInFlight = {
    ...before,
    copies: event.reason === 'done' ? rest : [left, ...rest],
    doneBytes: before.doneBytes + event.doneBytes,
    counts: addCounts(before.counts, event.counts),
  };
  if (event.reason === 'asleep') {
    // The fault handler wakes the process; the copy goes on where it stopped.
    send(`process:${event.pid}`, { type: 'SLEEP', pid: event.pid });
    return begin(
      context,
      reviseCall(inFlight, (draft) => {
        draft.asleep = true;
        draft.awaits = 'cpu';
      }),
    );
  }
  if (event.reason === 'done' && rest.length > 0) return copyOn(context, inFlight, send);
  const signal = event.reason === 'fault' ? event.signal : 0;
  return copyEnded(begin(context, inFlight), inFlight, event.reason === 'fault', signal, send);
}

function copyEnded(
  context: AbiContext,
  inFlight: CallInFlight,
  faulted: boolean,
  signal: number,
  send: Send,
): AbiContext {
  const { call, pid, result, data } = inFlight;
  if (call.op === 'read' || call.op === 'write') {
    return faulted
      ? transferFaulted(context, inFlight, call, signal, send)
      : transferCopied(context, inFlight, call, send);
  }
  if (call.op === 'futex') return wordRead(context, inFlight, call, faulted, send);
  if (call.op === 'process_vm_readv' || call.op === 'process_vm_writev') {
    return otherCopied(context, inFlight, call, faulted, send);
  }
  if (call.op === 'uffdio_copy') return sourceRead(context, inFlight, send);
  return faulted ? fail(context, pid, ERRNO.EFAULT, send) : answer(context, pid, { result, data }, send);
}
