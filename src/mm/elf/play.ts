/**
 * Plays how a file is mapped, byte by byte: by exec [fs/binfmt_elf.c:load_elf_binary, load_elf_phdrs, total_mapping_size,
 * elf_load, elf_map, padzero; mm/mmap.c:vm_brk_flags; mm/util.c:vm_mmap] or by glibc's dynamic linker
 * [elf/dl-load.c:_dl_map_object_from_fd, elf/dl-map-segments.h:_dl_map_segments], and then how the dynamic linker takes
 * write permission away [elf/dl-reloc.c:_dl_protect_relro]. Each does what it does in pages of the size given.
 *
 * Addresses are those of the file: where the whole is moved, it is moved by whole pages. The CPU's architecture is not
 * looked at.
 *
 * @models L-11 X-03
 */
import { type ErrnoName, MMAP_MIN_ADDR, TASK_SIZE } from '../abi/numbers.ts';
import { ByteRanges } from './byteRanges.ts';
import { type ElfFile, ET, headersOf, type ProgramHeader, PT } from './elfFile.ts';

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;

/** Who maps the file. */
export type Loader = 'kernel' | 'ld.so';

/** How a file is to be mapped. */
export interface LoadRequest {
  pageBytes: number;
  loader: Loader;
  /** Has CAP_SYS_RAWIO: may map below mmap_min_addr. */
  privileged?: boolean;
}

/** Why a file is not mapped. */
export interface Refusal {
  /** The kernel's errno; EINVAL for the dynamic linker, whose message is `why`. */
  errno: ErrnoName;
  why: string;
  /**
   * Who learns of it: the caller of execve; nobody, because the point of no return is passed and the process is killed
   * (`fs/exec.c:bprm_execve`, SIGSEGV); or the user, by a message of the dynamic linker.
   */
  when: 'before-no-return' | 'killed' | 'ld.so';
}

/** What is mapped in the end. */
export interface Played {
  /** What each byte holds: the distance from address to file offset where it is a byte of the file, null where it is 0. */
  content: ByteRanges<number | null>;
  /** Protection, in whole pages. */
  rights: ByteRanges<number>;
  refusal: Refusal | null;
}

/** The most that program headers may take [fs/binfmt_elf.c:load_elf_phdrs]. */
const HEADERS_BYTES_MAX = 65536;

const down = (value: number, pageBytes: number): number => Math.floor(value / pageBytes) * pageBytes;
const up = (value: number, pageBytes: number): number => Math.ceil(value / pageBytes) * pageBytes;

/**
 * Plays the mapping of a file in pages of one size.
 *
 * @example
 * ```ts
 * const file = { name: 'a', sizeBytes: 64, bits: 64 as const, littleEndian: true, type: ET.DYN, machine: 183, entry: 0 };
 * const headers = { headerOffset: 64, headerEntryBytes: 56, entrySizeFits: true, headers: [], interpreter: null };
 * playLoad({ ...file, ...headers }, { pageBytes: 65536, loader: 'kernel' }).refusal?.errno; // 'ENOEXEC'
 * ```
 */
export function playLoad(file: ElfFile, request: LoadRequest): Played {
  const played: Played = { content: new ByteRanges(), rights: new ByteRanges(), refusal: null };
  const refusal = headersRefused(file, request) ?? mapAll(file, request, played) ?? protectRelro(file, request, played);
  return { ...played, refusal };
}

/** What is checked before anything is mapped. */
function headersRefused(file: ElfFile, { pageBytes, loader }: LoadRequest): Refusal | null {
  const when = loader === 'kernel' ? 'before-no-return' : 'ld.so';
  const refuse = (why: string): Refusal => ({ errno: 'ENOEXEC', why, when });
  if (file.type !== ET.EXEC && file.type !== ET.DYN) return refuse(`a file of type ${file.type} is no program`);
  if (!file.entrySizeFits) return refuse(`program headers of ${file.headerEntryBytes} bytes`);
  const tableBytes = file.headers.length * file.headerEntryBytes;
  if (tableBytes === 0) return refuse('no program headers');
  if (loader === 'kernel' && (tableBytes > HEADERS_BYTES_MAX || tableBytes > pageBytes)) {
    return refuse(`program headers of ${tableBytes} bytes do not fit in a page`);
  }
  if (headersOf(file, PT.LOAD).length > 0) return null;
  return loader === 'kernel' && file.type === ET.DYN
    ? { errno: 'EINVAL', why: 'nothing to load', when: 'killed' }
    : loader === 'ld.so'
      ? refuse('object file has no loadable segments')
      : null;
}

function mapAll(file: ElfFile, request: LoadRequest, played: Played): Refusal | null {
  const segments = headersOf(file, PT.LOAD);
  for (const segment of segments) {
    const refusal =
      request.loader === 'kernel'
        ? mapByKernel(file, segment, request, played)
        : mapByDynamicLinker(segment, request, played);
    if (refusal !== null) return refusal;
  }
  return null;
}

