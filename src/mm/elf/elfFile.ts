/**
 * What exec and the dynamic linker read of an ELF file: its header and its program headers, of either class and byte order
 * [include/uapi/linux/elf.h]. Section headers, symbols and relocations do not say how a file is mapped, and are not read.
 *
 * @models L-11 X-03
 */
import { GranuleError } from '../../errors.ts';

/** Where the bytes of a file come from; `read` gives fewer bytes than asked for at the end of the file. */
export interface ByteSource {
  /** What messages call the file. */
  name: string;
  sizeBytes: number;
  read(offset: number, lengthBytes: number): Uint8Array;
}

/** Types of program header that say how a file is loaded [include/uapi/linux/elf.h: PT_*]. */
export const PT = {
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  TLS: 7,
  GNU_STACK: 0x6474e551,
  GNU_RELRO: 0x6474e552,
  GNU_PROPERTY: 0x6474e553,
} as const;

/** Types of file [include/uapi/linux/elf.h: ET_*]. */
export const ET = { EXEC: 2, DYN: 3 } as const;

const PF = { X: 1, W: 2, R: 4 } as const;

/** One program header; `prot` has Linux's bits: read 1, write 2, execute 4. */
export interface ProgramHeader {
  type: number;
  offset: number;
  vaddr: number;
  fileBytes: number;
  memoryBytes: number;
  align: number;
  prot: number;
}

/** What was read of an ELF file. */
export interface ElfFile {
  name: string;
  sizeBytes: number;
  bits: 32 | 64;
  littleEndian: boolean;
  /** `e_type`: `ET.EXEC`, `ET.DYN` or another. */
  type: number;
  machine: number;
  entry: number;
  headerOffset: number;
  /** `e_phentsize` as the file says; the kernel refuses any but 32 (32 bit) and 56 (64 bit). */
  headerEntryBytes: number;
  /** Whether `e_phentsize` is the one the class has. Where it is not, no program header could be read. */
  entrySizeFits: boolean;
  headers: ProgramHeader[];
  /** The path in PT_INTERP, null without one. */
  interpreter: string | null;
}

const HEADER_BYTES = { 32: 52, 64: 64 } as const;
const ENTRY_BYTES = { 32: 32, 64: 56 } as const;
/** `PATH_MAX` [include/uapi/linux/limits.h]: a longer PT_INTERP is refused. */
const PATH_MAX = 4096;

function malformed(source: ByteSource, what: string, where: string): GranuleError {
  return new GranuleError('ELF_MALFORMED', what, `${source.name}, ${where}`);
}

/** Reads numbers of one class and byte order out of a piece of the file. */
class Fields {
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  private readonly bits: 32 | 64;
  private readonly what: (offset: number) => GranuleError;

  constructor(
    bytes: Uint8Array,
    layout: { bits: 32 | 64; littleEndian: boolean },
    what: (offset: number) => GranuleError,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = layout.littleEndian;
    this.bits = layout.bits;
    this.what = what;
  }

  half(offset: number): number {
    return this.view.getUint16(offset, this.littleEndian);
  }

  word(offset: number): number {
    return this.view.getUint32(offset, this.littleEndian);
  }

  /** An address or offset: 32 or 64 bits by the class of the file. */
  long(offset: number): number {
    if (this.bits === 32) return this.word(offset);
    const value = Number(this.view.getBigUint64(offset, this.littleEndian));
    // No user address and no file offset of Linux is as large; a number of JavaScript would lose its low bits.
    if (!Number.isSafeInteger(value)) throw this.what(offset);
    return value;
  }
}

function readAll(source: ByteSource, offset: number, lengthBytes: number, what: string): Uint8Array {
  const bytes = offset > source.sizeBytes ? new Uint8Array(0) : source.read(offset, lengthBytes);
  if (bytes.length === lengthBytes) return bytes;
  throw malformed(source, `the file ends inside its ${what}`, `offset ${offset + bytes.length}`);
}

/**
 * Reads the header and the program headers of an ELF file.
 *
 * @throws GranuleError ELF_NOT_ELF where the file does not begin as one, ELF_MALFORMED where it cannot be read as one
 * @example
 * ```ts
 * const script: ByteSource = { name: 'a.sh', sizeBytes: 9, read: () => new TextEncoder().encode('#!/bin/sh') };
 * readElf(script); // throws ELF_NOT_ELF
 * ```
 */
