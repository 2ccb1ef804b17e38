/** Calls whose answers were worked out from the kernel's functions: what the recordings do not ask. */
import { ERRNO } from '../../../src/mm/abi/numbers.ts';
import { lateErrno, translateCall } from '../../../src/mm/abiRules.ts';
import { cases, expectedAt, late, PAGE_SIZES } from '../../mm/support/ruleCases.ts';
import { WORKED_OUT, workedOut } from '../../mm/support/unaskedCalls.ts';
import { oneLine, type Verdict, verdictOf } from './verdict.ts';

function verdict(run: string, says: string): Verdict {
  return { by: 'worked out', run, at: null, text: oneLine(says) };
}

function holds(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(found, wanted);
  if (typeof found !== 'object' || found === null) return false;
  return Object.entries(wanted).every(([name, value]) => holds((found as Record<string, unknown>)[name], value));
}

/** The first case that is answered otherwise. */
export function workedOutCases(op?: string): Verdict | null {
  const run = 'test/mm/support/ruleCases.ts';
  for (const [says, call, expected, privileged = true] of cases) {
    if (op !== undefined && call.op !== op) continue;
    for (const [index, pageBytes] of PAGE_SIZES.entries()) {
      const wanted = expectedAt(expected, index);
      const shape =
        wanted === 'nothing'
          ? { nothing: true }
          : typeof wanted === 'string'
            ? { errno: ERRNO[wanted] }
            : { call: wanted };
      try {
        const found = translateCall(call, pageBytes, privileged);
        if (!holds(found, shape)) return verdict(run, `${says}, at ${pageBytes / 1024}K: ${JSON.stringify(found)}`);
      } catch (error) {
        return verdictOf(error, run);
      }
    }
  }
  for (const [says, call, errno] of late) {
    if (op !== undefined && call.op !== op) continue;
    const found = lateErrno(call, 4096);
    if (found !== (errno === null ? 0 : ERRNO[errno])) return verdict(run, `late: ${says}: errno ${found}`);
  }
  return unaskedCalls(op);
}

function unaskedCalls(op: string | undefined): Verdict | null {
  const run = 'test/mm/support/unaskedCalls.ts';
  for (const [call, wanted] of WORKED_OUT) {
    if (op !== undefined && call.op !== op) continue;
    const found = workedOut(call);
    if (found !== wanted) return verdict(run, `${JSON.stringify(call)}: ${String(found)} for ${String(wanted)}`);
  }
  return null;
}
