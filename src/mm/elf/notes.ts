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
