import { GranuleError, invariant } from '../errors.ts';
import { chainMeta, hashHex } from './chain.ts';
import { type ActorState, encodeCheckpoint } from './checkpoint.ts';
import { ValuesEncoder } from './columnar.ts';
import { TYPE_KEY } from './columns.ts';
import { LogDirectory } from './directory.ts';
import { encodeEnding } from './ending.ts';
import { encodeHead, encodeMeta, type LogMeta } from './headerFrame.ts';
import { checkRecord, type LogRecord } from './record.ts';
import { SegmentBuilder } from './segmentBuilder.ts';
import type { Compression, LogStorage } from './storage.ts';

/**
 * Deliveries that wait to be encoded, at most. To encode some in a row costs half of what it does one at a time between two turns
 * of actors: the code of both is more than a processor keeps at hand. Beyond some tens nothing more is gained.
 */
const WAITING_MOST = 32;

/** What a record holds of a delivery, beside its place and its time. */
export interface Delivery {
  readonly to: string;
  readonly from: string;
  readonly cause: number;
  readonly message: { readonly type: string };
}

/** What a finished log comes to. */
export interface LogTotals {
  /** The end of the hash chain, hex: it names the whole run. */
  headHash: string;
  records: number;
  bytes: number;
}

/**
 * Writes a log: records in order, checkpoints between them, an index at the end. It holds at most one segment in memory.
 * Segments end at fixed counts, whatever checkpoints there are, so the head hash depends on the meta and the records
 * alone. Records of the segment not yet sealed are not in the storage: a process that is killed loses those.
 *
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const writer = new LogWriter(memoryStorage(), none, { seed: 7 });
 * writer.append({ seq: 0, timeCycles: 0, to: 'sched', from: 'topology', cause: -1, type: 'START', payload: null });
 * writer.close().records; // 1
 * ```
 */
export class LogWriter {
  readonly #storage: LogStorage;
  readonly #compression: Compression;
  readonly #directory = new LogDirectory();
  #hash: Uint8Array;
  readonly #segment: SegmentBuilder;
  readonly #encoder = new ValuesEncoder();
  readonly #firstSeq: number;
  #nextSeq: number;
  #lastCheckpointSeq = -1;
  /** Deliveries that were taken and are not encoded yet: the first so many of these, and when each was. */
  readonly #waiting: Delivery[] = [];
  readonly #waitingTimes = new Float64Array(WAITING_MOST);
  #waits = 0;
  #closed = false;

  /**
   * @param meta plain JSON
   * @param firstSeq seq of the first record
   * @throws GranuleError DISK_FULL, OUTPUT_UNWRITABLE from the storage
   */
  constructor(storage: LogStorage, compression: Compression, meta: LogMeta, firstSeq = 0) {
    invariant(storage.size() === 0, 'a log is written to an empty storage');
    this.#storage = storage;
    this.#compression = compression;
    this.#firstSeq = firstSeq;
    this.#nextSeq = firstSeq;
    this.#segment = new SegmentBuilder(firstSeq);
    const metaBytes = encodeMeta(meta);
    this.#hash = chainMeta(metaBytes);
    storage.append(encodeHead(metaBytes, compression));
  }

  /** Seq that the next record must have. */
  get nextSeq(): number {
    return this.#nextSeq + this.#waits;
  }

  /** Whether nothing more can be added. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Adds the next record. A record that is refused leaves the log as it was.
   *
   * @throws GranuleError INVARIANT when the record is out of order or holds something that is no plain data;
   * DISK_FULL, OUTPUT_UNWRITABLE from the storage
   */
  append(record: LogRecord): void {
    this.#encodeWaiting();
    const { seq, timeCycles, to, from, cause, type, payload } = record;
    this.#add(seq, timeCycles, to, from, cause, type, payload, null);
  }

  /**
   * Adds the record of a message: its payload is the message without its type. The same as `append`, with no record made.
   *
   * @throws GranuleError as `append`; INVARIANT when the message is no plain object
   */
  appendDelivery(
    seq: number,
    timeCycles: number,
    to: string,
    from: string,
    cause: number,
    message: { readonly type: string },
  ): void {
    this.#encodeWaiting();
    this.#addDelivery(seq, timeCycles, to, from, cause, message);
  }

