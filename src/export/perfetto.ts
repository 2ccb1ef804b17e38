/** A log as a trace of Perfetto: actors as tracks, handling as slices, messages as flows, metrics as counters. */
import { payloadLine } from '../report/recordText.ts';
import { METRICS } from '../report/metricTable.ts';
import { Handling } from './handling.ts';
import { PerfettoPackets } from './perfettoPackets.ts';
import { eventsOf, hasArrow, nanosecondsOf, type ToExport } from './stretch.ts';
import { actorTracks, hasMetrics, metricSamples } from './tracks.ts';

/** Track of all metrics; those of kinds and actors follow behind those of the metrics. */
const METRICS_TRACK = 1;
const OFTEN: ReadonlySet<string> = new Set(['from']);

interface Tracks {
  readonly packets: Uint8Array[];
  /** By actor. */
  readonly uuids: ReadonlyMap<string, number>;
}

function tracksOf(toExport: ToExport, packets: PerfettoPackets): Tracks {
  const made: Uint8Array[] = [];
  let last = METRICS_TRACK;
  let rank = 0;
  const description = `${toExport.title}: seq ${toExport.from} to ${toExport.to}`;
  if (hasMetrics(toExport))
    made.push(packets.track({ uuid: METRICS_TRACK, name: 'metrics', rank: rank++, description }));
  for (const [at, { id, says, unit }] of (hasMetrics(toExport) ? METRICS : []).entries()) {
    const name = `${id}: ${says}`;
    made.push(packets.track({ uuid: ++last, name, parent: METRICS_TRACK, rank: at, unit }));
  }
  const uuids = new Map<string, number>();
  const kinds = new Map<string, number>();
  for (const { id, kind } of actorTracks(toExport)) {
    let parent = kinds.get(kind);
    if (parent === undefined) {
      kinds.set(kind, (parent = ++last));
      made.push(packets.track({ uuid: parent, name: kind, rank: rank++, description }));
    }
    uuids.set(id, ++last);
    made.push(packets.track({ uuid: last, name: id, parent, rank: uuids.size }));
  }
  return { packets: made, uuids };
}

/**
 * The bytes of the trace, packet by packet: nothing but one segment of the log and one open slice for each actor is in memory. Packets
 * are not in the order of time, which Perfetto does not ask for: it sorts them.
 *
 * @throws GranuleError LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * [...perfettoTrace(stretchOf(reader, {}))].length > 2 * reader.records; // true
 * ```
 */
export function* perfettoTrace(toExport: ToExport): Generator<Uint8Array, void, undefined> {
  const { cyclesPerSecond } = toExport;
  const packets = new PerfettoPackets();
  const tracks = tracksOf(toExport, packets);
  yield* tracks.packets;
  for (const { timeCycles, values } of metricSamples(toExport)) {
    const at = nanosecondsOf(timeCycles, cyclesPerSecond);
    for (const [metric, value] of values.entries()) yield packets.counter(METRICS_TRACK + 1 + metric, at, value);
  }
  const handling = new Handling();
  const trackOf = (actor: string): number => tracks.uuids.get(actor) ?? 0;
  for (const record of eventsOf(toExport)) {
    const { seq, timeCycles, to, cause, type, payload } = record;
    const ended = handling.see(record);
    if (ended !== null) yield packets.sliceEnd(trackOf(to), nanosecondsOf(ended.endCycles, cyclesPerSecond));
    const facts = { seq, cycles: timeCycles, from: record.from, payload: payloadLine(payload) };
    yield packets.sliceBegin({
      track: trackOf(to),
      nanoseconds: nanosecondsOf(timeCycles, cyclesPerSecond),
      name: type,
      category: to.split(':')[0] ?? to,
      flow: seq + 1,
      flowIn: hasArrow(toExport, cause) ? cause + 1 : 0,
      facts,
      often: OFTEN,
    });
  }
  for (const { actor, endCycles } of handling.rest()) {
    yield packets.sliceEnd(trackOf(actor), nanosecondsOf(endCycles, cyclesPerSecond));
  }
}
