/** A .gtr over bytes that lie anywhere: in a file, in the memory of a page. */
import { invariant } from '../errors.ts';
import type { ImageSegment, RunBlock, RunSource, TraceFile } from '../mm/runs.ts';
import { damaged } from './bytes.ts';
import { BlockCoder } from './columns.ts';
import {
  BLOCK_HEADER_BYTES,
  HEADER_BYTES,
  TRAILER_BYTES,
  decodeFooter,
  decodeHeader,
  decodeTrailer,
} from './gtrFormat.ts';
import type { BlockPlace, GtrFooter } from './gtrFormat.ts';

/** Decoded blocks kept: a streaming reader needs one, two CPUs at different places of one trace two each. */
const BLOCKS_KEPT = 4;

/** Where the bytes of a trace are, and how they are inflated: Node and browsers differ in both. */
export interface TraceBytes {
  /** For messages. */
  readonly path: string;
  readonly fileBytes: number;
  /** Up to `lengthBytes` bytes from an offset; fewer where the trace ends before. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array;
  /** Raw deflate. */
  inflate(stored: Uint8Array): Uint8Array;
  /** CRC-32 as zip has it. */
  crc32(stored: Uint8Array): number;
  close(): void;
}

/**
 * A .gtr opened for reading. Blocks are read and decoded when asked for; a few stay decoded, so memory does not grow
 * with the trace. Close it when done.
 *
 * @example
 * ```ts
 * const trace = openTrace('fixtures/traces/true-kernel.gtr');
 * trace.references; // 167440
 * trace.close();
 * ```
 */
export interface OpenTrace extends RunSource {
  /** Where it was opened. */
  readonly path: string;
  readonly fileBytes: number;
  close(): void;
}

/**
 * Opens a .gtr. Header, trailer and footer are checked now, every block when it is read.
 *
 * @throws GranuleError TRACE_VERSION, TRACE_DAMAGED (the place named)
 * @example
 * ```ts
 * const none = new Uint8Array(0);
 * const read = () => none;
 * openTraceBytes({ path: 'none', fileBytes: 0, read, inflate: read, crc32, close: () => undefined }); // throws TRACE_DAMAGED
 * ```
 */
export function openTraceBytes(bytes: TraceBytes): OpenTrace {
  return new GtrFile(bytes, readFooter(bytes));
}

class GtrFile implements OpenTrace {
  readonly path: string;
  readonly fileBytes: number;
  readonly hash: string;
  readonly name: string;
  readonly command: string;
  readonly runs: number;
  readonly references: number;
  readonly blockRuns: number;
  readonly pages: Float64Array;
  readonly image: ImageSegment[];
  readonly files: TraceFile[];
  private readonly bytes: TraceBytes;
  private readonly blocks: BlockPlace[];
  private readonly coder: BlockCoder = new BlockCoder();
  /** Least recently used first. */
  private readonly kept: Map<number, RunBlock> = new Map();

  constructor(bytes: TraceBytes, footer: GtrFooter) {
    this.path = bytes.path;
    this.bytes = bytes;
    this.fileBytes = bytes.fileBytes;
    this.hash = footer.hash;
    this.name = footer.name;
    this.command = footer.command;
    this.runs = footer.runs;
    this.references = footer.references;
    this.blockRuns = footer.blockRuns;
    this.pages = footer.pages;
    this.image = footer.image;
    this.files = footer.files;
    this.blocks = footer.blocks;
  }

  block(index: number): RunBlock {
    invariant(Number.isInteger(index) && index >= 0 && index < this.blocks.length, `the trace has a block ${index}`);
    const known = this.kept.get(index);
    const block = known ?? this.read(index);
    if (known !== undefined) this.kept.delete(index);
    this.kept.set(index, block);
    if (this.kept.size > BLOCKS_KEPT) {
      const [oldest] = this.kept.keys();
      this.kept.delete(oldest);
    }
    return block;
  }

  close(): void {
    this.kept.clear();
    this.bytes.close();
  }

  private read(index: number): RunBlock {
    const place = this.blocks[index];
    const where = `${this.path}, block ${index} at offset ${place.offset}`;
    const stored = readAt(this.bytes, place.offset, BLOCK_HEADER_BYTES + place.storedBytes, where);
    const view = new DataView(stored.buffer, stored.byteOffset);
    if (view.getUint32(0, true) !== place.storedBytes || view.getUint32(4, true) !== place.crc32) {
      throw damaged(where, "a block's header is not what the footer says");
    }
    const block = this.coder.decode(
      inflate(this.bytes, stored.subarray(BLOCK_HEADER_BYTES), place.crc32, where),
      index * this.blockRuns,
      where,
    );
    const expected = Math.min(this.blockRuns, this.runs - index * this.blockRuns);
    if (block.count !== expected) throw damaged(where, `it holds ${block.count} runs, not ${expected}`);
    return block;
  }
}

function readFooter(bytes: TraceBytes): GtrFooter {
  const { fileBytes, path } = bytes;
  const header = readAt(bytes, 0, Math.min(HEADER_BYTES, fileBytes), path);
  const blockRuns = decodeHeader(header, path);
  if (fileBytes < HEADER_BYTES + TRAILER_BYTES) throw damaged(`${path}, offset ${fileBytes}`, 'it was cut');
  const trailer = readAt(bytes, fileBytes - TRAILER_BYTES, TRAILER_BYTES, path);
  const place = decodeTrailer(trailer, fileBytes, path);
  const where = `${path}, footer at offset ${place.offset}`;
  const stored = readAt(bytes, place.offset, place.storedBytes, where);
  const footer = decodeFooter(inflate(bytes, stored, place.crc32, where), path);
  if (footer.blockRuns !== blockRuns) throw damaged(`${path}, offset 12`, 'header and footer do not agree');
  return footer;
}

function inflate(bytes: TraceBytes, stored: Uint8Array, checksum: number, where: string): Uint8Array {
  if (bytes.crc32(stored) !== checksum) throw damaged(where, 'its checksum does not match');
  try {
    return bytes.inflate(stored);
  } catch {
    throw damaged(where, 'it cannot be decompressed');
  }
}

function readAt(bytes: TraceBytes, offset: number, count: number, where: string): Uint8Array {
  const found = bytes.read(offset, count);
  if (found.length < count) throw damaged(where, 'the file ends too early');
  return found;
}
