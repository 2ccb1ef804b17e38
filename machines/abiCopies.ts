/** Copies to and from user memory on behalf of a call (`lib/usercopy.c`), piece by piece. */
import { ERRNO } from '../src/mm/abiRules.ts';
import { transferCopied, transferFaulted } from './abiFiles.ts';
import { otherCopied } from './abiOthers.ts';
import { type AbiContext, answer, begin, type CallInFlight, callOf, copyOn, fail } from './abiState.ts';
import type { Message } from './messages.ts';
import { addCounts } from './processState.ts';
import { reviseCall } from './reviseWork.ts';
import { assertType, type Send } from './support.ts';
import { wordRead } from './uaccess/abiFutex.ts';

/**
 * The CPU has copied user memory for a call, or as much of it as there is: the next piece, or what the call makes of the end.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { ...newCall(7, 0, { op: 'munlockall' }), copies: [{ addr: 4096, lengthBytes: 8 }] };
 * const done = { type: 'UACCESS_DONE' as const, pid: 7, doneBytes: 8, reason: 'done' as const, signal: 0, counts: zeroCounts() };
 * userCopied(begin(abi, call), done, () => {}).calls.size; // 0
 * ```
 */
export function userCopied(context: AbiContext, event: Message, send: Send): AbiContext {
  assertType(event, 'UACCESS_DONE');
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
  return faulted ? fail(context, pid, ERRNO.EFAULT, send) : answer(context, pid, { result, data }, send);
}
