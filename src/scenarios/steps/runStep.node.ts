/** Runs a topology for a scenario, keeps its log, and finds the events behind the figures that are spoken of. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createLogFile, openLogFile } from '../../log/fileStorage.node.ts';
import { LogReader } from '../../log/logReader.ts';
import { LogWriter } from '../../log/logWriter.ts';
import { zlibCompression } from '../../log/zlib.node.ts';
import { liveStates } from '../../report/actorStates.ts';
import type { LogRecord } from '../../log/record.ts';
import { formatCount } from '../../report/format.ts';
import { nativeTime } from '../../report/nativeTime.ts';
import { summarize } from '../../report/runSummary.ts';
import { pointError, type PointError } from '../../sweep/runPoint.ts';
import { writingTo } from '../../sweep/wholeFile.node.ts';
import { type SystemView, viewOf } from '../../timeline/systemView.ts';
import type { Catalogue } from '../../topology/definitions/catalogue.ts';
import { loadTraces, type TraceShelf } from '../../topology/load.node.ts';
import { logMeta } from '../../topology/meta.ts';
import type { System } from '../../runtime/system.ts';
import { runSteps } from '../../topology/run.ts';
import type { Topology } from '../../topology/schema.ts';
import type { FigureValue } from '../expression.ts';
import { type Figure, type Figures, figuresOfRun } from '../figures.ts';
import { LogLooker } from './logLooker.ts';
import { sampleSeries } from './series.ts';
import { eventEvidence, type MeasuredFigure, type StepResult } from './step.ts';

/** What is run, and what is asked of it. */
export interface RunTask {
  readonly kind: 'run';
  /** A name, or what extends one. */
  readonly run: string | Readonly<Record<string, unknown>>;
  readonly set: Readonly<Record<string, string>>;
  readonly checked: boolean;
  /** So many random orders, up to the first that breaks a law; 0: one run as the topology says. */
  readonly seeds: number;
  /** Name of the log, without its ending. */
  readonly name: string;
  readonly count: Readonly<Record<string, string>>;
  readonly value: Readonly<Record<string, string>>;
  readonly series: Readonly<Record<string, string>>;
  /** Figures that sentences name: the events behind these are looked for. */
  readonly cited: readonly string[];
}

/** A topology, ready to run. */
export interface ReadyRun {
  readonly topology: Topology;
  readonly catalogue: Catalogue;
  readonly folders: string[];
}

/** What came of a run, before anything is asked of its log. */
interface Ran {
  readonly figures: Figures;
  readonly error: PointError | null;
}

function runTo(path: string, ready: ReadyRun, checked: boolean, shelf: TraceShelf): Ran {
  const { topology, catalogue, folders } = ready;
  const traces = loadTraces(topology, { folders }, shelf);
  const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces, null, catalogue));
  const noted = (error: PointError | null, events: number, timeCycles: number): [string, Figure][] => {
    const plain = (value: FigureValue): Figure => ({ value, actor: null, path: null });
    const broken = error?.code === 'LAW_BROKEN';
    return [
      ['events', plain(events)],
      ['timeCycles', plain(timeCycles)],
      ['lawsBroken', plain(broken ? 1 : 0)],
      ['law', plain(broken ? error.what : 'none')],
      ['error', plain(error?.code ?? 'none')],
    ];
  };
  let system: System | null = null;
  const onSystem = (made: System): void => {
    system = made;
  };
  let error: PointError | null = null;
  try {
    const steps = runSteps({ topology, traces, catalogue, writer, checked, onSystem });
    while (steps.next().done !== true);
  } catch (thrown) {
    error = pointError(thrown);
    if (error.code !== 'LAW_BROKEN' && error.code !== 'RUN_LIMIT') throw thrown;
  }
  const figures = system === null ? [] : figuresOfRun(summarize(liveStates(system)));
  const timeCycles = system === null ? 0 : (system as System).nowCycles;
  return { figures: new Map([...figures, ...noted(error, writer.nextSeq, timeCycles)]), error };
}

/** Runs it as it is, or in random orders up to the first that breaks a law. The log is that of the last run. */
function runOrders(
  path: string,
  ready: ReadyRun,
  { checked, seeds }: RunTask,
  shelf: TraceShelf,
): { readonly ran: Ran; readonly played: ReadyRun; readonly orders: number } {
  if (seeds === 0) return { ran: runTo(path, ready, checked, shelf), played: ready, orders: 1 };
  for (let seed = 1; ; seed++) {
    const topology: Topology = { ...ready.topology, chooser: 'seeded-random', seed };
    const played = { ...ready, topology };
    const ran = runTo(path, played, checked, shelf);
    if (ran.error !== null || seed >= seeds) return { ran, played, orders: seed };
  }
}

