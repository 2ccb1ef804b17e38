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

/** Writes all bytes and has them on the disk. */
function writeAll(path: string, bytes: Uint8Array): void {
  const descriptor = fs.openSync(path, 'w');
  try {
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(descriptor, bytes, done);
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
  const there = writingTo(path, () => fs.statSync(path, { throwIfNoEntry: false }));
  if (there !== undefined && !there.isFile()) {
    writingTo(path, () => writeAll(path, bytes));
    return;
  }
  const beside = `${path}.part`;
  writingTo(path, () => {
    try {
      writeAll(beside, bytes);
      fs.renameSync(beside, path);
    } catch (error) {
      fs.rmSync(beside, { force: true });
      throw error;
    }
  });
}
