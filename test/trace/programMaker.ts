import type { ImageSegment, TraceCall, TraceFile } from '../../src/mm/runs.ts';
import { Layout } from '../../src/trace/layout.ts';
import type { Mapping } from '../../src/trace/layout.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';

const PAGE = 4096;
const FILE_BYTES = 1 << 30;

/** Makes up a program out of random choices: whatever it does is legal on 4K pages. */
export class ProgramMaker {
  readonly steps: TraceStep[] = [{ access: 'W', addr: 0x7fff_0000 }];
  readonly image: ImageSegment[] = [
    { kind: 'program', addr: 0x108000, lengthBytes: 3 * PAGE, prot: 5, file: 'program', offsetBytes: 0 },
    { kind: 'program', addr: 0x10b000, lengthBytes: 4 * PAGE, prot: 3, file: 'program', offsetBytes: 3 * PAGE },
    { kind: 'stack', addr: 0x7ffe_9000, lengthBytes: 8 * PAGE, prot: 3, file: null, offsetBytes: 0 },
  ];
  private readonly layout: Layout = new Layout(PAGE);
  private breakAt = 0x20_5000;
  private readonly paths: Set<string> = new Set(['program']);

  constructor() {
    for (const { addr, lengthBytes, prot, file, offsetBytes } of this.image) {
      this.layout.place({ start: addr, end: addr + lengthBytes }, prot, file, offsetBytes);
    }
    this.call({ op: 'brk', addr: this.breakAt });
  }

  files(): TraceFile[] {
    return [...this.paths].map((path) => ({ path, sizeBytes: FILE_BYTES }));
  }

  step(what: number, first: number, second: number): void {
    if (what < 40) this.access(first, second);
    else if (what < 50) this.map(null, first, second);
    else if (what < 58) this.map(`data${second % 2}`, first, second);
    else if (what < 64) this.library(first, second);
    else if (what < 72) this.protect(first, second);
    else if (what < 80) this.unmap(first, second);
    else if (what < 88) this.remap(first, second);
    else if (what < 94) this.moveBreak(first);
    else this.advise(first, second);
  }

  private access(first: number, second: number): void {
    const mapping = this.mapping(first);
    if (mapping.prot === 0) return;
    const addr = mapping.start + (second % ((mapping.end - mapping.start) / PAGE)) * PAGE;
    const kinds = (['R', 'W', 'X'] as const).filter((_, bit) => (mapping.prot & (1 << bit)) !== 0);
    this.steps.push({ access: kinds[(first + second) % kinds.length], addr, sizeBytes: 8 });
  }

  private map(file: string | null, first: number, second: number): void {
    const lengthBytes = (1 + (first % 40)) * PAGE - (second % 100);
    const offsetBytes = file === null ? 0 : (second % 23) * PAGE;
    const prot = [3, 1, 5, 3][first % 4];
    if (file !== null) this.paths.add(file);
    this.call({
      op: 'mmap',
      addr: this.free(lengthBytes, second),
      lengthBytes,
      prot,
      flags: file === null ? 0x22 : 2,
      file,
      offsetBytes,
    });
  }

  private library(first: number, second: number): void {
    const file = `lib${first % 2}.so`;
    this.paths.add(file);
    const [text, data, bss] = [1 + (first % 9), 1 + (second % 5), second % 4];
    const size = (2 + text + data + bss) * PAGE;
    const base = this.free(size, second);
    const fixed = (page: number, pages: number, prot: number, offset: number): void =>
      this.call({
        op: 'mmap',
        addr: base + page * PAGE,
        lengthBytes: pages * PAGE,
        prot,
        flags: 0x812,
        file,
        offsetBytes: offset * PAGE,
      });
    this.call({ op: 'mmap', addr: base, lengthBytes: size, prot: 1, flags: 0x802, file, offsetBytes: 0 });
    fixed(2, text, 5, 2);
    fixed(2 + text, data, 3, 1 + text);
    if (bss > 0) {
      const addr = base + (2 + text + data) * PAGE;
      this.call({ op: 'mmap', addr, lengthBytes: bss * PAGE, prot: 3, flags: 0x32, file: null, offsetBytes: 0 });
    }
    if (first % 3 !== 0) this.call({ op: 'mprotect', addr: base + (2 + text) * PAGE, lengthBytes: PAGE, prot: 1 });
  }

  private protect(first: number, second: number): void {
    const { start, lengthBytes } = this.part(first, second);
    this.call({ op: 'mprotect', addr: start, lengthBytes, prot: [0, 1, 3, 5, 3][second % 5] });
  }

  private unmap(first: number, second: number): void {
    const { start, lengthBytes } = this.part(first, second);
    this.call({ op: 'munmap', addr: start, lengthBytes });
  }

  private advise(first: number, second: number): void {
    const { start, lengthBytes } = this.part(first, second);
    this.call({ op: 'madvise', addr: start, lengthBytes, advice: 4 });
  }

  /** Of one anonymous mapping, from its start on: in place, smaller, larger where there is room, or elsewhere. */
  private remap(first: number, second: number): void {
    const mapping = this.mapping(first);
    if (mapping.file !== null || mapping.start < 0x100_0000 || mapping.start > 0x7000_0000) return;
    const oldLengthBytes = mapping.end - mapping.start;
    const newLengthBytes = (1 + (second % 30)) * PAGE;
    const more = { start: mapping.end, end: mapping.start + newLengthBytes };
    const fits = more.end <= more.start || this.layout.within(more.start, more.end).length === 0;
    const newAddr = fits && second % 3 > 0 ? mapping.start : this.free(newLengthBytes, second);
    this.call({ op: 'mremap', addr: mapping.start, oldLengthBytes, newLengthBytes, flags: 1, newAddr });
  }

  private moveBreak(first: number): void {
    this.breakAt = Math.max(0x20_5000, this.breakAt + (first - 400) * 64);
    this.call({ op: 'brk', addr: this.breakAt });
  }

  private call(call: TraceCall): void {
    this.steps.push(call);
    this.layout.apply(call);
  }

  /** Some mapping; the heap, program and stack among them. */
  private mapping(first: number): Mapping {
    return this.layout.mappings[first % this.layout.mappings.length];
  }

  /** A part of some mapping that calls made, or of it and its neighbour. */
  private part(first: number, second: number): { start: number; lengthBytes: number } {
    const movable = this.layout.mappings.filter(
      ({ start }) => start < 0x20_0000 || (start >= 0x100_0000 && start < 0x7000_0000),
    );
    const made = movable.length > 0 ? movable : this.layout.mappings;
    const at = first % made.length;
    const mapping = made[at];
    const next = made[at + 1];
    const end = second % 5 === 0 && next !== undefined && next.start === mapping.end ? next.end : mapping.end;
    const pages = (end - mapping.start) / PAGE;
    const from = first % pages;
    const count = 1 + (second % (pages - from));
    return { start: mapping.start + from * PAGE, lengthBytes: count * PAGE };
  }

  /** A free address, often right behind another mapping, as Linux packs them. */
  private free(lengthBytes: number, second: number): number {
    let start = 0x100_0000 + (second % 3) * 0x100000;
    for (const mapping of this.layout.mappings) {
      if (mapping.end <= start || mapping.start >= start + lengthBytes + PAGE) continue;
      start = mapping.end;
    }
    return start;
  }
}