/** `pid1.nativePart` is found only where it is asked for: every event is looked at. */
const NATIVE_PART = /^pid(\d+)\.nativePart$/;

function* recordsOf(reader: LogReader): Generator<LogRecord> {
  for (let seq = reader.firstSeq; seq <= reader.lastSeq; seq++) yield reader.read(seq);
}

/** The part of its life that a process ran with its native table, and the event that first took that away. */
function nativePart(reader: LogReader, log: string, pid: number): MeasuredFigure {
  let changed = -1;
  const watched = function* (): Generator<LogRecord> {
    for (const record of recordsOf(reader)) {
      const { mmu, root } = record.payload as { mmu?: string; root?: string };
      if (changed < 0 && mmu === `mmu:${pid}` && root === 'linux') changed = record.seq;
      yield record;
    }
  };
  const { lifeCycles, nativeCycles } = nativeTime(watched(), pid);
  const value = lifeCycles === 0 ? 0 : nativeCycles / lifeCycles;
  return { value, evidence: eventEvidence(log, changed < 0 ? reader.lastSeq : changed) };
}

function lookerOf(
  path: string,
  log: string,
  ready: ReadyRun,
  shelf: TraceShelf,
): { looker: LogLooker; view: SystemView; reader: LogReader } {
  const reader = LogReader.open(openLogFile(path), zlibCompression, ready.catalogue.registry);
  const view = viewOf(reader, loadTraces(ready.topology, { folders: ready.folders }, shelf));
  return { looker: new LogLooker(reader, view, log), view, reader };
}

/**
 * Runs it. A law that is broken is a figure (`lawsBroken`), as is a run that reached its limit (`error`); the log then holds what
 * happened until there.
 *
 * @throws GranuleError what loading and running a topology throw, SCENARIO_FIGURE, QUERY_INVALID
 * @example
 * ```ts
 * const asked = { count: {}, value: {}, series: {}, cited: [] };
 * const task = { kind: 'run', run: 'gup-vs-fork', set: {}, checked: true, seeds: 0, name: 'gup', ...asked };
 * runTask(task as RunTask, await loadRun(task as RunTask), { folder: '/tmp/out', shelf: new TraceShelf() }).figures.events?.value; // 508
 * ```
 */
export function runTask(
  task: RunTask,
  ready: ReadyRun,
  { folder, shelf }: { folder: string; shelf: TraceShelf },
): StepResult {
  const started = performance.now();
  const log = `logs/${task.name}.glog`;
  const path = join(folder, log);
  writingTo(path, () => mkdirSync(dirname(path), { recursive: true }));
  const { ran, played, orders } = runOrders(path, ready, task, shelf);
  const { figures: found, error } = ran;
  found.set('orders', { value: orders, actor: null, path: null });
  const { looker, view, reader } = lookerOf(path, log, played, shelf);
  const cited = new Set(task.cited);
  const figures: Record<string, MeasuredFigure> = {};
  for (const name of cited) {
    const pid = NATIVE_PART.exec(name)?.[1];
    if (pid !== undefined) figures[name] = nativePart(reader, log, Number(pid));
  }
  for (const [name, figure] of found) {
    const evidence = cited.has(name) ? looker.changeOf(figure) : eventEvidence(log, reader.lastSeq);
    figures[name] = { value: figure.value, evidence };
  }
  for (const [name, text] of Object.entries(task.count)) figures[name] = looker.count(text);
  for (const [name, text] of Object.entries(task.value)) figures[name] = looker.value(text);
  const series = Object.fromEntries(
    Object.entries(task.series).map(([name, what]) => [name, sampleSeries(reader, view, what)]),
  );
  const stopped = error === null ? '' : `, ended by ${error.code}`;
  const tried = task.seeds === 0 ? '' : `, ${formatCount(orders)} orders of delivery`;
  const account = `${ready.topology.name}: ${formatCount(reader.records)} events${tried}${stopped}`;
  return { figures, series, logs: [log], account, seconds: (performance.now() - started) / 1000 };
}
