import { invariant } from '../errors.ts';
import type { TraceCall } from '../mm/runs.ts';

/** May be read: PROT_READ of Linux's include/uapi/asm-generic/mman-common.h. */
export const PROT_READ = 1;
/** May be written: PROT_WRITE of the same file. */
export const PROT_WRITE = 2;
/** May be executed: PROT_EXEC of the same file. */
export const PROT_EXEC = 4;
/** Writes reach the file: MAP_SHARED of include/uapi/linux/mman.h. */
export const MAP_SHARED = 0x01;
/** Right at the address given: MAP_FIXED of include/uapi/asm-generic/mman-common.h. */
export const MAP_FIXED = 0x10;
/** No file: MAP_ANONYMOUS of the same file. */
export const MAP_ANONYMOUS = 0x20;
/** MREMAP_FIXED of include/uapi/linux/mman.h: right at the new address given. */
export const MREMAP_FIXED = 2;
/** MREMAP_DONTUNMAP of include/uapi/linux/mman.h: the old range stays mapped, and is empty. */
export const MREMAP_DONTUNMAP = 4;

/**
 * A mapping in force, in bytes from `start` up to but without `end`. Parts of one mapping keep its `instance`.
 *
 * @example
 * ```ts
 * const heap: Mapping = { start: 0x5000, end: 0x6000, prot: 3, file: null, offsetBytes: 0, shared: false, instance: 1 };
 * heap.end - heap.start; // 4096
 * ```
 */
export interface Mapping {
  start: number;
  end: number;
  prot: number;
  file: string | null;
  /** Offset in the file of the byte at `start`. */
  offsetBytes: number;
  /** MAP_SHARED: writes go to the file. */
  shared: boolean;
  /** Which call made it: counts up. */
  instance: number;
}

/**
 * A range of addresses in bytes: from `start` up to but without `end`.
 *
 * @example
 * ```ts
 * const range: ByteRange = { start: 0, end: 4096 };
 * range.end; // 4096
 * ```
 */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * `value` rounded up to a multiple of `unit`.
 *
 * @example
 * ```ts
 * alignUp(5000, 4096); // 8192
 * ```
 */
export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/**
 * `value` rounded down to a multiple of `unit`.
 *
 * @example
 * ```ts
 * alignDown(5000, 4096); // 4096
 * ```
 */
