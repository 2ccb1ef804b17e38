/** The events of the timeline, column by column, and how many there are where they cannot be told apart. */
import { GranuleError } from '../../errors.ts';
import { laneKind, type OpenRun } from './openRun.ts';
import type { LaneDensity, Tile } from './requests.ts';

/**
 * How many messages lanes received in each segment: from the log's directory alone, so that the whole of a long run is drawn at once.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * densityOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), [0])[0]?.segments; // Uint32Array [ 0 ]
 * ```
 */
export function densityOf(run: OpenRun, lanes: readonly number[]): LaneDensity[] {
  return lanes.map((lane) => {
    const posting = run.reader.directory.actors.get(run.lanes[lane] ?? '');
    return { segments: Uint32Array.from(posting?.segments ?? []), counts: Uint32Array.from(posting?.counts ?? []) };
  });
}

/**
 * How many messages all lanes of each kind received in each segment.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * kindDensityOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), ['mm'])[0]?.counts.length; // 1
 * ```
 */
export function kindDensityOf(run: OpenRun, kinds: readonly string[]): LaneDensity[] {
  const { directory } = run.reader;
  const sums = new Map(kinds.map((kind) => [kind, new Uint32Array(directory.segments.length)]));
  for (const id of run.lanes) {
    const sum = sums.get(laneKind(id));
    const posting = directory.actors.get(id);
    if (sum === undefined || posting === undefined) continue;
    for (const [at, segment] of posting.segments.entries()) sum[segment] += posting.counts[at] ?? 0;
  }
  const segments = Uint32Array.from(directory.segments.keys());
  return kinds.map((kind) => ({ segments, counts: sums.get(kind) ?? new Uint32Array(segments.length) }));
}

/**
 * The events of one segment.
 *
 * @throws GranuleError USAGE where there is no such segment; LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * tileOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), 0).from[0]; // -1
 * ```
 */
export function tileOf(run: OpenRun, segment: number): Tile {
  const { reader } = run;
  const entry = reader.directory.segments[segment];
  if (entry === undefined) throw new GranuleError('USAGE', `there is no segment ${segment}`, run.name);
  const { firstSeq, records } = entry;
  const tile = {
    segment,
    firstSeq,
    to: new Uint32Array(records),
    from: new Int32Array(records),
    type: new Uint16Array(records),
    cause: new Float64Array(records),
    timeCycles: new Float64Array(records),
  };
  // Payloads are passed over: they take most of the time of reading a log.
  const stream = reader.stream(segment);
  for (let record = stream.next(); record !== null; record = stream.next()) {
    record.pass();
    const at = record.seq - firstSeq;
    tile.to[at] = run.laneOf(record.to);
    tile.from[at] = run.laneOf(record.from);
    tile.type[at] = run.typeOf(record.type);
    tile.cause[at] = record.cause;
    tile.timeCycles[at] = record.timeCycles;
  }
  return tile;
}
