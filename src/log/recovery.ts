import { GranuleError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import { decodeCheckpointHeader } from './checkpoint.ts';
import { LogDirectory } from './directory.ts';
import { FRAME, type FramePlace, PREFIX_BYTES, readFrameBody, readFrameHeader, readPrefix } from './frames.ts';
import { decodeSegmentHeader } from './segmentHeader.ts';
import { type Compression, type LogStorage, unpackBytes } from './storage.ts';

/** Bytes of the TRAILER frame: always the last of a closed log. */
export const TRAILER_BYTES = PREFIX_BYTES + 8;

/** What was lost when a log was cut or damaged, and why it was not opened by its index. */
export interface Recovery {
  /** Bytes behind the last whole frame; 0 when the log was merely never closed. */
  lostBytes: number;
  /** The last record there is; one less than the first when there is none. */
  lastGoodSeq: number;
  reason: string;
}

/** The directory of a log, however it was come by. */
export interface FoundDirectory {
  directory: LogDirectory;
  headHash: Uint8Array;
  recovery: Recovery | null;
}

/**
 * The INDEX frame's place, from the trailer; null when there is no sound trailer or no frame where it points.
 *
 * @example
 * ```ts
 * findIndex(memoryStorage()); // null
 * ```
 */
export function findIndex(storage: LogStorage): FramePlace | null {
  const trailerAt = storage.size() - TRAILER_BYTES;
  if (trailerAt < 0) return null;
  const trailer = readPrefix(storage, trailerAt);
  if (!trailer.ok || trailer.place.type !== FRAME.trailer || trailer.place.headerBytes !== 8) return null;
  const header = headerOrNull(storage, trailer.place);
  if (header === null) return null;
  const reader = new ByteReader(header);
  const low = reader.u32();
  const index = readPrefix(storage, low + reader.u32() * 2 ** 32);
  return index.ok && index.place.type === FRAME.index && index.place.endBytes === trailerAt ? index.place : null;
}

function headerOrNull(storage: LogStorage, place: FramePlace): Uint8Array | null {
  try {
    return readFrameHeader(storage, place);
  } catch (error) {
    if (error instanceof GranuleError && error.code === 'LOG_DAMAGED') return null;
    throw error;
  }
}

/**
 * The bytes of the index, inflated.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const storage = memoryStorage();
 * new LogWriter(storage, none, {}).close();
 * const place = findIndex(storage);
 * place !== null && LogDirectory.decode(readIndexBytes(storage, place, none), place.version).directory.records; // 0
 * ```
 */
export function readIndexBytes(storage: LogStorage, place: FramePlace, compression: Compression): Uint8Array {
  const rawLength = new ByteReader(readFrameHeader(storage, place)).varint();
  const body = readFrameBody(storage, place);
  if (body.length > rawLength) throw new GranuleError('LOG_DAMAGED', 'the index is longer than it says');
  return unpackBytes(body, rawLength, compression);
}

/**
 * Finds a log's directory: from its index when trailer and index are sound, else by going through the frames.
 *
 * @param firstFrameBytes offset of the frame after the HEADER frame
 * @param startHash the hash chain before the first segment
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const storage = memoryStorage(encodeHead(encodeMeta({}), none));
 * findDirectory(storage, none, storage.size(), chainMeta(encodeMeta({}))).recovery?.reason; // 'the log was never closed'
 * ```
 */
export function findDirectory(
  storage: LogStorage,
  compression: Compression,
  firstFrameBytes: number,
  startHash: Uint8Array,
): FoundDirectory {
  const index = findIndex(storage);
  if (index !== null) {
    try {
      return { ...LogDirectory.decode(readIndexBytes(storage, index, compression), index.version), recovery: null };
    } catch (error) {
      if (!(error instanceof GranuleError) || error.code !== 'LOG_DAMAGED') throw error;
    }
  }
  return scanFrames(storage, firstFrameBytes, startHash);
}

/**
 * Builds the directory from frame headers, without inflating anything, and stops at the first frame that is not whole.
 * Checkpoints of records that are not there are left out.
 */
function scanFrames(storage: LogStorage, firstFrameBytes: number, startHash: Uint8Array): FoundDirectory {
  const directory = new LogDirectory();
  let headHash = startHash;
  let at = firstFrameBytes;
  let reason = 'the log was never closed';
  while (at < storage.size()) {
    const answer = readPrefix(storage, at);
    if (!answer.ok) {
      reason = answer.what;
      break;
    }
    try {
      // A body can be wrong behind a sound header: after a power cut, blocks that never reached the disk read as zeros.
      readFrameBody(storage, answer.place);
      headHash = noteFrame(storage, answer.place, directory) ?? headHash;
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      reason = error.message;
      break;
    }
    at = answer.place.endBytes;
  }
  const last = directory.segments.at(-1);
  const lastGoodSeq = last === undefined ? -1 : last.firstSeq + last.records - 1;
  directory.dropCheckpointsAfter(lastGoodSeq);
  return { directory, headHash, recovery: { lostBytes: storage.size() - at, lastGoodSeq, reason } };
}

/** Enters a segment or checkpoint into the directory; the hash when it was a segment. */
function noteFrame(storage: LogStorage, place: FramePlace, directory: LogDirectory): Uint8Array | null {
  const bytes = readFrameHeader(storage, place);
  if (place.type === FRAME.checkpoint) {
    directory.addCheckpoint(place.offsetBytes, decodeCheckpointHeader(bytes, place.version));
    return null;
  }
  if (place.type !== FRAME.segment) return null;
  const header = decodeSegmentHeader(bytes);
  const last = directory.segments.at(-1);
  if (last !== undefined && last.firstSeq + last.records !== header.firstSeq) {
    throw new GranuleError('LOG_DAMAGED', `a segment begins at seq ${header.firstSeq}, out of order`);
  }
  directory.addSegment(place.offsetBytes, header);
  return header.hash;
}
