/** What the commands of the debugger take in a long log, told as they are told at a terminal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineOf } from '../debugger/commands.ts';
import { textOf } from '../debugger/said.ts';
import { Session } from '../debugger/session.ts';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { formatCount } from '../report/format.ts';
import { madeRun } from '../report/madeWorkload.ts';
import { atMost, median, millisecondsOf, NO_REACH, quantile, type Yardstick } from '../report/yardstick.ts';
import { logMeta, messageRegistry } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';

/** Events of the log of `npm run bench -- --debugger`. */
export const DEBUGGER_EVENTS = 1_000_000;

/** A step over the log's seqs: a prime far from powers of two, so that all regions are visited. */
const STRIDE = 618_970_019;
const WALKS = 16;
const STEPS_PER_WALK = 160;
const SHARE = 0.99;
const STEP_REACH_MS = 16;
const GOTO_REACH_MS = 50;
const BACK_REACH_MS = 5;

/** A log in a file with a session over it. */
class Bench {
  readonly #path: string;
  readonly #traces: ReadonlyMap<number, RunSource>;
  readonly records: number;

  constructor(path: string, traces: ReadonlyMap<number, RunSource>, records: number) {
    this.#path = path;
    this.#traces = traces;
    this.records = records;
  }

  opened<T>(work: (session: Session) => T): T {
    const storage = openLogFile(this.#path);
    try {
      const reader = LogReader.open(storage, zlibCompression, messageRegistry);
      return work(new Session({ reader, traces: this.#traces, name: 'long.glog' }));
    } finally {
      storage.close();
    }
  }

  seq(place: number): number {
    return (place * STRIDE) % this.records;
  }
}

function timed(session: Session, line: string): number {
  return millisecondsOf(() => textOf(lineOf(session, line)));
}

/** Moves of one kind from random places, of each place so many one after the other. */
function walks(bench: Bench, session: Session, line: string, goesBack: boolean): number[] {
  return Array.from({ length: WALKS }, (_, walk) => {
    const seq = bench.seq(walk + 1);
    const start = goesBack ? Math.max(seq, STEPS_PER_WALK) : Math.max(0, Math.min(seq, bench.records - STEPS_PER_WALK));
    textOf(lineOf(session, `goto ${start}`));
    return Array.from({ length: STEPS_PER_WALK }, () => timed(session, line));
  }).flat();
}

/**
 * Makes a log of so many events and debugs it.
 *
 * @example
 * ```ts
 * debuggerYardsticks(500).length; // 9
 * ```
 */
export function debuggerYardsticks(events: number): Yardstick[] {
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  try {
    const path = join(folder, 'long.glog');
    const { topology, traces } = madeRun(events);
    const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces));
    const { records } = runTopology({ topology, traces, writer });
    return measured(new Bench(path, traces, records));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measured(bench: Bench): Yardstick[] {
  const places = Array.from({ length: WALKS * 6 }, (_, at) => bench.seq(at + 1));
  // The first of a kind runs code that is not compiled yet, and is not counted.
  bench.opened((session) => ['goto 100', 'step', 'reverse-step', 'state'].map((line) => timed(session, line)));
  const times = bench.opened((session) => ({
    gotos: places.map((seq) => timed(session, `goto ${seq}`)),
    steps: walks(bench, session, 'step', false),
    nexts: walks(bench, session, 'next', false),
    backs: walks(bench, session, 'reverse-step', true),
  }));
  const searches = bench.opened((session) => {
    const end = `goto ${bench.records - 1}`;
    const ask = (before: readonly string[], line: string): number => {
      for (const one of before) textOf(lineOf(session, one));
      return timed(session, line);
    };
    return {
      last: ask([end], 'last mm:1.rssAnonPages'),
      typed: ask(['goto start', 'break EXITED || BLOCKED', 'goto start'], 'continue'),
      all: ask(['delete', 'goto start', 'break cause == -2'], 'continue'),
      watch: ask(['delete', 'goto start', 'watch mm:1.brk if context.brk > 1'], 'continue 1000000'),
    };
  });
  const of = `log of ${formatCount(bench.records)} events`;
  const high = (name: string, all: readonly number[], reach: number): Yardstick => {
    const value = quantile(all, SHARE);
    return { name: `${name} in a ${of}, 99th percentile of ${all.length}`, value, unit: 'ms', ...atMost(value, reach) };
  };
  const once = (name: string, value: number): Yardstick => ({ name: `${name}, ${of}`, value, unit: 'ms', ...NO_REACH });
  return [
    high('step', times.steps, STEP_REACH_MS),
    high('next', times.nexts, STEP_REACH_MS),
    high('goto', times.gotos, GOTO_REACH_MS),
    high('reverse-step', times.backs, BACK_REACH_MS),
    once('reverse-step, median', median(times.backs)),
    once('last of a value that changed long ago', searches.last),
    once('break on messages that hardly are, to the end', searches.typed),
    once('break on what every event is asked, to the end', searches.all),
    once('watch of one value, to the end', searches.watch),
  ];
}
