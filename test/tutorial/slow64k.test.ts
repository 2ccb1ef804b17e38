/** The log that the tutorial's reader is sent: whole, and what its topology gives. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { messageRegistry } from '../../src/topology/meta.ts';
import { runTopology } from '../../src/topology/run.ts';
import { fixture } from '../cli/harness.ts';

describe('slow-64k.glog', () => {
  const log = LogReader.open(openLogFile(fixture('tutorial/slow-64k.glog')), zlibCompression, messageRegistry);
  const topology = loadTopology(join(fixture('tutorial'), 'slow-64k.json'));
  const traces = loadTraces(topology, { folders: [] });

  it('is whole, and replays', () => {
    expect(verifyLog(log).faults).toEqual([]);
    const replayed = replay(log, traces);
    expect(replayed.divergence).toBeNull();
    expect(replayed.headHash).toBe(log.headHash);
  });

  it('is what its topology gives today', () => {
    expect(topology).toEqual(log.meta['topology']);
    // The vocabulary may have grown since: its header serves.
    const writer = new LogWriter(memoryStorage(), zlibCompression, log.meta);
    expect(runTopology({ topology, traces, writer }).headHash).toBe(log.headHash);
  });
});
