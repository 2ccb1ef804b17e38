/** Checks whose failures are told together, so that whoever mends a topology sees all that is wrong with it at once. */
import { GranuleError } from '../errors.ts';
import { type PlacedFault, TopologyError } from './form/topologyError.ts';

/**
 * The faults that an error tells of.
 *
 * @example
 * ```ts
 * faultsIn(new GranuleError('TOPOLOGY_INVALID', 'pid 1 is given twice', 'one: processes.1.pid')).length; // 1
 * ```
 */
export function faultsIn(error: GranuleError): readonly PlacedFault[] {
  if (error instanceof TopologyError) return error.faults;
  const { code, message: what, where, next } = error;
  return [{ code, what, where, next }];
}

/**
 * The error that several are: the only one itself, or one with the faults of all.
 *
 * @example
 * ```ts
 * const first = new GranuleError('TOPOLOGY_INVALID', 'pid 1 is given twice', 'one: processes.1.pid');
 * oneError([first]) === first; // true
 * oneError([first, first])?.message.startsWith('there are 2 faults'); // true
 * oneError([]); // null
 * ```
 */
export function oneError(errors: readonly GranuleError[]): GranuleError | null {
  const [first = null, ...others] = errors;
  return others.length === 0 ? first : new TopologyError(errors.flatMap((error) => faultsIn(error)));
}

/**
 * Makes checks one after the other, whatever they find, and then throws what all of them found.
 *
 * @throws GranuleError the one that a check threw, or a TopologyError of the faults of several
 * @example
 * ```ts
 * const refuses = (what: string) => () => { throw new GranuleError('TOPOLOGY_INVALID', what); };
 * together([() => 7, refuses('a'), refuses('b')]); // throws TOPOLOGY_INVALID
 * ```
 */
export function together(checks: Iterable<() => unknown>): void {
  const errors: GranuleError[] = [];
  for (const check of checks) {
    try {
      check();
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      errors.push(error);
    }
  }
  const error = oneError(errors);
  if (error !== null) throw error;
}
