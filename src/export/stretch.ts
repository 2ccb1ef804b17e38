/** Which events of a log are exported, and the clock that their times are told by. */
import { defaultCosts } from '../arch/costs.ts';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { SystemView } from '../timeline/systemView.ts';

/** What is to be exported. */
export interface ToExport {
  readonly reader: LogReader;
  /** Of the exported thing: the name of the topology, or of the log. */
  readonly title: string;
  /** First and last seq, both brought within the log. */
  readonly from: number;
  readonly to: number;
  /** Only events that this actor received, or sent where the format shows who sent. */
  readonly actor?: string;
  /** Only messages of this type. */
  readonly type?: string;
  /** Cycles of virtual time in a second. */
  readonly cyclesPerSecond: number;
  /** Folds states, for formats that show metrics; null where traces are missing. */
  readonly view: SystemView | null;
  /** Events that were exported so far. */
  readonly tally: { events: number };
}

/**
 * The stretch of a log that options name.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, USAGE for a type that no message has
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * stretchOf(reader, { from: 5, to: 3 }); // throws SEQ_OUT_OF_RANGE
 * stretchOf(reader, { actor: 'mm:1' }).cyclesPerSecond; // 3000000000
 * ```
 */
export function stretchOf(
  reader: LogReader,
  asked: { from?: number | undefined; to?: number | undefined; actor?: string | undefined; type?: string | undefined },
  view: SystemView | null = null,
): ToExport {
  const { from = reader.firstSeq, to = reader.lastSeq, actor, type } = asked;
  const where = `${reader.storage.name} holds ${reader.firstSeq} to ${reader.lastSeq}`;
  if (from > to || to < reader.firstSeq || from > reader.lastSeq)
    throw new GranuleError('SEQ_OUT_OF_RANGE', `there is no event from seq ${from} to ${to}`, where);
  if (actor !== undefined && !reader.actors().some(({ id }) => id === actor))
    throw new GranuleError('ACTOR_UNKNOWN', `no event was received by ${actor}`, reader.storage.name);
  if (type !== undefined && !reader.types().some(({ id }) => id === type)) {
    const next = 'Use "granule info LOG" to see the types.';
    throw new GranuleError('USAGE', `the log holds no message ${type}`, '--type', next);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by logMeta; only what has the right form is used
  const topology = reader.meta['topology'] as { name?: unknown; costs?: Record<string, unknown> } | undefined;
  const rate = topology?.costs?.['cyclesPerSecond'];
  return {
    reader,
    title: typeof topology?.name === 'string' ? topology.name : reader.storage.name,
    from: Math.max(from, reader.firstSeq),
    to: Math.min(to, reader.lastSeq),
    ...(actor === undefined ? {} : { actor }),
    ...(type === undefined ? {} : { type }),
    cyclesPerSecond: typeof rate === 'number' && rate > 0 ? rate : defaultCosts.cyclesPerSecond,
    view,
    tally: { events: 0 },
  };
}

/**
 * The events of a stretch, one segment in memory at a time.
 *
 * @throws GranuleError LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * [...eventsOf(stretchOf(reader, { to: 1 }))].map(({ seq }) => seq); // [ 0, 1 ]
 * ```
 */
export function* eventsOf(toExport: ToExport): Generator<LogRecord, void, undefined> {
  const { reader, from, to, actor, type, tally } = toExport;
  const byType = actor === undefined && type !== undefined ? reader.byType(type, from, to) : null;
  const records = byType ?? (actor === undefined ? reader.range(from, to) : reader.byActor(actor, from, to));
  for (const record of records) {
    if (type !== undefined && record.type !== type) continue;
    tally.events += 1;
    yield record;
  }
}

/**
 * Whether an arrow leads to an event from its cause: where all events of the stretch are exported, and the cause is one of them.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * hasArrow(stretchOf(reader, { from: 3 }), 2); // false
 * ```
 */
export function hasArrow({ from, actor, type }: ToExport, cause: number): boolean {
  return actor === undefined && type === undefined && cause >= from;
}

/**
 * A time in nanoseconds: whole ones, since trace viewers take no other. Several cycles may come to one.
 *
 * @example
 * ```ts
 * nanosecondsOf(4, 3_000_000_000); // 1
 * ```
 */
export function nanosecondsOf(timeCycles: number, cyclesPerSecond: number): number {
  return Math.round((timeCycles * 1e9) / cyclesPerSecond);
}

/**
 * Refuses a stretch that is too long for a form that people read whole.
 *
 * @throws GranuleError EXPORT_TOO_LONG with both numbers
 * @example
 * ```ts
 * checkLength(12, 10, 'a chart', 'events'); // throws EXPORT_TOO_LONG
 * ```
 */
export function checkLength(count: number, most: number, what: string, of: string): void {
  if (count <= most) return;
  throw new GranuleError('EXPORT_TOO_LONG', `${what} holds at most ${most} ${of}`, `asked for ${count}`);
}