export function readElf(source: ByteSource): ElfFile {
  const ident = source.read(0, Math.min(16, source.sizeBytes));
  if (ident[0] !== 0x7f || ident[1] !== 0x45 || ident[2] !== 0x4c || ident[3] !== 0x46) {
    throw new GranuleError('ELF_NOT_ELF', 'the file does not begin with the four bytes of an ELF file', source.name);
  }
  if (ident[4] !== 1 && ident[4] !== 2)
    throw malformed(source, `class ${ident[4] ?? 'missing'} is neither 32 nor 64 bit`, 'offset 4');
  if (ident[5] !== 1 && ident[5] !== 2)
    throw malformed(source, `byte order ${ident[5] ?? 'missing'} is unknown`, 'offset 5');
  const layout = { bits: ident[4] === 1 ? (32 as const) : (64 as const), littleEndian: ident[5] === 1 };
  const { bits } = layout;
  const tooLarge = (at: number) => (offset: number) =>
    malformed(source, 'a number is beyond 2^53', `offset ${at + offset}`);
  const header = new Fields(readAll(source, 0, HEADER_BYTES[bits], 'header'), layout, tooLarge(0));
  const wide = bits === 64;
  const headerOffset = header.long(wide ? 32 : 28);
  const headerEntryBytes = header.half(wide ? 54 : 42);
  const count = header.half(wide ? 56 : 44);
  const entrySizeFits = headerEntryBytes === ENTRY_BYTES[bits];
  const table = entrySizeFits
    ? readAll(source, headerOffset, count * headerEntryBytes, 'program headers')
    : new Uint8Array(0);
  const entries = new Fields(table, layout, tooLarge(headerOffset));
  const headers = Array.from({ length: entrySizeFits ? count : 0 }, (_, index) =>
    bits === 64 ? entry64(entries, index * headerEntryBytes) : entry32(entries, index * headerEntryBytes),
  );
  return {
    name: source.name,
    sizeBytes: source.sizeBytes,
    ...layout,
    type: header.half(16),
    machine: header.half(18),
    entry: header.long(24),
    headerOffset,
    headerEntryBytes,
    entrySizeFits,
    headers,
    interpreter: interpreterOf(source, headers),
  };
}

function protOf(flags: number): number {
  return ((flags & PF.R) === 0 ? 0 : 1) | ((flags & PF.W) === 0 ? 0 : 2) | ((flags & PF.X) === 0 ? 0 : 4);
}

function entry64(fields: Fields, at: number): ProgramHeader {
  return {
    type: fields.word(at),
    prot: protOf(fields.word(at + 4)),
    offset: fields.long(at + 8),
    vaddr: fields.long(at + 16),
    fileBytes: fields.long(at + 32),
    memoryBytes: fields.long(at + 40),
    align: fields.long(at + 48),
  };
}

function entry32(fields: Fields, at: number): ProgramHeader {
  return {
    type: fields.word(at),
    offset: fields.word(at + 4),
    vaddr: fields.word(at + 8),
    fileBytes: fields.word(at + 16),
    memoryBytes: fields.word(at + 20),
    prot: protOf(fields.word(at + 24)),
    align: fields.word(at + 28),
  };
}

/** The first PT_INTERP counts, and it ends with a NUL [fs/binfmt_elf.c:load_elf_binary]. */
function interpreterOf(source: ByteSource, headers: readonly ProgramHeader[]): string | null {
  const header = headers.find(({ type }) => type === PT.INTERP);
  if (header === undefined) return null;
  if (header.fileBytes < 2 || header.fileBytes > PATH_MAX) {
    throw malformed(source, `a path of ${header.fileBytes} bytes in PT_INTERP`, `offset ${header.offset}`);
  }
  const bytes = readAll(source, header.offset, header.fileBytes, 'PT_INTERP');
  if (bytes[bytes.length - 1] !== 0) throw malformed(source, 'PT_INTERP does not end', `offset ${header.offset}`);
  const text = new TextDecoder().decode(bytes);
  return text.slice(0, text.indexOf('\0'));
}

/**
 * Program headers of one type, in the order of the file.
 *
 * @example
 * ```ts
 * const header: ProgramHeader = { type: PT.LOAD, offset: 0, vaddr: 0, fileBytes: 9, memoryBytes: 9, align: 1, prot: 4 };
 * headersOf({ headers: [header] }, PT.LOAD).length; // 1
 * ```
 */
export function headersOf(file: Pick<ElfFile, 'headers'>, type: number): ProgramHeader[] {
  return file.headers.filter((header) => header.type === type);
}

/**
 * The page size that a file is linked for: the least p_align of its PT_LOAD headers; 0 where it has none. The kernel does
 * not check it; the linker lays segments out by it (`-z max-page-size`).
 *
 * @example
 * ```ts
 * linkedAlign({ headers: [] }); // 0
 * ```
 */
export function linkedAlign(file: Pick<ElfFile, 'headers'>): number {
  const aligns = headersOf(file, PT.LOAD).map(({ align }) => align);
  return aligns.length === 0 ? 0 : Math.min(...aligns);
}
