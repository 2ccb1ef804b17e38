/** What a replay costs: of the whole system, of one actor, on two workers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant } from '../errors.ts';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { parallelReplay } from '../timeline/parallelReplay.node.ts';
import { RecordedRun } from '../timeline/recordedRun.ts';
import { replay } from '../timeline/replay.ts';
import { loadTopology, loadTraces } from '../topology/load.node.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { loggedRun } from './benchReferences.ts';
import { madeRun } from './madeWorkload.ts';
import { atLeast, type BenchSize, median, medianRatio, millisecondsOf, type Yardstick } from './yardstick.ts';

const REPLAY_REACH = 1;
const ACTOR_REPLAY_REACH = 5;
const WORKERS_REACH = 1.6;
const REPLAYED = 'mixed-page-sizes';
/** One of each kind that a process has; the TLB derives every hit again. */
const FOLDED = ['process:200', 'mm:200', 'mmu:200', 'tlb:1'];
/** Times the events of the long log: enough that starting threads and compiling in each of them is a small part. */
const SHARED_LOGS = 4;
/** A pair takes seconds. */
const MOST_PAIRS = 3;

/**
 * Replays, each against what it has to be faster than.
 *
 * @example
 * ```ts
 * const hostile = { bytes: 65536, accesses: 100, seed: 1 };
 * const few = { repeats: 1, warmUpMilliseconds: 0, traces: [], hostile };
 * const size = { ...few, messages: 1, events: 2000, jumps: 3, accesses: 1, textCopies: 1 };
 * (await replayYardsticks(size)).length; // 6
 * ```
 */
export async function replayYardsticks({ repeats, warmUpMilliseconds, events }: BenchSize): Promise<Yardstick[]> {
  const topology = loadTopology(REPLAYED);
  const traces = loadTraces(topology, { folders: [] });
  const { storage } = loggedRun(topology, traces);
  const reader = LogReader.open(storage, zlibCompression, messageRegistry);
  const run = (): number => millisecondsOf(() => loggedRun(topology, traces));
  const whole = medianRatio(repeats, () => [run(), millisecondsOf(() => replay(reader, traces))], warmUpMilliseconds);
  const single = FOLDED.map((actor): Yardstick => {
    const value = medianRatio(repeats, () => [run(), millisecondsOf(() => foldWhole(reader, traces, actor))]);
    return { name: `replay of ${actor} alone`, value, unit: 'times the run', ...atLeast(value, ACTOR_REPLAY_REACH) };
  });
  const name = 'replay of the whole system, every record compared';
  return [
    { name, value: whole, unit: 'times the run', ...atLeast(whole, REPLAY_REACH) },
    ...single,
    await workersYardstick(events * SHARED_LOGS, Math.min(repeats, MOST_PAIRS)),
  ];
}

/** Folds all of an actor's own events, without the help of checkpoints. */
function foldWhole(reader: LogReader, traces: ReadonlyMap<number, RunSource>, actor: string): void {
  const run = new RecordedRun(reader, traces);
  const state = run.live(actor, run.initial(actor));
  for (const record of reader.byActor(actor)) run.advance(state, record);
}

/** Each replay starts its threads anew, so no round before warms anything up. */
async function workersYardstick(events: number, pairs: number): Promise<Yardstick> {
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  try {
    const path = join(folder, 'shared.glog');
    const { topology, traces } = madeRun(events);
    const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces));
    const { records } = runTopology({ topology, traces, writer });
    const reader = LogReader.open(openLogFile(path), zlibCompression, messageRegistry);
    const ratios: number[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      const one = await millisecondsOn(1, reader, traces);
      ratios.push(one / (await millisecondsOn(2, reader, traces)));
    }
    reader.storage.close();
    const value = median(ratios);
    const name = `replay of ${records} events on two workers`;
    return { name, value, unit: 'times one worker', ...atLeast(value, WORKERS_REACH) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function millisecondsOn(
  workers: number,
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
): Promise<number> {
  const started = performance.now();
  const { divergence, oneThreadBecause } = await parallelReplay(reader, traces, { workers });
  invariant(divergence === null && oneThreadBecause === null, 'the log is replayed by the workers, and is the same');
  return performance.now() - started;
}
