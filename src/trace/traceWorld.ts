import { RUN_FETCH, RUN_PAGE_SHIFT, RUN_READ, RUN_WRITE } from '../mm/runs.ts';
import type { ImageSegment, RunBlock, TraceCall, TraceFile } from '../mm/runs.ts';
import { isUserfaultCall } from '../mm/userfaultfd/calls.ts';
import { FileSizes } from './fileSizes.ts';
import { inferImage } from './image.ts';
import { Layout, MAP_FIXED, PROT_WRITE, alignDown, alignUp } from './layout.ts';
import type { ByteRange } from './layout.ts';
import { PageDictionary } from './pageDictionary.ts';
import { RunBuilder } from './runBuilder.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
const READ = 1 << RUN_READ;
const WRITTEN = 1 << RUN_WRITE;
/** Calls that say that a range is mapped, and no more. */
const LOCKING_OR_ADVICE: ReadonlySet<string> = new Set(['mlock', 'mlock2', 'msync', 'madvise']);

/**
 * What an importer knows of a trace beside its accesses and calls.
 *
 * @example
 * ```ts
 * const facts: TraceFacts = { command: '', linked: false, program: null, interpreter: null };
 * facts.linked; // false
 * ```
 */
export interface TraceFacts {
  /** The command that was recorded; empty when unknown. */
  command: string;
  /** Whether the trace begins with a new program and holds its system calls, so that its image can be told apart. */
  linked: boolean;
  program: string | null;
  interpreter: string | null;
  /** What execve laid out, where the recorder could read it from the headers of the files; the rest is inferred. */
  segments?: readonly ImageSegment[];
  /** Page size that the program ran with, where it was another than 4K: what is inferred ends on its borders. */
  pageBytes?: number;
}

/**
 * Follows a trace as it is imported: accesses and calls go in, full blocks of runs come out, and at the end it knows the
 * page dictionary, the image that must have been there at the start, and the sizes of the files.
 *
 * @example
 * ```ts
 * const world = new TraceWorld(() => {});
 * world.builder.fetch(0x401, 0, 4);
 * world.builder.end();
 * world.image({ command: '', linked: false, program: null, interpreter: null })[0].addr; // 0x401000
 * ```
 */
export class TraceWorld {
  readonly builder: RunBuilder;
  readonly sizes: FileSizes = new FileSizes();
  private readonly layout: Layout = new Layout(PAGE_BYTES);
  private readonly dictionary: PageDictionary;
  /** Everything that calls ever mapped: the image cannot have been there. */
  private readonly everMapped: Layout = new Layout(PAGE_BYTES);
  /** Index of each page that was used though no call had mapped it. */
  private readonly imagePages: Map<number, number> = new Map();
  /** Uses of unmapped pages by calls: a buffer, a range whose protection changes. */
  private readonly imageUses: Map<number, number> = new Map();
  private firstFetched = -1;
  private firstWritten = -1;

  constructor(emit: (block: RunBlock) => void) {
    this.dictionary = new PageDictionary((index, page) => this.born(index, page));
    this.builder = new RunBuilder(this.dictionary, (block) => {
      if (block.firstRun === 0) this.noteFirst(block);
      emit(block);
    });
  }

  /** A system call with its effect on the mappings. Calls must come in order with the accesses. */
  call(call: TraceCall): void {
    this.noteUse(call);
    if (call.op === 'mmap' && call.file !== null) this.noteFile(call, call.file);
    for (const { start, end } of this.layout.apply(call)) {
      this.dictionary.forget(start / PAGE_BYTES, end / PAGE_BYTES);
      if (call.op !== 'munmap') this.everMapped.place({ start, end }, 0, null, 0);
    }
    if (call.op === 'mmap' && call.file !== null) {
      const instance = this.layout.find(call.addr)?.instance ?? 0;
      this.sizes.mapped(instance, call.file, call.offsetBytes + call.lengthBytes);
    }
    this.builder.call(call);
  }

  /** The page dictionary as it is. */
  pages(): Float64Array {
    return this.dictionary.pageNumbers();
  }

