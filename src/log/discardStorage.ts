import type { Compression, LogStorage } from './storage.ts';

/**
 * A storage that counts bytes and keeps none: a LogWriter over it computes the head hash of a run and nothing else.
 *
 * @example
 * ```ts
 * const storage = discardStorage();
 * storage.append(new Uint8Array(3));
 * storage.size(); // 3
 * ```
 */
export function discardStorage(): LogStorage {
  let bytes = 0;
  return {
    name: 'nowhere',
    size: () => bytes,
    read: () => new Uint8Array(0),
    append: (more) => {
      bytes += more.length;
    },
    sync: () => undefined,
    close: () => undefined,
  };
}

/** Stores bytes as they are. The head hash does not depend on the compressor, so whoever wants only the hash saves the work. */
export const noCompression: Compression = {
  deflate: (bytes) => bytes,
  inflate: (bytes) => bytes,
};