function mapByKernel(file: ElfFile, segment: ProgramHeader, request: LoadRequest, played: Played): Refusal | null {
  const { pageBytes } = request;
  const { vaddr, fileBytes, memoryBytes, prot } = segment;
  const kill = (errno: ErrnoName, why: string): Refusal => ({ errno, why, when: 'killed' });
  const start = down(vaddr, pageBytes);
  const within = vaddr - start;
  const taskBytes = file.bits === 32 ? 2 ** 32 : TASK_SIZE;
  if (fileBytes > 0) {
    // elf_map takes the offset in the page off the offset in the file; vm_mmap wants the rest to be whole pages.
    if ((segment.offset - within) % pageBytes !== 0) {
      return kill('EINVAL', 'address and file offset of a segment differ within a page');
    }
    if (up(within + fileBytes, pageBytes) > taskBytes) return kill('ENOMEM', 'a segment is larger than user memory');
    if (file.type === ET.EXEC && start < MMAP_MIN_ADDR && request.privileged !== true) {
      return kill('EPERM', 'a segment begins below mmap_min_addr');
    }
    played.content.put(start, up(vaddr + fileBytes, pageBytes), vaddr - segment.offset);
    played.rights.put(start, up(vaddr + fileBytes, pageBytes), prot);
  }
  if (fileBytes > memoryBytes) return kill('EINVAL', 'a segment has more bytes in the file than in memory');
  if (vaddr >= taskBytes || memoryBytes > taskBytes - vaddr) return kill('EINVAL', 'a segment is outside user memory');
  if (memoryBytes > fileBytes) zeroByKernel(segment, pageBytes, played);
  return null;
}

/** `elf_load`: what follows the bytes of the file is zero, in the last page by hand and then by anonymous memory. */
function zeroByKernel({ vaddr, fileBytes, memoryBytes, prot }: ProgramHeader, pageBytes: number, played: Played): void {
  // Without a byte of the file the anonymous memory begins with the page, whatever else is on it.
  const zeroStart = fileBytes > 0 ? vaddr + fileBytes : down(vaddr, pageBytes);
  if (fileBytes > 0 && (prot & PROT_WRITE) !== 0) played.content.put(zeroStart, up(zeroStart, pageBytes), null);
  const start = up(zeroStart, pageBytes);
  const end = up(vaddr + memoryBytes, pageBytes);
  played.content.put(start, end, null);
  played.rights.put(start, end, PROT_READ | PROT_WRITE | (prot & PROT_EXEC));
}

function mapByDynamicLinker(segment: ProgramHeader, { pageBytes }: LoadRequest, played: Played): Refusal | null {
  const { vaddr, offset, fileBytes, memoryBytes, prot } = segment;
  if ((vaddr - offset) % pageBytes !== 0) {
    return { errno: 'EINVAL', why: 'ELF load command address/offset not page-aligned', when: 'ld.so' };
  }
  const start = down(vaddr, pageBytes);
  const fileEnd = vaddr + fileBytes;
  played.content.put(start, up(fileEnd, pageBytes), vaddr - offset);
  played.rights.put(start, up(fileEnd, pageBytes), prot);
  if (memoryBytes > fileBytes) {
    // It makes a page writable for as long as it clears the end of it, so unlike the kernel it always does.
    const zeroPage = up(fileEnd, pageBytes);
    const end = Math.max(zeroPage, up(vaddr + memoryBytes, pageBytes));
    played.content.put(fileEnd, end, null);
    played.rights.put(zeroPage, end, prot);
  }
  return null;
}

/**
 * `_dl_protect_relro`: both ends are rounded down to pages, and nothing is done where they are then the same. What is
 * before the start on its page loses its rights too; what is after the last whole page keeps them.
 */
function protectRelro(file: ElfFile, { pageBytes }: LoadRequest, played: Played): Refusal | null {
  const header = headersOf(file, PT.GNU_RELRO).at(-1);
  if (header === undefined || header.memoryBytes === 0) return null;
  const start = down(header.vaddr, pageBytes);
  const end = down(header.vaddr + header.memoryBytes, pageBytes);
  const mapped = played.rights.within(start, end).reduce((sum, range) => sum + range.end - range.start, 0);
  if (mapped < end - start) {
    return { errno: 'ENOMEM', why: 'cannot apply additional memory protection after relocation', when: 'ld.so' };
  }
  played.rights.change(start, end, () => PROT_READ);
  return null;
}

/**
 * Who maps a file: the kernel maps programs, which are at a fixed address or name their interpreter; the dynamic linker
 * the rest.
 *
 * @example
 * ```ts
 * loaderOf({ type: ET.DYN, interpreter: null }); // 'ld.so'
 * ```
 */
export function loaderOf(file: Pick<ElfFile, 'type' | 'interpreter'>): Loader {
  return file.type === ET.EXEC || file.interpreter !== null ? 'kernel' : 'ld.so';
}
