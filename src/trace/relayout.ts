import { GranuleError, invariant } from '../errors.ts';
import { RUN_PAGE_SHIFT } from '../mm/runs.ts';
import type { ImageSegment, RunBlock, RunSource, TraceCall } from '../mm/runs.ts';
import { AreaSurvey } from './areaSurvey.ts';
import type { SurveyedCall } from './areaSurvey.ts';
import { PROT_WRITE, alignDown, alignUp } from './layout.ts';
import { contentHash } from './memoryTrace.ts';
import { PlacedArea, newRange } from './placedArea.ts';
import { Placement } from './placement.ts';
import { RelinkedFiles } from './relinkedFiles.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
/** Where the lowest area goes: 4 MiB, aligned for every page size, and where non-PIE programs begin. */
const LOWEST_ADDRESS = 0x400000;
const LAID_OUT_NAME = /~(?:16|64)K$/;

/**
 * A trace as its program would have made it if it were linked for, and run with, pages of `pageSizeBytes`: every mapping and
 * every part of one that a call treats by itself begins a page of its own, files that must be are linked again (their names
 * get `~64K`), .bss goes on in the last page of .data, heap and stack keep their inner distances. Accesses move with their
 * pages: the runs stay what they are, the dictionary and the calls change.
 *
 * Calls that have nothing left to do (a .bss that fits into the last page of .data, advice for less than a page) become
 * `other` with their name.
 *
 * @throws GranuleError TRACE_LAYOUT when the trace was laid out before, or cannot be
 * @example
 * ```ts
 * const trace = openTrace('fixtures/traces/true-kernel.gtr');
 * const laidOut = relayout(trace, 65536);
 * laidOut.files.some(({ path }) => path.endsWith('~64K')); // true
 * laidOut.references === trace.references; // true
 * ```
 */
export function relayout(source: RunSource, pageSizeBytes: 16384 | 65536): RunSource {
  invariant(pageSizeBytes === 16384 || pageSizeBytes === 65536, 'pages are 16K or 64K');
  if (LAID_OUT_NAME.test(source.name)) {
    throw new GranuleError('TRACE_LAYOUT', 'the trace has been laid out for larger pages before', source.name);
  }
  const survey = new AreaSurvey(source);
  const plan = new LayoutPlan(survey, source, pageSizeBytes);
  const pages = Float64Array.from(
    source.pages,
    (page, index) => plan.of(survey.pageAreas[index]).newAddress(page * PAGE_BYTES) / PAGE_BYTES,
  );
  const calls = survey.calls.map((block) => block.map((surveyed) => plan.movedCall(surveyed)));
  const block = (index: number): RunBlock => ({ ...source.block(index), calls: calls[index] });
  const image = source.image.map((segment, index) => plan.movedSegment(segment, survey.imageAreas[index]));
  const { command, runs, references, blockRuns } = source;
  const content = { command, pages, image, files: plan.files.list() };
  function* blocks(): Generator<RunBlock> {
    for (let index = 0; index < calls.length; index += 1) yield block(index);
  }
  return {
    hash: contentHash(blocks(), () => content),
    name: `${source.name}~${pageSizeBytes / 1024}K`,
    ...content,
    runs,
    references,
    blockRuns,
    block,
  };
}

/** Every area with its place, and what that makes of calls and segments. */
class LayoutPlan {
  readonly files: RelinkedFiles;
  private readonly survey: AreaSurvey;
  private readonly pageBytes: number;
  private readonly placed: Map<number, PlacedArea> = new Map();
  private readonly where: string;