  /**
   * The same for who delivers much: it is encoded within some deliveries more, and before anything else is done with the log. Until
   * then nobody may change the message. One that is refused is refused then, with those that came after it; the log is whole up to it.
   *
   * @throws GranuleError as `appendDelivery`, for this delivery or one before it
   */
  takeDelivery(seq: number, timeCycles: number, delivery: Delivery): void {
    if (seq !== this.nextSeq) invariant(false, `seq ${this.nextSeq} comes next, not ${seq}`);
    this.#waiting[this.#waits] = delivery;
    this.#waitingTimes[this.#waits] = timeCycles;
    this.#waits += 1;
    if (this.#waits >= WAITING_MOST) this.#encodeWaiting();
  }

  #encodeWaiting(): void {
    const waits = this.#waits;
    // None is left beforehand: behind one that is refused, none can follow.
    this.#waits = 0;
    for (let at = 0; at < waits; at++) {
      const { to, from, cause, message } = this.#waiting[at];
      this.#addDelivery(this.#nextSeq, this.#waitingTimes[at], to, from, cause, message);
    }
  }

  #addDelivery(
    seq: number,
    timeCycles: number,
    to: string,
    from: string,
    cause: number,
    message: { readonly type: string },
  ): void {
    const { type } = message;
    invariant(!ArrayBuffer.isView(message) && !Array.isArray(message), 'a message is a plain object');
    this.#add(seq, timeCycles, to, from, cause, type, message, TYPE_KEY);
  }

  #add(
    seq: number,
    timeCycles: number,
    to: string,
    from: string,
    cause: number,
    type: string,
    payload: unknown,
    leftOut: string | null,
  ): void {
    invariant(!this.#closed, 'nothing is appended to a closed log');
    checkRecord(this.#nextSeq, seq, timeCycles, to, from, cause, type);
    try {
      this.#segment.add(seq, timeCycles, to, from, cause, type, payload, leftOut);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      throw new GranuleError(error.code, error.message, `payload of ${type} to ${to}, seq ${seq}`);
    }
    this.#nextSeq += 1;
    if (this.#segment.full) this.#seal();
  }

  /**
   * Stores actor states as they are after record `seq` was handled. An actor that is left out counts as unchanged since
   * the last checkpoint that held it. Gives the bytes of the states, uncompressed.
   *
   * @throws GranuleError INVARIANT when `seq` is not logged yet or not after the last checkpoint, or a state is no
   * plain data; DISK_FULL, OUTPUT_UNWRITABLE from the storage
   */
  checkpoint(seq: number, states: Iterable<ActorState>): number {
    invariant(!this.#closed, 'nothing is appended to a closed log');
    this.#encodeWaiting();
    invariant(seq >= this.#firstSeq && seq < this.#nextSeq, `checkpoint seq ${seq} is logged`);
    invariant(seq > this.#lastCheckpointSeq, `checkpoint seq ${seq} is after the last checkpoint`);
    const { header, frame } = encodeCheckpoint(seq, states, this.#compression, this.#encoder);
    this.#directory.addCheckpoint(this.#storage.size(), header);
    this.#storage.append(frame);
    this.#lastCheckpointSeq = seq;
    return header.sections.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
  }

  #seal(): void {
    const { header, frame } = this.#segment.seal(this.#hash, this.#compression);
    this.#directory.addSegment(this.#storage.size(), header);
    this.#storage.append(frame);
    this.#hash = header.hash;
    this.#segment.begin(this.#nextSeq);
  }

  /**
   * Seals the last segment, writes index and trailer, and closes the storage.
   *
   * @throws GranuleError DISK_FULL, OUTPUT_UNWRITABLE from the storage; as `takeDelivery`, once the log is closed up to there
   */
  close(): LogTotals {
    try {
      this.#encodeWaiting();
    } catch (error) {
      this.close();
      throw error;
    }
    invariant(!this.#closed, 'a log is closed once');
    this.#closed = true;
    if (this.#segment.records > 0) this.#seal();
    const ending = encodeEnding(this.#directory, this.#hash, this.#storage.size(), this.#compression);
    for (const frame of ending) this.#storage.append(frame);
    const bytes = this.#storage.size();
    this.#storage.sync();
    this.#storage.close();
    return { headHash: hashHex(this.#hash), records: this.#nextSeq - this.#firstSeq, bytes };
  }
}
