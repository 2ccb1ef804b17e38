import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';

import { GranuleError, invariant } from '../errors.ts';
import type { ImageSegment, RunBlock, TraceFile } from '../mm/runs.ts';
import { BlockCoder } from './columns.ts';
import { ContentFeed } from './contentHash.ts';
import { BLOCK_HEADER_BYTES, encodeFooter, encodeHeader, encodeTrailer } from './gtrFormat.ts';
import type { BlockPlace } from './gtrFormat.ts';
import { BLOCK_RUNS } from './runBuilder.ts';

/** Blocks that may wait for the thread pool before the parser must: what bounds the memory of an import. */
const BLOCKS_IN_FLIGHT = 8;
/** Measured on the four sample traces: level 9 takes five times as long for 4 % fewer bytes. */
const DEFLATE_LEVEL = 6;
const DEFLATE_OPTIONS = { level: DEFLATE_LEVEL, memLevel: 9 };
const FULL_DISK_ERRORS = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const compress = promisify<Uint8Array, typeof DEFLATE_OPTIONS, Buffer>(deflateRaw);

/**
 * What the writer is told at the end of a trace.
 *
 * @example
 * ```ts
 * const summary: TraceSummary = { name: 'true', command: '/bin/true', pages: new Float64Array(0), image: [], files: [] };
 * summary.name; // 'true'
 * ```
 */
export interface TraceSummary {
  name: string;
  command: string;
  pages: Float64Array;
  image: ImageSegment[];
  files: TraceFile[];
}

/**
 * Writes a .gtr: blocks are coded at once, compressed in the thread pool, and written in order to a file beside `path`
 * that takes its name only when it is whole. What was at `path` is untouched until then, and for good after a failure.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0 }]);
 * const writer = await GtrWriter.create('a.gtr');
 * writer.add(trace.block(0));
 * (await writer.finish(trace)).runs; // 1
 * ```
 */
export class GtrWriter {
  private readonly path: string;
  private readonly partPath: string;
  private readonly handle: FileHandle;
  private readonly coder: BlockCoder = new BlockCoder();
  private readonly hash = createHash('sha256');
  private readonly feed: ContentFeed = new ContentFeed((bytes) => void this.hash.update(bytes));
  private readonly blocks: BlockPlace[] = [];
  private written: Promise<void> = Promise.resolve();
  private inFlight = 0;
  private position = 0;
  private runs = 0;
  private references = 0;

  private constructor(path: string, partPath: string, handle: FileHandle) {
    this.path = path;
    this.partPath = partPath;
    this.handle = handle;
  }

  /**
   * Begins a trace that will be at `path`.
   *
   * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
   */
  static async create(path: string): Promise<GtrWriter> {
    const partPath = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
    let writer: GtrWriter | null = null;
    try {
      writer = new GtrWriter(path, partPath, await open(partPath, 'w'));
      await writer.append(encodeHeader(BLOCK_RUNS));
      return writer;
    } catch (error) {
      await writer?.abort();
      throw outputError(error, path);
    }
  }

  /** Takes the next block; every one but the last has `BLOCK_RUNS` runs. */
  add(block: RunBlock): void {
    invariant(block.firstRun === this.runs && this.runs % BLOCK_RUNS === 0, 'blocks come in order, and whole');
    this.runs += block.count;
    for (const references of block.references) this.references += references;
    this.feed.block(block);
    const compressed = compress(this.coder.encode(block), DEFLATE_OPTIONS);
    this.inFlight += 1;
    this.written = Promise.all([compressed, this.written]).then(([bytes]) => this.appendBlock(bytes));
    // The failure is thrown to whoever awaits ready() or finish(); until then it is no unhandled one.
    this.written.catch(() => {});
  }

  /**
   * Resolves when another block may come: at once, unless many wait for the thread pool.
   *
   * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
   */
  async ready(): Promise<void> {
    if (this.inFlight < BLOCKS_IN_FLIGHT) return;
    await this.settled();
  }

  /**
   * Writes what is left, and gives the file its name. Returns the hash of the content and the size of the file.
   *
   * @throws GranuleError TRACE_EMPTY when no access came, OUTPUT_UNWRITABLE, DISK_FULL
   */
  async finish(summary: TraceSummary): Promise<{ hash: string; fileBytes: number; runs: number; references: number }> {
    await this.settled();
    if (this.references === 0) {
      throw new GranuleError('TRACE_EMPTY', 'the trace holds no memory access', summary.name);
    }
    this.feed.end(summary);
    const hash = this.hash.digest('hex');
    const { runs, references, blocks } = this;
    const footer = encodeFooter({ ...summary, hash, runs, references, blockRuns: BLOCK_RUNS, blocks });
    try {
      const bytes = await compress(footer, DEFLATE_OPTIONS);
      const offset = this.position;
      await this.append(bytes);
      await this.append(encodeTrailer({ offset, storedBytes: bytes.length, crc32: crc32(bytes) }));
      await this.handle.sync();
      await this.handle.close();
      await rename(this.partPath, this.path);
    } catch (error) {
      throw outputError(error, this.path);
    }
    return { hash, fileBytes: this.position, runs, references };
  }

  /** Gives up: nothing is left of the trace, and what was at the path before is as it was. */
  async abort(): Promise<void> {
    await this.written.catch(() => {});
    await this.handle.close().catch(() => {});
    await rm(this.partPath, { force: true });
  }

  private async settled(): Promise<void> {
    try {
      await this.written;
    } catch (error) {
      throw outputError(error, this.path);
    }
  }

  private async appendBlock(bytes: Buffer): Promise<void> {
    const checksum = crc32(bytes);
    const header = new Uint8Array(BLOCK_HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint32(4, checksum, true);
    this.blocks.push({ offset: this.position, storedBytes: bytes.length, crc32: checksum });
    await this.append(header);
    await this.append(bytes);
    this.inFlight -= 1;
  }

  private async append(bytes: Uint8Array): Promise<void> {
    let sent = 0;
    while (sent < bytes.length) {
      const { bytesWritten } = await this.handle.write(bytes, sent, bytes.length - sent, this.position + sent);
      sent += bytesWritten;
    }
    this.position += bytes.length;
  }
}

/**
 * The typed error for what the operating system said of an output file.
 *
 * @example
 * ```ts
 * String(outputError(Object.assign(new Error('none left'), { code: 'ENOSPC' }), 'a.gtr')); // 'GranuleError: the disk is full (ENOSPC)'
 * ```
 */
export function outputError(error: unknown, path: string): unknown {
  if (error instanceof GranuleError || !(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  if (FULL_DISK_ERRORS.has(code)) return new GranuleError('DISK_FULL', `the disk is full (${code})`, path);
  return new GranuleError('OUTPUT_UNWRITABLE', `cannot write (${code})`, path);
}
