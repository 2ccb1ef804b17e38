/**
 * Calls that have pages pinned, or touch another process's memory whatever its protection: `mm/gup_test.c`, which stands for
 * everybody who pins for a process (io_uring's registered buffers, RDMA, VFIO), `kernel/ptrace.c:ptrace_access_vm` and
 * `kernel/events/uprobes.c:uprobe_write_opcode`.
 *
 * @models S-08 D-16
 */
import { defaultPinChoices } from '../../src/arch/pinChoices.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { PinningCall } from '../../src/mm/runs.ts';
import { type AbiContext, answer, askMm, begin, type CallInFlight, fail, mmPidOf } from '../abiState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { reviseCall } from '../reviseWork.ts';
import { assertType, type Send } from '../support.ts';

/** A word of PTRACE_PEEKDATA, a breakpoint of uprobes. */
const WORD_BYTES = 8;
const OPCODE_BYTES = 4;

/**
 * Whether a call is one of these.
 *
 * @example
 * ```ts
 * isPinningCall({ op: 'ptrace' }); // true
 * isPinningCall({ op: 'munmap' }); // false
 * ```
 */
export function isPinningCall(call: { op: string }): call is PinningCall {
  return call.op === 'gup_test' || call.op === 'ptrace' || call.op === 'uprobe_register';
}

function gupTest(
  context: AbiContext,
  inFlight: CallInFlight,
  call: Extract<PinningCall, { op: 'gup_test' }>,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const { command, holder, addr, lengthBytes, write, longterm, force, fast, wait } = call;
  const who = { sender: wait ? 'abi' : 'outside', request: pid };
  const range = { pid: mmPidOf(context, call.targetPid === 0 ? pid : call.targetPid), addr, lengthBytes };
  if (command === 'unpin') send(`gup:${holder}`, { type: 'GUP_UNPIN', ...who, ...range });
  else send(`gup:${holder}`, { type: 'GUP_PIN', ...who, ...range, write, longterm, force, fast });
  if (!wait) return answer(context, pid, { result: 0 }, send);
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'gup';
    }),
  );
}

/**
 * Begins a call of this kind.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'ptrace' as const, request: 'pokedata' as const, targetPid: 9, addr: 0x10000 };
 * beginPinningCall(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function beginPinningCall(
  context: AbiContext,
  inFlight: CallInFlight,
  call: PinningCall,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const target = call.targetPid === 0 ? pid : call.targetPid;
  if (!context.pageBytes.has(target)) return fail(context, pid, ERRNO.ESRCH, send);
  if (call.op === 'gup_test') return gupTest(context, inFlight, call, send);
  const write = call.op === 'uprobe_register' || call.request === 'pokedata';
  const { forcedWrite } = context.resources.design.pins ?? defaultPinChoices;
  const force = !write || forcedWrite !== 'refused';
  const lengthBytes = call.op === 'ptrace' ? WORD_BYTES : OPCODE_BYTES;
  return askMm(context, inFlight, { op: 'remote_access', addr: call.addr, lengthBytes, write, force }, send, target);
}

/**
 * The target's mm has faulted the word in, or has not: EIO.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'ptrace' as const, request: 'peekdata' as const, targetPid: 9, addr: 0x10000 };
 * const sent: unknown[] = [];
 * const done = { type: 'MM_DONE' as const, request: 1, result: 0, errno: 0, data: [] };
 * accessAnswered(abi, newCall(1, 0, call), done, (_to, message) => sent.push(message));
 * (sent[0] as { errno: number }).errno; // 5
 * ```
 */
export function accessAnswered(
  context: AbiContext,
  { pid }: CallInFlight,
  event: MessageOf<'MM_DONE'>,
  send: Send,
): AbiContext {
  return event.result > 0 ? answer(context, pid, { result: 0 }, send) : fail(context, pid, ERRNO.EIO, send);
}

/**
 * A holder has pinned or unpinned what a call asked for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const sent: string[] = [];
 * pinsDone(abi, { type: 'GUP_DONE', request: 1, result: 16, errno: 0 }, (to) => sent.push(to));
 * sent; // ['process:1']
 * ```
 */
export function pinsDone(context: AbiContext, event: Message, send: Send): AbiContext {
  assertType(event, 'GUP_DONE');
  return answer(context, event.request, { result: event.result, errno: event.errno }, send);
}
