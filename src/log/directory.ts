import { ByteReader, ByteWriter } from './bytes.ts';
import type { CheckpointHeader } from './checkpoint.ts';
import { MAX_COLUMN_VALUES, readIntegers, writeIntegers } from './columns.ts';
import { HASH_BYTES, type SegmentHeader } from './segmentHeader.ts';

/** Where a segment is and what it spans. */
export interface SegmentEntry {
  offsetBytes: number;
  firstSeq: number;
  records: number;
  minTimeCycles: number;
  maxTimeCycles: number;
}

/** The segments that hold records of one actor or one type, ascending, and how many each holds. */
export interface Posting {
  segments: number[];
  counts: number[];
}

/** Where a checkpoint is, the seq whose handling it follows, and the actors whose state it holds. */
export interface CheckpointEntry {
  offsetBytes: number;
  seq: number;
  actors: readonly string[];
}

/**
 * What a log holds and where: the content of the INDEX frame. The writer builds it as it goes, recovery and verification
 * build it again from frame headers.
 *
 * @example
 * ```ts
 * const directory = new LogDirectory();
 * LogDirectory.decode(directory.encode(new Uint8Array(32))).directory.records; // 0
 * ```
 */
export class LogDirectory {
  readonly segments: SegmentEntry[] = [];
  readonly actors = new Map<string, Posting>();
  readonly types = new Map<string, Posting>();
  readonly checkpoints: CheckpointEntry[] = [];

  /** Records in all segments. */
  get records(): number {
    const last = this.segments.at(-1);
    return last === undefined ? 0 : last.firstSeq + last.records - (this.segments[0]?.firstSeq ?? 0);
  }

  /** Notes a segment whose frame begins at an offset; segments are noted in order. */
  addSegment(offsetBytes: number, header: SegmentHeader): void {
    const segment = this.segments.length;
    const { firstSeq, records, minTimeCycles, maxTimeCycles } = header;
    this.segments.push({ offsetBytes, firstSeq, records, minTimeCycles, maxTimeCycles });
    const ofTypes = header.types.map(() => 0);
    for (const section of header.sections) {
      post(this.actors, section.actor, segment, section.records);
      for (const [type, count] of section.typeCounts.entries()) ofTypes[type] = (ofTypes[type] ?? 0) + count;
    }
    for (const [type, name] of header.types.entries()) post(this.types, name, segment, ofTypes[type] ?? 0);
  }

  /** Notes a checkpoint whose frame begins at an offset. */
  addCheckpoint(offsetBytes: number, header: CheckpointHeader): void {
    this.checkpoints.push({ offsetBytes, seq: header.seq, actors: header.sections.map(({ actor }) => actor) });
  }

  /** Index of the segment that holds a seq; -1 when none does. */
  segmentOf(seq: number): number {
    let low = 0;
    let high = this.segments.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { firstSeq, records } = this.segments[middle];
      if (seq < firstSeq) high = middle - 1;
      else if (seq >= firstSeq + records) low = middle + 1;
      else return middle;
    }
    return -1;
  }

  /** The body of an INDEX frame, before compression. */
  encode(headHash: Uint8Array): Uint8Array {
    const writer = new ByteWriter();
    writer.raw(headHash);
    writer.varint(this.segments.length);
    for (const field of SEGMENT_FIELDS) {
      writeIntegers(
        writer,
        this.segments.map((entry) => entry[field]),
      );
    }
    encodePostings(writer, this.actors);
    encodePostings(writer, this.types);
    writer.varint(this.checkpoints.length);
    for (const { offsetBytes, seq, actors } of this.checkpoints) {
      writer.varint(offsetBytes);
      writer.varint(seq);
      writer.varint(actors.length);
      for (const actor of actors) writer.string(actor);
    }
    return writer.finish();
  }

  /**
   * Reads the body of an INDEX frame.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  static decode(bytes: Uint8Array): { directory: LogDirectory; headHash: Uint8Array } {
    const reader = new ByteReader(bytes);
    const directory = new LogDirectory();
    const headHash = reader.raw(HASH_BYTES).slice();
    const count = reader.varintUpTo(MAX_COLUMN_VALUES, 'the number of segments');
    const columns = SEGMENT_FIELDS.map(() => readIntegers(reader, count));
    for (let i = 0; i < count; i++) {
      const [offsetBytes = 0, firstSeq = 0, records = 0, minTimeCycles = 0, maxTimeCycles = 0] = columns.map(
        (column) => column[i],
      );
      directory.segments.push({ offsetBytes, firstSeq, records, minTimeCycles, maxTimeCycles });
    }
    decodePostings(reader, directory.actors);
    decodePostings(reader, directory.types);
    const checkpoints = reader.varintUpTo(reader.left, 'the number of checkpoints');
    for (let i = 0; i < checkpoints; i++) {
      const offsetBytes = reader.varint();
      const seq = reader.varint();
      const actors: string[] = [];
      const actorCount = reader.varintUpTo(reader.left, 'the number of actors of a checkpoint');
      for (let actor = 0; actor < actorCount; actor++) actors.push(reader.string());
      directory.checkpoints.push({ offsetBytes, seq, actors });
    }
    reader.end();
    return { directory, headHash };
  }
}

const SEGMENT_FIELDS = ['offsetBytes', 'firstSeq', 'records', 'minTimeCycles', 'maxTimeCycles'] as const;

function post(postings: Map<string, Posting>, name: string, segment: number, count: number): void {
  let posting = postings.get(name);
  if (posting === undefined) {
    posting = { segments: [], counts: [] };
    postings.set(name, posting);
  }
  posting.segments.push(segment);
  posting.counts.push(count);
}

function encodePostings(writer: ByteWriter, postings: ReadonlyMap<string, Posting>): void {
  writer.varint(postings.size);
  for (const [name, { segments, counts }] of postings) {
    writer.string(name);
    writer.varint(segments.length);
    writeIntegers(writer, segments);
    writeIntegers(writer, counts);
  }
}

function decodePostings(reader: ByteReader, postings: Map<string, Posting>): void {
  const names = reader.varintUpTo(reader.left, 'the number of names');
  for (let i = 0; i < names; i++) {
    const name = reader.string();
    const count = reader.varintUpTo(MAX_COLUMN_VALUES, 'the number of segments');
    const segments = Array.from(readIntegers(reader, count));
    postings.set(name, { segments, counts: Array.from(readIntegers(reader, count)) });
  }
}