  constructor(survey: AreaSurvey, source: RunSource, pageBytes: number) {
    this.survey = survey;
    this.pageBytes = pageBytes;
    this.where = source.name;
    this.files = new RelinkedFiles(source.files, pageBytes);
    const touched = new Map<number, number[]>();
    for (const [index, page] of source.pages.entries()) {
      const root = survey.areas.find(survey.pageAreas[index]);
      const known = touched.get(root);
      if (known === undefined) touched.set(root, [page * PAGE_BYTES]);
      else known.push(page * PAGE_BYTES);
    }
    for (const root of survey.areas.roots()) {
      this.placed.set(root, new PlacedArea(survey.areas.get(root), pageBytes, touched.get(root)));
    }
    this.placeAll();
    for (const placed of this.placed.values()) this.files.add(placed);
  }

  /** The place of an area. */
  of(area: number): PlacedArea {
    const placed = this.placed.get(this.survey.areas.find(area));
    invariant(placed !== undefined, 'every area has a place');
    return placed;
  }

  /** In the order in which the areas came, into the places that those have left which are gone. */
  private placeAll(): void {
    const placement = new Placement(LOWEST_ADDRESS);
    const all = [...this.placed.values()];
    for (const stack of all.filter(({ area }) => area.kind === 'stack')) {
      const end = alignUp(stack.area.end, this.pageBytes);
      stack.base = end - stack.lengthBytes;
      placement.reserve({ start: stack.base, end });
    }
    const coming = all.filter(({ area }) => area.kind !== 'stack').sort((a, b) => a.area.born - b.area.born);
    const going = coming
      .filter(({ area }) => area.died !== null)
      .sort((a, b) => (a.area.died ?? 0) - (b.area.died ?? 0));
    let gone = 0;
    for (const placed of coming) {
      // Strictly before: an mremap needs its old and its new place at once.
      for (; gone < going.length && (going[gone].area.died ?? 0) < placed.area.born; gone += 1) {
        placement.giveBack(rangeOf(going[gone], this.pageBytes));
      }
      // brk keeps a page free above itself (`mm/mmap.c:brk`), which nothing may be put in.
      const gapBytes = placed.area.kind === 'heap' ? this.pageBytes : 0;
      placed.base = placement.take(Math.max(placed.lengthBytes, this.pageBytes) + gapBytes);
    }
  }

  movedSegment(segment: ImageSegment, area: number): ImageSegment {
    const placed = this.of(area);
    const start = placed.newAddress(segment.addr);
    const addr = alignDown(start, this.pageBytes);
    const lengthBytes = placed.newEnd(segment.addr + segment.lengthBytes) - addr;
    if (segment.file === null) return { ...segment, addr, lengthBytes };
    const offsetBytes = placed.relinked ? addr - placed.base : segment.offsetBytes - (start - addr);
    return { ...segment, addr, lengthBytes, offsetBytes, file: this.files.nameIn(segment.file, placed) };
  }

  movedCall({ call, area, target }: SurveyedCall): TraceCall {
    switch (call.op) {
      case 'mmap':
        return this.movedMmap(call, this.of(area));
      case 'munmap':
      case 'madvise':
      case 'mincore':
      case 'mseal':
      case 'set_vma_anon_name':
        return this.movedRange(call, area, 'inward');
      case 'mprotect':
      case 'pkey_mprotect':
        return this.movedRange(call, area, (call.prot & PROT_WRITE) === 0 ? 'inward' : 'outward');
      case 'msync':
      case 'mlock':
      case 'mlock2':
      case 'mbind':
      case 'set_mempolicy_home_node':
      case 'munlock':
        return this.movedRange(call, area, 'outward');
      case 'mremap':
        return area < 0 ? { op: 'other', name: call.op } : this.movedRemap(call, this.of(area), this.of(target));
      case 'brk':
        return { op: 'brk', addr: this.of(area).newAddress(call.addr) };
      case 'read':
      case 'write': {
        const { path, offsetBytes } = this.files.locate(call.file, call.offsetBytes);
        const buffer = area < 0 ? call.buffer : this.of(area).newAddress(call.buffer);
        return { ...call, file: path, offsetBytes, buffer };
      }
      case 'truncate':
      case 'ftruncate': {
        const { path, offsetBytes } = this.files.locate(call.file, call.sizeBytes);
        return { ...call, file: path, sizeBytes: offsetBytes };
      }
      case 'fallocate': {
        const { path, offsetBytes } = this.files.locate(call.file, call.offsetBytes);
        return { ...call, file: path, offsetBytes };
      }
      default:
        return call;
    }
  }