export function alignDown(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

/**
 * Which mappings are in force as a trace goes on: a plain sorted list with the effects of the memory calls on it, for
 * pages of one size. It knows ranges, permissions, files and nothing else; the machines model the rest.
 *
 * @example
 * ```ts
 * const layout = new Layout(4096);
 * layout.apply({ op: 'mmap', addr: 0x10000, lengthBytes: 5000, prot: 3, flags: 0x22, file: null, offsetBytes: 0 });
 * layout.find(0x11fff)?.end; // 0x12000
 * ```
 */
export class Layout {
  /** Sorted by start, never overlapping. */
  readonly mappings: Mapping[] = [];
  private readonly pageBytes: number;
  private breakEnd: number | null = null;
  private instances = 0;

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  /** The mapping that holds an address. */
  find(addr: number): Mapping | undefined {
    const at = this.firstEndingAfter(addr);
    const mapping = this.mappings[at];
    return mapping !== undefined && mapping.start <= addr ? mapping : undefined;
  }

  /** The parts of a range that no mapping covers. */
  gaps(start: number, end: number): ByteRange[] {
    const gaps: ByteRange[] = [];
    let from = start;
    for (const mapping of this.within(start, end)) {
      if (mapping.start > from) gaps.push({ start: from, end: mapping.start });
      from = mapping.end;
    }
    if (from < end) gaps.push({ start: from, end });
    return gaps;
  }

  /** Puts a mapping in place of whatever is there; returns its instance. */
  place(range: ByteRange, prot: number, file: string | null, offsetBytes: number, shared = false): number {
    this.instances += 1;
    this.insert({ ...range, prot, file, offsetBytes, shared, instance: this.instances });
    return this.instances;
  }

  /** The mappings that share at least a byte with a range. */
  within(start: number, end: number): Mapping[] {
    const first = this.firstEndingAfter(start);
    let count = 0;
    while (first + count < this.mappings.length && this.mappings[first + count].start < end) count += 1;
    return this.mappings.slice(first, first + count);
  }

  /** Takes away what is mapped in a range, cutting mappings at its ends. */
  remove(start: number, end: number): Mapping[] {
    this.cutAt(start);
    this.cutAt(end);
    return this.mappings.splice(this.firstEndingAfter(start), this.within(start, end).length);
  }

  /**
   * Does what a call does to the mappings. Returns the ranges whose pages are no longer what they were: unmapped, or
   * mapped anew.
   */
  apply(call: TraceCall): ByteRange[] {
    if (call.op === 'mmap') {
      const range = { start: call.addr, end: call.addr + alignUp(call.lengthBytes, this.pageBytes) };
      this.place(range, call.prot, call.file, call.offsetBytes, (call.flags & MAP_SHARED) !== 0);
      return [range];
    }
    if (call.op === 'munmap') {
      const range = { start: call.addr, end: call.addr + alignUp(call.lengthBytes, this.pageBytes) };
      this.remove(range.start, range.end);
      return [range];
    }
    if (call.op === 'mprotect' || call.op === 'pkey_mprotect') {
      const end = call.addr + alignUp(call.lengthBytes, this.pageBytes);
      for (const mapping of this.remove(call.addr, end)) this.insert({ ...mapping, prot: call.prot });
      return [];
    }
    if (call.op === 'mremap') return this.remap(call);
    if (call.op === 'brk') return this.moveBreak(call.addr);
    return [];
  }

  private moveBreak(addr: number): ByteRange[] {
    const end = alignUp(addr, this.pageBytes);
    const before = this.breakEnd;
    this.breakEnd = end;
    // The first brk tells where the heap begins; how far it already went, the image says.
    if (before === null || before === end) return [];
    if (end > before) {
      this.place({ start: before, end }, PROT_READ | PROT_WRITE, null, 0);
      return [{ start: before, end }];
    }
    this.remove(end, before);
    return [{ start: end, end: before }];
  }

  /** mm/mremap.c: in place, shrunk, grown, moved; a length of 0 makes a second mapping of the same pages. */
  private remap(call: Extract<TraceCall, { op: 'mremap' }>): ByteRange[] {
    const oldEnd = call.addr + alignUp(call.oldLengthBytes, this.pageBytes);
    const newEnd = call.newAddr + alignUp(call.newLengthBytes, this.pageBytes);
    const source = this.find(call.addr);
    if (source === undefined) return [];
    const copy = { ...source };
    if (call.newAddr === call.addr) {
      if (newEnd < oldEnd) {
        this.remove(newEnd, oldEnd);
        return [{ start: newEnd, end: oldEnd }];
      }
      if (newEnd > oldEnd) this.insert({ ...copy, start: oldEnd, end: newEnd, offsetBytes: offsetAt(copy, oldEnd) });
      return newEnd > oldEnd ? [{ start: oldEnd, end: newEnd }] : [];
    }
    const keep = call.oldLengthBytes === 0 || (call.flags & MREMAP_DONTUNMAP) !== 0;
    if (!keep) this.remove(call.addr, oldEnd);
    this.insert({ ...copy, start: call.newAddr, end: newEnd, offsetBytes: offsetAt(copy, call.addr) });
    const moved = { start: call.newAddr, end: newEnd };
    return call.oldLengthBytes === 0 ? [moved] : [{ start: call.addr, end: oldEnd }, moved];
  }

  private insert(mapping: Mapping): void {
    invariant(mapping.start < mapping.end, 'a mapping is not empty');
    this.remove(mapping.start, mapping.end);
    this.mappings.splice(this.firstEndingAfter(mapping.start), 0, mapping);
  }

  private cutAt(addr: number): void {
    const at = this.firstEndingAfter(addr);
    const mapping = this.mappings[at];
    if (mapping === undefined || mapping.start >= addr) return;
    const upper = { ...mapping, start: addr, offsetBytes: offsetAt(mapping, addr) };
    this.mappings.splice(at, 1, { ...mapping, end: addr }, upper);
  }

  /** Index of the first mapping that ends after an address. */
  private firstEndingAfter(addr: number): number {
    let low = 0;
    let high = this.mappings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.mappings[middle].end > addr) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The file offset of an address of a mapping. */
function offsetAt(mapping: Mapping, addr: number): number {
  return mapping.file === null ? 0 : mapping.offsetBytes + addr - mapping.start;
}
