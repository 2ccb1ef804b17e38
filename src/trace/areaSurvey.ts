import { GranuleError, invariant } from '../errors.ts';
import { RUN_CALL, RUN_PAGE_SHIFT } from '../mm/runs.ts';
import type { ImageSegment, RunSource, TraceCall } from '../mm/runs.ts';
import { isUserfaultCall } from '../mm/userfaultfd/calls.ts';
import { AreaSet } from './areas.ts';
import { Layout, MAP_ANONYMOUS, MAP_FIXED, MREMAP_DONTUNMAP, PROT_WRITE, alignDown, alignUp } from './layout.ts';
import type { ByteRange } from './layout.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
const NO_AREA = -1;

/** Calls on one range of addresses. */
type RangeCall = Extract<TraceCall, { addr: number; lengthBytes: number }>;

/** A range that a call moved: the cuts of both places must be the same. */
interface Move {
  from: number;
  fromStart: number;
  to: number;
  toStart: number;
  lengthBytes: number;
}

/**
 * A call of the trace with the area whose addresses it names; -1 when it names none.
 *
 * @example
 * ```ts
 * const surveyed: SurveyedCall = { call: { op: 'brk', addr: 0 }, area: 3, target: -1 };
 * surveyed.area; // 3
 * ```
 */
export interface SurveyedCall {
  call: TraceCall;
  area: number;
  /** The area that an mremap moved to. */
  target: number;
}

/**
 * Reads a trace once and finds out what moves together: the areas, where they must be cut, the area of every page index
 * and of every call. `relayout` then gives each area its place.
 *
 * @throws GranuleError TRACE_LAYOUT when an access lies in no mapping
 * @example
 * ```ts
 * const survey = new AreaSurvey(openTrace('fixtures/traces/true-kernel.gtr'));
 * survey.areas.roots().length > 5; // true
 * ```
 */
export class AreaSurvey {
  readonly areas: AreaSet = new AreaSet();
  /** Area of each page index. */
  readonly pageAreas: Int32Array;
  /** Area of each image segment. */
  readonly imageAreas: number[] = [];
  /** Every call of the trace, block by block. */
  readonly calls: SurveyedCall[][] = [];
  private readonly source: RunSource;
  /** What is mapped, with protections and files. */
  private readonly layout: Layout = new Layout(PAGE_BYTES);
  /** What is mapped, by area: `instanceAreas` of a mapping's instance. */
  private readonly owners: Layout = new Layout(PAGE_BYTES);
  private readonly instanceAreas: number[] = [];
  private readonly moves: Move[] = [];
  private heap = NO_AREA;
  private heapEnd = 0;
  /** Ordinal of the call at hand; 0 is the start of the trace. */
  private ordinal = 0;

  constructor(source: RunSource) {
    this.source = source;
    this.pageAreas = new Int32Array(source.pages.length).fill(NO_AREA);
    this.surveyImage(source.image);
    for (let index = 0; index * source.blockRuns < source.runs; index += 1) this.surveyBlock(index);
    this.alignMoves();
  }

  private surveyBlock(index: number): void {
    const block = this.source.block(index);
    const calls: SurveyedCall[] = [];
    for (let at = 0; at < block.count; at += 1) {
      if (block.kind[at] === RUN_CALL) {
        this.ordinal += 1;
        calls.push(this.surveyCall(block.calls[block.page[at]]));
        continue;
      }
      const page = block.page[at];
      if (this.pageAreas[page] !== NO_AREA) continue;
      const addr = this.source.pages[page] * PAGE_BYTES;
      const owner = this.owners.find(addr);
      if (owner === undefined) {
        const where = `${this.source.name}, run ${block.firstRun + at}`;
        throw new GranuleError(
          'TRACE_LAYOUT',
          `an access to 0x${addr.toString(16)} lies in no mapping`,
          where,
          'Import the trace again, so that its image is inferred.',
        );
      }
      this.pageAreas[page] = this.instanceAreas[owner.instance];
    }
    this.calls.push(calls);
  }

