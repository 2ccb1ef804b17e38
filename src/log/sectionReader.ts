import { GranuleError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import { ColumnReader } from './columnarReader.ts';
import { type ColumnRoom, type NumberSource, readIntegerSource, readSmall } from './numberSource.ts';
import { type DeliveredMessage, type LogRecord, messageOf, OUTSIDE } from './record.ts';
import type { SectionHeader, SegmentHeader } from './segmentHeader.ts';
import { StreamedRecord } from './streamedRecord.ts';
import { stringAt } from './stringTable.ts';

/**
 * Messages that are made before they are handed over. The code that makes one and that which an actor handles it with are more
 * than a processor keeps at hand, so to go to and fro costs more than either.
 */
const MADE_IN_A_ROW = 32;

/** Takes a message and its seq; false ends the reading. */
export type TakeMessage = (message: DeliveredMessage, seq: number) => boolean;

/** What the sections of a segment are read with. */
export interface SectionTools {
  readonly strings: readonly string[];
  /** Memory that the columns are read into; sections that are read side by side share it. */
  readonly room: ColumnRoom;
  /** Lifts a payload of an older version of its message type to the current one. */
  readonly upcast: ((type: string, payload: unknown) => unknown) | undefined;
}

/**
 * One actor's records in a segment, in order; each is made when it is asked for, and none is kept.
 *
 * @throws GranuleError LOG_DAMAGED from the constructor and from every method
 * @example
 * ```ts
 * const section = { actor: 'zone', records: 1, rawBytes: 0, storedBytes: 0, bodyOffsetBytes: 0, typeCounts: [1] };
 * const times = { firstSeq: 4, records: 1, minTimeCycles: 5, maxTimeCycles: 5 };
 * const rest = { stringsRawBytes: 0, stringsStoredBytes: 0, hash: new Uint8Array(32) };
 * const header = { ...times, types: ['ALLOC'], sections: [section], ...rest };
 * const raw = new Uint8Array([1, 0, 1, 0, 1, 5, 1, 0, 1, 0, 1, 0]);
 * const tools = { strings: ['mm:1'], room: new ColumnRoom(), upcast: undefined };
 * new SectionReader(header, section, raw, tools).next().timeCycles; // 5
 * ```
 */
export class SectionReader {
  readonly #header: SegmentHeader;
  readonly #section: SectionHeader;
  readonly #tools: SectionTools;
  readonly #types: NumberSource;
  readonly #seqGaps: NumberSource;
  readonly #times: NumberSource;
  readonly #senders: NumberSource;
  readonly #distances: NumberSource;
  readonly #payloads: readonly (ColumnReader | null)[];
  #seq: number;
  /** Records that are still to come. */
  #left: number;
  #last: StreamedRecord | null = null;

  constructor(header: SegmentHeader, section: SectionHeader, raw: Uint8Array, tools: SectionTools) {
    const reader = new ByteReader(raw);
    const { room, strings } = tools;
    const count = section.records;
    this.#header = header;
    this.#section = section;
    this.#tools = tools;
    this.#types = readSmall(reader, count, room);
    this.#seqGaps = readSmall(reader, count, room);
    this.#times = readIntegerSource(reader, count, room);
    this.#senders = readSmall(reader, count, room);
    this.#distances = readSmall(reader, count, room);
    this.#payloads = section.typeCounts.map((typeCount) =>
      typeCount === 0 ? null : new ColumnReader(reader, typeCount, strings, room),
    );
    reader.end();
    this.#seq = header.firstSeq - 1;
    this.#left = count;
  }

  /** Notes at the place of each record that is still to come within the segment who holds it, where -1 is nobody. */
  mark(holders: Int32Array, holder: number): void {
    let place = this.#seq - this.#header.firstSeq;
    for (let i = 0; i < this.#seqGaps.count; i++) {
      place += this.#seqGaps.ahead(i) + 1;
      if (place >= holders.length) this.#outside(place + this.#header.firstSeq);
      if (holders[place] >= 0) {
        throw new GranuleError('LOG_DAMAGED', `two sections hold seq ${place + this.#header.firstSeq}`);
      }
      holders[place] = holder;
    }
  }

  /** The next record. There are as many as the section says. */
  next(): LogRecord {
    const { seq, timeCycles, to, from, cause, type, payload } = this.nextUnmade();
    return { seq, timeCycles, to, from, cause, type, payload };
  }

  /** Hands over the messages of the records `from` to `to`, of those that are still to come. */
  messages(from: number, to: number, take: TakeMessage): void {
    this.#skipTo(from);
    const messages: DeliveredMessage[] = [];
    const seqs: number[] = [];
    while (this.#left > 0 && this.#seqAhead <= to) {
      messages.length = 0;
      seqs.length = 0;
      while (messages.length < MADE_IN_A_ROW && this.#left > 0 && this.#seqAhead <= to) {
        const record = this.nextUnmade();
        messages.push(record.takeMessage() ?? messageOf(record.type, record.payload, record.seq));
        seqs.push(record.seq);
      }
      for (let at = 0; at < messages.length; at++) if (!take(messages[at], seqs[at])) return;
    }
  }

  /** Passes over the records before a seq: of each only numbers are read. */
  #skipTo(seq: number): void {
    this.#last?.pass();
    this.#last = null;
    const passed = this.#payloads.map(() => 0);
    const before = this.#left;
    for (; this.#left > 0 && this.#seqAhead < seq; this.#left--) {
      this.#seq += this.#seqGaps.next() + 1;
      const typeIndex = this.#types.next();
      this.#column(typeIndex);
      passed[typeIndex] += 1;
    }
    for (const numbers of [this.#times, this.#senders, this.#distances]) numbers.skip(before - this.#left);
    for (const [typeIndex, payloads] of passed.entries()) {
      if (payloads > 0) this.#payloads[typeIndex]?.skip(payloads);
    }
  }

  /** The next record, its payload not yet made. */
  nextUnmade(): StreamedRecord {
    this.#last?.pass();
    const { types } = this.#header;
    const { strings, upcast } = this.#tools;
    const typeIndex = this.#types.next();
    const distance = this.#distances.next();
    this.#seq += this.#seqGaps.next() + 1;
    this.#left--;
    const seq = this.#seq;
    const column = this.#column(typeIndex);
    const timeCycles = this.#times.next();
    const from = stringAt(strings, this.#senders.next());
    const cause = distance === 0 ? OUTSIDE : seq - distance;
    const type = stringAt(types, typeIndex);
    this.#last = new StreamedRecord(seq, timeCycles, this.#section.actor, from, cause, type, column, upcast);
    return this.#last;
  }

  get #seqAhead(): number {
    return this.#seq + this.#seqGaps.ahead(0) + 1;
  }

  /** The payloads of the type of a record that was just come to. */
  #column(typeIndex: number): ColumnReader {
    const { firstSeq, records } = this.#header;
    const column = this.#payloads[typeIndex];
    if (column === undefined || column === null) {
      throw new GranuleError('LOG_DAMAGED', `seq ${this.#seq} is of a type its section does not hold`);
    }
    if (this.#seq >= firstSeq + records) this.#outside(this.#seq);
    return column;
  }

  #outside(seq: number): never {
    throw new GranuleError('LOG_DAMAGED', `seq ${seq} is not in this segment`);
  }
}
