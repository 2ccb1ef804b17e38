/** What a log costs and gives: going to an event, size. */
import { LogReader } from '../log/logReader.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { loadTopology, loadTraces } from '../topology/load.node.ts';
import { messageRegistry } from '../topology/meta.ts';
import { longLogYardsticks } from './benchLongLog.ts';
import { loggedRun } from './benchReferences.ts';
import { atMost, type BenchSize, type Yardstick } from './yardstick.ts';

/** A long log must not be felt; these are of a million events. */
const LONG_LOG_REACH = { openMs: 200, jumpMs: 50, stepMs: 5 };
const SIZE_REACH = 0.1;
const WRITTEN = 'mixed-page-sizes';

/**
 * Jumps into a long log, and the size of logs.
 *
 * @example
 * ```ts
 * const hostile = { bytes: 65536, accesses: 100, seed: 1 };
 * const few = { repeats: 1, warmUpMilliseconds: 0, traces: [], hostile };
 * const size = { ...few, messages: 1, events: 2000, jumps: 3, accesses: 1, textCopies: 1 };
 * logYardsticks(size).some(({ name }) => name.startsWith('log size')); // true
 * ```
 */
export function logYardsticks(size: BenchSize): Yardstick[] {
  const topology = loadTopology(WRITTEN);
  const traces = loadTraces(topology, { folders: [] });
  const { storage } = loggedRun(topology, traces);
  const reader = LogReader.open(storage, zlibCompression, messageRegistry);
  return [
    sizeYardstick(reader, WRITTEN),
    ...longLogYardsticks({ events: size.events, jumps: size.jumps, reach: LONG_LOG_REACH }),
  ];
}

function sizeYardstick(reader: LogReader, what: string): Yardstick {
  let jsonBytes = 0;
  for (const record of reader.range()) jsonBytes += Buffer.byteLength(JSON.stringify(record)) + 1;
  const value = reader.storage.size() / jsonBytes;
  return {
    name: `log size, ${what}, checkpoints and index included`,
    value,
    unit: 'of JSON lines',
    ...atMost(value, SIZE_REACH),
  };
}
