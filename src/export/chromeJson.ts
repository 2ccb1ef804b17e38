/** A log as JSON of Chrome's trace viewer: the same tracks, slices, arrows and counters as the trace of Perfetto. */
import { payloadLine } from '../report/recordText.ts';
import { METRICS } from '../report/metricTable.ts';
import { Handling } from './handling.ts';
import { eventsOf, hasArrow, nanosecondsOf, type ToExport } from './stretch.ts';
import { actorTracks, hasMetrics, metricSamples } from './tracks.ts';

/** A process of the viewer: all metrics; then one for each kind of actor. */
const METRICS_PID = 1;
/** The name of all arrows: the viewer joins two ends by name and number. */
const ARROW = { name: 'message', cat: 'message' } as const;

/** Where an actor is shown: a process for its kind, a thread for itself. */
interface Lane {
  readonly pid: number;
  readonly tid: number;
}

/** Times are microseconds, with nanoseconds behind the point. */
function microseconds(timeCycles: number, cyclesPerSecond: number): number {
  return nanosecondsOf(timeCycles, cyclesPerSecond) / 1000;
}

function named(lane: Partial<Lane>, what: 'process' | 'thread', name: string, rank: number): object[] {
  return [
    { ph: 'M', ...lane, name: `${what}_name`, args: { name } },
    { ph: 'M', ...lane, name: `${what}_sort_index`, args: { sort_index: rank } },
  ];
}

function lanesOf(toExport: ToExport): { lanes: ReadonlyMap<string, Lane>; names: object[] } {
  const lanes = new Map<string, Lane>();
  const pids = new Map<string, number>();
  const names = hasMetrics(toExport) ? named({ pid: METRICS_PID }, 'process', 'metrics', 0) : [];
  for (const { id, kind } of actorTracks(toExport)) {
    let pid = pids.get(kind);
    if (pid === undefined) {
      pids.set(kind, (pid = METRICS_PID + 1 + pids.size));
      names.push(...named({ pid }, 'process', kind, pids.size));
    }
    const lane = { pid, tid: lanes.size + 1 };
    lanes.set(id, lane);
    names.push(...named(lane, 'thread', id, lane.tid));
  }
  return { lanes, names };
}

function* entriesOf(toExport: ToExport): Generator<object, void, undefined> {
  const { cyclesPerSecond } = toExport;
  const { lanes, names } = lanesOf(toExport);
  yield* names;
  for (const { timeCycles, values } of metricSamples(toExport)) {
    const ts = microseconds(timeCycles, cyclesPerSecond);
    for (const [metric, { id }] of METRICS.entries()) {
      yield { ph: 'C', pid: METRICS_PID, ts, name: id, args: { value: values[metric] ?? 0 } };
    }
  }
  const handling = new Handling();
  for (const record of eventsOf(toExport)) {
    const { seq, timeCycles, to, from, cause, type, payload } = record;
    const ended = handling.see(record);
    const lane = lanes.get(to) ?? { pid: 0, tid: 0 };
    if (ended !== null) yield { ph: 'E', ...lane, ts: microseconds(ended.endCycles, cyclesPerSecond) };
    const ts = microseconds(timeCycles, cyclesPerSecond);
    const args = { seq, cycles: timeCycles, from, payload: payloadLine(payload) };
    yield { ph: 'B', ...lane, ts, name: type, cat: to.split(':')[0], args };
    if (hasArrow(toExport, cause)) yield { ph: 'f', bp: 'e', ...ARROW, ...lane, ts, id: cause };
    yield { ph: 's', ...ARROW, ...lane, ts, id: seq };
  }
  for (const { actor, endCycles } of handling.rest()) {
    yield { ph: 'E', ...lanes.get(actor), ts: microseconds(endCycles, cyclesPerSecond) };
  }
}

/**
 * The text of the file, piece by piece.
 *
 * @throws GranuleError LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * JSON.parse([...chromeTrace(stretchOf(reader, {}))].join('')).displayTimeUnit; // 'ns'
 * ```
 */
export function* chromeTrace(toExport: ToExport): Generator<string, void, undefined> {
  const { title, from, to, cyclesPerSecond } = toExport;
  const otherData = { topology: title, from, to, cyclesPerSecond };
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify(otherData)},"traceEvents":[\n`;
  let before = '';
  for (const entry of entriesOf(toExport)) {
    yield `${before}${JSON.stringify(entry)}`;
    before = ',\n';
  }
  yield '\n]}\n';
}
