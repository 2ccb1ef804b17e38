/**
 * The libraries that ld.so mapped, out of its calls: they are its arithmetic on the file's program headers, so that they are
 * judged as a file is, and not call by call.
 *
 * @models L-11 X-03
 */
import { MAP } from '../../mm/abi/numbers.ts';
import { type ElfFile, ET, type ProgramHeader, PT } from '../../mm/elf/elfFile.ts';
import { judgeElf, type Verdict } from '../../mm/elf/verdict.ts';
import { alignUp } from '../../trace/layout.ts';
import { type CallEvent, type PlacedObject, RECORDED_PAGE_BYTES, type RecordedSpace } from './space.ts';

/** A library with its verdict. Segments are known in whole pages of the recording kernel. */
export interface JudgedLibrary {
  file: string;
  place: string;
  verdict: Verdict;
}

interface Seen {
  file: string;
  /** Where its first segment begins. */
  base: number;
  place: string;
  loads: ProgramHeader[];
  relro: ProgramHeader[];
}

/**
 * Gathers what ld.so does, library by library.
 *
 * @example
 * ```ts
 * new LibraryCalls().judge(65536); // []
 * ```
 */
export class LibraryCalls {
  private readonly seen: Map<PlacedObject, Seen> = new Map();

  /** Takes a call if it is ld.so's, before it is applied; false for any other. `after` is called once it is applied. */
  takes({ call, errno, place }: CallEvent, space: RecordedSpace): boolean {
    if (errno !== '' || !('addr' in call)) return false;
    const object = space.find(call.addr);
    if (object === null) return false;
    this.noteAligned(call, object, place);
    const library = this.seen.get(object);
    if (library === undefined) return false;
    // Other dynamic linkers than glibc's are known by code of the same file inside its first mapping.
    if (call.op === 'mmap' && call.file === library.file && ((call.prot | object.prot) & 4) !== 0)
      object.library = true;
    if (!object.library) return false;
    const vaddr = call.addr - library.base;
    if (call.op === 'mmap' && (call.flags & MAP.FIXED) !== 0) {
      if (call.file === null) this.addBss(library, vaddr, call.lengthBytes);
      else if (call.file === library.file) this.addLoad(library, vaddr, call);
      else return false;
      return true;
    }
    if (call.op === 'munmap') return true;
    if (call.op !== 'mprotect') return false;
    if (call.prot === 1) library.relro.push(header(PT.GNU_RELRO, vaddr, 0, call.lengthBytes, 1));
    if (call.prot === 0) this.addHole(library, vaddr);
    return call.prot <= 1;
  }

  /** Notes a new library, after its first mapping was applied. */
  noteFirst({ call, result, place, errno }: CallEvent, space: RecordedSpace): void {
    if (errno !== '' || call.op !== 'mmap' || call.file === null || (call.flags & MAP.FIXED) !== 0) return;
    const object = space.find(result);
    if (object === null || this.seen.has(object)) return;
    const first = header(PT.LOAD, 0, call.offsetBytes, alignUp(call.lengthBytes, RECORDED_PAGE_BYTES), call.prot);
    this.seen.set(object, { file: call.file, base: result, place, loads: [first], relro: [] });
  }

  /** A library of larger alignment goes into an area that was made larger than it [elf/dl-map-segments.h:_dl_map_segment_align]. */
  private noteAligned(call: CallEvent['call'], object: PlacedObject, place: string): void {
    if (call.op !== 'mmap' || call.file === null || object.file !== null || this.seen.has(object)) return;
    if ((call.flags & MAP.FIXED) === 0 || (call.flags & MAP.DENYWRITE) === 0) return;
    object.library = true;
    this.seen.set(object, { file: call.file, base: call.addr, place, loads: [], relro: [] });
  }

  private addLoad(library: Seen, vaddr: number, call: Extract<CallEvent['call'], { op: 'mmap' }>): void {
    this.addHole(library, vaddr);
    const length = alignUp(call.lengthBytes, RECORDED_PAGE_BYTES);
    library.loads.push(header(PT.LOAD, vaddr, call.offsetBytes, length, call.prot));
  }

  private addBss(library: Seen, vaddr: number, lengthBytes: number): void {
    const last = library.loads.at(-1);
    if (last !== undefined) last.memoryBytes = vaddr + alignUp(lengthBytes, RECORDED_PAGE_BYTES) - last.vaddr;
  }

  /** The first mapping is as long as the whole library; it ends where another begins. */
  private addHole(library: Seen, vaddr: number): void {
    for (const load of library.loads) {
      if (load.vaddr >= vaddr || load.vaddr + load.memoryBytes <= vaddr) continue;
      load.fileBytes = Math.min(load.fileBytes, vaddr - load.vaddr);
      load.memoryBytes = vaddr - load.vaddr;
    }
  }

  /** One verdict for each library that was mapped, each file once. */
  judge(pageBytes: number): JudgedLibrary[] {
    const judged = new Map<string, JudgedLibrary>();
    for (const [object, { file, place, loads, relro }] of this.seen) {
      if (!object.library || judged.has(file)) continue;
      judged.set(file, { file, place, verdict: judgeElf(asElf(file, [...loads, ...relro]), pageBytes, 'ld.so') });
    }
    return [...judged.values()];
  }
}

function header(type: number, vaddr: number, offset: number, lengthBytes: number, prot: number): ProgramHeader {
  const sizes = { fileBytes: lengthBytes, memoryBytes: lengthBytes };
  return { type, vaddr, offset, ...sizes, prot, align: RECORDED_PAGE_BYTES };
}

function asElf(name: string, headers: ProgramHeader[]): ElfFile {
  const about = { bits: 64 as const, littleEndian: true, type: ET.DYN, machine: 0, entry: 0, interpreter: null };
  const table = { headerOffset: 64, headerEntryBytes: 56, entrySizeFits: true };
  return { name, sizeBytes: Number.MAX_SAFE_INTEGER, ...about, ...table, headers };
}
