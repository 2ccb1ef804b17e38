/** Inflating logs and traces where there is no Node. */
import { deflateSync, inflateSync } from 'fflate';
import type { Compression } from '../../log/storage.ts';

/**
 * Raw deflate in JavaScript; a log that was written with zlib opens with it. SHA-256 is that of `src/log`.
 *
 * @example
 * ```ts
 * browserCompression.inflate(browserCompression.deflate(new Uint8Array([7, 7])), 2); // Uint8Array [ 7, 7 ]
 * ```
 */
export const browserCompression: Compression = {
  deflate: (bytes) => deflateSync(bytes, { level: 3 }),
  inflate: (bytes, rawLength) => inflateSync(bytes, { out: new Uint8Array(rawLength) }),
};
