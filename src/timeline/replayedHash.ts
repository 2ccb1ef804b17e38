/** The head hash of what a replay delivered, at the cost of encoding only what is not as it was recorded. */
import { hashHex } from '../log/chain.ts';
import { noCompression } from '../log/discardStorage.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { SegmentBuilder } from '../log/segmentBuilder.ts';
import { SEGMENT_RECORDS } from '../log/segmentHeader.ts';
import type { Compression } from '../log/storage.ts';
import { messageVersions } from '../log/upcast.ts';

/**
 * Whether the records as read are the records as written: older message versions are lifted in reading.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * isAsWritten(runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces)); // true
 * ```
 */
export function isAsWritten(reader: LogReader): boolean {
  const current = messageVersions(reader.registry);
  const written = reader.meta.messageVersions ?? {};
  return Object.entries(current).every(([type, version]) => (written[type] ?? 1) === version);
}

/**
 * Whether a log, of a fork its own part, divides at fixed counts; where one does not, its chain is not that of the same records
 * written anew.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * isDividedAsWritten(runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces)); // true
 * ```
 */
export function isDividedAsWritten(reader: LogReader): boolean {
  const segments = reader.directory.segments.slice(reader.firstOwnSegment);
  return segments.every(({ records }, at) =>
    at === segments.length - 1 ? records <= SEGMENT_RECORDS : records === SEGMENT_RECORDS,
  );
}

/**
 * Takes the records of a replay, and gives the head hash that their log would have. As long as they are written alike to
 * those of the log, that is the hash chain over the bytes of the log itself; from the first one that is not, they are
 * encoded.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const hash = new ReplayedHash(reader);
 * for (const record of reader.range()) hash.addRecorded(record.seq);
 * hash.finish() === reader.headHash; // true
 * ```
 */
export class ReplayedHash {
  /** False where the log holds older versions of messages: its own head hash is then that of other records. */
  readonly isComparable: boolean;
  readonly #reader: LogReader;
  #nextSeq: number;
  #hash: Uint8Array;
  /** Where the log begins to be hashed: a fork that holds its own records alone names those before by the hash of its parent. */
  readonly #ownFirstSeq: number;
  /** The segment behind those whose bytes are in the hash, and its last seq. */
  #linked: number;
  #lastSeqOfNext: number;
  /** The segment that is encoded; null while the bytes of the log serve. */
  #open: SegmentBuilder | null = null;

  constructor(reader: LogReader) {
    this.#reader = reader;
    this.#nextSeq = reader.firstSeq;
    this.#linked = reader.firstOwnSegment;
    this.#ownFirstSeq = reader.ownFirstSeq;
    this.#lastSeqOfNext = this.#lastSeqOf(this.#linked);
    this.#hash = reader.chainBefore(this.#linked);
    this.isComparable = isAsWritten(reader);
    if (!this.isComparable || !isDividedAsWritten(reader)) this.#open = new SegmentBuilder(this.#ownFirstSeq);
  }

  /** Whether the bytes of the log serve so far. */
  get isOfRecorded(): boolean {
    return this.#open === null;
  }

  /** Takes the next record as one that the log holds just so. Only while the bytes of the log serve. */
  addRecorded(seq: number): void {
    this.#nextSeq = seq + 1;
    if (seq === this.#lastSeqOfNext) this.#link();
  }

  /** Takes the next record as it is: from here on, records are encoded. */
  add(record: LogRecord): void {
    if (record.seq < this.#ownFirstSeq) return;
    this.#open ??= this.#reopened();
    this.#nextSeq = record.seq + 1;
    if (this.#open.full) {
      this.#seal(this.#open);
      this.#open.begin(record.seq);
    }
    addTo(this.#open, record);
  }

  /** The head hash, hex. */
  finish(): string {
    const open = this.#open ?? this.#reopened();
    if (open.records > 0) this.#seal(open);
    return hashHex(this.#hash);
  }

  /** Nothing is written, so nothing is deflated. */
  get #sealing(): Compression {
    const { sha256 } = this.#reader.compression;
    return sha256 === undefined ? noCompression : { ...noCompression, sha256 };
  }

  #seal(segment: SegmentBuilder): void {
    this.#hash = segment.seal(this.#hash, this.#sealing).header.hash;
  }

  /** Takes in the bytes of a segment whose records all came: that is cheapest while it is open to be read. */
  #link(): void {
    this.#hash = this.#reader.chain(this.#linked, this.#hash);
    this.#linked++;
    this.#lastSeqOfNext = this.#lastSeqOf(this.#linked);
  }

  #lastSeqOf(segment: number): number {
    const entry = this.#reader.directory.segments[segment];
    return entry === undefined ? -1 : entry.firstSeq + entry.records - 1;
  }

  /** The recorded part of the segment that is begun. */
  #reopened(): SegmentBuilder {
    const firstSeq =
      this.#reader.directory.segments[this.#linked]?.firstSeq ?? Math.max(this.#nextSeq, this.#ownFirstSeq);
    const builder = new SegmentBuilder(firstSeq);
    for (const record of this.#reader.range(firstSeq, this.#nextSeq - 1)) addTo(builder, record);
    return builder;
  }
}

function addTo(segment: SegmentBuilder, { seq, timeCycles, to, from, cause, type, payload }: LogRecord): void {
  segment.add(seq, timeCycles, to, from, cause, type, payload);
}
