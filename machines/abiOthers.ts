/**
 * Calls on the memory of another process, which may have another page size: arguments are in the caller's units, the pages
 * are the target's. Sources: `mm/madvise.c:process_madvise`, `mm/process_vm_access.c`, `mm/migrate.c:kernel_move_pages`.
 */
import { ERRNO, lateErrno, pageAlign, translateCall } from '../src/mm/abiRules.ts';
import type { OtherProcessCall, UserRange } from '../src/mm/runs.ts';
import { type AbiContext, answer, askMm, type CallInFlight, copyOn, fail, pageBytesOf } from './abiState.ts';
import type { MessageOf } from './messages.ts';
import type { Send } from './support.ts';
import { reviseCall } from './reviseWork.ts';

type VectorCall = Extract<OtherProcessCall, { op: 'process_vm_readv' | 'process_vm_writev' }>;
type AdviceCall = Extract<OtherProcessCall, { op: 'process_madvise' }>;

function targetOf(call: OtherProcessCall, pid: number): number {
  return call.targetPid === 0 ? pid : call.targetPid;
}

function totalBytes(ranges: readonly UserRange[]): number {
  return ranges.reduce((sum, range) => sum + range.lengthBytes, 0);
}

/** Whole pages of the target around a range: none of these pieces of advice takes anything away. */
function outward(range: UserRange, pageBytes: number): UserRange {
  const addr = range.addr - (range.addr % pageBytes);
  return { addr, lengthBytes: pageAlign(range.addr + range.lengthBytes, pageBytes) - addr };
}

/** The ranges one by one; what was advised before a bad one counts. */
function adviseOn(context: AbiContext, inFlight: CallInFlight, call: AdviceCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const target = targetOf(call, pid);
  let { at, advancedBytes } = inFlight;
  for (; at < call.ranges.length; at++) {
    const { addr, lengthBytes } = call.ranges[at];
    const one = { op: 'madvise' as const, addr, lengthBytes, advice: call.advice };
    const translated = translateCall(one, pageBytesOf(context, pid));
    if ('errno' in translated)
      return adviceEnds(
        context,
        reviseCall(inFlight, (draft) => {
          draft.advancedBytes = advancedBytes;
        }),
        translated.errno,
        send,
      );
    if ('call' in translated) {
      const range = outward(translated.call, pageBytesOf(context, target));
      return askMm(
        context,
        reviseCall(inFlight, (draft) => {
          draft.at = at;
          draft.advancedBytes = advancedBytes;
        }),
        { ...translated.call, ...range },
        send,
        target,
      );
    }
    advancedBytes += lengthBytes;
  }
  return answer(context, pid, { result: advancedBytes }, send);
}

function adviceEnds(context: AbiContext, inFlight: CallInFlight, errno: number, send: Send): AbiContext {
  const { pid, advancedBytes } = inFlight;
  return advancedBytes > 0 ? answer(context, pid, { result: advancedBytes }, send) : fail(context, pid, errno, send);
}

/** The next remote range: its pages are faulted in through the target's mm, as far as the local ranges have room. */
function transferOn(context: AbiContext, inFlight: CallInFlight, call: VectorCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const room = totalBytes(call.local) - inFlight.doneBytes;
  let { at } = inFlight;
  while (at < call.remote.length && call.remote[at].lengthBytes === 0) at++;
  if (inFlight.short || room === 0 || at >= call.remote.length) return transferEnds(context, inFlight, send);
  const { addr, lengthBytes } = call.remote[at];
  const write = call.op === 'process_vm_writev';
  const access = { op: 'remote_access' as const, addr, lengthBytes: Math.min(lengthBytes, room), write };
  return askMm(
    context,
    reviseCall(inFlight, (draft) => {
      draft.at = at;
    }),
    access,
    send,
    targetOf(call, pid),
  );
}

function transferEnds(context: AbiContext, inFlight: CallInFlight, send: Send): AbiContext {
  const { pid, doneBytes, short } = inFlight;
  return short && doneBytes === 0
    ? fail(context, pid, ERRNO.EFAULT, send)
    : answer(context, pid, { result: doneBytes }, send);
}