  private movedMmap(call: Extract<TraceCall, { op: 'mmap' }>, placed: PlacedArea): TraceCall {
    const start = placed.newAddress(call.addr);
    const end = placed.newEnd(call.addr + alignUp(call.lengthBytes, PAGE_BYTES));
    // A file's mapping begins with the page that holds its first byte; .bss with the first page that .data leaves it.
    const addr = call.file === null ? alignUp(start, this.pageBytes) : alignDown(start, this.pageBytes);
    if (end <= addr) return { op: 'other', name: call.op };
    if (call.file === null) return { ...call, addr, lengthBytes: end - addr };
    const offsetBytes = placed.relinked ? addr - placed.base : call.offsetBytes - (start - addr);
    return { ...call, addr, lengthBytes: end - addr, offsetBytes, file: this.files.nameIn(call.file, placed) };
  }

  private movedRange(
    call: Extract<TraceCall, { addr: number; lengthBytes: number }>,
    area: number,
    rounding: 'inward' | 'outward',
  ): TraceCall {
    if (area < 0) return { op: 'other', name: call.op };
    const start = alignDown(call.addr, PAGE_BYTES);
    const oldEnd = alignUp(call.addr + call.lengthBytes, PAGE_BYTES);
    const range = newRange(this.of(area), start, oldEnd, this.pageBytes, rounding);
    if (range.end === range.start) return { op: 'other', name: call.op };
    return { ...call, addr: range.start, lengthBytes: range.end - range.start };
  }

  private movedRemap(call: Extract<TraceCall, { op: 'mremap' }>, from: PlacedArea, to: PlacedArea): TraceCall {
    const addr = from.newAddress(call.addr);
    const newAddr = to.newAddress(call.newAddr);
    if (addr % this.pageBytes !== newAddr % this.pageBytes) {
      const what = 'mremap moves a file mapping that begins inside a larger page';
      throw new GranuleError('TRACE_LAYOUT', what, this.where, 'Use this trace with its own page size.');
    }
    const lead = addr % this.pageBytes;
    const lengthOf = (placed: PlacedArea, start: number, lengthBytes: number): number =>
      lengthBytes === 0 ? 0 : placed.newEnd(start + alignUp(lengthBytes, PAGE_BYTES)) - placed.newAddress(start) + lead;
    return {
      ...call,
      addr: addr - lead,
      oldLengthBytes: lengthOf(from, call.addr, call.oldLengthBytes),
      newLengthBytes: lengthOf(to, call.newAddr, call.newLengthBytes),
      newAddr: newAddr - lead,
    };
  }
}

function rangeOf(placed: PlacedArea, pageBytes: number): { start: number; end: number } {
  return { start: placed.base, end: placed.base + Math.max(placed.lengthBytes, pageBytes) };
}

/** The name of a trace that was laid out for larger pages: `NAME~64K`. */
const LAID_OUT = /~(16|64)K$/;

/**
 * A trace as a process with pages of `layoutBytes` runs it: laid out for them unless it was already.
 *
 * @throws GranuleError TRACE_LAYOUT
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x10000 }]);
 * laidOutFor(trace, 4096) === trace; // true
 * ```
 */
export function laidOutFor(base: RunSource, layoutBytes: number): RunSource {
  // What was laid out before carries its page size in its name, and runs with that size or a smaller one.
  const done = LAID_OUT.exec(base.name);
  const laidOutBytes = done === null ? 4096 : Number(done[1]) * 1024;
  return layoutBytes > laidOutBytes ? relayout(base, layoutBytes as 16384 | 65536) : base;
}
