import { ByteReader, ByteWriter } from './bytes.ts';
import { baseOf, type CheckpointHeader } from './checkpoint.ts';
import { MAX_COLUMN_VALUES, readIntegers, writeIntegers } from './columns.ts';
import { NamedRows, readNames, type RowCodec, writeNames } from './namedRows.ts';
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

/** Where a checkpoint is, and the seq whose handling it follows. */
export interface CheckpointEntry {
  offsetBytes: number;
  seq: number;
}

const POSTING: RowCodec<Posting> = {
  encode(writer, { segments, counts }) {
    writer.varint(segments.length);
    writeIntegers(writer, segments);
    writeIntegers(writer, counts);
  },
  decode(reader) {
    const count = reader.varintUpTo(MAX_COLUMN_VALUES, 'the number of segments');
    const segments = Array.from(readIntegers(reader, count));
    return { segments, counts: Array.from(readIntegers(reader, count)) };
  },
};

const HOLDERS: RowCodec<number[]> = {
  encode(writer, indexes) {
    writer.varint(indexes.length);
    writeIntegers(writer, indexes);
  },
  decode(reader) {
    const count = reader.varintUpTo(MAX_COLUMN_VALUES, 'the number of checkpoints');
    return Array.from(readIntegers(reader, count));
  },
};

/**
 * What a log holds and where: the content of the INDEX frame. The writer builds it as it goes, recovery and verification
 * build it again from frame headers.
 *
 * @example
 * ```ts
 * const directory = new LogDirectory();
 * LogDirectory.decode(directory.encode(new Uint8Array(32)), 2).directory.records; // 0
 * ```
 */
