/** A run whose log stays in memory: for the inspector, for examples and for tests. */
import { discardStorage, noCompression } from '../log/discardStorage.ts';
import type { LogMeta } from '../log/headerFrame.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import type { RunSource } from '../mm/runs.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';

/**
 * Runs a topology to its end and opens its log.
 *
 * @throws GranuleError what `runTopology` throws
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces).read(0).type; // 'START'
 * ```
 */
export function runInMemory(topology: Topology, traces: ReadonlyMap<number, RunSource>): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(topology, traces));
  runTopology({ topology, traces, writer });
  return LogReader.open(storage, noCompression, messageRegistry);
}

/**
 * A writer that keeps nothing: its head hash is that of the log that the same records would make.
 *
 * @example
 * ```ts
 * hashingWriter({}).close().records; // 0
 * ```
 */
export function hashingWriter(meta: LogMeta): LogWriter {
  return new LogWriter(discardStorage(), noCompression, meta);
}
