import { GranuleError } from '../../src/errors.ts';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { Checkpointer } from '../../src/topology/checkpointer.ts';
import { logMeta, messageRegistry } from '../../src/topology/meta.ts';
import { systemOf } from '../../src/topology/run.ts';
import type { RandomRun } from './randomRuns.ts';

/**
 * Runs with checkpoints as near to each other as a short run needs, and everything frozen. A run that ends by throwing leaves
 * its log all the same, when it may.
 */
export function recorded(run: RandomRun, checkpointEvents: number, mayThrow = false): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(run.topology, run.traces));
  const checkpoints = new Checkpointer(writer, { leastEvents: checkpointEvents, runPerCheckpoints: 0 });
  const system = systemOf(
    { ...run, freeze: true },
    {
      onDelivery: (seq, timeCycles, envelope) => {
        writer.appendDelivery(seq, timeCycles, envelope.to, envelope.from, envelope.cause, envelope.message);
        checkpoints.note(envelope);
      },
    },
  );
  try {
    while (system.step() !== null) checkpoints.writeWhenDue(system);
  } catch (error) {
    if (!mayThrow || !(error instanceof GranuleError)) throw error;
  }
  writer.close();
  return LogReader.open(storage, noCompression, messageRegistry);
}
