import { GranuleError } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import {
  encodeFrame,
  FRAME,
  type FramePlace,
  hasMagic,
  LOG_FORMAT_VERSION,
  OLDEST_FORMAT_VERSION,
  PREFIX_BYTES,
  readFrameBody,
  readFrameHeader,
  readPrefix,
} from './frames.ts';
import { type Compression, type LogStorage, packBytes, unpackBytes } from './storage.ts';

/**
 * What a log says of itself: topology, trace hashes, seed, chooser, code fingerprint, parent of a fork. The log keeps it
 * as JSON and looks at one field only.
 */
export interface LogMeta {
  readonly [field: string]: unknown;
  /** The version of each message type at writing; 1 for those not named. See upcast.ts. */
  readonly messageVersions?: Readonly<Record<string, number>>;
}

/** The first frame of a log, read and checked. */
export interface LogHead {
  meta: LogMeta;
  /** The meta's bytes as hashed. */
  metaBytes: Uint8Array;
  place: FramePlace;
}

/**
 * The bytes of meta that are hashed: JSON without blanks, keys in their own order, UTF-8.
 *
 * @example
 * ```ts
 * encodeMeta({}).length; // 2
 * ```
 */
export function encodeMeta(meta: LogMeta): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(meta));
}

/**
 * Lays out the HEADER frame.
 *
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * encodeHead(encodeMeta({}), none).length; // 31
 * ```
 */
export function encodeHead(metaBytes: Uint8Array, compression: Compression): Uint8Array {
  const header = new ByteWriter();
  header.varint(metaBytes.length);
  return encodeFrame(FRAME.header, header.finish(), packBytes(metaBytes, compression));
}

/**
 * Reads the HEADER frame at the start of a log.
 *
 * @throws GranuleError LOG_EMPTY when the file is cut within it, LOG_NOT_A_LOG, LOG_VERSION, LOG_DAMAGED
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * readHead(memoryStorage(encodeHead(encodeMeta({ seed: 7 }), none)), none).meta; // { seed: 7 }
 * ```
 */
export function readHead(storage: LogStorage, compression: Compression): LogHead {
  const start = storage.read(0, PREFIX_BYTES);
  if (start.length === 0) throw new GranuleError('LOG_EMPTY', 'the log has no bytes', storage.name);
  if (start.length >= 4 && !hasMagic(start)) {
    throw new GranuleError('LOG_NOT_A_LOG', 'it does not begin as a log does', `${storage.name}, offset 0`);
  }
  const answer = readPrefix(storage, 0);
  if (!answer.ok) {
    const cut = answer.what.startsWith('the file ends');
    throw new GranuleError(cut ? 'LOG_EMPTY' : 'LOG_DAMAGED', answer.what, `${storage.name}, offset 0`);
  }
  const { place } = answer;
  if (place.version < OLDEST_FORMAT_VERSION || place.version > LOG_FORMAT_VERSION) {
    const known = `versions ${OLDEST_FORMAT_VERSION} to ${LOG_FORMAT_VERSION}`;
    const what = `the log is of format version ${place.version}, this granule reads ${known}`;
    throw new GranuleError('LOG_VERSION', what, storage.name);
  }
  if (place.type !== FRAME.header) {
    throw new GranuleError('LOG_NOT_A_LOG', 'its first frame is not a header', `${storage.name}, offset 0`);
  }
  const rawLength = new ByteReader(readFrameHeader(storage, place)).varint();
  const body = readFrameBody(storage, place);
  if (body.length > rawLength) throw new GranuleError('LOG_DAMAGED', 'the meta is longer than it says', storage.name);
  const metaBytes = unpackBytes(body, rawLength, compression);
  return { meta: parseMeta(metaBytes, storage.name), metaBytes, place };
}

function parseMeta(bytes: Uint8Array, name: string): LogMeta {
  let meta: unknown;
  try {
    meta = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new GranuleError('LOG_DAMAGED', 'the meta is no JSON', `${name}, offset 0`);
  }
  if (!isMeta(meta)) {
    throw new GranuleError('LOG_DAMAGED', 'the meta is no JSON object as a log has it', `${name}, offset 0`);
  }
  return meta;
}

function isMeta(meta: unknown): meta is LogMeta {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return false;
  if (!('messageVersions' in meta)) return true;
  const { messageVersions } = meta;
  return typeof messageVersions === 'object' && messageVersions !== null;
}
