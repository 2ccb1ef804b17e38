import { GranuleError } from '../../src/errors.ts';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import type { System } from '../../src/runtime/system.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { logMeta, messageRegistry } from '../../src/topology/meta.ts';
import { SYSTEM_STATE, systemOf } from '../../src/topology/run.ts';
import type { RandomRun } from './randomRuns.ts';

/**
 * Runs with checkpoints as near to each other as a short run needs, and everything frozen. A run that ends by throwing leaves
 * its log all the same, when it may.
 */
export function recorded(run: RandomRun, checkpointEvents: number, mayThrow = false): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(run.topology, run.traces));
  const system = systemOf({ ...run, freeze: true }, (record) => writer.append(record));
  try {
    runWithCheckpoints(system, writer, checkpointEvents);
  } catch (error) {
    if (!mayThrow || !(error instanceof GranuleError)) throw error;
  }
  writer.close();
  return LogReader.open(storage, noCompression, messageRegistry);
}

function runWithCheckpoints(system: System, writer: LogWriter, checkpointEvents: number): void {
  const seen = new Map<string, unknown>();
  while (system.run({ untilSeq: system.nextSeq + checkpointEvents - 1 }).reason !== 'idle') {
    const changed = [...system.snapshots()].filter(([actor, snapshot]) => seen.get(actor) !== snapshot);
    for (const [actor, snapshot] of changed) seen.set(actor, snapshot);
    const states = changed.map(([actor, snapshot]) => ({ actor, state: plainState(snapshot) as unknown }));
    writer.checkpoint(system.nextSeq - 1, [...states, { actor: SYSTEM_STATE, state: system.checkpointState() }]);
  }
}