  /** Adjacent segments of one object are one area: a linker laid them out together. */
  private surveyImage(image: ImageSegment[]): void {
    let last: ImageSegment | null = null;
    for (const segment of image) {
      const range = { start: segment.addr, end: segment.addr + segment.lengthBytes };
      const joins =
        last !== null &&
        last.kind === segment.kind &&
        last.file === segment.file &&
        last.addr + last.lengthBytes === segment.addr;
      const kind = segment.kind === 'stack' ? 'stack' : 'mapped';
      const area = joins ? this.imageAreas[this.imageAreas.length - 1] : this.areas.create(kind, range, 0);
      this.imageAreas.push(area);
      this.areas.extend(area, range);
      this.putInto(area, range);
      this.areas.cut(area, range.start, 1);
      this.areas.cut(area, range.end, 1);
      this.layout.place(range, segment.prot, segment.file, segment.offsetBytes);
      const { file, offsetBytes } = segment;
      if (file !== null) this.areas.get(area).files.push({ ...range, offsetBytes, file });
      last = segment;
    }
  }

  private surveyCall(call: TraceCall): SurveyedCall {
    let area = NO_AREA;
    let target = NO_AREA;
    if (call.op === 'mmap') area = this.mapped(call);
    else if (call.op === 'mremap') [area, target] = this.remapped(call);
    else if (call.op === 'brk') area = this.breakMoved(call.addr);
    else if (call.op === 'read' || call.op === 'write') {
      const owner = this.owners.find(call.buffer);
      if (owner !== undefined) area = this.instanceAreas[owner.instance];
    } else if (!isUserfaultCall(call) && 'lengthBytes' in call && 'addr' in call) area = this.ranged(call);
    this.layout.apply(call);
    return { call, area, target };
  }

  private mapped(call: Extract<TraceCall, { op: 'mmap' }>): number {
    const range = { start: call.addr, end: call.addr + alignUp(call.lengthBytes, PAGE_BYTES) };
    const under = this.areasIn(range);
    const below = this.layout.find(call.addr - 1);
    // ld.so maps .bss right behind the file part of a writable segment (elf/dl-map-segments.h:_dl_map_segments).
    const bss =
      (call.flags & MAP_FIXED) !== 0 &&
      (call.flags & MAP_ANONYMOUS) !== 0 &&
      below !== undefined &&
      below.file !== null &&
      !below.shared &&
      (below.prot & PROT_WRITE) !== 0 &&
      under.length > 0;
    const area = under.length > 0 ? this.areas.join(under) : this.areas.create('mapped', range, this.ordinal);
    this.areas.extend(area, range);
    this.areas.cut(area, range.start, bss ? -1 : 1);
    this.areas.cut(area, range.end, 1);
    this.putInto(area, range);
    const { file, offsetBytes } = call;
    if (file !== null) this.areas.get(area).files.push({ ...range, offsetBytes, file });
    return area;
  }

  /** munmap, mprotect and the calls that only advise or ask: all that one range touches moves together. */
  private ranged(call: RangeCall): number {
    const start = alignDown(call.addr, PAGE_BYTES);
    const range = { start, end: alignUp(call.addr + call.lengthBytes, PAGE_BYTES) };
    const touched = this.areasIn(range);
    if (touched.length === 0) return NO_AREA;
    const area = this.areas.join(touched);
    if (call.op !== 'munmap' && call.op !== 'mprotect' && call.op !== 'pkey_mprotect') return area;
    const { start: low, end: high } = this.areas.get(area);
    if (range.start > low) this.areas.cut(area, range.start, 1);
    if (range.end < high) this.areas.cut(area, range.end, 1);
    if (call.op === 'munmap') this.takeOut(range);
    return area;
  }

