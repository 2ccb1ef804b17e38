import { invariant } from '../errors.ts';
import { ByteWriter } from './bytes.ts';
import { chainSegment } from './chain.ts';
import { ColumnWriter } from './columnarWriter.ts';
import { writeIntegers, writeSmall } from './columns.ts';
import { encodeFrame, FRAME } from './frames.ts';
import type { LogRecord } from './record.ts';
import { encodeSegmentHeader, SEGMENT_RECORDS, type SectionHeader, type SegmentHeader } from './segmentHeader.ts';
import { type Compression, packBytes } from './storage.ts';
import { StringTable } from './stringTable.ts';

/** A sealed segment, ready to be appended. */
export interface SealedSegment {
  header: SegmentHeader;
  frame: Uint8Array;
}

/** The columns of one receiving actor. */
class SectionBuilder {
  readonly seqGaps: number[] = [];
  readonly times: number[] = [];
  readonly senders: number[] = [];
  readonly causes: number[] = [];
  readonly types: number[] = [];
  /** One tree of columns per type, by type number, so that like payloads sit side by side. */
  readonly payloads: (ColumnWriter | undefined)[] = [];
  lastSeq: number;

  constructor(firstSeq: number) {
    this.lastSeq = firstSeq - 1;
  }

  encode(): Uint8Array {
    const writer = new ByteWriter();
    writeSmall(writer, this.types);
    writeSmall(writer, this.seqGaps);
    writeIntegers(writer, this.times);
    writeSmall(writer, this.senders);
    writeSmall(writer, this.causes);
    for (const payload of this.payloads) payload?.encode(writer);
    return writer.finish();
  }
}

/**
 * Collects up to SEGMENT_RECORDS records by receiving actor, and seals them into one frame. Payloads are copied into
 * columns at once, so a record may be dropped, and a fault in it is met, when it is added.
 *
 * @example
 * ```ts
 * const segment = new SegmentBuilder(0);
 * segment.add({ seq: 0, timeCycles: 5, to: 'zone', from: 'mm:1', cause: -1, type: 'ALLOC', payload: { order: 2 } });
 * segment.records; // 1
 * ```
 */
export class SegmentBuilder {
  readonly #firstSeq: number;
  readonly #strings = new StringTable();
  readonly #types = new StringTable();
  readonly #typeNames: string[] = [];
  readonly #sections = new Map<string, SectionBuilder>();
  #records = 0;
  #minTimeCycles = Number.MAX_SAFE_INTEGER;
  #maxTimeCycles = 0;

  constructor(firstSeq: number) {
    this.#firstSeq = firstSeq;
  }

  /** Records added so far. */
  get records(): number {
    return this.#records;
  }

  /** Whether the segment has to be sealed before the next record. */
  get full(): boolean {
    return this.#records >= SEGMENT_RECORDS;
  }

  /**
   * Adds the next record.
   *
   * @throws GranuleError INVARIANT when the payload is no plain data; the segment must then not be used any more
   */
  add(record: LogRecord): void {
    invariant(!this.full, `a segment holds at most ${SEGMENT_RECORDS} records`);
    let section = this.#sections.get(record.to);
    if (section === undefined) {
      section = new SectionBuilder(this.#firstSeq);
      this.#sections.set(record.to, section);
    }
    const type = this.#types.indexOf(record.type);
    if (type === this.#typeNames.length) this.#typeNames.push(record.type);
    section.types.push(type);
    section.seqGaps.push(record.seq - section.lastSeq - 1);
    section.lastSeq = record.seq;
    section.times.push(record.timeCycles);
    section.senders.push(this.#strings.indexOf(record.from));
    section.causes.push(record.cause < 0 ? 0 : record.seq - record.cause);
    let payload = section.payloads[type];
    if (payload === undefined) {
      while (section.payloads.length <= type) section.payloads.push(undefined);
      payload = new ColumnWriter(this.#strings);
      section.payloads[type] = payload;
    }
    payload.push(record.payload);
    this.#records += 1;
    this.#minTimeCycles = Math.min(this.#minTimeCycles, record.timeCycles);
    this.#maxTimeCycles = Math.max(this.#maxTimeCycles, record.timeCycles);
  }

  /**
   * Closes the segment: lays out its frame and carries the hash chain on over it.
   *
   * @param previousHash the chain so far, 32 bytes
   */
  seal(previousHash: Uint8Array, compression: Compression): SealedSegment {
    invariant(this.#records > 0, 'a segment holds at least one record');
    const raws = [...this.#sections.values()].map((section) => section.encode());
    // The string table is complete only now: laying out the columns numbered the keys.
    const strings = this.#strings.encode();
    const storedStrings = packBytes(strings, compression);
    const stored = raws.map((raw) => packBytes(raw, compression));
    const header: SegmentHeader = {
      firstSeq: this.#firstSeq,
      records: this.#records,
      minTimeCycles: this.#minTimeCycles,
      maxTimeCycles: this.#maxTimeCycles,
      types: this.#typeNames,
      sections: this.#sectionHeaders(raws, stored, storedStrings.length),
      stringsRawBytes: strings.length,
      stringsStoredBytes: storedStrings.length,
      hash: new Uint8Array(0),
    };
    header.hash = chainSegment(previousHash, header, strings, raws);
    const body = new ByteWriter();
    body.raw(storedStrings);
    for (const bytes of stored) body.raw(bytes);
    return { header, frame: encodeFrame(FRAME.segment, encodeSegmentHeader(header), body.finish()) };
  }

  #sectionHeaders(raws: Uint8Array[], stored: Uint8Array[], firstOffsetBytes: number): SectionHeader[] {
    let bodyOffsetBytes = firstOffsetBytes;
    return [...this.#sections].map(([actor, section], i) => {
      const typeCounts = this.#typeNames.map((_, type) => section.payloads[type]?.count ?? 0);
      const storedBytes = stored[i]?.length ?? 0;
      const at = bodyOffsetBytes;
      bodyOffsetBytes += storedBytes;
      const rawBytes = raws[i]?.length ?? 0;
      return { actor, records: section.types.length, rawBytes, storedBytes, bodyOffsetBytes: at, typeCounts };
    });
  }
}
