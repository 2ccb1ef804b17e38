/** What a long log takes to open and to go about in, and what its checkpoints cost the run that writes it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActorState } from '../log/checkpoint.ts';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { SystemView } from '../timeline/systemView.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { formatCount } from './format.ts';
import { madeRun } from './madeWorkload.ts';
import { atMost, median, millisecondsOf, quantile, type Yardstick } from './yardstick.ts';

/** What has to be reached in a log of some length. */
export interface LongLogReach {
  openMs: number;
  jumpMs: number;
  stepMs: number;
}

/** How much is measured in a log. */
export interface LongLogSize {
  /** Events of the log, at least. */
  events: number;
  /** Random jumps, in each of the two ways. */
  jumps: number;
  reach: LongLogReach;
}

/**
 * The long log of `npm run bench -- --scale`.
 *
 * @example
 * ```ts
 * SCALE_LOG.events; // 10000000
 * ```
 */
export const SCALE_LOG: LongLogSize = {
  events: 10_000_000,
  jumps: 100,
  reach: { openMs: 500, jumpMs: 100, stepMs: 10 },
};

/** The actor that is looked at while one steps back. */
const SELECTED = 'mm:1';
/** Steps of a random walk over the log's seqs: a prime far from powers of two, so that it visits all regions. */
const STRIDE = 618_970_019;
const OPENED = 5;
const JUMPS_PER_WALK = 16;
const STEPS_PER_WALK = 160;
/** How far behind a checkpoint every other walk begins, which so crosses it. */
const STEPS_TO_CHECKPOINT = 120;
const SHARE = 0.99;
const CHECKPOINT_REACH = 0.05;
const MEMORY_REACH_MIB = 512;
const MIB = 2 ** 20;

/** A writer that says what its checkpoints took. */
class TimedWriter extends LogWriter {
  checkpointMs = 0;

  override checkpoint(seq: number, states: Iterable<ActorState>): number {
    const started = performance.now();
    try {
      return super.checkpoint(seq, states);
    } finally {
      this.checkpointMs += performance.now() - started;
    }
  }
}

/** A long log in a file, and the memory that reading it took at most. */
class LongLog {
  readonly #path: string;
  readonly #traces: ReadonlyMap<number, RunSource>;
  readonly records: number;
  peakBytes = 0;

  constructor(path: string, traces: ReadonlyMap<number, RunSource>, records: number) {
    this.#path = path;
    this.#traces = traces;
    this.records = records;
  }

  seq(place: number): number {
    return (place * STRIDE) % this.records;
  }

  /** Opens the log for some work, whose memory is looked at. */
  opened<T>(work: (view: SystemView) => T): T {
    const storage = openLogFile(this.#path);
    try {
      return work(new SystemView(LogReader.open(storage, zlibCompression, messageRegistry), this.#traces));
    } finally {
      this.lookAtMemory();
      storage.close();
    }
  }

  lookAtMemory(): void {
    const { heapUsed, external } = process.memoryUsage();
    this.peakBytes = Math.max(this.peakBytes, heapUsed + external);
  }
}

/**
 * Makes a log of so many events and measures it.
 *
 * @example
 * ```ts
 * const reach = { openMs: 200, jumpMs: 50, stepMs: 5 };
 * longLogYardsticks({ events: 500, jumps: 2, reach }).length; // 7
 * ```
 */
export function longLogYardsticks({ events, jumps, reach }: LongLogSize): Yardstick[] {
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  try {
    const path = join(folder, 'long.glog');
    const { topology, traces } = madeRun(events);
    const writer = new TimedWriter(createLogFile(path), zlibCompression, logMeta(topology, traces));
    let records = 0;
    const runMs = millisecondsOf(() => {
      ({ records } = runTopology({ topology, traces, writer }));
    });
    const share = writer.checkpointMs / runMs;
    const log = new LongLog(path, traces, records);
    return [
      {
        name: `checkpoints of ${formatCount(records)} events`,
        value: share,
        unit: 'of the run',
        ...atMost(share, CHECKPOINT_REACH),
      },
      ...visits(log, jumps, reach),
      sizeYardstick(path, records),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function visits(log: LongLog, jumps: number, reach: LongLogReach): Yardstick[] {
  const opening = Array.from({ length: OPENED }, () => millisecondsOf(() => log.opened((view) => allAt(view, 0))));
  const places = Array.from({ length: jumps }, (_, at) => log.seq(at + 1));
  // The first of a kind runs code that is not compiled yet, and is not counted.
  log.opened((view) => allAt(view, log.seq(jumps + 1)));
  const fresh = places.map((seq) => millisecondsOf(() => log.opened((view) => allAt(view, seq))));
  const [warm, steps] = log.opened((view) => [
    places.map((seq) => millisecondsOf(() => allAt(view, seq))),
    Array.from({ length: Math.ceil(jumps / JUMPS_PER_WALK) }, (_, walk) => walkBack(log, view, walk)).flat(),
  ]);
  const of = `${formatCount(log.records)} events`;
  const memory = log.peakBytes / MIB;
  return [
    timeYardstick(`log of ${of} opened, first state of all actors, median`, median(opening), reach.openMs),
    timeYardstick(`state of all actors at any of ${of}, log just opened, 99th percentile`, high(fresh), reach.jumpMs),
    timeYardstick(`state of all actors at any of ${of}, log open for long, 99th percentile`, high(warm), reach.jumpMs),
    timeYardstick(`step back in a log of ${of}, 99th percentile of ${steps.length}`, high(steps), reach.stepMs),
    {
      name: `heap while going about in ${of}, at most`,
      value: memory,
      unit: 'MiB',
      ...atMost(memory, MEMORY_REACH_MIB),
    },
  ];
}

function timeYardstick(name: string, value: number, reach: number): Yardstick {
  return { name, value, unit: 'ms', ...atMost(value, reach) };
}

function high(times: readonly number[]): number {
  return quantile(times, SHARE);
}

/** Makes the snapshot of every actor: a view by itself makes only those that are looked at. */
function allAt(view: SystemView, seq: number): number {
  let active = 0;
  for (const { status } of view.snapshots(seq).values()) if (status === 'active') active++;
  return active;
}

/** Steps back from a random place, where all actors are shown: what received the record as it was before, and one actor more. */
function walkBack(log: LongLog, view: SystemView, walk: number): number[] {
  const { reader } = view.run;
  const checkpoints = reader.checkpoints();
  const checkpoint = walk % 2 === 0 ? checkpoints[log.seq(walk) % checkpoints.length] : undefined;
  const from = checkpoint === undefined ? log.seq(walk + 1) : checkpoint.seq + STEPS_TO_CHECKPOINT;
  const start = Math.min(Math.max(from, STEPS_PER_WALK), reader.lastSeq);
  allAt(view, start);
  const times: number[] = [];
  for (let seq = start; seq > Math.max(0, start - STEPS_PER_WALK); seq--) {
    times.push(
      millisecondsOf(() => {
        view.snapshot(reader.read(seq).to, seq - 1);
        view.snapshot(SELECTED, seq - 1);
      }),
    );
  }
  log.lookAtMemory();
  return times;
}

function sizeYardstick(path: string, records: number): Yardstick {
  const storage = openLogFile(path);
  const value = storage.size() / records;
  storage.close();
  return {
    name: `log of ${formatCount(records)} events, checkpoints and index included`,
    value,
    unit: 'bytes an event',
    reach: null,
    holds: null,
  };
}
