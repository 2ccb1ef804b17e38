/** Files that are there whole or not at all. */
import * as fs from 'node:fs';
import { type ErrorCode, GranuleError } from '../errors.ts';

function codeOf(systemCode: unknown): ErrorCode {
  return systemCode === 'ENOSPC' || systemCode === 'EDQUOT' ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE';
}

/**
 * Does something that writes to a path, and gives what the system has against it a code.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL naming the path
 * @example
 * ```ts
 * writingTo('/no/such/folder/a.csv', () => fs.writeFileSync('/no/such/folder/a.csv', '')); // throws OUTPUT_UNWRITABLE
 * ```
 */
export function writingTo<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof GranuleError || !(error instanceof Error) || !('code' in error)) throw error;
    throw new GranuleError(codeOf(error.code), `the system says ${String(error.code)}`, path);
  }
}

/** Pieces are gathered up to this before they are written: small writes cost more than the work itself. */
const CHUNK_BYTES = 1 << 18;

/** Pieces put together to larger ones. */
function* gathered(pieces: Iterable<Uint8Array>): Generator<Uint8Array, void, undefined> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  for (const piece of pieces) {
    if (length + piece.length > CHUNK_BYTES) {
      yield chunk.subarray(0, length);
      length = 0;
    }
    if (piece.length >= CHUNK_BYTES) yield piece;
    else {
      chunk.set(piece, length);
      length += piece.length;
    }
  }
  yield chunk.subarray(0, length);
}

/** Writes all pieces and has them on the disk. */
function writeAll(path: string, pieces: Iterable<Uint8Array>): void {
  const descriptor = fs.openSync(path, 'w');
  try {
    for (const bytes of gathered(pieces)) {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(descriptor, bytes, done);
    }
    if (fs.fstatSync(descriptor).isFile()) fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Writes a file beside its place and moves it there when it is whole. What is no regular file, as /dev/null, is written
 * directly.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL; what was there is then unchanged
 * @example
 * ```ts
 * writeWhole('/dev/null', new Uint8Array(3));
 * ```
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  writeWholePieces(path, [bytes]);
}

/**
 * The same for a file that is made piece by piece, and never in memory as a whole.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL, and what making the pieces throws; what was there is then unchanged
 * @example
 * ```ts
 * writeWholePieces('/dev/null', [new Uint8Array(3), new Uint8Array(2)]);
 * ```
 */
export function writeWholePieces(path: string, pieces: Iterable<Uint8Array>): void {
  const there = writingTo(path, () => fs.statSync(path, { throwIfNoEntry: false }));
  if (there !== undefined && !there.isFile()) {
    writingTo(path, () => writeAll(path, pieces));
    return;
  }
  const beside = `${path}.part`;
  writingTo(path, () => {
    try {
      writeAll(beside, pieces);
      fs.renameSync(beside, path);
    } catch (error) {
      fs.rmSync(beside, { force: true });
      throw error;
    }
  });
}
