/** The lanes of an exported trace: actors below their kind, and the metrics of the whole system. */
import { kindOf } from '../../machines/index.ts';
import { cheapSeqs, systemMetrics } from '../report/systemMetrics.ts';
import type { ToExport } from './stretch.ts';

/** Moments at which metrics are sampled: a counter of some hundred pixels shows no more. */
const SAMPLES = 200;

/** The lane of an actor. */
export interface ActorTrack {
  readonly id: string;
  readonly kind: string;
}

/**
 * The actors that received a message in the log, those of one kind together, kinds in the order in which they came first.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * actorTracks(stretchOf(reader, {}))[0]; // { id: 'process:1', kind: 'process' }
 * ```
 */
export function actorTracks({ reader, actor }: ToExport): ActorTrack[] {
  const kinds = new Map<string, ActorTrack[]>();
  for (const { id } of reader.actors()) {
    if (actor !== undefined && id !== actor) continue;
    const kind = kindOf(id) ?? id.split(':')[0] ?? id;
    const tracks = kinds.get(kind) ?? [];
    kinds.set(kind, tracks);
    tracks.push({ id, kind });
  }
  return [...kinds.values()].flat();
}

/**
 * Whether an export shows metrics: where states can be folded, and all events of the stretch were asked for.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * hasMetrics(stretchOf(reader, {})); // false
 * ```
 */
export function hasMetrics({ view, actor, type }: ToExport): boolean {
  return view !== null && actor === undefined && type === undefined;
}

/** One moment of all metrics. */
export interface MetricSample {
  readonly seq: number;
  readonly timeCycles: number;
  /** In the order of `METRICS`. */
  readonly values: readonly number[];
}

/**
 * The metrics along a stretch, where it has any to show.
 *
 * @throws GranuleError LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * [...metricSamples(stretchOf(reader, {}, viewOf(reader, traces)))][0]?.values.length === METRICS.length; // true
 * ```
 */
export function* metricSamples(toExport: ToExport): Generator<MetricSample, void, undefined> {
  const { reader, view, from, to } = toExport;
  if (view === null || !hasMetrics(toExport)) return;
  const actors = reader.actors().map(({ id }) => id);
  for (const seq of cheapSeqs(reader, { from, to, count: SAMPLES })) {
    yield { seq, timeCycles: reader.read(seq).timeCycles, values: systemMetrics(view, actors, seq) };
  }
}
