/** Reads of procfs at the system-call boundary: the bytes go to the caller's memory, across its page borders. */
import type { ProcCall } from '../../src/mm/runs.ts';
import {
  type AbiContext,
  answer,
  askMm,
  begin,
  callOf,
  type CallInFlight,
  copyOn,
  fail,
  pageBytesOf,
} from '../abiState.ts';
import type { MessageOf } from '../messages.ts';
import { reviseCall } from '../reviseWork.ts';
import type { Send } from '../support.ts';

/**
 * Whether a call is about a file of procfs.
 *
 * @example
 * ```ts
 * isProcCall({ op: 'read_proc' }); // true
 * ```
 */
export function isProcCall(call: { op: string }): call is ProcCall {
  return call.op === 'read_proc' || call.op === 'write_proc';
}

/**
 * Hands a call on to procfs, with the page size of the caller.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'read_proc' as const, path: '/proc/self/maps', offsetBytes: 0, lengthBytes: 64 };
 * beginProcCall(abi, newCall(1, 0, call), call, () => {}).calls.get(1)?.awaits; // 'procfs'
 * ```
 */
export function beginProcCall(context: AbiContext, inFlight: CallInFlight, call: ProcCall, send: Send): AbiContext {
  const { pid: request } = inFlight;
  const readerPageBytes = pageBytesOf(context, request);
  const { path } = call;
  if (call.op === 'read_proc') {
    const { offsetBytes, lengthBytes } = call;
    send('procfs', { type: 'PROC_READ', request, readerPageBytes, path, offsetBytes, lengthBytes });
  } else send('procfs', { type: 'PROC_WRITE', request, readerPageBytes, path, text: call.text });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'procfs';
    }),
  );
}

/**
 * procfs has answered: the bytes are copied out where the caller gave a buffer; clear_refs goes on to the mm of its target.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'read_proc' as const, path: '/proc/self/maps', offsetBytes: 0, lengthBytes: 64 };
 * const waiting = begin(abi, newCall(1, 0, call));
 * procAnswered(waiting, { type: 'PROC_DATA', request: 1, errno: 2, data: [] }, () => {}).calls.size; // 0
 * ```
 */
export function procAnswered(
  context: AbiContext,
  { request: pid, errno, data }: MessageOf<'PROC_DATA'>,
  send: Send,
): AbiContext {
  const inFlight = callOf(context, pid);
  const { call } = inFlight;
  if (errno !== 0) return fail(context, pid, errno, send);
  if (call.op === 'write_proc') {
    const [targetPid, value] = data;
    return askMm(context, inFlight, { op: 'clear_refs', targetPid, value }, send, targetPid);
  }
  const result = data.length;
  if (call.op !== 'read_proc' || call.buffer === undefined || result === 0) {
    return answer(context, pid, { result, data }, send);
  }
  const copies = [{ addr: call.buffer, lengthBytes: result }];
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