export class LogDirectory {
  readonly segments: SegmentEntry[] = [];
  readonly actors = new NamedRows<Posting>(POSTING);
  readonly types = new NamedRows<Posting>(POSTING);
  readonly checkpoints: CheckpointEntry[] = [];
  /** Index of the first checkpoint of each file that the log lies in, ascending: bases are reckoned within one file. */
  readonly checkpointStarts: number[] = [0];
  /** For each actor the indexes of the checkpoints that hold it, ascending. */
  readonly holders = new NamedRows<number[]>(HOLDERS);

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
  addCheckpoint(offsetBytes: number, { seq, sections }: CheckpointHeader): void {
    this.#addCheckpoint(
      { offsetBytes, seq },
      sections.map(({ actor }) => actor),
    );
  }

  #addCheckpoint(entry: CheckpointEntry, actors: readonly string[]): void {
    const index = this.checkpoints.push(entry) - 1;
    for (const actor of actors) {
      const holders = this.holders.get(actor);
      if (holders === undefined) this.holders.set(actor, [index]);
      else holders.push(index);
    }
  }

  /** Forgets the checkpoints of records after a seq. */
  dropCheckpointsAfter(seq: number): void {
    const kept = this.checkpointAt(seq) + 1;
    this.checkpoints.length = kept;
    // A map lets go of an entry while it is gone through.
    for (const actor of this.holders.names()) {
      const left = (this.holders.get(actor) ?? []).filter((index) => index < kept);
      if (left.length === 0) this.holders.delete(actor);
      else this.holders.set(actor, left);
    }
  }

  /** Index of the segment that holds a seq; -1 when none does. */
  segmentOf(seq: number): number {
    const at = lastUpTo(this.segments.length, (index) => this.segments[index].firstSeq <= seq);
    const entry = this.segments[at];
    return entry !== undefined && seq < entry.firstSeq + entry.records ? at : -1;
  }

  /** The segments with records of a range of seqs, ascending. */
  *segmentsIn(from: number, to: number): Generator<number, void, undefined> {
    for (let segment = this.#segmentFrom(from); this.#beginsUpTo(segment, to); segment++) yield segment;
  }

  /** Those of them that hold records of an actor or a type, by its postings. */
  *holding(postings: NamedRows<Posting>, name: string, from: number, to: number): Generator<number, void, undefined> {
    const segments = postings.get(name)?.segments ?? [];
    const least = this.#segmentFrom(from);
    const before = lastUpTo(segments.length, (place) => segments[place] < least);
    for (let at = before + 1; at < segments.length && this.#beginsUpTo(segments[at], to); at++) yield segments[at];
  }

  /** The first segment with records at or after a seq; one past the last when there is none. */
  #segmentFrom(seq: number): number {
    return lastUpTo(this.segments.length, (at) => this.segments[at].firstSeq + this.segments[at].records <= seq) + 1;
  }

  #beginsUpTo(segment: number, seq: number): boolean {
    const entry = this.segments[segment];
    return entry !== undefined && entry.firstSeq <= seq;
  }

  /** Index of the last checkpoint at or before a seq; -1 when there is none. */
  checkpointAt(seq: number): number {
    return lastUpTo(this.checkpoints.length, (index) => this.checkpoints[index].seq <= seq);
  }

  /** Index of the last checkpoint at or before another that holds an actor; -1 when none does. */
  holderAt(actor: string, checkpointIndex: number): number {
    const holders = this.holders.get(actor);
    if (holders === undefined) return -1;
    const at = lastUpTo(holders.length, (place) => holders[place] <= checkpointIndex);
    return holders[at] ?? -1;
  }

  /** Index of the checkpoint that the parts of states in another build on. */
  baseOf(checkpointIndex: number): number {
    const start = this.checkpointStarts.findLast((first) => first <= checkpointIndex) ?? 0;
    return start + baseOf(checkpointIndex - start);
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
    const actors = encodeRows(writer, this.actors);
    encodeRows(writer, this.types);
    writer.varint(this.checkpoints.length);
    for (const field of CHECKPOINT_FIELDS) {
      writeIntegers(
        writer,
        this.checkpoints.map((entry) => entry[field]),
      );
    }
    const receivers = new Set(actors);
    const others = [...this.holders.names()].filter((name) => !receivers.has(name));
    writeNames(writer, others);
    this.holders.encode(writer, [...actors, ...others]);
    return writer.finish();
  }

  /**
   * Reads the body of an INDEX frame.
   *
   * @param version that of the frame
   * @throws GranuleError LOG_DAMAGED
   */
  static decode(bytes: Uint8Array, version: number): { directory: LogDirectory; headHash: Uint8Array } {
    const reader = new ByteReader(bytes);
    const directory = new LogDirectory();
    const headHash = reader.raw(HASH_BYTES).slice();
    const count = reader.varintUpTo(MAX_COLUMN_VALUES, 'the number of segments');
    const [offsets, firstSeqs, records, minTimes, maxTimes] = SEGMENT_FIELDS.map(() => readIntegers(reader, count));
    for (let i = 0; i < count; i++) {
      directory.segments.push({
        offsetBytes: offsets?.[i] ?? 0,
        firstSeq: firstSeqs?.[i] ?? 0,
        records: records?.[i] ?? 0,
        minTimeCycles: minTimes?.[i] ?? 0,
        maxTimeCycles: maxTimes?.[i] ?? 0,
      });
    }
    if (version === 1) directory.#decodeRowsOfVersion1(reader);
    else directory.#decodeRows(reader);
    reader.end();
    return { directory, headHash };
  }

  #decodeRows(reader: ByteReader): void {
    const actors = readNames(reader);
    this.actors.decode(reader, actors);
    this.types.decode(reader, readNames(reader));
    const count = reader.varintUpTo(MAX_COLUMN_VALUES, 'the number of checkpoints');
    const [offsets, seqs] = CHECKPOINT_FIELDS.map(() => readIntegers(reader, count));
    for (let i = 0; i < count; i++) this.checkpoints.push({ offsetBytes: offsets?.[i] ?? 0, seq: seqs?.[i] ?? 0 });
    const others = readNames(reader);
    this.holders.decode(reader, [...actors, ...others]);
  }

  /** Version 1 had each row next to its name, and the names of all actors at each checkpoint. */
  #decodeRowsOfVersion1(reader: ByteReader): void {
    for (const rows of [this.actors, this.types]) {
      const names = reader.varintUpTo(reader.left, 'the number of names');
      for (let i = 0; i < names; i++) {
        const name = reader.string();
        rows.set(name, POSTING.decode(reader));
      }
    }
    const checkpoints = reader.varintUpTo(reader.left, 'the number of checkpoints');
    for (let i = 0; i < checkpoints; i++) {
      const entry = { offsetBytes: reader.varint(), seq: reader.varint() };
      this.#addCheckpoint(entry, readNames(reader));
    }
  }
}

const SEGMENT_FIELDS = ['offsetBytes', 'firstSeq', 'records', 'minTimeCycles', 'maxTimeCycles'] as const;
const CHECKPOINT_FIELDS = ['offsetBytes', 'seq'] as const;

/** The last of `count` places for which something holds that holds for all before it; -1 when it holds for none. */
function lastUpTo(count: number, holds: (place: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function post(postings: NamedRows<Posting>, name: string, segment: number, count: number): void {
  let posting = postings.get(name);
  if (posting === undefined) {
    posting = { segments: [], counts: [] };
    postings.set(name, posting);
  }
  posting.segments.push(segment);
  posting.counts.push(count);
}

function encodeRows(writer: ByteWriter, rows: NamedRows<Posting>): string[] {
  const names = [...rows.names()];
  writeNames(writer, names);
  rows.encode(writer, names);
  return names;
}
