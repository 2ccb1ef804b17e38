/** How a call begins: who takes it, and what of it is refused or put into process pages before. */
import { ERRNO, translateCall } from '../src/mm/abiRules.ts';
import { isPlanned } from '../src/mm/calls/index.ts';
import { auxiliaryValue } from '../src/mm/abi/answers.ts';
import { type RuledCall } from '../src/mm/abi/rules.ts';
import { isUserfaultCall } from '../src/mm/userfaultfd/calls.ts';
import { beginFileCall, hasPages, inodeOf } from './abiFiles.ts';
import { beginProcCall } from './procfs/abiProc.ts';
import { beginPipeCall } from './pipe/abiPipe.ts';
import { beginOtherCall } from './abiOthers.ts';
import { beginSharedCall } from './abiShared.ts';
import { createHugeMemfd, hugeMemfdOf } from './hugetlb/abiHuge.ts';
import { beginControl } from './khugepaged/abiControls.ts';
import { askHandler, beginIoctl, beginObjectCall, isObjectCall } from './objects/abiObjects.ts';
import { type AbiContext, answer, askMm, begin, type CallInFlight, fail, pageBytesOf, refuse } from './abiState.ts';
import { beginExit, cloneThread } from './abiThreads.ts';
import { beginPinningCall, isPinningCall } from './gup/abiPins.ts';
import { beginExec, beginSelectionCall, isSelectionCall } from './selection/abiSelection.ts';
import { type Send } from './support.ts';
import { beginFutex } from './uaccess/abiFutex.ts';
import { beginUserfaultCall } from './userfaultfd/abiCalls.ts';
import { reviseCall } from './reviseWork.ts';
import { beginExecve, beginFork } from './abiTasks.ts';
import { isFileCall, isOtherCall, isRuled, isSharedCall } from './abiKinds.ts';

/**
 * Begins a call, as a process made it: by its rule, by the facility that it belongs to, or not at all.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * beginCall(abi, newCall(1, 0, { op: 'exit', status: 0 }), () => {}).calls.get(1)?.awaits; // 'mm'
 * ```
 */
export function beginCall(context: AbiContext, inFlight: CallInFlight, send: Send): AbiContext {
  const { pid, call } = inFlight;
  if (isUserfaultCall(call)) return beginUserfaultCall(context, inFlight, call, send);
  if (isRuled(call)) return ruled(context, inFlight, call, send);
  if (isPinningCall(call)) return beginPinningCall(context, inFlight, call, send);
  if (isObjectCall(call)) return beginObjectCall(context, inFlight, call, send);
  if (isSelectionCall(call)) return beginSelectionCall(context, inFlight, call, send);
  switch (call.op) {
    case 'read_proc':
    case 'write_proc':
      return beginProcCall(context, inFlight, call, send);
    case 'splice':
    case 'drain':
      return beginPipeCall(context, inFlight, call, send);
    case 'nanosleep':
      send(`process:${pid}`, { type: 'SLEEP', pid });
      return answer(context, pid, { result: 0 }, send, call.cycles);
    case 'clear_refs': {
      const target = call.targetPid === 0 ? pid : call.targetPid;
      if (!context.pageBytes.has(target)) return fail(context, pid, ERRNO.ESRCH, send);
      return askMm(context, inFlight, call, send, target);
    }
    case 'pattern':
      return context.resources.ksm ? askMm(context, inFlight, call, send) : answer(context, pid, { result: 0 }, send);
    case 'execve':
      return beginExecve(context, inFlight, call, send);
    case 'exec':
      return beginExec(context, inFlight, call, send);
    case 'exit':
      return beginExit(context, inFlight, call, send);
    case 'futex':
      return beginFutex(context, inFlight, call, send);
    case 'clone':
      return cloneThread(context, pid, call.tid, send);
    case 'fork':
      return beginFork(context, inFlight, call, send);
    case 'ioctl':
      return beginIoctl(context, inFlight, call, send);
    case 'auxval':
      return answer(context, pid, auxiliaryValue(call.name, pageBytesOf(context, pid)), send);
    case 'read_control':
    case 'write_control':
      return beginControl(context, inFlight, call, send);
    case 'sysconf':
      send('zone', { type: 'SYSINFO', request: pid });
      return begin(
        context,
        reviseCall(inFlight, (draft) => {
          draft.awaits = 'zone';
        }),
      );
    default:
      return answer(context, pid, { result: 0 }, send);
  }
}

/** A call that has a rule: refused by it, or handed on as it leaves it. */
function ruled(context: AbiContext, inFlight: CallInFlight, call: RuledCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const hugeMemfd = hugeMemfdOf(context, pid, call);
  if (hugeMemfd !== null) return createHugeMemfd(context, inFlight, hugeMemfd, send);
  const translated = translateCall(call, pageBytesOf(context, pid));
  if ('errno' in translated) return refuse(context, pid, translated.errno, send);
  if ('nothing' in translated) return answer(context, pid, { result: 0 }, send);
  const made = translated.call;
  if (isFileCall(made)) return beginFileCall(context, inFlight, made, send);
  if (isSharedCall(made)) return beginSharedCall(context, inFlight, made, send);
  if (isOtherCall(made)) return beginOtherCall(context, inFlight, made, send);
  if (made.op === 'pkey_mprotect') {
    const { addr, lengthBytes, prot } = made;
    return askMm(context, inFlight, { op: 'mprotect', addr, lengthBytes, prot }, send);
  }
  if (made.op === 'mmap' && made.file !== null) {
    const asked = askHandler(context, inFlight, made, send);
    const file = inodeOf(context, pid, made.file);
    // What the program has not made yet, or could not, is no open file.
    if (asked === null && !hasPages(context, file)) return fail(context, pid, ERRNO.EBADF, send);
    return asked ?? askMm(context, inFlight, { ...made, file }, send);
  }
  return isPlanned(made) ? askMm(context, inFlight, made, send) : answer(context, pid, { result: 0 }, send);
}
