/**
 * A recorded address space, with the memory of who chose each address. Where the kernel chose it, a kernel of another page
 * size would have chosen another, aligned to its own pages, and the program's arithmetic would start from there; so what
 * counts of an address is its distance from where its mapping begins.
 *
 * @models S-20
 */
import { MAP, MREMAP } from '../../mm/abi/numbers.ts';
import { ByteRanges } from '../../mm/elf/byteRanges.ts';
import type { ImageSegment } from '../../mm/runs.ts';
import { alignUp, Layout, type Mapping } from '../../trace/layout.ts';
import type { RecordedEvent } from '../../trace/recordedCalls.ts';

/** A successful or failed call with what it was answered. */
export type CallEvent = Extract<RecordedEvent, { kind: 'call' }>;

/** Memory whose place was chosen once: everything in it moves together. */
export interface PlacedObject {
  /** Who chose the place: the kernel, the program by MAP_FIXED, or exec. */
  chosenBy: 'kernel' | 'program' | 'exec';
  base: number;
  lengthBytes: number;
  /** The address that the program proposed; 0 where it left the choice to the kernel. */
  hint: number;
  /** Of the call that made it. */
  place: string;
  prot: number;
  flags: number;
  file: string | null;
  heap: boolean;
  /** The lowest address in it that the program rounded itself, to more than a page: from there on it counts from there. */
  anchor: number;
  /** A library that ld.so maps. */
  library: boolean;
}

/** Pages of the kernel that the calls were recorded on. */
export const RECORDED_PAGE_BYTES = 4096;

/** An address that is a multiple of so many process pages was rounded by the program: chance would be too great. */
const SELF_ALIGNED_PAGES = 4;

/**
 * What is mapped, and which object each address belongs to.
 *
 * @example
 * ```ts
 * const space = new RecordedSpace();
 * const call = { op: 'mmap' as const, addr: 0, lengthBytes: 8192, prot: 3, flags: 0x22, file: null, offsetBytes: 0 };
 * space.apply({ kind: 'call', place: 'line 1', space: 1, call, result: 0x7f0000001000, errno: '' });
 * space.residue(0x7f0000002000, 65536); // 4096
 * ```
 */
export class RecordedSpace {
  layout: Layout = new Layout(RECORDED_PAGE_BYTES);
  private readonly objects: ByteRanges<PlacedObject> = new ByteRanges();
  private heap: PlacedObject | null = null;

  /** What exec laid out, where it is known. Segments of one file are one object. */
  addImage(image: readonly ImageSegment[]): void {
    let current: PlacedObject | null = null;
    for (const { kind, addr, lengthBytes, prot, file, offsetBytes } of image) {
      this.layout.place({ start: addr, end: addr + lengthBytes }, prot, file, offsetBytes);
      if (kind === 'heap') continue;
      if (current === null || file === null || current.file !== file)
        current = this.execObject(addr, lengthBytes, prot, file);
      current.lengthBytes = addr + lengthBytes - current.base;
      this.objects.put(current.base, addr + lengthBytes, current);
    }
  }

  private execObject(base: number, lengthBytes: number, prot: number, file: string | null): PlacedObject {
    const fixed = { heap: false, anchor: Number.MAX_SAFE_INTEGER, library: false, flags: 0, hint: 0 };
    return { ...fixed, chosenBy: 'exec', base, lengthBytes, place: 'exec', prot, file };
  }

  /** A copy for a child of fork. */
  copy(): RecordedSpace {
    const copy = new RecordedSpace();
    for (const { start, end, prot, file, offsetBytes, shared } of this.layout.mappings) {
      copy.layout.place({ start, end }, prot, file, offsetBytes, shared);
    }
    for (const { start, end, value } of this.objects.within(0, Number.MAX_SAFE_INTEGER))
      copy.objects.put(start, end, value);
    copy.heap = this.heap;
    return copy;
  }

  /** The object that an address lies in. */
  find(addr: number): PlacedObject | null {
    return this.objects.within(addr, addr + 1)[0]?.value ?? null;
  }

  /** The mappings of one object between two addresses, as they are before the call. */
  mapped(object: PlacedObject | null, start: number, end: number): Mapping[] {
    return this.objects
      .within(start, end)
      .filter(({ value }) => value === object)
      .flatMap((range) => this.layout.within(range.start, range.end));
  }

