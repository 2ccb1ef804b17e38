import { GranuleError, invariant } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { crc32 } from './crc32.ts';
import type { LogStorage } from './storage.ts';

/** The version of the file format that is written. */
export const LOG_FORMAT_VERSION = 2;
/** The oldest version that is read. */
export const OLDEST_FORMAT_VERSION = 1;

/** What a frame holds; the number is in the file. */
export const FRAME = { header: 1, segment: 2, checkpoint: 3, index: 4, trailer: 5 } as const;

/** First bytes of every frame. 0x8F is no ASCII and no UTF-8 start, so text is never taken for a log. */
const MAGIC = [0x8f, 0x47, 0x4c, 0x4f];
/** Bytes of the fixed part before a frame's header. */
export const PREFIX_BYTES = 28;
/** Lengths are 32-bit in the file; half of that keeps a body within one typed array on every engine. */
const MAX_PART_BYTES = 2 ** 31 - 1;
/** The search for the next whole frame reads this much at a time. */
const SEARCH_BYTES = 1 << 16;

/** Where a frame is and how long its parts are; the prefix it comes from was checked. */
export interface FramePlace {
  type: number;
  version: number;
  offsetBytes: number;
  headerBytes: number;
  bodyBytes: number;
  headerCrc: number;
  bodyCrc: number;
  /** Offset of whatever follows. */
  endBytes: number;
}

/**
 * Lays out one frame: prefix, header, body.
 *
 * @throws GranuleError LOG_TOO_LARGE when a part is longer than 2^31 - 1 bytes
 * @example
 * ```ts
 * encodeFrame(FRAME.index, new Uint8Array(0), new Uint8Array(3)).length; // 31
 * ```
 */
export function encodeFrame(type: number, header: Uint8Array, body: Uint8Array): Uint8Array {
  if (header.length > MAX_PART_BYTES || body.length > MAX_PART_BYTES) {
    throw new GranuleError('LOG_TOO_LARGE', `a frame of ${header.length + body.length} bytes is too long`);
  }
  const writer = new ByteWriter();
  for (const byte of MAGIC) writer.u8(byte);
  writer.u8(type);
  writer.u8(LOG_FORMAT_VERSION);
  writer.u8(0);
  writer.u8(0);
  writer.u32(header.length);
  writer.u32(body.length);
  writer.u32(crc32(header));
  writer.u32(crc32(body));
  writer.u32(crc32(writer.finish()));
  invariant(writer.length === PREFIX_BYTES, `a frame prefix has ${PREFIX_BYTES} bytes`);
  writer.raw(header);
  writer.raw(body);
  return writer.finish();
}

/** What a frame prefix turned out to be. */
export type PrefixAnswer = { ok: true; place: FramePlace } | { ok: false; what: string };

/**
 * Checks the frame prefix at an offset: magic, checksum, and that header and body lie within the file.
 *
 * @example
 * ```ts
 * readPrefix(memoryStorage(), 0); // { ok: false, what: 'the file ends within a frame prefix' }
 * ```
 */
export function readPrefix(storage: LogStorage, offsetBytes: number): PrefixAnswer {
  const bytes = storage.read(offsetBytes, PREFIX_BYTES);
  if (bytes.length < PREFIX_BYTES) return { ok: false, what: 'the file ends within a frame prefix' };
  if (!hasMagic(bytes)) return { ok: false, what: 'no frame begins here' };
  const reader = new ByteReader(bytes);
  reader.raw(MAGIC.length);
  const type = reader.u8();
  const version = reader.u8();
  reader.raw(2);
  const headerBytes = reader.u32();
  const bodyBytes = reader.u32();
  const headerCrc = reader.u32();
  const bodyCrc = reader.u32();
  if (reader.u32() !== crc32(bytes.subarray(0, PREFIX_BYTES - 4))) {
    return { ok: false, what: 'the checksum of the frame prefix is wrong' };
  }
  const endBytes = offsetBytes + PREFIX_BYTES + headerBytes + bodyBytes;
  if (endBytes > storage.size()) return { ok: false, what: 'the file ends within a frame' };
  return { ok: true, place: { type, version, offsetBytes, headerBytes, bodyBytes, headerCrc, bodyCrc, endBytes } };
}

