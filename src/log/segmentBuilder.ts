import { invariant } from '../errors.ts';
import { ByteWriter } from './bytes.ts';
import { chainSegment } from './chain.ts';
import { encodeFrame, FRAME } from './frames.ts';
import { BuilderPool, type SectionBuilder } from './sectionBuilder.ts';
import {
  encodeCanonicalHeader,
  encodeSegmentHeader,
  SEGMENT_RECORDS,
  type SectionHeader,
  type SegmentHeader,
} from './segmentHeader.ts';
import { type Compression, packBytes } from './storage.ts';
import { StringTable } from './stringTable.ts';

/** A sealed segment, ready to be appended. */
export interface SealedSegment {
  header: SegmentHeader;
  frame: Uint8Array;
}

/**
 * Collects up to SEGMENT_RECORDS records by receiving actor, and seals them into one frame. Payloads are copied into
 * columns at once, so a record may be dropped, and a fault in it is met, when it is added. One builder serves segment
 * after segment and keeps its memory.
 *
 * @example
 * ```ts
 * const segment = new SegmentBuilder(0);
 * segment.add(0, 5, 'zone', 'mm:1', -1, 'ALLOC', { order: 2 });
 * segment.records; // 1
 * ```
 */
export class SegmentBuilder {
  #firstSeq: number;
  readonly #strings = new StringTable();
  readonly #types = new StringTable();
  readonly #sections = new Map<string, SectionBuilder>();
  readonly #pool = new BuilderPool(this.#strings);
  readonly #bytes = new ByteWriter();
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
   * Adds the next record. One that is refused leaves the segment as it was.
   *
   * @param leftOut a key of the payload that counts as not there
   * @throws GranuleError INVARIANT when the payload is no plain data
   */
  add(
    seq: number,
    timeCycles: number,
    to: string,
    from: string,
    cause: number,
    type: string,
    payload: unknown,
    leftOut: string | null = null,
  ): void {
    invariant(!this.full, `a segment holds at most ${SEGMENT_RECORDS} records`);
    const strings = this.#strings.size;
    const types = this.#types.size;
    const section = this.#section(to);
    const typeNumber = this.#types.indexOf(type);
    const sender = this.#strings.indexOf(from);
    const column = (section.payloads[typeNumber] ??= this.#pool.payload(type));
    const values = column.count;
    try {
      column.push(payload, leftOut);
    } catch (error) {
      column.truncate(values);
      if (values === 0) section.payloads[typeNumber] = undefined;
      if (section.records === 0) this.#sections.delete(to);
      this.#types.truncate(types);
      this.#strings.truncate(strings);
      throw error;
    }
    section.push(seq, timeCycles, typeNumber, sender, cause < 0 ? 0 : seq - cause);
    this.#records += 1;
    if (timeCycles < this.#minTimeCycles) this.#minTimeCycles = timeCycles;
    if (timeCycles > this.#maxTimeCycles) this.#maxTimeCycles = timeCycles;
  }

  #section(actor: string): SectionBuilder {
    let section = this.#sections.get(actor);
    if (section === undefined) {
      section = this.#pool.section(this.#firstSeq);
      this.#sections.set(actor, section);
    }
    return section;
  }

  /**
   * Lays out the segment's frame and carries the hash chain on over it.
   *
   * @param previousHash the chain so far, 32 bytes
   */
  seal(previousHash: Uint8Array, compression: Compression): SealedSegment {
    invariant(this.#records > 0, 'a segment holds at least one record');
    const types = this.#types.names();
    const sections = this.#encodeSections(types);
    // The string table is complete only now: laying out the columns numbered the keys.
    const strings = this.#strings.encode();
    const body = new ByteWriter();
    body.raw(packBytes(strings, compression));
    const stringsStoredBytes = body.length;
    const raws = this.#bytes.since(0);
    let from = 0;
    for (const section of sections) {
      section.bodyOffsetBytes = body.length;
      body.raw(packBytes(raws.subarray(from, from + section.rawBytes), compression));
      section.storedBytes = body.length - section.bodyOffsetBytes;
      from += section.rawBytes;
    }
    const header: SegmentHeader = {
      firstSeq: this.#firstSeq,
      records: this.#records,
      minTimeCycles: this.#minTimeCycles,
      maxTimeCycles: this.#maxTimeCycles,
      types,
      sections,
      stringsRawBytes: strings.length,
      stringsStoredBytes,
      hash: new Uint8Array(0),
    };
    const canonical = encodeCanonicalHeader(header);
    header.hash = chainSegment(previousHash, canonical, strings, [raws], compression.sha256);
    const frame = encodeFrame(FRAME.segment, encodeSegmentHeader(header, canonical), body.since(0));
    return { header, frame };
  }

  /** Writes all sections one behind the other; says how long each is and what it holds. */
  #encodeSections(types: readonly string[]): SectionHeader[] {
    this.#bytes.clear();
    const headers: SectionHeader[] = [];
    for (const [actor, section] of this.#sections) {
      const start = this.#bytes.length;
      section.encode(this.#bytes);
      headers.push({
        actor,
        records: section.records,
        rawBytes: this.#bytes.length - start,
        storedBytes: 0,
        bodyOffsetBytes: 0,
        typeCounts: types.map((_, type) => section.payloads[type]?.count ?? 0),
      });
    }
    return headers;
  }

  /** Begins the next segment. */
  begin(firstSeq: number): void {
    this.#pool.refill(this.#sections.values(), this.#types.names());
    this.#sections.clear();
    this.#strings.clear();
    this.#types.clear();
    this.#firstSeq = firstSeq;
    this.#records = 0;
    this.#minTimeCycles = Number.MAX_SAFE_INTEGER;
    this.#maxTimeCycles = 0;
  }
}
