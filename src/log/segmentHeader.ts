import { ByteReader, ByteWriter } from './bytes.ts';
import { stringAt } from './stringTable.ts';

/**
 * Most records in one segment. Larger ones compress a little better; smaller ones are opened sooner and lose less to a
 * crash. At 4096 a segment is some 40 KB and opens in a few milliseconds.
 */
export const SEGMENT_RECORDS = 4096;
/** Bytes of a SHA-256. */
export const HASH_BYTES = 32;

/** What a segment says of one actor's records in it. */
export interface SectionHeader {
  /** The receiving actor. */
  actor: string;
  records: number;
  rawBytes: number;
  /** Less than rawBytes when the section is deflated, equal when it is not. */
  storedBytes: number;
  /** Place of the section within the frame's body. */
  bodyOffsetBytes: number;
  /** Records of each type, by index into SegmentHeader.types. */
  typeCounts: number[];
}

/** All that can be known of a segment without inflating anything. */
export interface SegmentHeader {
  firstSeq: number;
  records: number;
  minTimeCycles: number;
  maxTimeCycles: number;
  types: string[];
  sections: SectionHeader[];
  stringsRawBytes: number;
  stringsStoredBytes: number;
  /** The hash chain up to and including this segment. */
  hash: Uint8Array;
}

/**
 * The part of a segment header that the hash chain covers: everything but stored lengths and the hash itself, which may
 * differ between builds of a compressor.
 *
 * @example
 * ```ts
 * const empty = { firstSeq: 0, records: 0, minTimeCycles: 0, maxTimeCycles: 0, types: [], sections: [] };
 * const rest = { stringsRawBytes: 0, stringsStoredBytes: 0, hash: new Uint8Array(32) };
 * encodeCanonicalHeader({ ...empty, ...rest }).length; // 7
 * ```
 */
export function encodeCanonicalHeader(header: SegmentHeader): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(header.firstSeq);
  writer.varint(header.records);
  writer.varint(header.minTimeCycles);
  writer.varint(header.maxTimeCycles);
  writer.varint(header.types.length);
  for (const type of header.types) writer.string(type);
  writer.varint(header.stringsRawBytes);
  writer.varint(header.sections.length);
  for (const section of header.sections) {
    writer.string(section.actor);
    writer.varint(section.rawBytes);
    const { typeCounts } = section;
    let used = 0;
    for (let type = 0; type < typeCounts.length; type++) if (typeCounts[type] > 0) used += 1;
    writer.varint(used);
    for (let type = 0; type < typeCounts.length; type++) {
      if (typeCounts[type] === 0) continue;
      writer.varint(type);
      writer.varint(typeCounts[type]);
    }
  }
  return writer.finish();
}

/**
 * A whole segment frame header: the canonical part, the stored lengths, the hash.
 *
 * @param canonical the canonical part, for whoever has it already
 * @example
 * ```ts
 * const empty = { firstSeq: 0, records: 0, minTimeCycles: 0, maxTimeCycles: 0, types: [], sections: [] };
 * const rest = { stringsRawBytes: 0, stringsStoredBytes: 0, hash: new Uint8Array(32) };
 * encodeSegmentHeader({ ...empty, ...rest }).length; // 40
 * ```
 */
export function encodeSegmentHeader(header: SegmentHeader, canonical = encodeCanonicalHeader(header)): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(canonical);
  writer.varint(header.stringsStoredBytes);
  for (const section of header.sections) writer.varint(section.storedBytes);
  writer.raw(header.hash);
  return writer.finish();
}

/**
 * Reads a segment frame header.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const empty = { firstSeq: 0, records: 0, minTimeCycles: 0, maxTimeCycles: 0, types: [], sections: [] };
 * const rest = { stringsRawBytes: 0, stringsStoredBytes: 0, hash: new Uint8Array(32) };
 * decodeSegmentHeader(encodeSegmentHeader({ ...empty, ...rest })).records; // 0
 * ```
 */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader {
  const reader = new ByteReader(bytes);
  const firstSeq = reader.varint();
  const records = reader.varintUpTo(SEGMENT_RECORDS, 'the number of records of a segment');
  const minTimeCycles = reader.varint();
  const maxTimeCycles = reader.varint();
  const types: string[] = [];
  const typeCount = reader.varintUpTo(SEGMENT_RECORDS, 'the number of types of a segment');
  for (let i = 0; i < typeCount; i++) types.push(reader.string());
  const stringsRawBytes = reader.varint();
  const sections: SectionHeader[] = [];
  const sectionCount = reader.varintUpTo(SEGMENT_RECORDS, 'the number of sections of a segment');
  for (let i = 0; i < sectionCount; i++) sections.push(decodeSection(reader, types));
  const stringsStoredBytes = reader.varintUpTo(stringsRawBytes, 'the stored length of the strings');
  let bodyOffsetBytes = stringsStoredBytes;
  for (const section of sections) {
    section.storedBytes = reader.varintUpTo(section.rawBytes, 'the stored length of a section');
    section.bodyOffsetBytes = bodyOffsetBytes;
    bodyOffsetBytes += section.storedBytes;
  }
  const hash = reader.raw(HASH_BYTES).slice();
  reader.end();
  return {
    firstSeq,
    records,
    minTimeCycles,
    maxTimeCycles,
    types,
    sections,
    stringsRawBytes,
    stringsStoredBytes,
    hash,
  };
}

function decodeSection(reader: ByteReader, types: readonly string[]): SectionHeader {
  const actor = reader.string();
  const rawBytes = reader.varint();
  const typeCounts = types.map(() => 0);
  const used = reader.varintUpTo(types.length, 'the number of types of a section');
  let records = 0;
  for (let i = 0; i < used; i++) {
    const type = reader.varint();
    stringAt(types, type);
    const count = reader.varintUpTo(SEGMENT_RECORDS, 'the number of records of a type');
    typeCounts[type] = count;
    records += count;
  }
  return { actor, records, rawBytes, storedBytes: 0, bodyOffsetBytes: 0, typeCounts };
}