  /** The files named so far; `sizeOf` may know more of one that the program did not change. */
  files(facts: TraceFacts, sizeOf: (path: string) => number | null = () => null): TraceFile[] {
    for (const segment of this.image(facts)) {
      if (segment.file !== null) this.sizes.read(segment.file, segment.offsetBytes + segment.lengthBytes);
    }
    return this.sizes.list(sizeOf);
  }

  /** The image that the recorder read, and what beside it the trace's accesses prove. */
  image(facts: TraceFacts): ImageSegment[] {
    const known = facts.segments ?? [];
    const pages = new Map(this.imageUses);
    for (const [page, index] of this.imagePages) {
      pages.set(page, (pages.get(page) ?? 0) | this.dictionary.usage[index]);
    }
    for (const { addr, lengthBytes } of known) {
      const end = (addr + lengthBytes) / PAGE_BYTES;
      for (let page = addr / PAGE_BYTES; page < end; page += 1) pages.delete(page);
    }
    const { firstFetched, firstWritten } = this;
    const { linked, program, interpreter } = facts;
    const mapped = (firstPage: number, endPage: number): boolean => {
      const [start, end] = [firstPage * PAGE_BYTES, endPage * PAGE_BYTES];
      const free = this.everMapped.gaps(start, end).reduce((sum, gap) => sum + gap.end - gap.start, 0);
      return free < end - start;
    };
    const inferred = inferImage({ pages, firstFetched, firstWritten, mapped, linked, program, interpreter });
    const { pageBytes = PAGE_BYTES } = facts;
    const whole = inferred.map((segment) => {
      const addr = alignDown(segment.addr, pageBytes);
      return { ...segment, addr, lengthBytes: alignUp(segment.addr + segment.lengthBytes, pageBytes) - addr };
    });
    return [...known, ...whole].sort((a, b) => a.addr - b.addr);
  }

  private noteFirst(block: RunBlock): void {
    const pages = this.dictionary.pageNumbers();
    const firstOf = (kind: number): number => {
      const at = block.kind.subarray(0, block.count).indexOf(kind);
      return at < 0 ? -1 : pages[block.page[at]];
    };
    this.firstFetched = firstOf(RUN_FETCH);
    this.firstWritten = firstOf(RUN_WRITE);
  }

  private born(index: number, page: number): void {
    const mapping = this.layout.find(page * PAGE_BYTES);
    if (mapping === undefined) {
      if (!this.imagePages.has(page)) this.imagePages.set(page, index);
    } else if (mapping.file !== null) {
      // One byte of the page is proof enough: a mapping may reach beyond the end of its file by less than a page.
      this.sizes.read(mapping.file, mapping.offsetBytes + page * PAGE_BYTES - mapping.start + 1);
    }
  }

  private noteFile(call: Extract<TraceCall, { op: 'mmap' }>, file: string): void {
    this.sizes.named(file);
    if ((call.flags & MAP_FIXED) === 0) return;
    const under = this.layout.find(call.addr);
    if (under !== undefined && under.file === file) this.sizes.reserved(under.instance);
  }

  /** What a call does to memory that was there from the start is evidence of the image too. */
  private noteUse(call: TraceCall): void {
    if (call.op === 'read') this.use(call.buffer, call.lengthBytes, WRITTEN);
    else if (call.op === 'write') this.use(call.buffer, call.lengthBytes, READ);
    else if (call.op === 'mprotect' || call.op === 'pkey_mprotect') {
      // The loader makes read-only what it has just relocated (RELRO), so it was writable.
      this.use(call.addr, call.lengthBytes, (call.prot & PROT_WRITE) === 0 ? WRITTEN : READ);
    } else if (LOCKING_OR_ADVICE.has(call.op) && !isUserfaultCall(call) && 'addr' in call && 'lengthBytes' in call) {
      this.use(call.addr, call.lengthBytes, READ);
    }
  }

  private use(addr: number, lengthBytes: number, how: number): void {
    if (addr === 0 || lengthBytes === 0) return;
    const range: ByteRange = { start: alignDown(addr, PAGE_BYTES), end: alignUp(addr + lengthBytes, PAGE_BYTES) };
    for (const gap of this.layout.gaps(range.start, range.end)) {
      for (let page = gap.start / PAGE_BYTES; page < gap.end / PAGE_BYTES; page += 1) {
        this.imageUses.set(page, (this.imageUses.get(page) ?? 0) | how);
      }
    }
  }
}
