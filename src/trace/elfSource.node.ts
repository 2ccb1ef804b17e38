/** ELF files on disk: their headers are read where they lie, since a program may be a hundred megabytes. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { GranuleError } from '../errors.ts';
import { type ByteSource, type ElfFile, readElf } from '../mm/elf/elfFile.ts';
import { type ElfNote, type ElfProperty, readNotes, readProperties } from '../mm/elf/notes.ts';
import { inputError } from './gtrReader.ts';

/** What was read of an ELF file on disk. */
export interface ElfOnDisk {
  file: ElfFile;
  notes: ElfNote[];
  properties: ElfProperty[];
}

/**
 * Reads the headers and notes of an ELF file.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE, ELF_NOT_ELF, ELF_MALFORMED
 * @example
 * ```ts
 * readElfAt('no-such-program'); // throws FILE_NOT_FOUND
 * ```
 */
export function readElfAt(path: string): ElfOnDisk {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw inputError(error, path);
  }
  try {
    const source = sourceOf(descriptor, path);
    const file = readElf(source);
    return { file, notes: readNotes(source, file), properties: readProperties(source, file) };
  } catch (error) {
    throw error instanceof GranuleError ? error : inputError(error, path);
  } finally {
    closeSync(descriptor);
  }
}

function sourceOf(descriptor: number, name: string): ByteSource {
  return {
    name,
    sizeBytes: fstatSync(descriptor).size,
    read(offset, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, lengthBytes, offset));
    },
  };
}
