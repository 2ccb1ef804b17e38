import { GranuleError, invariant } from '../errors.ts';

/**
 * Where the bytes of a log live. Append-only: nothing ever rewrites what is there. `src/log/fileStorage.node.ts` keeps
 * them in a file, `memoryStorage` in memory.
 */
export interface LogStorage {
  /** A name for messages: the path. */
  readonly name: string;
  /** The file, for a storage that another thread can open again; absent for others. */
  readonly path?: string;
  /** Bytes there are. */
  size(): number;
  /** `lengthBytes` bytes from `offsetBytes`; fewer when the log ends before. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array;
  /** Adds bytes at the end. */
  append(bytes: Uint8Array): void;
  /** Returns once everything appended would survive a power cut. */
  sync(): void;
  /** Releases the storage; a log being written takes its final name. */
  close(): void;
}

/** The SHA-256 of some bytes, which come in pieces. */
export type Sha256 = (pieces: readonly Uint8Array[]) => Uint8Array;

/**
 * Raw deflate (RFC 1951, no zlib or gzip wrapper), injected because Node and browsers differ. `inflate` must return
 * `rawLength` bytes or throw. `deflate` must not keep the bytes it is given: their memory is used again.
 */
export interface Compression {
  deflate(bytes: Uint8Array): Uint8Array;
  inflate(bytes: Uint8Array, rawLength: number): Uint8Array;
  /** The platform's own SHA-256, where that is faster than one in JavaScript. */
  readonly sha256?: Sha256;
}

/** Deflate makes nothing smaller that is as short as this, or so little smaller that it is not worth the call. */
const LEAST_DEFLATED_BYTES = 48;

/**
 * Keeps a log in memory: for tests, and for a page that was handed the bytes of a file.
 *
 * @example
 * ```ts
 * const storage = memoryStorage(new Uint8Array([1, 2, 3]));
 * storage.read(1, 2); // Uint8Array [ 2, 3 ]
 * ```
 */
export function memoryStorage(initial: Uint8Array = new Uint8Array(0), name = 'memory'): LogStorage {
  let bytes = initial;
  let length = initial.length;
  return {
    name,
    size: () => length,
    read: (offset, wanted) => bytes.slice(offset, Math.min(length, offset + wanted)),
    append(more) {
      if (length + more.length > bytes.length) {
        const grown = new Uint8Array(Math.max(length + more.length, bytes.length * 2));
        grown.set(bytes.subarray(0, length));
        bytes = grown;
      }
      bytes.set(more, length);
      length += more.length;
    },
    sync() {},
    close() {},
  };
}

/**
 * Compresses bytes for storing: the deflated form when that is smaller, else the bytes as they are. `unpackBytes` tells
 * the two apart by the length.
 *
 * @param leastDeflatedBytes what is shorter is not worth the call
 *
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * packBytes(new Uint8Array([7]), none); // Uint8Array [ 7 ]
 * ```
 */
export function packBytes(
  raw: Uint8Array,
  compression: Compression,
  leastDeflatedBytes = LEAST_DEFLATED_BYTES,
): Uint8Array {
  if (raw.length < leastDeflatedBytes) return raw;
  const deflated = compression.deflate(raw);
  return deflated.length < raw.length ? deflated : raw;
}

/**
 * Undoes `packBytes`.
 *
 * @throws GranuleError LOG_DAMAGED when the bytes do not inflate to `rawLength` bytes
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * unpackBytes(new Uint8Array([7]), 1, none); // Uint8Array [ 7 ]
 * ```
 */
export function unpackBytes(stored: Uint8Array, rawLength: number, compression: Compression): Uint8Array {
  invariant(stored.length <= rawLength, 'stored bytes are never more than the raw ones');
  if (stored.length === rawLength) return stored;
  let raw: Uint8Array;
  try {
    raw = compression.inflate(stored, rawLength);
  } catch (error) {
    throw new GranuleError('LOG_DAMAGED', `compressed data does not inflate: ${String(error)}`);
  }
  if (raw.length !== rawLength) {
    throw new GranuleError('LOG_DAMAGED', `compressed data inflates to ${raw.length} bytes, not ${rawLength}`);
  }
  return raw;
}
