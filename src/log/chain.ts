import { sha256 } from '@noble/hashes/sha2.js';
import { encodeCanonicalHeader, type SegmentHeader } from './segmentHeader.ts';

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
  return sha256.create().update(new TextEncoder().encode(META_DOMAIN)).update(metaBytes).digest();
}

/**
 * One link of the chain: SHA-256 over the chain so far, the canonical segment header, the string table and the sections
 * in file order, all uncompressed. So it depends on no compressor and on no checkpoint.
 *
 * @example
 * ```ts
 * const empty = { firstSeq: 0, records: 0, minTimeCycles: 0, maxTimeCycles: 0, types: [], sections: [] };
 * const header = { ...empty, stringsRawBytes: 0, stringsStoredBytes: 0, hash: new Uint8Array(32) };
 * chainSegment(new Uint8Array(32), header, new Uint8Array(0), []).length; // 32
 * ```
 */
export function chainSegment(
  previousHash: Uint8Array,
  header: SegmentHeader,
  strings: Uint8Array,
  sections: readonly Uint8Array[],
): Uint8Array {
  const hash = sha256.create().update(previousHash).update(encodeCanonicalHeader(header)).update(strings);
  for (const section of sections) hash.update(section);
  return hash.digest();
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
