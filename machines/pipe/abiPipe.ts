/** splice and reads of a pipe at the system-call boundary. */
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { PipeCall } from '../../src/mm/runs.ts';
import { inodeOf } from '../abiFiles.ts';
import { type AbiContext, answer, begin, callOf, type CallInFlight, fail } from '../abiState.ts';
import { actorOfFile } from '../fileState.ts';
import type { MessageOf } from '../messages.ts';
import { reviseCall } from '../reviseWork.ts';
import type { Send } from '../support.ts';

function waiting(context: AbiContext, inFlight: CallInFlight, awaits: 'file' | 'pipe'): AbiContext {
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = awaits;
    }),
  );
}

/**
 * Begins a call on a pipe. splice reads the pages in first (`mm/filemap.c:filemap_splice_read`).
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: ['a'] });
 * const call = { op: 'splice' as const, file: 'a', offsetBytes: 0, lengthBytes: 4096, pipe: 'p' };
 * beginPipeCall(abi, newCall(1, 0, call), call, () => {}).calls.get(1)?.awaits; // 'file'
 * ```
 */
export function beginPipeCall(context: AbiContext, inFlight: CallInFlight, call: PipeCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const { lengthBytes } = call;
  if (lengthBytes <= 0) return answer(context, pid, { result: 0 }, send);
  if (call.op === 'drain') {
    send(`pipe:${call.pipe}`, { type: 'DRAIN', request: pid, lengthBytes });
    return waiting(context, inFlight, 'pipe');
  }
  const file = inodeOf(context, pid, call.file);
  if (!file.startsWith('shmem:') && !context.files.has(file)) return fail(context, pid, ERRNO.EINVAL, send);
  const { offsetBytes } = call;
  send(actorOfFile(file), { type: 'READ_FILE', file, request: pid, offsetBytes, lengthBytes });
  return waiting(context, inFlight, 'file');
}

/**
 * The pages of a splice are in the cache: the pipe takes references to as many as it has room for.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: ['a'] });
 * const call = { op: 'splice' as const, file: 'a', offsetBytes: 0, lengthBytes: 4096, pipe: 'p' };
 * const done = { type: 'FILE_DONE' as const, request: 1, rereadPages: 0, failed: false, errno: 0, doneBytes: 4096 };
 * spliceRead(abi, newCall(1, 0, call), done, () => {}).calls.get(1)?.awaits; // 'pipe'
 * ```
 */
export function spliceRead(
  context: AbiContext,
  inFlight: CallInFlight,
  { failed, errno, doneBytes: lengthBytes }: MessageOf<'FILE_DONE'>,
  send: Send,
): AbiContext {
  const { call, pid } = inFlight;
  if (call.op !== 'splice') return context;
  if (failed) return fail(context, pid, errno, send);
  if (lengthBytes === 0) return answer(context, pid, { result: 0 }, send);
  const file = inodeOf(context, pid, call.file);
  const { pipe, offsetBytes } = call;
  send(`pipe:${pipe}`, { type: 'SPLICE', request: pid, file, offsetBytes, lengthBytes });
  return waiting(context, inFlight, 'pipe');
}

/**
 * The pipe has answered.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const waits = begin(abi, newCall(1, 0, { op: 'drain', pipe: 'p', lengthBytes: 9 }));
 * pipeAnswered(waits, { type: 'PIPE_DONE', request: 1, doneBytes: 9, errno: 0 }, () => {}).calls.size; // 0
 * ```
 */
export function pipeAnswered(context: AbiContext, event: MessageOf<'PIPE_DONE'>, send: Send): AbiContext {
  const { request, doneBytes, errno } = event;
  const { pid } = callOf(context, request);
  return errno === 0 ? answer(context, pid, { result: doneBytes }, send) : fail(context, pid, errno, send);
}
