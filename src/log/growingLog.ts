/** Reading a log while it is being written: the segments that its storage has, and behind them the records that are not there yet. */
import { chainMeta } from './chain.ts';
import { decodeCheckpointHeader } from './checkpoint.ts';
import { LogDirectory } from './directory.ts';
import { encodeEnding } from './ending.ts';
import { FRAME, LOG_FORMAT_VERSION, readFrameHeader, readPrefix } from './frames.ts';
import { readHead } from './headerFrame.ts';
import { LogReader } from './logReader.ts';
import type { LogRecord } from './record.ts';
import { type SealedSegment, SegmentBuilder } from './segmentBuilder.ts';
import { decodeSegmentHeader, SEGMENT_RECORDS } from './segmentHeader.ts';
import type { Compression, LogStorage } from './storage.ts';
import type { VersionRegistry } from './upcast.ts';

/** Records that are kept before those are let go that the storage has by now. */
const UNSEALED_MOST = 2 * SEGMENT_RECORDS;

function sealed(records: readonly LogRecord[], hash: Uint8Array, compression: Compression): SealedSegment {
  const builder = new SegmentBuilder(records[0]?.seq ?? 0);
  for (const { seq, timeCycles, to, from, cause, type, payload } of records) {
    builder.add(seq, timeCycles, to, from, cause, type, payload);
  }
  return builder.seal(hash, compression);
}

/** The bytes of a storage up to some length, and others behind them. */
function continued(storage: LogStorage, lengthBytes: number, more: readonly Uint8Array[]): LogStorage {
  const behind = new Uint8Array(more.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const bytes of more) {
    behind.set(bytes, filled);
    filled += bytes.length;
  }
  return {
    ...storage,
    size: () => lengthBytes + behind.length,
    read: (offset, length) => {
      if (offset >= lengthBytes) return behind.slice(offset - lengthBytes, offset - lengthBytes + length);
      // Frames lie on one side or on the other; a read that begins in the one does not reach into the other.
      return storage.read(offset, Math.min(length, lengthBytes - offset));
    },
  };
}

/**
 * Follows a log that somebody else writes. It reads what the storage has, each frame's head once, and is told of every record, since
 * the last few thousand are in no storage yet. The writer knows nothing of it, so the log is what it would be without.
 *
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, none, { seed: 7 });
 * const growing = new GrowingLog(storage, none);
 * const record = { seq: 0, timeCycles: 0, to: 'sched', from: 'topology', cause: -1, type: 'START', payload: null };
 * writer.append(record);
 * growing.note(record);
 * growing.open().records; // 1
 * ```
 */
export class GrowingLog {
  readonly #storage: LogStorage;
  readonly #compression: Compression;
  readonly #directory = new LogDirectory();
  /** Records that no sealed segment holds, in order. */
  #unsealed: LogRecord[] = [];
  #hash: Uint8Array;
  /** Where the next frame begins. */
  #at: number;

  /** @throws GranuleError LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION where the storage has no header yet */
  constructor(storage: LogStorage, compression: Compression) {
    this.#storage = storage;
    this.#compression = compression;
    const { metaBytes, place } = readHead(storage, compression);
    this.#hash = chainMeta(metaBytes);
    this.#at = place.endBytes;
  }

  /** Takes a record that was given to the writer. It is kept until its segment is in the storage. */
  note(record: LogRecord): void {
    this.#unsealed.push(record);
    if (this.#unsealed.length > UNSEALED_MOST) this.#catchUp();
  }

  /** Takes in the frames that were written since the last time. */
  #catchUp(): void {
    while (this.#at < this.#storage.size()) {
      const answer = readPrefix(this.#storage, this.#at);
      if (!answer.ok) return;
      const { place } = answer;
      if (place.type === FRAME.segment) {
        const header = decodeSegmentHeader(readFrameHeader(this.#storage, place));
        this.#directory.addSegment(place.offsetBytes, header);
        this.#hash = header.hash;
        const endSeq = header.firstSeq + header.records;
        this.#unsealed = this.#unsealed.filter(({ seq }) => seq >= endSeq);
      } else if (place.type === FRAME.checkpoint) {
        const header = decodeCheckpointHeader(readFrameHeader(this.#storage, place), place.version);
        this.#directory.addCheckpoint(place.offsetBytes, header);
      } else return;
      this.#at = place.endBytes;
    }
  }

  /**
   * The log as it is now. What is written later is not in it.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  open(registry: VersionRegistry = {}): LogReader {
    this.#catchUp();
    // Through the bytes of the index, since the directory goes on while the reader that is made here does not.
    const copy = LogDirectory.decode(this.#directory.encode(this.#hash), LOG_FORMAT_VERSION).directory;
    const frames: Uint8Array[] = [];
    let hash = this.#hash;
    let end = this.#at;
    for (let from = 0; from < this.#unsealed.length; from += SEGMENT_RECORDS) {
      const { header, frame } = sealed(this.#unsealed.slice(from, from + SEGMENT_RECORDS), hash, this.#compression);
      copy.addSegment(end, header);
      frames.push(frame);
      hash = header.hash;
      end += frame.length;
    }
    frames.push(...encodeEnding(copy, hash, end, this.#compression));
    return LogReader.open(continued(this.#storage, this.#at, frames), this.#compression, registry);
  }
}
