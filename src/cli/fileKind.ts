/** Telling logs and traces apart by how they begin. */
import { closeSync, openSync, readSync } from 'node:fs';
import { isGtr } from '../trace/gtrFormat.ts';
import { inputError } from '../trace/gtrReader.ts';

const HEAD_BYTES = 8;

/**
 * What a file is by its first bytes; whatever is no trace is opened as a log, which then says what is wrong with it.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE
 * @example
 * ```ts
 * fileKind('fixtures/traces/true-kernel.gtr'); // 'trace'
 * ```
 */
export function fileKind(path: string): 'trace' | 'log' {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const head = new Uint8Array(HEAD_BYTES);
      return readSync(descriptor, head) === HEAD_BYTES && isGtr(head) ? 'trace' : 'log';
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw inputError(error, path);
  }
}
