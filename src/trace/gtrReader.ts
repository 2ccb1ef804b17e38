import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';

import { GranuleError } from '../errors.ts';
import { damaged } from './bytes.ts';
import { ContentFeed } from './contentHash.ts';
import { type OpenTrace, openTraceBytes, type TraceBytes } from './gtrBytes.ts';

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
  const bytes = fileBytes(path);
  try {
    return openTraceBytes(bytes);
  } catch (error) {
    bytes.close();
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

function fileBytes(path: string): TraceBytes {
  const descriptor = openForReading(path);
  return {
    path,
    fileBytes: fstatSync(descriptor).size,
    read: (offset, count) => readAt(descriptor, offset, count),
    inflate: (stored) => inflateRawSync(stored),
    crc32,
    close: () => closeSync(descriptor),
  };
}

function readAt(descriptor: number, offset: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let got = 0;
  while (got < count) {
    const more = readSync(descriptor, bytes, got, count - got, offset + got);
    if (more === 0) return bytes.subarray(0, got);
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
