/** The traces that a log was run on: a log replays only on the very same ones. */
import { GranuleError } from '../errors.ts';
import type { RunSource } from '../mm/runs.ts';
import type { TraceReference } from '../topology/meta.ts';

/**
 * Checks that the traces given, by pid, are those that a log names.
 *
 * @param where the log, for the error
 * @throws GranuleError TRACE_MISSING where a process has none; TRACE_CHANGED, with both hashes, where it has another
 * @example
 * ```ts
 * const reference = { pid: 1, hash: 'ab', name: 'sqlite', layoutBytes: 4096, references: 9, runs: 3 };
 * checkTraces([reference], new Map(), 'run.glog'); // throws TRACE_MISSING
 * ```
 */
export function checkTraces(
  references: readonly TraceReference[],
  traces: ReadonlyMap<number, RunSource>,
  where: string,
): void {
  for (const { pid, hash, name, layoutBytes } of references) {
    const laidOut = `laid out for ${layoutBytes / 1024}K pages`;
    const trace = traces.get(pid);
    if (trace === undefined) {
      throw new GranuleError('TRACE_MISSING', `process ${pid} ran ${name}, ${laidOut}, with hash ${hash}`, where);
    }
    if (trace.hash !== hash) {
      const what = `process ${pid} ran ${name}, ${laidOut}, with hash ${hash}; the one given has ${trace.hash}`;
      throw new GranuleError('TRACE_CHANGED', what, where);
    }
  }
}
