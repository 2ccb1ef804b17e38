import { GranuleError } from '../errors.ts';
import { chainSegment } from './chain.ts';
import { ColumnRoom } from './numberSource.ts';
import { type LogRecord, messageOf } from './record.ts';
import { RecordStream } from './recordStream.ts';
import { SectionReader, type SectionTools, type TakeMessage } from './sectionReader.ts';
import { encodeCanonicalHeader, type SectionHeader, type SegmentHeader } from './segmentHeader.ts';
import { type Compression, unpackBytes } from './storage.ts';
import { decodeStrings } from './stringTable.ts';

/** Reads stored bytes of a segment's body, by place within the body. */
export type BodyReader = (bodyOffsetBytes: number, lengthBytes: number) => Uint8Array;

/** What a SegmentView does beside reading. */
export interface SegmentViewOptions {
  /** Told the number of records each time a section is inflated and decoded. */
  onDecode?: (records: number) => void;
  /** Lifts a payload of an older version of its message type to the current one. */
  upcast?: SectionTools['upcast'];
}

/**
 * A segment opened for reading. Each actor's section is inflated and decoded on its own, when asked for, and kept.
 *
 * @throws GranuleError LOG_DAMAGED from every method, when the bytes are not what a writer wrote
 * @example
 * ```ts
 * const compression = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const builder = new SegmentBuilder(0);
 * builder.add(0, 5, 'zone', 'mm:1', -1, 'ALLOC', null);
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
  readonly #raws: (Uint8Array | undefined)[] = [];
  readonly #options: SegmentViewOptions;
  /** Serves one section after the other. */
  readonly #room = new ColumnRoom();

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

  /**
   * Hands over the messages that one actor received in the records `from` to `to`, which are not kept. Whoever takes one
   * must not read from this segment meanwhile.
   */
  messages(actor: string, from: number, to: number, take: TakeMessage): void {
    const index = this.header.sections.findIndex((section) => section.actor === actor);
    if (index < 0) return;
    const known = this.#decoded[index];
    if (known === undefined) {
      let taken = 0;
      this.#opened(index).messages(from, to, (message, seq) => {
        taken++;
        return take(message, seq);
      });
      this.#options.onDecode?.(taken);
      return;
    }
    for (const { seq, type, payload } of known) {
      if (seq > to) return;
      if (seq >= from && !take(messageOf(type, payload, seq), seq)) return;
    }
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
    const placed: (LogRecord | undefined)[] = [];
    for (let i = 0; i < records; i++) placed.push(undefined);
    for (let i = 0; i < sections.length; i++) {
      for (const record of this.#section(i)) placed[record.seq - firstSeq] = record;
    }
    const all = placed.filter((record) => record !== undefined);
    if (all.length < records) {
      throw new GranuleError('LOG_DAMAGED', `no section holds seq ${firstSeq + placed.indexOf(undefined)}`);
    }
    this.#all = all;
    return all;
  }

  /**
   * The records, or those of some actors, one by one. None is kept; the inflated bytes are, for `chain`.
   *
   * @param placed says of an error where in the log it is
   */
  stream(isWanted: (actor: string) => boolean = () => true, placed = (error: unknown): unknown => error): RecordStream {
    const { firstSeq, records, sections } = this.header;
    const room = new ColumnRoom();
    const readers: SectionReader[] = [];
    for (const [index, section] of sections.entries()) {
      if (!isWanted(section.actor)) continue;
      const raw = this.sectionRaw(section);
      this.#raws[index] = raw;
      readers.push(this.#reader(section, raw, room));
      this.#options.onDecode?.(section.records);
    }
    return new RecordStream(firstSeq, records, readers, readers.length === sections.length, placed);
  }

  /** Carries the hash chain on over the segment, from its bytes: no record is decoded. */
  chain(previousHash: Uint8Array): Uint8Array {
    const sections = this.header.sections.map((section, index) => this.#raws[index] ?? this.sectionRaw(section));
    const canonical = encodeCanonicalHeader(this.header);
    return chainSegment(previousHash, canonical, this.stringsRaw(), sections, this.#compression.sha256);
  }

  #section(index: number): readonly LogRecord[] {
    const known = this.#decoded[index];
    if (known !== undefined) return known;
    const reader = this.#opened(index);
    const records: LogRecord[] = [];
    for (let left = this.header.sections[index].records; left > 0; left--) records.push(reader.next());
    this.#decoded[index] = records;
    this.#options.onDecode?.(records.length);
    return records;
  }

  /** A section to be read to its end before another one is opened. */
  #opened(index: number): SectionReader {
    const section = this.header.sections[index];
    this.#room.clear();
    return this.#reader(section, this.sectionRaw(section), this.#room);
  }

  #reader(section: SectionHeader, raw: Uint8Array, room: ColumnRoom): SectionReader {
    this.#strings ??= decodeStrings(this.stringsRaw());
    const { upcast } = this.#options;
    return new SectionReader(this.header, section, raw, { strings: this.#strings, room, upcast });
  }
}
