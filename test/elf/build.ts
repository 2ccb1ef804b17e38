/** Small ELF files made byte by byte, of either class and byte order. */
import { type ByteSource, PT } from '../../src/mm/elf/elfFile.ts';

/** A program header as a test wants it; what is left out is 0, and read permission. */
export interface HeaderSpec {
  type?: number;
  offset?: number;
  vaddr?: number;
  fileBytes?: number;
  memoryBytes?: number;
  /** Linux's PF_ bits: execute 1, write 2, read 4. */
  flags?: number;
  align?: number;
}

/** A file as a test wants it. */
export interface FileSpec {
  bits?: 32 | 64;
  littleEndian?: boolean;
  type?: number;
  entryBytes?: number;
  headers?: HeaderSpec[];
  /** Bytes put at offsets, after the headers. */
  content?: { offset: number; bytes: Uint8Array }[];
  sizeBytes?: number;
}

/** Execute, write and read permission, as program headers have them. */
export const F = { R: 4, RW: 6, RX: 5, RWX: 7 } as const;

/** The bytes of an ELF file. */
export function buildElf(spec: FileSpec): Uint8Array {
  const { bits = 64, littleEndian = true, type = 3, headers = [], content = [] } = spec;
  const wide = bits === 64;
  const entryBytes = spec.entryBytes ?? (wide ? 56 : 32);
  const headerBytes = wide ? 64 : 52;
  const ends = content.map(({ offset, bytes }) => offset + bytes.length);
  const size = Math.max(spec.sizeBytes ?? 0, headerBytes + headers.length * entryBytes, ...ends);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const half = (at: number, value: number): void => view.setUint16(at, value, littleEndian);
  const word = (at: number, value: number): void => view.setUint32(at, value, littleEndian);
  const long = (at: number, value: number): void => {
    if (wide) view.setBigUint64(at, BigInt(value), littleEndian);
    else word(at, value);
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1]);
  half(16, type);
  half(18, 183);
  word(20, 1);
  long(wide ? 32 : 28, headerBytes);
  half(wide ? 52 : 40, headerBytes);
  half(wide ? 54 : 42, entryBytes);
  half(wide ? 56 : 44, headers.length);
  headers.forEach((header, index) => {
    const at = headerBytes + index * entryBytes;
    const { offset = 0, vaddr = 0, fileBytes = 0, flags = F.R, align = 0x1000 } = header;
    const memoryBytes = header.memoryBytes ?? fileBytes;
    word(at, header.type ?? PT.LOAD);
    if (wide) {
      word(at + 4, flags);
      [offset, vaddr, vaddr, fileBytes, memoryBytes, align].forEach((value, field) => long(at + 8 + field * 8, value));
    } else {
      [offset, vaddr, vaddr, fileBytes, memoryBytes, flags, align].forEach((value, field) =>
        word(at + 4 + field * 4, value),
      );
    }
  });
  for (const { offset, bytes } of content) file.set(bytes, offset);
  return file;
}

/** Bytes in memory as a file. */
export function sourceOf(bytes: Uint8Array, name = 'made.elf'): ByteSource {
  return { name, sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}
