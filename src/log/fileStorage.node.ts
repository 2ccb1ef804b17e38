import * as fs from 'node:fs';
import { GranuleError, invariant, type ErrorCode } from '../errors.ts';
import type { LogStorage } from './storage.ts';

/** Names tried for a log beside one that is there; more left-overs than this deserve a look. */
const MAX_PART_NAMES = 100;

/**
 * Opens a log file for reading.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE
 * @example
 * ```ts
 * const storage = openLogFile('/dev/null');
 * storage.size(); // 0
 * ```
 */
export function openLogFile(path: string): LogStorage {
  const descriptor = reading(path, () => {
    if (fs.statSync(path).isDirectory()) throw new GranuleError('FILE_UNREADABLE', 'it is a folder', path);
    return fs.openSync(path, 'r');
  });
  const sizeBytes = reading(path, () => fs.fstatSync(descriptor).size);
  return {
    name: path,
    path,
    size: () => sizeBytes,
    read: (offset, length) => reading(path, () => readFully(descriptor, offset, Math.min(length, sizeBytes - offset))),
    append() {
      invariant(false, 'a log opened for reading is not written');
    },
    sync() {},
    close: () => fs.closeSync(descriptor),
  };
}

/**
 * Begins a new log file. When nothing is at `path` the log is written there, and can be read at any time, whatever
 * becomes of the writer. When a file is there it stays as it is until `close`: the log grows in `path.part` (or
 * `path.part2` and so on, when such are left over) and takes its place then. When writing fails, `path.part` goes away,
 * and so does a log of which not even the header was written. What is no regular file, as /dev/null, is written directly.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL; so do the methods
 * @example
 * ```ts
 * const storage = createLogFile('/dev/null');
 * storage.append(new Uint8Array(3));
 * storage.size(); // 3
 * ```
 */
export function createLogFile(path: string): LogStorage {
  const { descriptor, name, special } = writing(path, () => openNew(path));
  let sizeBytes = 0;
  let removed = false;
  const orRemoved = (work: () => void): void => {
    invariant(!removed, 'nothing more is written to a log that was given up');
    try {
      writing(name, work);
    } catch (error) {
      // A log at its own name stays readable up to here; a part of one nobody looks for, and it takes room on a full disk.
      removed = !special && (name !== path || sizeBytes === 0);
      if (removed) remove(descriptor, name);
      throw error;
    }
  };
  return {
    name,
    size: () => sizeBytes,
    read: (offset, length) =>
      reading(name, () => readFully(descriptor, offset, Math.max(0, Math.min(length, sizeBytes - offset)))),
    append(bytes) {
      orRemoved(() => {
        for (let done = 0; done < bytes.length; ) done += fs.writeSync(descriptor, bytes, done, bytes.length - done);
      });
      sizeBytes += bytes.length;
    },
    sync() {
      if (!special) orRemoved(() => fs.fsyncSync(descriptor));
    },
    close() {
      // A whole log whose name cannot be had is kept under the one it has.
      writing(name, () => {
        fs.closeSync(descriptor);
        if (name !== path) fs.renameSync(name, path);
      });
    },
  };
}

/** Takes an unfinished log away; what the system says to that is less than why it is done. */
function remove(descriptor: number, name: string): void {
  for (const work of [() => fs.closeSync(descriptor), () => fs.rmSync(name, { force: true })]) {
    try {
      work();
    } catch (error) {
      if (systemCode(error) === '') throw error;
    }
  }
}

function openNew(path: string): { descriptor: number; name: string; special: boolean } {
  const there = fs.statSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) {
    return { descriptor: fs.openSync(path, 'w'), name: path, special: true };
  }
  for (let attempt = 0; attempt < MAX_PART_NAMES; attempt++) {
    const name = attempt === 0 ? path : `${path}.part${attempt === 1 ? '' : attempt}`;
    // 'wx' makes the file or fails, so two runs that start at once never share one.
    const descriptor = openUnlessThere(name);
    if (descriptor !== null) return { descriptor, name, special: false };
  }
  throw new GranuleError(
    'OUTPUT_UNWRITABLE',
    `${MAX_PART_NAMES - 1} unfinished logs are there already`,
    `${path}.part`,
  );
}

function openUnlessThere(name: string): number | null {
  try {
    return fs.openSync(name, 'wx+');
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return null;
    throw error;
  }
}

function readFully(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, length));
  let done = 0;
  while (done < bytes.length) {
    const got = fs.readSync(descriptor, bytes, done, bytes.length - done, offset + done);
    if (got === 0) return bytes.subarray(0, done);
    done += got;
  }
  return bytes;
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function typed<T>(path: string, work: () => T, codeOf: (systemCode: string) => ErrorCode): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof GranuleError || systemCode(error) === '') throw error;
    throw new GranuleError(codeOf(systemCode(error)), `the system says ${systemCode(error)}`, path);
  }
}

function reading<T>(path: string, work: () => T): T {
  return typed(path, work, (code) => (code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'));
}

function writing<T>(path: string, work: () => T): T {
  return typed(path, work, (code) => (code === 'ENOSPC' || code === 'EDQUOT' ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE'));
}
