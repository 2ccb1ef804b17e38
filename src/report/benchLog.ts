/** What a log costs and gives: replay, going to an event, size. */
import { LogReader } from '../log/logReader.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { RecordedRun } from '../timeline/recordedRun.ts';
import { replay } from '../timeline/replay.ts';
import { loadTopology, loadTraces } from '../topology/load.node.ts';
import { messageRegistry } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { longLogYardsticks } from './benchLongLog.ts';
import { loggedRun } from './benchReferences.ts';
import { atLeast, atMost, type BenchSize, medianRatio, millisecondsOf, type Yardstick } from './yardstick.ts';

const REPLAY_REACH = 1;
const ACTOR_REPLAY_REACH = 5;
/** A long log must not be felt; these are of a million events. */
const LONG_LOG_REACH = { openMs: 200, jumpMs: 50, stepMs: 5 };
const SIZE_REACH = 0.1;
const REPLAYED = 'mixed-page-sizes';
/** One of each kind that a process has; the TLB derives every hit again. */
const FOLDED = ['process:200', 'mm:200', 'mmu:200', 'tlb:1'];

/**
 * Replay, jumps into a long log, and the size of logs.
 *
 * @example
 * ```ts
 * const size = { repeats: 1, warmUpMilliseconds: 0, traces: [], messages: 1, events: 2000, jumps: 3, accesses: 1, textCopies: 1 };
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
    ...longLogYardsticks({ events: size.events, jumps: size.jumps, reach: LONG_LOG_REACH }),
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
