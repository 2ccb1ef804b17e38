/** The events of a log that can satisfy a condition, forwards or backwards, a segment at a time. */
import type { NamedRows } from '../log/namedRows.ts';
import type { Posting } from '../log/directory.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { Names, Pins } from './pins.ts';

/** Where the index holds more than this part of a log, going through all of it is quicker. */
const PART_MOST = 0.5;

/** A way through a log. */
export interface Way {
  /** First and last seq, both included. */
  readonly from: number;
  readonly to: number;
  readonly isBackwards: boolean;
}

/** Those names of a log that are asked for. */
function namesIn(rows: NamedRows<Posting>, names: NonNullable<Names>): string[] {
  const exact = names.filter((name) => typeof name === 'string').filter((name) => rows.get(name) !== undefined);
  const patterns = names.filter((name) => typeof name !== 'string');
  if (patterns.length === 0) return exact;
  return [...new Set([...exact, ...Array.from(rows.names()).filter((name) => patterns.some((one) => one.test(name)))])];
}

function recordsUnder(rows: NamedRows<Posting>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (rows.get(name)?.counts ?? []).reduce((all, count) => all + count, 0), 0);
}

/** The index that leaves fewest events; null where all events are gone through. */
interface Index {
  readonly kind: 'actors' | 'types';
  readonly names: readonly string[];
}

function indexFor(reader: LogReader, pins: Pins): Index | null {
  let best: Index | null = null;
  let fewest = reader.records * PART_MOST;
  for (const kind of ['actors', 'types'] as const) {
    const asked = pins[kind];
    if (asked === null) continue;
    const rows = reader.directory[kind];
    const names = namesIn(rows, asked);
    const records = recordsUnder(rows, names);
    if (records > fewest) continue;
    fewest = records;
    best = { kind, names };
  }
  return best;
}

/** The segments that hold one of some names, ascending. */
function segmentsOf(reader: LogReader, { kind, names }: Index): number[] {
  const rows = reader.directory[kind];
  return [...new Set(names.flatMap((name) => rows.get(name)?.segments ?? []))].sort((left, right) => left - right);
}

/**
 * The events on a way that can have the types and receivers asked for. Others may be among them: who asks looks at each.
 *
 * @throws GranuleError LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * const source = new EventSource(LogReader.open(storage, noCompression), { types: null, actors: null });
 * [...source.events({ from: 0, to: 1, isBackwards: true })].map(({ seq }) => seq); // [1, 0]
 * ```
 */
export class EventSource {
  readonly #reader: LogReader;
  readonly #index: Index | null;
  readonly #segments: readonly number[] | null;
  #recent: readonly { readonly from: number; readonly records: readonly LogRecord[] }[] = [];

  constructor(reader: LogReader, pins: Pins) {
    this.#reader = reader;
    this.#index = indexFor(reader, pins);
    this.#segments = this.#index === null ? null : segmentsOf(reader, this.#index);
  }

  /** The events of a way, in its direction. */
  *events({ from, to, isBackwards }: Way): Generator<LogRecord, void, undefined> {
    const { segments } = this.#reader.directory;
    const count = this.#segments?.length ?? segments.length;
    const first = (step: number): number => segments[this.#segments?.[step] ?? step].firstSeq;
    // The last segment that begins at or before the near end; what is asked for may begin in the one after it.
    const near = countWhere(count, (step) => first(step) <= (isBackwards ? to : from)) - 1;
    for (let step = Math.max(near, 0); step >= 0 && step < count; step += isBackwards ? -1 : 1) {
      const { firstSeq, records } = segments[this.#segments?.[step] ?? step];
      if (isBackwards ? firstSeq + records - 1 < from : firstSeq > to) return;
      const found = this.#inSegment(firstSeq, firstSeq + records - 1);
      const begin = countWhere(found.length, (at) => found[at].seq < from);
      const end = countWhere(found.length, (at) => found[at].seq <= to);
      if (!isBackwards) for (let at = begin; at < end; at++) yield found[at];
      else for (let at = end - 1; at >= begin; at--) yield found[at];
    }
  }

  /** Those of a segment; the ones looked at last are kept, since whoever looks about in a log stays near. */
  #inSegment(from: number, to: number): readonly LogRecord[] {
    const known = this.#recent.find((one) => one.from === from);
    if (known !== undefined) return known.records;
    const records = this.#read(from, to);
    this.#recent = [{ from, records }, ...this.#recent.slice(0, 1)];
    return records;
  }

  #read(from: number, to: number): LogRecord[] {
    const reader = this.#reader;
    if (this.#index === null) return [...reader.range(from, to)];
    const { kind, names } = this.#index;
    const lists = names.map((name) =>
      kind === 'actors' ? reader.byActor(name, from, to) : reader.byType(name, from, to),
    );
    const found = lists.flatMap((list) => [...list]);
    return names.length === 1 ? found : found.sort((left, right) => left.seq - right.seq);
  }
}

/** How many of so many in a row are as asked, where those that are come first. */
function countWhere(length: number, isAsked: (at: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAsked(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