/** The parts of the local ranges that the next `lengthBytes` bytes go to or come from. */
function localParts(local: readonly UserRange[], skipBytes: number, lengthBytes: number): UserRange[] {
  const parts: UserRange[] = [];
  let from = skipBytes;
  let left = lengthBytes;
  for (const range of local) {
    const taken = Math.min(Math.max(range.lengthBytes - from, 0), left);
    if (taken > 0) parts.push({ addr: range.addr + from, lengthBytes: taken });
    from = Math.max(from - range.lengthBytes, 0);
    left -= taken;
  }
  return parts;
}

/**
 * Begins a call on another process.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'move_pages' as const, targetPid: 9, addresses: [4096], nodes: null, flags: 0 };
 * beginOtherCall(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function beginOtherCall(
  context: AbiContext,
  inFlight: CallInFlight,
  call: OtherProcessCall,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  if (call.op === 'process_vm_readv' || call.op === 'process_vm_writev') {
    if (totalBytes(call.local) === 0 || totalBytes(call.remote) === 0) return answer(context, pid, { result: 0 }, send);
  }
  const target = targetOf(call, pid);
  if (!context.pageBytes.has(target)) return fail(context, pid, ERRNO.ESRCH, send);
  if (call.op === 'move_pages') {
    const errno = lateErrno(call, pageBytesOf(context, pid));
    if (errno !== 0) return fail(context, pid, errno, send);
    const { op, addresses, nodes, flags } = call;
    return askMm(context, inFlight, { op, addresses, nodes, flags }, send, target);
  }
  if (call.op === 'process_madvise') return adviseOn(context, inFlight, call, send);
  return transferOn(context, inFlight, call, send);
}

/**
 * The other mm has answered.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'move_pages' as const, targetPid: 0, addresses: [4096], nodes: null, flags: 0 };
 * const done = { type: 'MM_DONE' as const, request: 1, result: 0, errno: 0, data: [0] };
 * otherAnswered(abi, newCall(1, 0, call), call, done, () => {}).calls.size; // 0
 * ```
 */
export function otherAnswered(
  context: AbiContext,
  inFlight: CallInFlight,
  call: OtherProcessCall,
  event: MessageOf<'MM_DONE'>,
  send: Send,
): AbiContext {
  const { pid, at } = inFlight;
  const { result, errno, data } = event;
  if (call.op === 'move_pages') return answer(context, pid, { result, errno, data }, send);
  if (call.op === 'process_madvise') {
    if (errno !== 0) return adviceEnds(context, inFlight, errno, send);
    const advancedBytes = inFlight.advancedBytes + call.ranges[at].lengthBytes;
    return adviseOn(
      context,
      reviseCall(inFlight, (draft) => {
        draft.at = at + 1;
        draft.advancedBytes = advancedBytes;
      }),
      call,
      send,
    );
  }
  const doneBytes = Math.max(result, 0);
  const asked = Math.min(call.remote[at].lengthBytes, totalBytes(call.local) - inFlight.doneBytes);
  const next: CallInFlight = reviseCall(inFlight, (draft) => {
    draft.at = at + 1;
    draft.short = doneBytes < asked;
  });
  if (doneBytes === 0) return transferEnds(context, next, send);
  const copies = localParts(call.local, inFlight.doneBytes, doneBytes);
  return copyOn(context, { ...next, copies, access: call.op === 'process_vm_readv' ? 'write' : 'read' }, send);
}

/**
 * The local part of a transfer is copied, or met a bad address.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'process_vm_readv' as const, targetPid: 0, local: [], remote: [] };
 * otherCopied(abi, newCall(1, 0, call), call, true, () => {}).calls.size; // 0
 * ```
 */
export function otherCopied(
  context: AbiContext,
  inFlight: CallInFlight,
  call: VectorCall,
  faulted: boolean,
  send: Send,
): AbiContext {
  return transferOn(
    context,
    reviseCall(inFlight, (draft) => {
      draft.short = inFlight.short || faulted;
    }),
    call,
    send,
  );
}
