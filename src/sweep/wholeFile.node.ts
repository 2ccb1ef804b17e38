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

/** Takes the next bytes of a file. */
export type WriteBytes = (bytes: Uint8Array) => void;

/** Has what is written on the disk at the end. */
function writeAll<T>(path: string, work: (write: WriteBytes) => T): T {
  const descriptor = writingTo(path, () => fs.openSync(path, 'w'));
  try {
    const result = work((bytes) => {
      writingTo(path, () => {
        for (let done = 0; done < bytes.length; ) done += fs.writeSync(descriptor, bytes, done);
      });
    });
    writingTo(path, () => {
      if (fs.fstatSync(descriptor).isFile()) fs.fsyncSync(descriptor);
    });
    return result;
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Writes a file beside its place, piece by piece, and moves it there when it is whole. What is no regular file, as /dev/null, is
 * written directly.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL, and what `work` throws; what was there is then unchanged
 * @example
 * ```ts
 * streamWhole('/dev/null', (write) => {
 *   write(new Uint8Array(3));
 *   return 'done';
 * }); // 'done'
 * ```
 */
export function streamWhole<T>(path: string, work: (write: WriteBytes) => T): T {
  const there = writingTo(path, () => fs.statSync(path, { throwIfNoEntry: false }));
  if (there !== undefined && !there.isFile()) return writeAll(path, work);
  const beside = `${path}.part`;
  try {
    const result = writeAll(beside, work);
    writingTo(path, () => fs.renameSync(beside, path));
    return result;
  } catch (error) {
    fs.rmSync(beside, { force: true });
    throw error;
  }
}

/**
 * Writes a file as `streamWhole` does, from bytes that are all there.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL; what was there is then unchanged
 * @example
 * ```ts
 * writeWhole('/dev/null', new Uint8Array(3));
 * ```
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  streamWhole(path, (write) => write(bytes));
}
