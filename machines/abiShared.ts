/** System V shared memory: shmget, shmat, shmdt and shmctl (`ipc/shm.c`). */
import { ERRNO, MAP, translateCall } from '../src/mm/abiRules.ts';
import { SHM } from '../src/mm/abi/numbers.ts';
import { destroyUnused, getSegment, segmentOf } from '../src/mm/abi/sharedMemory.ts';
import { PROT } from '../src/mm/pte.ts';
import type { SharedMemoryCall } from '../src/mm/runs.ts';
import { type AbiContext, answer, askMm, begin, type CallInFlight, fail, pageBytesOf } from './abiState.ts';
import { actorOfFile } from './fileState.ts';
import { hugeSegment } from './hugetlb/abiHuge.ts';
import type { Send } from './support.ts';
import { reviseAbi } from './revise.ts';
import { reviseCall } from './reviseWork.ts';

type CallOf<O extends SharedMemoryCall['op']> = Extract<SharedMemoryCall, { op: O }>;

function get(context: AbiContext, inFlight: CallInFlight, call: CallOf<'shmget'>, send: Send): AbiContext {
  const { pid } = inFlight;
  const { shared } = context;
  const isHuge = (call.flags & SHM.HUGETLB) !== 0 && context.resources?.facilities.hugetlb !== undefined;
  const found = getSegment(shared, call, pageBytesOf(context, pid), isHuge);
  if ('errno' in found) return fail(context, pid, found.errno, send);
  const { id } = found;
  const created =
    found.created !== null && isHuge ? hugeSegment(context, pid, found.created, call.flags) : found.created;
  const identifiers = shared.identifiers.with(pid, { ...shared.identifiers.get(pid), [call.shmid]: id });
  const known = reviseAbi(context, (draft) => {
    draft.shared = { ...shared, identifiers };
  });
  if (created === null) return answer(known, pid, { result: call.shmid }, send);
  const segments = { ...shared.segments, [id]: created };
  const state = reviseAbi(context, (draft) => {
    draft.shared = { ...shared, identifiers, segments, made: shared.made + 1 };
  });
  const { file, sizeBytes } = created;
  send(actorOfFile(file), { type: 'CREATE_FILE', file, sender: 'abi', request: pid, sizeBytes });
  return begin(
    state,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'file';
      draft.result = call.shmid;
    }),
  );
}

/** `do_shmat`: from here on it is an mmap of the segment, at a place that must be free without SHM_REMAP. */
function attach(context: AbiContext, inFlight: CallInFlight, call: CallOf<'shmat'>, send: Send): AbiContext {
  const { pid } = inFlight;
  const given = inFlight.call as CallOf<'shmat'>;
  const found = segmentOf(context.shared, pid, call.shmid);
  if (found === null) return fail(context, pid, ERRNO.EINVAL, send);
  const placed = (call.flags & SHM.REMAP) === 0 ? MAP.FIXED_NOREPLACE : MAP.FIXED;
  const mapping = {
    op: 'mmap' as const,
    addr: given.addr === 0 ? call.placedAddr : call.addr,
    lengthBytes: found.segment.sizeBytes,
    prot:
      PROT.READ | ((call.flags & SHM.RDONLY) === 0 ? PROT.WRITE : 0) | ((call.flags & SHM.EXEC) === 0 ? 0 : PROT.EXEC),
    flags: MAP.SHARED | (given.addr === 0 ? 0 : placed),
    file: found.segment.file,
    offsetBytes: 0,
  };
  const translated = translateCall(mapping, pageBytesOf(context, pid));
  if ('errno' in translated) return fail(context, pid, translated.errno, send);
  return 'nothing' in translated ? context : askMm(context, inFlight, translated.call, send);
}

function detach(context: AbiContext, inFlight: CallInFlight, call: CallOf<'shmdt'>, send: Send): AbiContext {
  const { segments } = context.shared;
  const sizes = Object.values(segments).map(({ file, sizeBytes }): [string, number] => [file, sizeBytes]);
  return askMm(context, inFlight, { ...call, segments: Object.fromEntries(sizes) }, send);
}

/** IPC_RMID: nobody finds it by its key any more, and it goes with its last attachment (`do_shm_rmid`). */
function control(context: AbiContext, inFlight: CallInFlight, call: CallOf<'shmctl'>, send: Send): AbiContext {
  const { pid } = inFlight;
  const found = segmentOf(context.shared, pid, call.shmid);
  if (found === null) return fail(context, pid, ERRNO.EINVAL, send);
  if (call.command !== SHM.IPC_RMID || found.segment.removed) return answer(context, pid, { result: 0 }, send);
  const { id, segment } = found;
  send(actorOfFile(segment.file), { type: 'CLOSE_FILE', file: segment.file });
  const segments = { ...context.shared.segments, [id]: { ...segment, removed: true } };
  const shared = destroyUnused({ ...context.shared, segments });
  return answer(
    reviseAbi(context, (draft) => {
      draft.shared = shared;
    }),
    pid,
    { result: 0 },
    send,
  );
}

/**
 * Begins a call on System V shared memory, its arguments checked and rounded.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'shmctl' as const, shmid: 3, command: 0 };
 * beginSharedCall(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function beginSharedCall(
  context: AbiContext,
  inFlight: CallInFlight,
  call: SharedMemoryCall,
  send: Send,
): AbiContext {
  switch (call.op) {
    case 'shmget':
      return get(context, inFlight, call, send);
    case 'shmat':
      return attach(context, inFlight, call, send);
    case 'shmdt':
      return detach(context, inFlight, call, send);
    default:
      return control(context, inFlight, call, send);
  }
}

/**
 * The mm has attached or detached: what the registry learns of it, and the errno as `do_shmat` gives it.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * sharedAnswered(abi, newCall(1, 0, { op: 'shmdt', addr: 4096 }), { result: 0, errno: 0 }, () => {}).calls.size; // 0
 * ```
 */
export function sharedAnswered(
  context: AbiContext,
  inFlight: CallInFlight,
  end: { result: number; errno: number },
  send: Send,
): AbiContext {
  const { pid, call } = inFlight;
  const { shared } = context;
  const { result } = end;
  if (end.errno !== 0) {
    const errno = call.op === 'shmat' && end.errno === ERRNO.EEXIST ? ERRNO.EINVAL : end.errno;
    return fail(context, pid, errno, send);
  }
  let { attached } = shared;
  if (call.op === 'shmdt') attached = attached.filter((each) => each.pid !== pid || each.addr !== call.addr);
  const found = call.op === 'shmat' ? segmentOf(shared, pid, call.shmid) : null;
  if (found !== null) attached = [...attached, { pid, addr: result, id: found.id }];
  return answer(
    reviseAbi(context, (draft) => {
      draft.shared = destroyUnused({ ...shared, attached });
    }),
    pid,
    { result },
    send,
  );
}
