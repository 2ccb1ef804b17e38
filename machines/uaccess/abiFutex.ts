/**
 * futex at the system-call boundary (`kernel/futex/waitwake.c`): FUTEX_WAIT and FUTEX_WAKE on a word of user memory, which
 * get_user reads through TTBR0, the native table and its granule. The model holds no content: whether the word has the
 * expected value, the call says.
 *
 * @models S-07
 */
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { FutexCall } from '../../src/mm/runs.ts';
import { futexKey } from '../../src/mm/uaccess/futexKey.ts';
import {
  type AbiContext,
  answer,
  begin,
  type CallInFlight,
  callOf,
  copyOn,
  fail,
  mmPidOf,
  pageBytesOf,
} from '../abiState.ts';
import type { Message } from '../messages.ts';
import { reviseAbi } from '../revise.ts';
import { reviseCall } from '../reviseWork.ts';
import { assertType, type Send } from '../support.ts';

/** Who waits on a futex: the key that it was queued under, and whether it sleeps yet. */
export interface FutexWaiter {
  pid: number;
  key: string;
  asleep: boolean;
}

const WORD_BYTES = 4;

function withWaiters(context: AbiContext, waiters: readonly FutexWaiter[]): AbiContext {
  return reviseAbi(context, (draft) => {
    draft.futexes = waiters;
  });
}

/**
 * Begins a futex call. A private key needs no more than the address; for a shared one the mm is asked what is mapped there.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'futex' as const, command: 'wake' as const, addr: 0x10000, shared: false, count: 1, equal: true };
 * const sent: unknown[] = [];
 * beginFutex(abi, newCall(1, 0, call), call, (_to, message) => sent.push(message));
 * (sent[0] as { result: number }).result; // 0
 * ```
 */
export function beginFutex(context: AbiContext, inFlight: CallInFlight, call: FutexCall, send: Send): AbiContext {
  const { pid } = inFlight;
  if (call.addr % WORD_BYTES !== 0) return fail(context, pid, ERRNO.EINVAL, send);
  const mmPid = mmPidOf(context, pid);
  if (!call.shared) {
    const key = futexKey({ mmPid, addr: call.addr, shared: false, pageBytes: context.kernelPageBytes }, null);
    return keyed(context, inFlight, call, key, send);
  }
  send(`mm:${mmPid}`, { type: 'MM_QUERY', sender: 'abi', request: pid });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'mm';
    }),
  );
}

/**
 * What is mapped there is known.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'futex' as const, command: 'wake' as const, addr: 0x10000, shared: true, count: 1, equal: true };
 * const state = { type: 'MM_STATE' as const, request: 1, state: stateOfMm(mm) };
 * const sent: unknown[] = [];
 * areaKnown(begin(abi, newCall(1, 0, call)), state, (_to, message) => sent.push(message));
 * (sent[0] as { errno: number }).errno; // 14
 * ```
 */
export function areaKnown(context: AbiContext, event: Message, send: Send): AbiContext {
  assertType(event, 'MM_STATE');
  const inFlight = callOf(context, event.request);
  const { call } = inFlight;
  if (call.op !== 'futex') return context;
  const { addr } = call;
  const vma = event.state.vmas.find(({ startVa, endVa }) => addr >= startVa && addr < endVa) ?? null;
  const ofProcess = context.resources.design.futexKeys === 'process-page';
  const pageBytes = ofProcess ? pageBytesOf(context, inFlight.pid) : context.kernelPageBytes;
  const key = futexKey({ mmPid: event.state.pid, addr, shared: true, pageBytes }, vma);
  return keyed(context, inFlight, call, key, send);
}

function keyed(
  context: AbiContext,
  inFlight: CallInFlight,
  call: FutexCall,
  key: string | null,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  if (key === null) return fail(context, pid, ERRNO.EFAULT, send);
  if (call.command === 'wake') return wake(context, pid, key, call.count, send);
  // Queued before the word is read, as under the lock of the hash bucket: no wake-up is lost in between.
  const waiters = [...(context.futexes ?? []), { pid, key, asleep: false }];
  const copies = [{ addr: call.addr, lengthBytes: WORD_BYTES }];
  return copyOn(
    withWaiters(context, waiters),
    reviseCall(inFlight, (draft) => {
      draft.copies = copies;
      draft.access = 'read';
    }),
    send,
  );
}

/** `futex_wake`: those that have waited longest first. One that does not sleep yet finds itself woken. */
function wake(context: AbiContext, pid: number, key: string, count: number, send: Send): AbiContext {
  const waiters = context.futexes ?? [];
  const woken = waiters.filter((waiter) => waiter.key === key).slice(0, count);
  let state = withWaiters(
    context,
    waiters.filter((waiter) => !woken.includes(waiter)),
  );
  for (const waiter of woken) if (waiter.asleep) state = answer(state, waiter.pid, { result: 0 }, send);
  return answer(state, pid, { result: woken.length }, send);
}

/**
 * get_user has read the word, or met a bad address: the caller sleeps, unless the value is another or it has been woken.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'futex' as const, command: 'wait' as const, addr: 0x10000, shared: false, count: 1, equal: true };
 * const queued = beginFutex(abi, newCall(1, 0, call), call, () => {});
 * wordRead(queued, newCall(1, 0, call), call, false, () => {}).futexes?.[0]?.asleep; // true
 * wordRead(queued, newCall(1, 0, call), call, true, () => {}).futexes; // []
 * ```
 */
export function wordRead(
  context: AbiContext,
  inFlight: CallInFlight,
  call: FutexCall,
  faulted: boolean,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const waiters = context.futexes ?? [];
  const others = waiters.filter((waiter) => waiter.pid !== pid);
  if (faulted) return fail(withWaiters(context, others), pid, ERRNO.EFAULT, send);
  if (!call.equal) return fail(withWaiters(context, others), pid, ERRNO.EAGAIN, send);
  if (others.length === waiters.length) return answer(context, pid, { result: 0 }, send);
  send(`process:${pid}`, { type: 'SLEEP', pid });
  const asleep = waiters.map((waiter) => (waiter.pid === pid ? { ...waiter, asleep: true } : waiter));
  return begin(
    withWaiters(context, asleep),
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'futex';
      draft.asleep = true;
    }),
  );
}
