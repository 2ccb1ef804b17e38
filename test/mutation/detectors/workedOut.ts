/** Calls whose answers were worked out from the kernel's functions: what the recordings do not ask. */
import { workedOutFault } from '../../mm/support/workedOut.ts';
import { oneLine, type Verdict, verdictOf } from './verdict.ts';

/** The first case that is answered otherwise. */
export function workedOutCases(op?: string): Verdict | null {
  const run = 'test/mm/support: ruleCases, unaskedCalls, kernelChecks';
  try {
    const fault = workedOutFault(op);
    return fault === null ? null : { by: 'worked out', run, at: null, text: oneLine(fault) };
  } catch (error) {
    return verdictOf(error, run);
  }
}
