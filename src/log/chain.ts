import { sha256 } from '@noble/hashes/sha2.js';
import type { Sha256 } from './storage.ts';

/** Keeps the hash of a log's meta apart from the hash of the same bytes in any other use. */
const META_DOMAIN = 'granule log 1\n';

/**
 * The start of a log's hash chain: SHA-256 over the domain text and the meta as it is in the file, uncompressed.
 *
 * @example
 * ```ts
 * hashHex(chainMeta(new Uint8Array(0))).length; // 64
 * ```
 */
export function chainMeta(metaBytes: Uint8Array): Uint8Array {
  return portableSha256([new TextEncoder().encode(META_DOMAIN), metaBytes]);
}

/** Works in browsers too, where the platform's own answers only later. */
const portableSha256: Sha256 = (pieces) => {
  const hash = sha256.create();
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

/**
 * One link of the chain: SHA-256 over the chain so far, the canonical segment header, the string table and the sections
 * in file order, all uncompressed. So it depends on no compressor and on no checkpoint.
 *
 * @param sections the bytes of all sections, in as many pieces as they come
 * @param sha256 the platform's, where it has one
 * @example
 * ```ts
 * chainSegment(new Uint8Array(32), new Uint8Array(7), new Uint8Array(0), []).length; // 32
 * ```
 */
export function chainSegment(
  previousHash: Uint8Array,
  canonicalHeader: Uint8Array,
  strings: Uint8Array,
  sections: readonly Uint8Array[],
  sha256: Sha256 = portableSha256,
): Uint8Array {
  return sha256([previousHash, canonicalHeader, strings, ...sections]);
}

/**
 * A hash as lowercase hex.
 *
 * @example
 * ```ts
 * hashHex(new Uint8Array([0x0a, 0xff])); // '0aff'
 * ```
 */
export function hashHex(hash: Uint8Array): string {
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
