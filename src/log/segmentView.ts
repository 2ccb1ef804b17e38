import { GranuleError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import { ColumnReader } from './columnarReader.ts';
import { readIntegers, readSmall } from './columns.ts';
import { OUTSIDE, type LogRecord } from './record.ts';
import type { SectionHeader, SegmentHeader } from './segmentHeader.ts';
import { type Compression, unpackBytes } from './storage.ts';
import { decodeStrings, stringAt } from './stringTable.ts';

/** Reads stored bytes of a segment's body, by place within the body. */
export type BodyReader = (bodyOffsetBytes: number, lengthBytes: number) => Uint8Array;

/** What a SegmentView does beside reading. */
export interface SegmentViewOptions {
  /** Told the number of records each time a section is inflated and decoded. */
  onDecode?: (records: number) => void;
  /** Lifts a payload of an older version of its message type to the current one. */
  upcast?: (type: string, payload: unknown) => unknown;
}

/**
 * A segment opened for reading. Each actor's section is inflated and decoded on its own, when asked for, and kept.
 *
 * @throws GranuleError LOG_DAMAGED from every method, when the bytes are not what a writer wrote
 * @example
 * ```ts
 * const compression = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const builder = new SegmentBuilder(0);
 * builder.add({ seq: 0, timeCycles: 5, to: 'zone', from: 'mm:1', cause: -1, type: 'ALLOC', payload: null });
 * const { header, frame } = builder.seal(new Uint8Array(32), compression);
 * const bodyStart = frame.length - header.stringsStoredBytes - (header.sections[0]?.storedBytes ?? 0);
 * const read = (at: number, length: number) => frame.subarray(bodyStart + at, bodyStart + at + length);
 * new SegmentView(header, read, compression).all()[0]?.timeCycles; // 5
 * ```
 */
export class SegmentView {
  readonly header: SegmentHeader;
  readonly #read: BodyReader;
  readonly #compression: Compression;
  #strings: readonly string[] | null = null;
  readonly #decoded: (readonly LogRecord[] | undefined)[] = [];
  #all: readonly LogRecord[] | null = null;
  readonly #options: SegmentViewOptions;

  constructor(header: SegmentHeader, read: BodyReader, compression: Compression, options: SegmentViewOptions = {}) {
    this.header = header;
    this.#read = read;
    this.#compression = compression;
    this.#options = options;
  }

  /** The string table's bytes, inflated. */
  stringsRaw(): Uint8Array {
    const { stringsRawBytes, stringsStoredBytes } = this.header;
    return unpackBytes(this.#read(0, stringsStoredBytes), stringsRawBytes, this.#compression);
  }

  /** A section's bytes, inflated. */
  sectionRaw(section: SectionHeader): Uint8Array {
    const stored = this.#read(section.bodyOffsetBytes, section.storedBytes);
    return unpackBytes(stored, section.rawBytes, this.#compression);
  }

  /** One actor's records in order; none when it received none in this segment. */
  ofActor(actor: string): readonly LogRecord[] {
    const index = this.header.sections.findIndex((section) => section.actor === actor);
    return index < 0 ? [] : this.#section(index);
  }

  /** The records of one type in order; sections that hold none are not opened. */
  ofType(type: string): readonly LogRecord[] {
    const index = this.header.types.indexOf(type);
    const found: LogRecord[] = [];
    for (const [i, section] of this.header.sections.entries()) {
      if ((section.typeCounts[index] ?? 0) === 0) continue;
      for (const record of this.#section(i)) if (record.type === type) found.push(record);
    }
    return found.sort((left, right) => left.seq - right.seq);
  }

  /** All records of the segment in order. */
  all(): readonly LogRecord[] {
    if (this.#all !== null) return this.#all;
    const { firstSeq, records, sections } = this.header;
    const all: (LogRecord | undefined)[] = Array.from({ length: records }, () => undefined);
    for (let i = 0; i < sections.length; i++) {
      for (const record of this.#section(i)) all[record.seq - firstSeq] = record;
    }
    if (!all.every((record) => record !== undefined)) {
      throw new GranuleError('LOG_DAMAGED', `no section holds seq ${firstSeq + all.indexOf(undefined)}`);
    }
    this.#all = all;
    return all;
  }

  /** The records, or those of some actors, in order; each is decoded when it is asked for, and none is kept. */
  *stream(isWanted: (actor: string) => boolean = () => true): Generator<LogRecord, void, undefined> {
    const { firstSeq, records, sections } = this.header;
    const wanted = sections.filter(({ actor }) => isWanted(actor));
    const readers = wanted.map((section) => this.#open(section));
    const owners = new Int32Array(records).fill(-1);
    for (const [owner, { seqs }] of readers.entries()) {
      for (const seq of seqs) {
        if (owners[seq - firstSeq] >= 0) throw new GranuleError('LOG_DAMAGED', `two sections hold seq ${seq}`);
        owners[seq - firstSeq] = owner;
      }
    }
    for (const [at, owner] of owners.entries()) {
      if (owner >= 0) yield readers[owner].next();
      else if (wanted.length === sections.length) {
        throw new GranuleError('LOG_DAMAGED', `no section holds seq ${firstSeq + at}`);
      }
    }
  }

  #section(index: number): readonly LogRecord[] {
    const known = this.#decoded[index];
    if (known !== undefined) return known;
    const reader = this.#open(this.header.sections[index]);
    const records = Array.from(reader.seqs, () => reader.next());
    this.#decoded[index] = records;
    return records;
  }

  #open(section: SectionHeader): SectionReader {
    this.#strings ??= decodeStrings(this.stringsRaw());
    const { upcast, onDecode } = this.#options;
    const reader = new SectionReader(this.header, section, this.sectionRaw(section), this.#strings, upcast);
    onDecode?.(section.records);
    return reader;
  }
}

/** A section opened: its columns are inflated, its records are made one by one. */
class SectionReader {
  /** Seq of each record, ascending. */
  readonly seqs: Float64Array;
  readonly #header: SegmentHeader;
  readonly #actor: string;
  readonly #strings: readonly string[];
  readonly #upcast: SegmentViewOptions['upcast'];
  readonly #types: Float64Array;
  readonly #times: Float64Array;
  readonly #senders: Float64Array;
  readonly #causes: Float64Array;
  readonly #payloads: readonly (ColumnReader | null)[];
  #at = 0;

  constructor(
    header: SegmentHeader,
    section: SectionHeader,
    raw: Uint8Array,
    strings: readonly string[],
    upcast: SegmentViewOptions['upcast'],
  ) {
    const reader = new ByteReader(raw);
    const count = section.records;
    this.#header = header;
    this.#actor = section.actor;
    this.#strings = strings;
    this.#upcast = upcast;
    this.#types = readSmall(reader, count);
    this.seqs = seqsOf(header, readSmall(reader, count));
    this.#times = readIntegers(reader, count);
    this.#senders = readSmall(reader, count);
    this.#causes = readSmall(reader, count);
    this.#payloads = section.typeCounts.map((typeCount) =>
      typeCount === 0 ? null : new ColumnReader(reader, typeCount, strings),
    );
    reader.end();
  }

  /** The next record; there is one as long as `seqs` says so. */
  next(): LogRecord {
    const at = this.#at++;
    const seq = this.seqs[at];
    const typeIndex = this.#types[at];
    const distance = this.#causes[at];
    const column = this.#payloads[typeIndex];
    if (column === undefined || column === null) {
      throw new GranuleError('LOG_DAMAGED', `seq ${seq} is of a type its section does not hold`);
    }
    const type = stringAt(this.#header.types, typeIndex);
    const payload = column.next();
    return {
      seq,
      timeCycles: this.#times[at],
      to: this.#actor,
      from: stringAt(this.#strings, this.#senders[at]),
      cause: distance === 0 ? OUTSIDE : seq - distance,
      type,
      payload: this.#upcast === undefined ? payload : this.#upcast(type, payload),
    };
  }
}

function seqsOf({ firstSeq, records }: SegmentHeader, seqGaps: Float64Array): Float64Array {
  let seq = firstSeq - 1;
  return seqGaps.map((gap) => {
    seq += gap + 1;
    if (seq >= firstSeq + records) throw new GranuleError('LOG_DAMAGED', `seq ${seq} is not in this segment`);
    return seq;
  });
}
