/** Layer 1 held against every call that was worked out from the kernel's functions. */
import { ERRNO } from '../../../src/mm/abi/numbers.ts';
import { lateErrno, translateCall } from '../../../src/mm/abiRules.ts';
import { borderFault } from './borderCalls.ts';
import { cases, expectedAt, late, PAGE_SIZES } from './ruleCases.ts';
import { WORKED_OUT, workedOut } from './unaskedCalls.ts';

function holds(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(found, wanted);
  if (typeof found !== 'object' || found === null) return false;
  return Object.entries(wanted).every(([name, value]) => holds((found as Record<string, unknown>)[name], value));
}

/** The first call, of one name where that is given, that layer 1 answers otherwise, in words; null where there is none. */
export function workedOutFault(op?: string): string | null {
  return caseFault(op) ?? lateFault(op) ?? unaskedFault(op) ?? (op === undefined ? null : borderFault(op));
}

function caseFault(op: string | undefined): string | null {
  for (const [says, call, expected, privileged = true] of cases) {
    if (op !== undefined && call.op !== op) continue;
    for (const [index, pageBytes] of PAGE_SIZES.entries()) {
      const wanted = expectedAt(expected, index);
      const errno = typeof wanted === 'string' && wanted !== 'nothing' ? { errno: ERRNO[wanted] } : { call: wanted };
      const found = translateCall(call, pageBytes, privileged);
      if (!holds(found, wanted === 'nothing' ? { nothing: true } : errno))
        return `${says}, at ${pageBytes / 1024}K: ${JSON.stringify(found)}`;
    }
  }
  return null;
}

function lateFault(op: string | undefined): string | null {
  for (const [says, call, errno] of late) {
    if (op !== undefined && call.op !== op) continue;
    const found = lateErrno(call, 4096);
    if (found !== (errno === null ? 0 : ERRNO[errno])) return `late: ${says}: errno ${found}`;
  }
  return null;
}

function unaskedFault(op: string | undefined): string | null {
  for (const [call, wanted] of WORKED_OUT) {
    if (op !== undefined && call.op !== op) continue;
    const found = workedOut(call);
    if (found !== wanted) return `${JSON.stringify(call)}: ${String(found)} for ${String(wanted)}`;
  }
  return null;
}
