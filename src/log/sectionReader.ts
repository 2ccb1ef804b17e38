/** Reads the records of one actor's section in a segment one after the other: all of them, or the messages of some. */
import { GranuleError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import { ColumnReader } from './columnarReader.ts';
import { type ColumnRoom, type NumberSource, readIntegerSource, readSmall } from './numberSource.ts';
import { type DeliveredMessage, type LogRecord, messageOf, OUTSIDE } from './record.ts';
import type { SectionHeader, SegmentHeader } from './segmentHeader.ts';
import { stringAt } from './stringTable.ts';

/** Lifts a payload of an older version of its message type to the current one. */
export type Upcast = (type: string, payload: unknown) => unknown;

/** Takes a message and its seq; false ends the reading. */
export type TakeMessage = (message: DeliveredMessage, seq: number) => boolean;

/**
 * A section with its columns opened. It is read once, by one of its two methods.
 *
 * @throws GranuleError LOG_DAMAGED from all of it, when the bytes are not what a writer wrote
 * @example
 * ```ts
 * const section = { actor: 'zone', records: 0, rawBytes: 0, storedBytes: 0, typeCounts: [], bodyOffsetBytes: 0 };
 * const times = { minTimeCycles: 0, maxTimeCycles: 0 };
 * const bytes = { stringsRawBytes: 0, stringsStoredBytes: 0, hash: new Uint8Array(32) };
 * const header = { firstSeq: 0, records: 0, types: [], sections: [section], ...times, ...bytes };
 * new SectionReader(header, section, new Uint8Array(0), [], new ColumnRoom()).all(); // []
 * ```
 */
export class SectionReader {
  readonly #header: SegmentHeader;
  readonly #section: SectionHeader;
  readonly #strings: readonly string[];
  readonly #upcast: Upcast | undefined;
  readonly #types: NumberSource;
  readonly #seqGaps: NumberSource;
  readonly #times: NumberSource;
  readonly #senders: NumberSource;
  readonly #distances: NumberSource;
  readonly #payloads: readonly (ColumnReader | null)[];
  readonly #endSeq: number;

  constructor(
    header: SegmentHeader,
    section: SectionHeader,
    raw: Uint8Array,
    strings: readonly string[],
    room: ColumnRoom,
    upcast?: Upcast,
  ) {
    const reader = new ByteReader(raw);
    const count = section.records;
    this.#header = header;
    this.#section = section;
    this.#strings = strings;
    this.#upcast = upcast;
    this.#types = readSmall(reader, count, room);
    this.#seqGaps = readSmall(reader, count, room);
    this.#times = readIntegerSource(reader, count, room);
    this.#senders = readSmall(reader, count, room);
    this.#distances = readSmall(reader, count, room);
    this.#payloads = section.typeCounts.map((typeCount) =>
      typeCount === 0 ? null : new ColumnReader(reader, typeCount, strings, room),
    );
    reader.end();
    this.#endSeq = header.firstSeq + header.records;
  }

  /** Every record, in order. */
  all(): LogRecord[] {
    const records: LogRecord[] = [];
    let seq = this.#header.firstSeq - 1;
    for (let i = 0; i < this.#section.records; i++) {
      seq += this.#seqGaps.next() + 1;
      const typeIndex = this.#types.next();
      const distance = this.#distances.next();
      const payload = this.#payloadOf(typeIndex, seq).next();
      const type = stringAt(this.#header.types, typeIndex);
      records.push({
        seq,
        timeCycles: this.#times.next(),
        to: this.#section.actor,
        from: stringAt(this.#strings, this.#senders.next()),
        cause: distance === 0 ? OUTSIDE : seq - distance,
        type,
        payload: this.#upcast === undefined ? payload : this.#upcast(type, payload),
      });
    }
    return records;
  }

  /** Hands over the messages of the records `from` to `to`; of those before only the numbers are passed over. */
  messages(from: number, to: number, take: TakeMessage): void {
    let seq = this.#header.firstSeq - 1;
    let left = this.#section.records;
    const passed = this.#payloads.map(() => 0);
    for (; left > 0 && seq + this.#seqGaps.ahead(0) + 1 < from; left--) {
      seq += this.#seqGaps.next() + 1;
      const typeIndex = this.#types.next();
      this.#payloadOf(typeIndex, seq);
      passed[typeIndex] += 1;
    }
    for (const [typeIndex, payloads] of passed.entries()) {
      if (payloads > 0) this.#payloads[typeIndex]?.skip(payloads);
    }
    for (; left > 0; left--) {
      seq += this.#seqGaps.next() + 1;
      if (seq > to) return;
      const typeIndex = this.#types.next();
      const payload = this.#payloadOf(typeIndex, seq).next();
      if (!take(this.#messageOf(stringAt(this.#header.types, typeIndex), payload, seq), seq)) return;
    }
  }

  #messageOf(type: string, payload: unknown, seq: number): DeliveredMessage {
    if (this.#upcast !== undefined) return messageOf(type, this.#upcast(type, payload), seq);
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return messageOf(type, payload, seq);
    // Nobody else has the payload, so it becomes the message: copying it would cost a tenth of handling it.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a plain object takes a field
    const message = payload as { type: string };
    message.type = type;
    return message;
  }

  #payloadOf(typeIndex: number, seq: number): ColumnReader {
    const column = this.#payloads[typeIndex];
    if (column === undefined || column === null) {
      throw new GranuleError('LOG_DAMAGED', `seq ${seq} is of a type its section does not hold`);
    }
    if (seq >= this.#endSeq) throw new GranuleError('LOG_DAMAGED', `seq ${seq} is not in this segment`);
    return column;
  }
}