  /**
   * An address modulo the page size, as it would be had the kernel placed everything on whole pages of that size. Null where
   * exec laid it out and nobody recorded how.
   */
  residue(addr: number, pageBytes: number): number | null {
    const object = this.find(addr);
    if (object === null) return addr % pageBytes === 0 ? 0 : null;
    return residueIn(object, addr, pageBytes);
  }

  /** The same of an address where a range ends: one in or just behind the object. Its own end is a whole page. */
  endResidue(object: PlacedObject | null, end: number, pageBytes: number): number {
    if (object === null) return end % pageBytes;
    return end === object.base + object.lengthBytes ? 0 : residueIn(object, end, pageBytes);
  }

  /** What a call does. A call that failed does nothing. */
  apply({ call, result, errno, place }: CallEvent): void {
    if (errno !== '') return;
    if (call.op === 'mmap') {
      this.layout.apply({ ...call, addr: result });
      this.placeMapping(call, result, place);
    } else if (call.op === 'shmat') {
      // Its length is that of the segment, which another process may have made.
      this.objects.put(
        result,
        result + RECORDED_PAGE_BYTES,
        this.made(result, RECORDED_PAGE_BYTES, place, call.addr !== 0),
      );
    } else if (call.op === 'mremap') {
      this.layout.apply({ ...call, newAddr: result });
      this.moveMapping(call, result, place);
    } else if (call.op === 'brk') {
      this.layout.apply({ op: 'brk', addr: result });
      this.moveBreak(result, place);
    } else if (call.op === 'munmap' || call.op === 'mprotect' || call.op === 'pkey_mprotect') {
      this.layout.apply(call);
    }
  }

  private made(base: number, lengthBytes: number, place: string, fixed: boolean): PlacedObject {
    const chosenBy = fixed ? 'program' : 'kernel';
    const plain = {
      prot: 3,
      flags: 0,
      hint: 0,
      file: null,
      heap: false,
      anchor: Number.MAX_SAFE_INTEGER,
      library: false,
    };
    return { ...plain, chosenBy, base, lengthBytes, place };
  }

  private placeMapping(call: Extract<CallEvent['call'], { op: 'mmap' }>, result: number, place: string): void {
    const end = result + alignUp(call.lengthBytes, RECORDED_PAGE_BYTES);
    const fixed = (call.flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) !== 0;
    const around = fixed ? this.find(result) : null;
    if (around !== null) {
      this.objects.put(result, end, around);
      return;
    }
    const object = this.made(result, end - result, place, fixed);
    const { prot, flags, file } = call;
    // What ld.so of glibc maps has MAP_DENYWRITE, which nobody else gives [elf/dl-load.h: MAP_COPY].
    Object.assign(object, {
      prot,
      flags,
      file,
      hint: call.addr,
      library: file !== null && (flags & MAP.DENYWRITE) !== 0,
    });
    this.objects.put(result, end, object);
  }

  private moveMapping(call: Extract<CallEvent['call'], { op: 'mremap' }>, result: number, place: string): void {
    const end = result + alignUp(call.newLengthBytes, RECORDED_PAGE_BYTES);
    const fixed = (call.flags & MREMAP.FIXED) !== 0;
    const around = result === call.addr || fixed ? this.find(result) : null;
    this.objects.put(result, end, around ?? this.made(result, end - result, place, fixed));
  }

  private moveBreak(end: number, place: string): void {
    if (this.heap === null) {
      this.heap = { ...this.made(end, 0, place, false), heap: true };
      return;
    }
    this.heap.lengthBytes = Math.max(this.heap.lengthBytes, end - this.heap.base);
    this.objects.put(this.heap.base, end, this.heap);
  }
}

/**
 * Large areas are often made larger than needed, and what is before an aligned address is given back: allocators and garbage
 * collectors do. Such an address is aligned at any page size, however far it is from the start. Thread stacks and files are
 * not cut so.
 */
function residueIn(object: PlacedObject, addr: number, pageBytes: number): number {
  if (object.chosenBy === 'program') return addr % pageBytes;
  const fromBase = (addr - object.base) % pageBytes;
  const rounded = addr % (pageBytes * SELF_ALIGNED_PAGES) === 0 && fromBase !== 0;
  if (rounded && object.file === null && (object.flags & MAP.STACK) === 0)
    object.anchor = Math.min(object.anchor, addr);
  return addr < object.anchor ? fromBase : addr % pageBytes;
}
