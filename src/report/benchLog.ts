/** What a log costs and gives: going to an event, size. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { SystemView } from '../timeline/systemView.ts';
import { loadTopology, loadTraces } from '../topology/load.node.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { loggedRun } from './benchReferences.ts';
import { madeTopology, madeTrace } from './madeWorkload.ts';
import { atMost, type BenchSize, millisecondsOf, quantile, type Yardstick } from './yardstick.ts';

const JUMP_REACH_MS = 50;
const JUMP_SHARE = 0.99;
const SIZE_REACH = 0.1;
const WRITTEN = 'mixed-page-sizes';
/** Accesses of the made trace make this many events each, at least: a walk and its answer. */
const EVENTS_PER_ACCESS = 2;
const MADE_PROCESSES = 4;
/** Steps of a random walk over the log's seqs: a prime far from powers of two, so that it visits all regions. */
const STRIDE = 618_970_019;

/**
 * Jumps into a long log, and the size of logs.
 *
 * @example
 * ```ts
 * const size = { repeats: 1, traces: [], messages: 1, events: 2000, jumps: 3, accesses: 1, textCopies: 1 };
 * logYardsticks(size).length; // 3
 * ```
 */
export function logYardsticks(size: BenchSize): Yardstick[] {
  const topology = loadTopology(WRITTEN);
  const traces = loadTraces(topology, { folders: [] });
  const { storage } = loggedRun(topology, traces);
  const reader = LogReader.open(storage, zlibCompression, messageRegistry);
  return [sizeYardstick(reader, WRITTEN), ...longLogYardsticks(size)];
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

/** A log of many events in a file; every jump opens it anew. */
function longLogYardsticks(size: BenchSize): Yardstick[] {
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  try {
    const path = join(folder, 'long.glog');
    const accesses = Math.ceil(size.events / EVENTS_PER_ACCESS / MADE_PROCESSES);
    const { topology, traces } = madeTopology(MADE_PROCESSES, madeTrace(accesses));
    const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces));
    const { records } = runTopology({ topology, traces, writer });
    const times = Array.from({ length: size.jumps }, (_, at) =>
      millisecondsOf(() => goTo(path, traces, ((at + 1) * STRIDE) % records)),
    );
    const value = quantile(times, JUMP_SHARE);
    const name = `state of all actors at any of ${records} events, log just opened, 99th percentile`;
    const reader = LogReader.open(openLogFile(path), zlibCompression, messageRegistry);
    const bytes = sizeYardstick(reader, `${records} events`);
    reader.storage.close();
    return [{ name, value, unit: 'ms', ...atMost(value, JUMP_REACH_MS) }, bytes];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function goTo(path: string, traces: ReadonlyMap<number, RunSource>, seq: number): void {
  const storage = openLogFile(path);
  new SystemView(LogReader.open(storage, zlibCompression, messageRegistry), traces).snapshots(seq);
  storage.close();
}