/**
 * The frame that the index says begins at an offset.
 *
 * @throws GranuleError LOG_DAMAGED when none of that type does
 * @example
 * ```ts
 * const storage = memoryStorage(encodeFrame(FRAME.index, new Uint8Array(0), new Uint8Array(0)));
 * frameAt(storage, 0, FRAME.index).endBytes; // 28
 * ```
 */
export function frameAt(storage: LogStorage, offsetBytes: number, type: number): FramePlace {
  const answer = readPrefix(storage, offsetBytes);
  if (!answer.ok) throw new GranuleError('LOG_DAMAGED', answer.what, `offset ${offsetBytes}`);
  if (answer.place.type !== type) throw new GranuleError('LOG_DAMAGED', 'the index points at another frame');
  return answer.place;
}

/**
 * Whether bytes begin as every frame does.
 *
 * @example
 * ```ts
 * hasMagic(new Uint8Array([0x8f, 0x47, 0x4c, 0x4f])); // true
 * ```
 */
export function hasMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * The header of a frame.
 *
 * @throws GranuleError LOG_DAMAGED when its checksum is wrong
 * @example
 * ```ts
 * const storage = memoryStorage(encodeFrame(FRAME.index, new Uint8Array([9]), new Uint8Array(0)));
 * const answer = readPrefix(storage, 0);
 * answer.ok && readFrameHeader(storage, answer.place); // Uint8Array [ 9 ]
 * ```
 */
export function readFrameHeader(storage: LogStorage, place: FramePlace): Uint8Array {
  const header = storage.read(place.offsetBytes + PREFIX_BYTES, place.headerBytes);
  if (header.length !== place.headerBytes || crc32(header) !== place.headerCrc) {
    throw new GranuleError('LOG_DAMAGED', 'the checksum of a frame header is wrong', `offset ${place.offsetBytes}`);
  }
  return header;
}

/**
 * The body of a frame.
 *
 * @throws GranuleError LOG_DAMAGED when its checksum is wrong
 * @example
 * ```ts
 * const storage = memoryStorage(encodeFrame(FRAME.index, new Uint8Array(0), new Uint8Array([9])));
 * const answer = readPrefix(storage, 0);
 * answer.ok && readFrameBody(storage, answer.place); // Uint8Array [ 9 ]
 * ```
 */
export function readFrameBody(storage: LogStorage, place: FramePlace): Uint8Array {
  const body = storage.read(place.offsetBytes + PREFIX_BYTES + place.headerBytes, place.bodyBytes);
  if (body.length !== place.bodyBytes || crc32(body) !== place.bodyCrc) {
    throw new GranuleError('LOG_DAMAGED', 'the checksum of a frame body is wrong', `offset ${place.offsetBytes}`);
  }
  return body;
}

/**
 * Offset of the first whole frame prefix at or after an offset; the size of the storage when there is none. This is how
 * verification goes on behind a damaged frame.
 *
 * @example
 * ```ts
 * nextFrame(memoryStorage(new Uint8Array(10)), 0); // 10
 * ```
 */
export function nextFrame(storage: LogStorage, offsetBytes: number): number {
  const size = storage.size();
  for (let base = offsetBytes; base < size; base += SEARCH_BYTES) {
    const chunk = storage.read(base, SEARCH_BYTES + MAGIC.length - 1);
    for (let at = chunk.indexOf(MAGIC[0] ?? 0); at >= 0 && at < SEARCH_BYTES; ) {
      if (hasMagic(chunk.subarray(at, at + MAGIC.length)) && readPrefix(storage, base + at).ok) return base + at;
      at = chunk.indexOf(MAGIC[0] ?? 0, at + 1);
    }
  }
  return size;
}