  private remapped(call: Extract<TraceCall, { op: 'mremap' }>): [number, number] {
    const oldRange = { start: call.addr, end: call.addr + alignUp(call.oldLengthBytes, PAGE_BYTES) };
    const newRange = { start: call.newAddr, end: call.newAddr + alignUp(call.newLengthBytes, PAGE_BYTES) };
    const owner = this.owners.find(call.addr);
    const mapping = this.layout.find(call.addr);
    if (owner === undefined || mapping === undefined) return [NO_AREA, NO_AREA];
    const area = this.instanceAreas[owner.instance];
    this.areas.cut(area, oldRange.start, 1);
    if (oldRange.end < mapping.end) this.areas.cut(area, oldRange.end, 1);
    if (call.newAddr === call.addr) {
      if (newRange.end < oldRange.end) this.takeOut({ start: newRange.end, end: oldRange.end });
      if (newRange.end > oldRange.end) {
        // What grows in place is one stretch: its old end is a border no more.
        this.areas.extend(area, newRange);
        this.areas.cut(area, oldRange.end, -1);
        this.areas.cut(area, newRange.end, 1);
        this.putInto(area, { start: oldRange.end, end: newRange.end });
      }
      return [area, area];
    }
    if (call.oldLengthBytes > 0 && (call.flags & MREMAP_DONTUNMAP) === 0) this.takeOut(oldRange);
    const under = this.areasIn(newRange);
    const target = under.length > 0 ? this.areas.join(under) : this.areas.create('mapped', newRange, this.ordinal);
    this.areas.extend(target, newRange);
    this.areas.cut(target, newRange.start, 1);
    this.areas.cut(target, newRange.end, 1);
    this.putInto(target, newRange);
    const lengthBytes = Math.min(mapping.end - call.addr, newRange.end - newRange.start);
    this.moves.push({ from: area, fromStart: call.addr, to: target, toStart: call.newAddr, lengthBytes });
    return [area, target];
  }

  private breakMoved(addr: number): number {
    const end = alignUp(addr, PAGE_BYTES);
    if (this.heap === NO_AREA) {
      this.heap = this.areas.create('heap', { start: end, end }, 0);
      this.heapEnd = end;
    }
    if (end > this.heapEnd) {
      this.areas.extend(this.heap, { start: this.heapEnd, end });
      this.putInto(this.heap, { start: this.heapEnd, end });
    } else if (end < this.heapEnd) this.takeOut({ start: end, end: this.heapEnd });
    this.heapEnd = end;
    return this.heap;
  }

  /** Repeats the cuts of a moved range at its other place, until nothing changes. */
  private alignMoves(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const { from, fromStart, to, toStart, lengthBytes } of this.moves) {
        changed = this.copyCuts(from, fromStart, to, toStart, lengthBytes) || changed;
        changed = this.copyCuts(to, toStart, from, fromStart, lengthBytes) || changed;
      }
    }
  }

  private copyCuts(from: number, fromStart: number, to: number, toStart: number, lengthBytes: number): boolean {
    let changed = false;
    for (const addr of Array.from(this.areas.get(from).cuts.keys())) {
      const there = addr - fromStart + toStart;
      if (addr <= fromStart || addr >= fromStart + lengthBytes || this.areas.get(to).cuts.has(there)) continue;
      this.areas.cut(to, there, 1);
      changed = true;
    }
    return changed;
  }

  private areasIn(range: ByteRange): number[] {
    const found = new Set<number>();
    for (const mapping of this.owners.within(range.start, range.end)) {
      found.add(this.areas.find(this.instanceAreas[mapping.instance]));
    }
    return [...found];
  }

  private putInto(area: number, range: ByteRange): void {
    this.takeOut(range, area);
    this.instanceAreas[this.owners.place(range, 0, null, 0)] = area;
    this.areas.get(area).mappedBytes += range.end - range.start;
  }

  /** `keep` does not die of it: something else takes the place at once. */
  private takeOut(range: ByteRange, keep = NO_AREA): void {
    for (const mapping of this.owners.remove(range.start, range.end)) {
      const area = this.areas.get(this.instanceAreas[mapping.instance]);
      area.mappedBytes -= mapping.end - mapping.start;
      invariant(area.mappedBytes >= 0, 'no more is unmapped than was mapped');
      const kept = keep !== NO_AREA && area === this.areas.get(keep);
      if (area.mappedBytes === 0 && !kept && area.kind === 'mapped') area.died = this.ordinal;
    }
  }
}
