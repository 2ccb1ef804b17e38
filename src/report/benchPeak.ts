/** The most memory that a run and a replay of it take, each measured in a process that does nothing else. */
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { replay } from '../timeline/replay.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { oneProcess } from './benchReferences.ts';
import { peakMemoryBytes } from './peakMemory.node.ts';
import { atMost, type Yardstick } from './yardstick.ts';

const MIB = 2 ** 20;
/** Of a run of twelve million references, and of its replay: whoever runs several at once has room for them. */
const REACH_MIB = 512;
const PAGE_BYTES = 4096;

/** What a process is to measure of itself. */
export type PeakOf = 'run' | 'replay';

/**
 * Runs a trace into a log file, or replays that log, and says what this process took at most, its own start included.
 *
 * @throws GranuleError what the run or the replay throws
 * @example
 * ```ts
 * peakYardstick('run', 'true-kernel', '/dev/null').unit; // 'MiB'
 * ```
 */
export function peakYardstick(what: PeakOf, traceName: string, path: string): Yardstick {
  const { topology, trace } = oneProcess(traceName, PAGE_BYTES);
  const traces = new Map([[1, trace]]);
  if (what === 'run') {
    const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces));
    runTopology({ topology, traces, writer });
  } else {
    const reader = LogReader.open(openLogFile(path), zlibCompression, messageRegistry);
    replay(reader, traces);
    reader.storage.close();
  }
  const value = peakMemoryBytes() / MIB;
  return { name: `peak memory of a ${what}, ${traceName}, 4K`, value, unit: 'MiB', ...atMost(value, REACH_MIB) };
}
