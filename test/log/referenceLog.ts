import { ByteWriter } from '../../src/log/bytes.ts';
import { chainMeta, chainSegment, hashHex } from '../../src/log/chain.ts';
import { TAG, TYPED_ARRAYS } from '../../src/log/columns.ts';
import { encodeMeta, type LogMeta } from '../../src/log/headerFrame.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { encodeCanonicalHeader, SEGMENT_RECORDS, type SegmentHeader } from '../../src/log/segmentHeader.ts';

/** Numbers strings as they are first met. */
class Names {
  readonly #numbers = new Map<string, number>();

  get all(): string[] {
    return [...this.#numbers.keys()];
  }

  indexOf(name: string): number {
    const index = this.#numbers.get(name) ?? this.#numbers.size;
    this.#numbers.set(name, index);
    return index;
  }

  encode(): Uint8Array {
    const writer = new ByteWriter();
    writer.varint(this.#numbers.size);
    for (const name of this.all) writer.string(name);
    return writer.finish();
  }
}

function small(writer: ByteWriter, values: readonly number[]): void {
  if (values.length === 0) return;
  const constant = values.every((value) => value === values[0]);
  writer.u8(constant ? 1 : 2);
  for (const value of constant ? values.slice(0, 1) : values) writer.varint(value);
}

/** The mode that takes the fewest bytes, found by trying both. */
function integers(writer: ByteWriter, values: readonly number[]): void {
  if (values.length === 0) return;
  if (values.every((value) => value === values[0])) {
    writer.u8(1);
    writer.signed(values[0] ?? 0);
    return;
  }
  const deltas = values.map((value, i) => value - (values[i - 1] ?? 0));
  const length = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + signedBytes(value), 0);
  const isDelta = length(deltas) < length(values);
  writer.u8(isDelta ? 0 : 2);
  for (const [i, value] of values.entries()) {
    const written = isDelta ? (deltas[i] ?? 0) : value;
    if (!Number.isSafeInteger(written)) writer.u8(0x40);
    writer.signed(Number.isSafeInteger(written) ? written : value);
  }
}

function signedBytes(value: number): number {
  let bytes = 1;
  for (let rest = Math.floor(Math.abs(value) / 64); rest > 0; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

function isTypedArray(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value);
}

/** A value column, written as the page on the format says, all values at once and with no thought of speed. */
function valueColumn(writer: ByteWriter, values: readonly unknown[], names: Names): void {
  const shapes: string[][] = [];
  const keys = new Names();
  const tags = values.map((value) => {
    if (value === null) return TAG.null;
    if (value === undefined) return TAG.undefined;
    if (typeof value === 'boolean') return value ? TAG.true : TAG.false;
    if (typeof value === 'string') return TAG.string;
    if (typeof value === 'number') {
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? TAG.integer : TAG.float;
    }
    if (Array.isArray(value)) return TAG.array;
    if (isTypedArray(value)) return TAG.typedArray;
    const own = Object.keys(value);
    for (const key of own) keys.indexOf(key);
    const known = shapes.findIndex((shape) => JSON.stringify(shape) === JSON.stringify(own));
    return TAG.object + (known < 0 ? shapes.push(own) - 1 : known);
  });
  const having = <T>(...wanted: number[]): T[] => values.filter((_, i) => wanted.includes(tags[i] ?? -1)) as T[];
  small(writer, tags);
  integers(writer, having<number>(TAG.integer));
  for (const value of having<number>(TAG.float)) writer.f64(value);
  small(
    writer,
    having<string>(TAG.string).map((value) => names.indexOf(value)),
  );
  const lists = having<ArrayLike<unknown>>(TAG.array, TAG.typedArray);
  small(
    writer,
    lists.map(({ length }) => length),
  );
  small(
    writer,
    having<Uint8Array>(TAG.typedArray).map((list) => TYPED_ARRAYS.findIndex((kind) => list.constructor === kind)),
  );
  const elements = lists.flatMap((list) => Array.from(list));
  if (elements.length > 0) valueColumn(writer, elements, names);
  if (shapes.length === 0) return;
  writer.varint(keys.all.length);
  for (const key of keys.all) writer.varint(names.indexOf(key));
  writer.varint(shapes.length);
  for (const shape of shapes) {
    writer.varint(shape.length);
    for (const key of shape) writer.varint(keys.indexOf(key));
  }
  const objects = values.filter((_, i) => (tags[i] ?? 0) >= TAG.object) as Record<string, unknown>[];
  for (const key of keys.all) {
    const holders = objects.filter((object) => Object.hasOwn(object, key));
    valueColumn(
      writer,
      holders.map((object) => object[key]),
      names,
    );
  }
}

/** Numbers the strings of a value as a writer meets them that takes it apart at once. */
function meet(value: unknown, names: Names): void {
  if (typeof value === 'string') names.indexOf(value);
  else if (typeof value === 'object' && value !== null && !isTypedArray(value)) {
    for (const child of Object.values(value)) meet(child, names);
  }
}

function sectionOf(records: readonly LogRecord[], firstSeq: number, types: Names, names: Names): Uint8Array {
  const writer = new ByteWriter();
  const numbers = records.map(({ type }) => types.indexOf(type));
  small(writer, numbers);
  small(
    writer,
    records.map(({ seq }, i) => seq - (records[i - 1]?.seq ?? firstSeq - 1) - 1),
  );
  integers(
    writer,
    records.map(({ timeCycles }) => timeCycles),
  );
  small(
    writer,
    records.map(({ from }) => names.indexOf(from)),
  );
  small(
    writer,
    records.map(({ seq, cause }) => (cause < 0 ? 0 : seq - cause)),
  );
  for (const type of types.all.keys()) {
    const payloads = records.filter((_, i) => numbers[i] === type).map(({ payload }) => payload);
    if (payloads.length > 0) valueColumn(writer, payloads, names);
  }
  return writer.finish();
}

function segmentOf(records: readonly LogRecord[]): {
  header: SegmentHeader;
  strings: Uint8Array;
  sections: Uint8Array[];
} {
  const firstSeq = records[0]?.seq ?? 0;
  const types = new Names();
  const names = new Names();
  const actors = new Names();
  for (const { to, from, type, payload } of records) {
    actors.indexOf(to);
    types.indexOf(type);
    names.indexOf(from);
    meet(payload, names);
  }
  const received = actors.all.map((actor) => records.filter(({ to }) => to === actor));
  const sections = received.map((some) => sectionOf(some, firstSeq, types, names));
  const strings = names.encode();
  const times = records.map(({ timeCycles }) => timeCycles);
  const header: SegmentHeader = {
    firstSeq,
    records: records.length,
    minTimeCycles: Math.min(...times),
    maxTimeCycles: Math.max(...times),
    types: types.all,
    sections: actors.all.map((actor, i) => ({
      actor,
      records: received[i]?.length ?? 0,
      rawBytes: sections[i]?.length ?? 0,
      storedBytes: 0,
      bodyOffsetBytes: 0,
      typeCounts: types.all.map((name) => received[i]?.filter(({ type }) => type === name).length ?? 0),
    })),
    stringsRawBytes: strings.length,
    stringsStoredBytes: 0,
    hash: new Uint8Array(0),
  };
  return { header, strings, sections };
}

/** The uncompressed body of each segment that a log of these records has, and its head hash. */
export function referenceLog(meta: LogMeta, records: readonly LogRecord[]): { bodies: Uint8Array[]; headHash: string } {
  const bodies: Uint8Array[] = [];
  let hash = chainMeta(encodeMeta(meta));
  for (let from = 0; from < records.length; from += SEGMENT_RECORDS) {
    const { header, strings, sections } = segmentOf(records.slice(from, from + SEGMENT_RECORDS));
    hash = chainSegment(hash, encodeCanonicalHeader(header), strings, sections);
    const body = new ByteWriter();
    for (const part of [strings, ...sections]) body.raw(part);
    bodies.push(body.finish());
  }
  return { bodies, headHash: hashHex(hash) };
}
