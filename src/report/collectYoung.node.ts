/** The young generation of the heap, emptied between two measures. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' }) => void;

let collect: Collect | null = null;

/** V8's own `gc`, which a context has that is made once the flag is set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- V8 documents no type of it
  return found as Collect;
}

/**
 * Collects the young generation of the heap, twice: what survives the first time is old after the second. Old garbage is left where
 * it is: to collect that too would take compiled code with it.
 *
 * @example
 * ```ts
 * collectYoung(); // undefined
 * ```
 */
export function collectYoung(): void {
  collect ??= collector();
  collect({ type: 'minor' });
  collect({ type: 'minor' });
}
