import type { RunSource } from '../mm/runs.ts';
import { firstTouches } from './firstTouches.ts';
import { openTrace } from './gtrReader.ts';
import { GtrWriter } from './gtrWriter.ts';
import { relayout } from './relayout.ts';

/**
 * What writing a trace made.
 *
 * @example
 * ```ts
 * const written: WrittenTrace = { out: 'a.gtr', hash: '', runs: 1, references: 1, fileBytes: 300 };
 * written.out; // 'a.gtr'
 * ```
 */
export interface WrittenTrace {
  out: string;
  hash: string;
  runs: number;
  references: number;
  fileBytes: number;
}

/**
 * Writes any trace as a .gtr: its hash stays.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL; what was at `out` is then as it was
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0 }]);
 * (await writeTrace(trace, 'copy.gtr')).hash === trace.hash; // true
 * ```
 */
export async function writeTrace(source: RunSource, out: string): Promise<WrittenTrace> {
  const writer = await GtrWriter.create(out);
  try {
    for (let index = 0; index * source.blockRuns < source.runs; index += 1) {
      writer.add(source.block(index));
      await writer.ready();
    }
    return { out, ...(await writer.finish(source)) };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/**
 * Lays a .gtr out for larger pages and writes the result, which may take the place of the original.
 *
 * @throws GranuleError as `openTrace`, `relayout` and `writeTrace`
 * @example
 * ```ts
 * (await relayoutTrace('fixtures/traces/true-kernel.gtr', 65536, 'true-64K.gtr')).references; // 167440
 * ```
 */
export async function relayoutTrace(path: string, pageSizeBytes: 16384 | 65536, out: string): Promise<WrittenTrace> {
  const trace = openTrace(path);
  try {
    return await writeTrace(relayout(trace, pageSizeBytes), out);
  } finally {
    trace.close();
  }
}

/**
 * Reduces a .gtr to the accesses that can fault and writes the result, which may take the place of the original.
 *
 * @throws GranuleError as `openTrace` and `writeTrace`
 * @example
 * ```ts
 * (await reduceTrace('fixtures/traces/true-kernel.gtr', 'true-touches.gtr')).references < 2000; // true
 * ```
 */
export async function reduceTrace(path: string, out: string): Promise<WrittenTrace> {
  const trace = openTrace(path);
  try {
    return await writeTrace(firstTouches(trace), out);
  } finally {
    trace.close();
  }
}
