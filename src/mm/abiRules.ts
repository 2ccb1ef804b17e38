/**
 * Layer 1: a call of a process is refused, or put into whole pages of its page size, by the table of `abi/rules.ts`. This is
 * the whole of what the ABI adapter decides by itself.
 */
import type { Arguments, Caller } from './abi/conditions.ts';
import { ERRNO, MAP, MREMAP, MSYNC, TASK_SIZE } from './abi/numbers.ts';
import { abiRules, type MemoryCall, type RuledCall } from './abi/rules.ts';
import { pageAlign, takeSteps } from './abi/steps.ts';

export { ERRNO, MAP, type MemoryCall, MREMAP, MSYNC, pageAlign, TASK_SIZE };

/** A call as the kernel goes on with it: in whole process pages; the errno it is refused with; or nothing left to do. */
export type AbiAnswer<C extends RuledCall = MemoryCall> = { call: C } | { errno: number } | { nothing: true };

/**
 * Translates or refuses a call by the caller's page size.
 *
 * @example
 * ```ts
 * translateCall({ op: 'munmap', addr: 4096, lengthBytes: 1 }, 65536); // { errno: 22 }
 * translateCall({ op: 'mlock', addr: 4097, lengthBytes: 1 }, 4096); // { call: { op: 'mlock', addr: 4096, lengthBytes: 4096 } }
 * ```
 */
export function translateCall<C extends RuledCall>(call: C, pageBytes: number, privileged = true): AbiAnswer<C> {
  const outcome = takeSteps(abiRules[call.op].steps, argumentsOf(call), { pageBytes, privileged });
  return outcome as AbiAnswer<C>;
}

/**
 * The errno of what a call is asked late, 0 for none: by the mm, at the point that the rule's `after` names. The call is one
 * that `translateCall` gave.
 *
 * @example
 * ```ts
 * const call = { op: 'mremap' as const, addr: 0, oldLengthBytes: 4096, newLengthBytes: 4096, flags: 3, newAddr: 1 };
 * lateErrno(call, 4096); // 22
 * ```
 */
export function lateErrno(call: RuledCall, pageBytes: number): number {
  const caller: Caller = { pageBytes, privileged: true };
  const outcome = takeSteps(abiRules[call.op].late ?? [], argumentsOf(call), caller);
  return 'errno' in outcome ? outcome.errno : 0;
}

function argumentsOf(call: object): Arguments {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- arguments go by their names in the table
  return call as Arguments;
}
