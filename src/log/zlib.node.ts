import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Compression } from './storage.ts';

/** Measured on sections of real size: higher levels cost two to five times the time for a few percent. */
const DEFLATE_LEVEL = 1;

/**
 * Raw deflate by Node's zlib.
 *
 * @example
 * ```ts
 * zlibCompression.inflate(zlibCompression.deflate(new Uint8Array([7])), 1); // Uint8Array [ 7 ]
 * ```
 */
export const zlibCompression: Compression = {
  deflate: (bytes) => deflateRawSync(bytes, { level: DEFLATE_LEVEL }),
  // One byte more than said, so that data that inflates to too much is noticed without inflating all of it.
  inflate: (bytes, rawLength) => inflateRawSync(bytes, { maxOutputLength: rawLength + 1 }),
};
