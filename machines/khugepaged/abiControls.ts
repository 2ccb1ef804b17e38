/**
 * Reading and writing a control of the kernel, at the system-call boundary: the file goes by its path to the actor that keeps it, and the
 * caller's page size goes with it. A file that nobody keeps does not exist.
 *
 * @models S-23 S-24 S-25
 */
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { isHugeControl } from '../../src/mm/hugetlb/controls.ts';
import type { ControlCall } from '../../src/mm/runs.ts';
import { type AbiContext, answer, begin, type CallInFlight, fail, pageBytesOf } from '../abiState.ts';
import type { MessageOf } from '../messages.ts';
import { reviseCall } from '../reviseWork.ts';
import type { Send } from '../support.ts';

const THP = '/sys/kernel/mm/transparent_hugepage/';

/** Who keeps a control, and its path there; null where there is none. */
function keeperOf({ resources }: AbiContext, path: string): { to: string; path: string } | null {
  const { thp, hugetlb } = resources.facilities;
  if (hugetlb !== undefined && isHugeControl(path)) return { to: 'hugetlb', path };
  if (thp !== undefined && path.startsWith(THP)) return { to: 'khugepaged', path: path.slice(THP.length) };
  return null;
}

/**
 * Begins to read or write a control.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'read_control' as const, path: '/sys/kernel/mm/transparent_hugepage/enabled' };
 * const sent: { errno: number }[] = [];
 * beginControl(abi, newCall(1, 0, call), call, (_to, message) => sent.push(message));
 * sent[0]?.errno; // 2
 * ```
 */
export function beginControl(context: AbiContext, inFlight: CallInFlight, call: ControlCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const keeper = keeperOf(context, call.path);
  if (keeper === null) return fail(context, pid, ERRNO.ENOENT, send);
  const named = { sender: 'abi', request: pid, path: keeper.path, pageBytes: pageBytesOf(context, pid) };
  if (call.op === 'read_control') send(keeper.to, { type: 'READ_CONTROL', ...named });
  else send(keeper.to, { type: 'WRITE_CONTROL', ...named, text: call.text });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'control';
    }),
  );
}

/**
 * The answer: the text as bytes for a read, the length of what was written for a write.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = newCall(1, 0, { op: 'read_control', path: 'x' });
 * const sent: { result: number }[] = [];
 * controlAnswered(abi, call, { type: 'CONTROL_DONE', request: 1, errno: 0, text: '1\n' }, (_to, message) => sent.push(message));
 * sent[0]?.result; // 2
 * ```
 */
export function controlAnswered(
  context: AbiContext,
  inFlight: CallInFlight,
  event: MessageOf<'CONTROL_DONE'>,
  send: Send,
): AbiContext {
  const { pid, call } = inFlight;
  if (event.errno !== 0) return fail(context, pid, event.errno, send);
  if (call.op === 'write_control') return answer(context, pid, { result: call.text.length }, send);
  const data = Array.from(event.text, (character) => character.charCodeAt(0));
  return answer(context, pid, { result: data.length, data }, send);
}
