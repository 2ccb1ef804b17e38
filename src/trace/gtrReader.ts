import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';

import { GranuleError, invariant } from '../errors.ts';
import type { ImageSegment, RunBlock, RunSource, TraceFile } from '../mm/runs.ts';
import { damaged } from './bytes.ts';
import { BlockCoder } from './columns.ts';
import { ContentFeed } from './contentHash.ts';
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
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE, TRACE_VERSION, TRACE_DAMAGED (the place named)
 * @example
 * ```ts
 * openTrace('none.gtr'); // throws FILE_NOT_FOUND
 * ```
 */
export function openTrace(path: string): OpenTrace {
  const descriptor = openForReading(path);
  try {
    const fileBytes = fstatSync(descriptor).size;
    const footer = readFooter(descriptor, fileBytes, path);
    return new GtrFile(path, descriptor, fileBytes, footer);
  } catch (error) {
    closeSync(descriptor);
    throw inputError(error, path);
  }
}

/**
 * Reads the whole of a trace and checks everything in it: every block's checksum and coding, the counts, and the hash
 * of its content. Returns the hash.
 *
 * @throws GranuleError as `openTrace`, and TRACE_DAMAGED when the content is not what its hash says
 * @example
 * ```ts
 * verifyTrace('fixtures/traces/true-kernel.gtr').runs; // 19496
 * ```
 */
export function verifyTrace(path: string): { hash: string; runs: number; references: number } {
  const trace = openTrace(path);
  try {
    const hash = createHash('sha256');
    const feed = new ContentFeed((bytes) => void hash.update(bytes));
    let runs = 0;
    let references = 0;
    for (let index = 0; index * trace.blockRuns < trace.runs; index += 1) {
      const block = trace.block(index);
      feed.block(block);
      runs += block.count;
      for (const count of block.references) references += count;
    }
    feed.end(trace);
    const found = hash.digest('hex');
    if (runs !== trace.runs || references !== trace.references || found !== trace.hash) {
      throw damaged(`${path}, footer`, `its content has hash ${found}, its footer says ${trace.hash}`);
    }
    return { hash: found, runs, references };
  } finally {
    trace.close();
  }
}

/**
 * The typed error for what the operating system said of an input file.
 *
 * @example
 * ```ts
 * String(inputError(Object.assign(new Error('none'), { code: 'ENOENT' }), 'a.gtr')); // 'GranuleError: there is no such file'
 * ```
 */
export function inputError(error: unknown, path: string): unknown {
  if (error instanceof GranuleError || !(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return new GranuleError('FILE_NOT_FOUND', 'there is no such file', path);
  }
  if (error.code === 'EISDIR') return new GranuleError('FILE_UNREADABLE', 'it is a folder', path, 'Give a file.');
  return new GranuleError('FILE_UNREADABLE', `cannot read (${String(error.code)})`, path);
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
  private readonly descriptor: number;
  private readonly blocks: BlockPlace[];
  private readonly coder: BlockCoder = new BlockCoder();
  /** Least recently used first. */
  private readonly kept: Map<number, RunBlock> = new Map();

  constructor(path: string, descriptor: number, fileBytes: number, footer: GtrFooter) {
    this.path = path;
    this.descriptor = descriptor;
    this.fileBytes = fileBytes;
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
    closeSync(this.descriptor);
  }

  private read(index: number): RunBlock {
    const place = this.blocks[index];
    const where = `${this.path}, block ${index} at offset ${place.offset}`;
    const stored = readAt(this.descriptor, place.offset, BLOCK_HEADER_BYTES + place.storedBytes, where);
    const view = new DataView(stored.buffer, stored.byteOffset);
    if (view.getUint32(0, true) !== place.storedBytes || view.getUint32(4, true) !== place.crc32) {
      throw damaged(where, "a block's header is not what the footer says");
    }
    const block = this.coder.decode(
      inflate(stored.subarray(BLOCK_HEADER_BYTES), place.crc32, where),
      index * this.blockRuns,
      where,
    );
    const expected = Math.min(this.blockRuns, this.runs - index * this.blockRuns);
    if (block.count !== expected) throw damaged(where, `it holds ${block.count} runs, not ${expected}`);
    return block;
  }
}

function readFooter(descriptor: number, fileBytes: number, path: string): GtrFooter {
  const header = readAt(descriptor, 0, Math.min(HEADER_BYTES, fileBytes), path);
  const blockRuns = decodeHeader(header, path);
  if (fileBytes < HEADER_BYTES + TRAILER_BYTES) throw damaged(`${path}, offset ${fileBytes}`, 'it was cut');
  const trailer = readAt(descriptor, fileBytes - TRAILER_BYTES, TRAILER_BYTES, path);
  const place = decodeTrailer(trailer, fileBytes, path);
  const where = `${path}, footer at offset ${place.offset}`;
  const stored = readAt(descriptor, place.offset, place.storedBytes, where);
  const footer = decodeFooter(inflate(stored, place.crc32, where), path);
  if (footer.blockRuns !== blockRuns) throw damaged(`${path}, offset 12`, 'header and footer do not agree');
  return footer;
}

function inflate(stored: Uint8Array, checksum: number, where: string): Uint8Array {
  if (crc32(stored) !== checksum) throw damaged(where, 'its checksum does not match');
  try {
    return inflateRawSync(stored);
  } catch {
    throw damaged(where, 'it cannot be decompressed');
  }
}

function readAt(descriptor: number, offset: number, count: number, where: string): Uint8Array {
  const bytes = new Uint8Array(count);
  let got = 0;
  while (got < count) {
    const more = readSync(descriptor, bytes, got, count - got, offset + got);
    if (more === 0) throw damaged(where, 'the file ends too early');
    got += more;
  }
  return bytes;
}

function openForReading(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw inputError(error, path);
  }
}
