/** The end of a log: its index, and the trailer that says where that is. */
import { ByteWriter } from './bytes.ts';
import type { LogDirectory } from './directory.ts';
import { encodeFrame, FRAME } from './frames.ts';
import { type Compression, packBytes } from './storage.ts';

/**
 * The two frames that close a log.
 *
 * @param headHash the end of the hash chain
 * @param offsetBytes where they begin: the bytes that the log has so far
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * encodeEnding(new LogDirectory(), new Uint8Array(32), 100, none).length; // 2
 * ```
 */
export function encodeEnding(
  directory: LogDirectory,
  headHash: Uint8Array,
  offsetBytes: number,
  compression: Compression,
): [index: Uint8Array, trailer: Uint8Array] {
  const index = directory.encode(headHash);
  const header = new ByteWriter();
  header.varint(index.length);
  return [encodeFrame(FRAME.index, header.finish(), packBytes(index, compression)), encodeTrailer(offsetBytes)];
}

/** The trailer's header is the offset of the INDEX frame, 64 bits little-endian. */
function encodeTrailer(indexOffsetBytes: number): Uint8Array {
  const header = new ByteWriter();
  header.u32(indexOffsetBytes % 2 ** 32);
  header.u32(Math.floor(indexOffsetBytes / 2 ** 32));
  return encodeFrame(FRAME.trailer, header.finish(), new Uint8Array(0));
}
