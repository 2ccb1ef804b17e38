/**
 * A program that can be executed, as its file describes itself, and whether it fits in pages of a size together with its
 * interpreter.
 *
 * @models S-19 L-11 X-03
 */
import type { ErrnoName } from '../abi/numbers.ts';
import { type ElfFile, ET, linkedAlign, type ProgramHeader, PT } from '../elf/elfFile.ts';
import { ByteRanges } from '../elf/byteRanges.ts';
import { playLoad } from '../elf/play.ts';
import { judgeElf, type Outcome } from '../elf/verdict.ts';
import type { ImageSegment } from '../runs.ts';

/** A program among those that execve finds, by its path. */
export interface ProgramImage {
  path: string;
  /** At a fixed address, or anywhere. */
  type: 'exec' | 'dyn';
  headers: ProgramHeader[];
  sizeBytes: number;
  /** Page size in its note; 0 without one. */
  notedPageBytes: number;
  /** Path of its interpreter. */
  interpreter: string | null;
  /** Set-user-ID: it runs with more rights than its caller. */
  setId: boolean;
}

/**
 * The image as a file.
 *
 * @example
 * ```ts
 * const image = { path: '/a', type: 'exec' as const, headers: [], sizeBytes: 0, notedPageBytes: 0 };
 * elfOf({ ...image, interpreter: null, setId: false }).name; // '/a'
 * ```
 */
export function elfOf({ path, type, headers, sizeBytes, interpreter }: ProgramImage): ElfFile {
  const about = { name: path, sizeBytes, bits: 64 as const, littleEndian: true, machine: 183, entry: 0, interpreter };
  const table = { headerOffset: 64, headerEntryBytes: 56, entrySizeFits: true };
  return { ...about, ...table, type: type === 'exec' ? ET.EXEC : ET.DYN, headers };
}

/** Whether a program can be run in pages of a size. */
export interface Fit {
  /** The worse outcome of program and interpreter. */
  outcome: Outcome;
  /** Why it is refused; empty otherwise. */
  errno: ErrnoName | '';
  /** It is refused before the caller's memory is gone. */
  early: boolean;
  /** Merged rights and anonymous copies would help: it does not fit in the pages, and nothing else is wrong with it. */
  curable: boolean;
}

const ORDER: readonly Outcome[] = ['as-is', 'weaker', 'broken', 'refused'];

/**
 * Judges program and interpreter: one mm, so one page size for both.
 *
 * @example
 * ```ts
 * const load = { type: PT.LOAD, offset: 0x1000, vaddr: 0x2000, fileBytes: 9, memoryBytes: 9, align: 4096, prot: 5 };
 * const image = { path: '/a', type: 'dyn' as const, headers: [load], sizeBytes: 9999, notedPageBytes: 0 };
 * fitOf([{ ...image, interpreter: null, setId: false }], 65536).outcome; // 'refused'
 * ```
 */
export function fitOf(images: readonly ProgramImage[], pageBytes: number): Fit {
  let fit: Fit = { outcome: 'as-is', errno: '', early: false, curable: true };
  images.forEach((image, at) => {
    const { outcome, refusal } = judgeElf(elfOf(image), pageBytes, 'kernel');
    if (ORDER.indexOf(outcome) <= ORDER.indexOf(fit.outcome)) return;
    const early = refusal?.when === 'before-no-return';
    // A bad interpreter is no bad program [fs/binfmt_elf.c:load_elf_binary: ELIBBAD before, any errno past no return].
    const errno = refusal === null ? '' : at > 0 && early ? 'ELIBBAD' : refusal.errno;
    const misaligned = image.headers.some((h) => h.type === PT.LOAD && (h.vaddr - h.offset) % pageBytes !== 0);
    fit = { outcome, errno, early, curable: refusal === null || (refusal.errno === 'EINVAL' && misaligned) };
  });
  return fit;
}

/**
 * The page size that a file asks for by itself; 0 for none.
 *
 * @example
 * ```ts
 * const image = { path: '/a', type: 'exec' as const, headers: [], sizeBytes: 0, notedPageBytes: 16384 };
 * askedByFile({ ...image, interpreter: null, setId: false }, 'note', 4096); // 16384
 * ```
 */
export function askedByFile(image: ProgramImage, how: 'note' | 'p-align' | 'absent', kernelPageBytes: number): number {
  if (how === 'note') return image.notedPageBytes;
  if (how === 'absent') return 0;
  const align = linkedAlign({ headers: image.headers.filter(({ type }) => type === PT.LOAD) });
  // Linked for more than 64K is no page size; for the kernel's or less it asks for nothing.
  return align > kernelPageBytes && (align === 16384 || align === 65536) ? align : 0;
}

/**
 * The areas of a program, as `src/mm/elf/play.ts` plays the loader; with `copied`, anonymous memory with the rights of all
 * segments on a page.
 *
 * @example
 * ```ts
 * const load = { type: PT.LOAD, offset: 0, vaddr: 0x400000, fileBytes: 9, memoryBytes: 9, align: 65536, prot: 5 };
 * const image = { path: '/a', type: 'exec' as const, headers: [load], sizeBytes: 9999, notedPageBytes: 0 };
 * areasOf({ ...image, interpreter: null, setId: false }, 65536, false)[0]?.lengthBytes; // 65536
 * ```
 */
export function areasOf(image: ProgramImage, pageBytes: number, copied: boolean): ImageSegment[] {
  if (copied) return copiedAreas(image, pageBytes);
  const { content, rights } = playLoad(elfOf(image), { pageBytes, loader: 'kernel' });
  return rights.within(0, Number.MAX_SAFE_INTEGER).map(({ start, end, value: prot }) => {
    const bias = content.within(start, end)[0]?.value ?? null;
    const from = bias === null ? { file: null, offsetBytes: 0 } : { file: image.path, offsetBytes: start - bias };
    return { kind: 'program' as const, addr: start, lengthBytes: end - start, prot, ...from };
  });
}

function copiedAreas(image: ProgramImage, pageBytes: number): ImageSegment[] {
  const pages = new ByteRanges<number>();
  for (const { type, vaddr, memoryBytes, prot } of image.headers) {
    if (type !== PT.LOAD || memoryBytes === 0) continue;
    const start = Math.floor(vaddr / pageBytes) * pageBytes;
    const end = Math.ceil((vaddr + memoryBytes) / pageBytes) * pageBytes;
    const before = pages.within(start, end);
    pages.put(start, end, prot);
    for (const range of before) pages.change(range.start, range.end, (now) => now | range.value);
  }
  return pages.within(0, Number.MAX_SAFE_INTEGER).map(({ start, end, value: prot }) => {
    return { kind: 'program' as const, addr: start, lengthBytes: end - start, prot, file: null, offsetBytes: 0 };
  });
}
