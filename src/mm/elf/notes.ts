/**
 * Notes of an ELF file: PT_NOTE, and the properties in PT_GNU_PROPERTY [include/uapi/linux/elf.h; fs/binfmt_elf.c:
 * parse_elf_properties]. A note is one of the ways by which a program may say its page size.
 *
 * @models S-19
 */
import { type ByteSource, type ElfFile, headersOf, PT } from './elfFile.ts';

/** One note: who defines it, its type, and its content. */
export interface ElfNote {
  name: string;
  type: number;
  content: Uint8Array;
}

/** The owner and type of the note that this model reads a page size from. Nobody has assigned one; a private name. */
export const PAGE_SIZE_NOTE = { name: 'Granule', type: 1 } as const;

/** Notes longer than this are not looked at, as the kernel refuses a long PT_GNU_PROPERTY. */
const NOTE_BYTES_MAX = 65536;

/**
 * All notes of PT_NOTE headers. A note that reaches past the end of its header ends the list.
 *
 * @example
 * ```ts
 * const source: ByteSource = { name: 'a', sizeBytes: 0, read: () => new Uint8Array(0) };
 * readNotes(source, { headers: [], littleEndian: true }); // []
 * ```
 */
export function readNotes(source: ByteSource, file: Pick<ElfFile, 'headers' | 'littleEndian'>): ElfNote[] {
  return headersOf(file, PT.NOTE).flatMap((header) => {
    const bytes = source.read(header.offset, Math.min(header.fileBytes, NOTE_BYTES_MAX));
    return notesOf(bytes, file.littleEndian, header.align === 8 ? 8 : 4);
  });
}

function notesOf(bytes: Uint8Array, littleEndian: boolean, align: number): ElfNote[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const notes: ElfNote[] = [];
  let at = 0;
  while (at + 12 <= bytes.length) {
    const nameBytes = view.getUint32(at, littleEndian);
    const contentBytes = view.getUint32(at + 4, littleEndian);
    const type = view.getUint32(at + 8, littleEndian);
    const contentAt = at + 12 + Math.ceil(nameBytes / 4) * 4;
    const start = Math.ceil(contentAt / align) * align;
    if (start + contentBytes > bytes.length) break;
    const name = new TextDecoder().decode(bytes.subarray(at + 12, at + 12 + Math.max(0, nameBytes - 1)));
    notes.push({ name, type, content: bytes.slice(start, start + contentBytes) });
    at = Math.ceil((start + contentBytes) / align) * align;
  }
  return notes;
}

/** One property of PT_GNU_PROPERTY: its type, and its value where it is a number. */
export interface ElfProperty {
  type: number;
  value: number;
}

/** `NT_GNU_PROPERTY_TYPE_0`, of the owner GNU. */
const GNU_PROPERTY_NOTE = 5;

/** `GNU_PROPERTY_AARCH64_FEATURE_1_AND` [arch/arm64/include/asm/elf.h:arch_parse_elf_property]. */
export const AARCH64_FEATURES = 0xc0000000;

/**
 * The properties of a file: exec reads those of the interpreter where there is one, else the program's. A property that reaches
 * past its note ends the list.
 *
 * @example
 * ```ts
 * const source: ByteSource = { name: 'a', sizeBytes: 0, read: () => new Uint8Array(0) };
 * readProperties(source, { headers: [], littleEndian: true, bits: 64 }); // []
 * ```
 */
export function readProperties(
  source: ByteSource,
  file: Pick<ElfFile, 'headers' | 'littleEndian' | 'bits'>,
): ElfProperty[] {
  const [header] = headersOf(file, PT.GNU_PROPERTY);
  if (header === undefined) return [];
  const align = file.bits / 8;
  const bytes = source.read(header.offset, Math.min(header.fileBytes, NOTE_BYTES_MAX));
  const notes = notesOf(bytes, file.littleEndian, align);
  const content = notes.find(({ name, type }) => name === 'GNU' && type === GNU_PROPERTY_NOTE)?.content;
  if (content === undefined) return [];
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const properties: ElfProperty[] = [];
  for (let at = 0; at + 8 <= content.length; ) {
    const lengthBytes = view.getUint32(at + 4, file.littleEndian);
    if (at + 8 + lengthBytes > content.length) break;
    const value = lengthBytes >= 4 ? view.getUint32(at + 8, file.littleEndian) : 0;
    properties.push({ type: view.getUint32(at, file.littleEndian), value });
    at += 8 + Math.ceil(lengthBytes / align) * align;
  }
  return properties;
}

/**
 * The page size that a program's notes ask for: four bytes of size in the note `PAGE_SIZE_NOTE`; 0 without one.
 *
 * @example
 * ```ts
 * const content = new Uint8Array([0, 0, 1, 0]);
 * notedPageBytes([{ name: 'Granule', type: 1, content }], true); // 65536
 * ```
 */
export function notedPageBytes(notes: readonly ElfNote[], littleEndian: boolean): number {
  const note = notes.find(({ name, type }) => name === PAGE_SIZE_NOTE.name && type === PAGE_SIZE_NOTE.type);
  if (note === undefined || note.content.length < 4) return 0;
  const { buffer, byteOffset, byteLength } = note.content;
  return new DataView(buffer, byteOffset, byteLength).getUint32(0, littleEndian);
}
