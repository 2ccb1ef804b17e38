import { GranuleError } from '../errors.ts';
import type { ImageSegment, TraceFile } from '../mm/runs.ts';
import { ByteReader, ByteWriter, damaged } from './bytes.ts';

/** First bytes of a .gtr: like PNG's, they show at once when a transfer as text has changed line ends or high bits. */
const MAGIC = [0x89, 0x47, 0x54, 0x52, 0x0d, 0x0a, 0x1a, 0x0a];
/** Last bytes of a .gtr: without them the file was cut. */
const END_MAGIC = [0x47, 0x54, 0x52, 0x2d, 0x45, 0x4e, 0x44, 0x0a];
/** The version of the format that this code writes, and the only one it reads. */
export const GTR_VERSION = 1;
/** Magic (8), version (4), runs a block (4). */
export const HEADER_BYTES = 16;
/** Before every block: stored length (4), CRC-32 of the stored bytes (4). */
export const BLOCK_HEADER_BYTES = 8;
/** Footer offset (8), its stored length (4), its CRC-32 (4), magic (8). */
export const TRAILER_BYTES = 24;

/**
 * Where a block lies in a .gtr: offset of its header, stored length and CRC-32 of the compressed bytes.
 *
 * @example
 * ```ts
 * const place: BlockPlace = { offset: 16, storedBytes: 900, crc32: 0 };
 * place.offset; // 16
 * ```
 */
export interface BlockPlace {
  offset: number;
  storedBytes: number;
  crc32: number;
}

/**
 * The footer of a .gtr: all that a reader needs before it reads a block.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0 }]);
 * const footer: GtrFooter = { ...trace, blocks: [{ offset: 16, storedBytes: 90, crc32: 0 }] };
 * footer.references; // 1
 * ```
 */
export interface GtrFooter {
  name: string;
  command: string;
  hash: string;
  runs: number;
  references: number;
  blockRuns: number;
  blocks: BlockPlace[];
  pages: Float64Array;
  image: ImageSegment[];
  files: TraceFile[];
}

/**
 * The header of a .gtr with blocks of `blockRuns` runs.
 *
 * @example
 * ```ts
 * encodeHeader(65536).length; // 16
 * ```
 */
export function encodeHeader(blockRuns: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  const view = new DataView(header.buffer);
  view.setUint32(8, GTR_VERSION, true);
  view.setUint32(12, blockRuns, true);
  return header;
}

/**
 * Checks the header; returns the runs in a block.
 *
 * @throws GranuleError TRACE_DAMAGED, TRACE_VERSION
 * @example
 * ```ts
 * decodeHeader(encodeHeader(65536), 'a.gtr'); // 65536
 * ```
 */
export function decodeHeader(header: Uint8Array, file: string): number {
  if (header.length < HEADER_BYTES || !MAGIC.every((byte, index) => header[index] === byte)) {
    throw damaged(`${file}, offset 0`, 'it does not begin as a .gtr does');
  }
  const view = new DataView(header.buffer, header.byteOffset);
  const version = view.getUint32(8, true);
  if (version !== GTR_VERSION) {
    const what = `the trace has format version ${version}, this granule reads version ${GTR_VERSION}`;
    throw new GranuleError('TRACE_VERSION', what, `${file}, offset 8`);
  }
  return view.getUint32(12, true);
}

/**
 * Whether a file begins as a .gtr does.
 *
 * @example
 * ```ts
 * isGtr(encodeHeader(65536)); // true
 * ```
 */
export function isGtr(head: Uint8Array): boolean {
  return MAGIC.every((byte, index) => head[index] === byte);
}

/**
 * The trailer that says where the footer is.
 *
 * @example
 * ```ts
 * encodeTrailer({ offset: 16, storedBytes: 60, crc32: 7 }).length; // 24
 * ```
 */
export function encodeTrailer(footer: BlockPlace): Uint8Array {
  const trailer = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(trailer.buffer);
  view.setBigUint64(0, BigInt(footer.offset), true);
  view.setUint32(8, footer.storedBytes, true);
  view.setUint32(12, footer.crc32, true);
  trailer.set(END_MAGIC, 16);
  return trailer;
}

/**
 * Where the footer is, in a file of `fileBytes` bytes.
 *
 * @throws GranuleError TRACE_DAMAGED
 * @example
 * ```ts
 * decodeTrailer(encodeTrailer({ offset: 16, storedBytes: 60, crc32: 7 }), 100, 'a.gtr').offset; // 16
 * ```
 */
export function decodeTrailer(trailer: Uint8Array, fileBytes: number, file: string): BlockPlace {
  const where = `${file}, offset ${fileBytes - TRAILER_BYTES}`;
  if (!END_MAGIC.every((byte, index) => trailer[16 + index] === byte)) {
    throw damaged(where, 'it does not end as a .gtr does: it was cut, or never finished');
  }
  const view = new DataView(trailer.buffer, trailer.byteOffset);
  const offset = Number(view.getBigUint64(0, true));
  const storedBytes = view.getUint32(8, true);
  if (offset < HEADER_BYTES || offset + storedBytes + TRAILER_BYTES !== fileBytes) {
    throw damaged(where, 'its trailer does not point at its footer');
  }
  return { offset, storedBytes, crc32: view.getUint32(12, true) };
}

/**
 * The bytes of a footer before compression: a JSON text with its length, then the page numbers as differences
 * (zigzag, LEB128), which are small because neighbours in time are neighbours in space.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x9000 }]);
 * const footer = encodeFooter({ ...trace, blocks: [] });
 * decodeFooter(footer, 'a.gtr').pages; // [9]
 * ```
 */
export function encodeFooter(footer: GtrFooter): Uint8Array {
  const { pages, ...rest } = footer;
  const json = new TextEncoder().encode(JSON.stringify({ ...rest, pageCount: pages.length }));
  const bytes = new ByteWriter(json.length + pages.length * 4);
  bytes.varint(json.length);
  bytes.bytes(json);
  let last = 0;
  for (const page of pages) {
    const difference = page - last;
    // Twice a difference of 52-bit numbers is still exact in a double.
    bytes.varint(difference < 0 ? -2 * difference - 1 : 2 * difference);
    last = page;
  }
  return bytes.view();
}

/**
 * The footer that `encodeFooter` was given.
 *
 * @throws GranuleError TRACE_DAMAGED
 * @example
 * ```ts
 * decodeFooter(new Uint8Array(0), 'a.gtr'); // throws TRACE_DAMAGED
 * ```
 */
export function decodeFooter(bytes: Uint8Array, file: string): GtrFooter {
  const reader = new ByteReader(bytes, `${file}, footer`);
  const json = reader.bytes(reader.varint());
  // Covered by the footer's checksum, so its shape is what encodeFooter wrote.
  const stored: Omit<GtrFooter, 'pages'> & { pageCount: number } = JSON.parse(new TextDecoder().decode(json));
  const { pageCount, ...rest } = stored;
  const pages = new Float64Array(pageCount);
  let last = 0;
  for (let index = 0; index < pageCount; index += 1) {
    const coded = reader.varint();
    last += coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
    pages[index] = last;
  }
  reader.end();
  return { ...rest, pages };
}
