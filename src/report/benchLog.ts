/** What a log costs and gives: replay, going to an event, size. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { RecordedRun } from '../timeline/recordedRun.ts';
import { replay } from '../timeline/replay.ts';
import { SystemView } from '../timeline/systemView.ts';
import { loadTopology, loadTraces } from '../topology/load.node.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';
import { loggedRun } from './benchReferences.ts';
import { madeTopology, madeTrace } from './madeWorkload.ts';
import { atLeast, atMost, type BenchSize, medianRatio, millisecondsOf, quantile, type Yardstick } from './yardstick.ts';

const REPLAY_REACH = 1;
const ACTOR_REPLAY_REACH = 5;
const JUMP_REACH_MS = 50;
const JUMP_SHARE = 0.99;
const SIZE_REACH = 0.1;
const REPLAYED = 'mixed-page-sizes';
/** One of each kind that a process has; the TLB derives every hit again. */
const FOLDED = ['process:200', 'mm:200', 'mmu:200', 'tlb:1'];
/** Accesses of the made trace make this many events each, at least: a walk and its answer. */
const EVENTS_PER_ACCESS = 2;
const MADE_PROCESSES = 4;
/** Steps of a random walk over the log's seqs: a prime far from powers of two, so that it visits all regions. */
const STRIDE = 618_970_019;

/**
 * Replay, jumps into a long log, and the size of logs.
 *
 * @example
 * ```ts
 * const size = { repeats: 1, traces: [], messages: 1, events: 2000, jumps: 3, accesses: 1, textCopies: 1 };
 * logYardsticks(size).some((yardstick) => yardstick.name.startsWith('replay')); // true
 * ```
 */
export function logYardsticks(size: BenchSize): Yardstick[] {
  const topology = loadTopology(REPLAYED);
  const traces = loadTraces(topology, { folders: [] });
  const { storage } = loggedRun(topology, traces);
  const reader = LogReader.open(storage, zlibCompression, messageRegistry);
  return [
    ...replayYardsticks(topology, traces, reader, size.repeats),
    sizeYardstick(reader, REPLAYED),
    ...longLogYardsticks(size),
  ];
}

function replayYardsticks(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  reader: LogReader,
  repeats: number,
): Yardstick[] {
  const run = (): number => millisecondsOf(() => loggedRun(topology, traces));
  const whole = medianRatio(repeats, () => [run(), millisecondsOf(() => replay(reader, traces))]);
  const single = FOLDED.map((actor): Yardstick => {
    const value = medianRatio(repeats, () => [run(), millisecondsOf(() => foldWhole(reader, traces, actor))]);
    return { name: `replay of ${actor} alone`, value, unit: 'times the run', ...atLeast(value, ACTOR_REPLAY_REACH) };
  });
  const name = 'replay of the whole system, every record compared';
  return [{ name, value: whole, unit: 'times the run', ...atLeast(whole, REPLAY_REACH) }, ...single];
}

/** Folds all of an actor's own events, without the help of checkpoints. */
function foldWhole(reader: LogReader, traces: ReadonlyMap<number, RunSource>, actor: string): void {
  const run = new RecordedRun(reader, traces);
  let snapshot = run.initial(actor);
  for (const record of reader.byActor(actor)) ({ snapshot } = run.handle(snapshot, record));
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
