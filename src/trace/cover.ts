import { RUN_CALL, RUN_FETCH, RUN_PAGE_SHIFT, RUN_WRITE } from '../mm/runs.ts';
import type { RunBlock, RunSource, TraceCall } from '../mm/runs.ts';
import { Layout, MAP_FIXED, PROT_EXEC, PROT_READ, PROT_WRITE, alignDown, alignUp } from './layout.ts';
import type { Mapping } from './layout.ts';

const TRACE_PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
/** More findings than this say nothing new. */
const FINDINGS_KEPT = 20;

/**
 * Something in a trace that the mappings in force do not allow.
 *
 * @example
 * ```ts
 * const finding: CoverFinding = { run: 7, what: 'a store to 0x5000: nothing is mapped there' };
 * finding.run; // 7
 * ```
 */
export interface CoverFinding {
  run: number;
  what: string;
}

/**
 * Walks a trace with its calls and checks that it could have run on pages of `pageBytes`: every access is covered by the
 * image or by a mapping in force, with the permission it needs, and not past the end of its file; every mapping is
 * page-aligned, its file offset too; no
 * mapping without MAP_FIXED lands on another; mprotect, madvise and mremap find their ranges mapped. Returns what is not
 * so, at most 20 findings.
 *
 * @example
 * ```ts
 * checkCover(openTrace('fixtures/traces/true-kernel.gtr'), 4096); // []
 * ```
 */
export function checkCover(source: RunSource, pageBytes: number): CoverFinding[] {
  const check = new CoverCheck(source, pageBytes);
  for (let index = 0; index * source.blockRuns < source.runs && check.findings.length < FINDINGS_KEPT; index += 1) {
    check.block(source.block(index));
  }
  return check.findings;
}

class CoverCheck {
  readonly findings: CoverFinding[] = [];
  private readonly pageBytes: number;
  private readonly pages: Float64Array;
  private readonly layout: Layout;
  /** Size of each file as it is now. */
  private readonly sizes: Map<string, number>;
  /** The mapping of each page index, as long as no call has changed any. */
  private mappings: (Mapping | undefined)[] = [];

  constructor(source: RunSource, pageBytes: number) {
    this.pageBytes = pageBytes;
    this.pages = source.pages;
    this.layout = new Layout(pageBytes);
    this.sizes = new Map(source.files.map((file) => [file.path, file.sizeBytes]));
    for (const segment of source.image) {
      const end = segment.addr + segment.lengthBytes;
      if (this.layout.within(segment.addr, end).length > 0 || !isAligned(segment.addr, pageBytes)) {
        this.findings.push({ run: 0, what: `an image segment at ${hex(segment.addr)} is not aligned, or on another` });
      }
      const range = { start: segment.addr, end: alignUp(end, pageBytes) };
      this.layout.place(range, segment.prot, segment.file, segment.offsetBytes);
    }
  }

  block(block: RunBlock): void {
    for (let at = 0; at < block.count && this.findings.length < FINDINGS_KEPT; at += 1) {
      const wrong = block.kind[at] === RUN_CALL ? this.call(block.calls[block.page[at]]) : this.access(block, at);
      if (wrong !== null) this.findings.push({ run: block.firstRun + at, what: wrong });
    }
  }

  private call(call: TraceCall): string | null {
    const wrong = callFault(this.layout, call, this.pageBytes);
    this.layout.apply(call);
    this.mappings = [];
    if (call.op === 'truncate' || call.op === 'ftruncate') this.sizes.set(call.file, call.sizeBytes);
    if (call.op === 'write') {
      const end = call.offsetBytes + call.lengthBytes;
      this.sizes.set(call.file, Math.max(this.sizes.get(call.file) ?? 0, end));
    }
    return wrong === null ? null : `${call.op}: ${wrong}`;
  }

  private access(block: RunBlock, at: number): string | null {
    const page = block.page[at];
    const addr = this.pages[page] * TRACE_PAGE_BYTES;
    this.mappings[page] ??= this.layout.find(addr);
    const mapping = this.mappings[page];
    const kind = block.kind[at];
    const needed = kind === RUN_FETCH ? PROT_EXEC : kind === RUN_WRITE ? PROT_WRITE : PROT_READ;
    const name = kind === RUN_FETCH ? 'fetch from' : kind === RUN_WRITE ? 'store to' : 'load from';
    if (mapping === undefined) return `a ${name} ${hex(addr)}: nothing is mapped there`;
    if ((mapping.prot & needed) === 0) return `a ${name} ${hex(addr)}: the mapping has protection ${mapping.prot}`;
    if (mapping.file === null) return null;
    const size = alignUp(this.sizes.get(mapping.file) ?? 0, this.pageBytes);
    if (mapping.offsetBytes + addr - mapping.start < size) return null;
    return `a ${name} ${hex(addr)}: past the end of ${mapping.file}`;
  }
}

/** What a kernel of this page size would refuse (EINVAL, ENOMEM), or lay out otherwise. */
function callFault(layout: Layout, call: TraceCall, pageBytes: number): string | null {
  switch (call.op) {
    case 'mmap':
      if (!isAligned(call.addr, pageBytes)) return `the address ${hex(call.addr)} is not page-aligned`;
      if (!isAligned(call.offsetBytes, pageBytes)) return `the offset ${hex(call.offsetBytes)} is not page-aligned`;
      return overlapFault(layout, call, pageBytes);
    case 'munmap':
    case 'madvise':
    case 'msync':
    case 'mincore':
      return isAligned(call.addr, pageBytes) ? null : `the address ${hex(call.addr)} is not page-aligned`;
    case 'mprotect':
    case 'pkey_mprotect':
      if (!isAligned(call.addr, pageBytes)) return `the address ${hex(call.addr)} is not page-aligned`;
      return holeFault(layout, call.addr, call.lengthBytes, pageBytes);
    case 'mremap':
      if (!isAligned(call.addr, pageBytes) || !isAligned(call.newAddr, pageBytes))
        return 'an address is not page-aligned';
      return holeFault(layout, call.addr, call.oldLengthBytes, pageBytes);
    case 'mlock':
    case 'mlock2':
    case 'munlock':
      return holeFault(layout, alignDown(call.addr, pageBytes), call.lengthBytes, pageBytes);
    default:
      return null;
  }
}

function overlapFault(layout: Layout, call: Extract<TraceCall, { op: 'mmap' }>, pageBytes: number): string | null {
  const end = call.addr + alignUp(call.lengthBytes, pageBytes);
  const free = layout.gaps(call.addr, end).reduce((sum, gap) => sum + gap.end - gap.start, 0);
  if ((call.flags & MAP_FIXED) !== 0 || free === end - call.addr) return null;
  return `${hex(call.addr)} to ${hex(end)} is not free`;
}

function holeFault(layout: Layout, addr: number, lengthBytes: number, pageBytes: number): string | null {
  const [gap] = layout.gaps(addr, addr + alignUp(lengthBytes, pageBytes));
  return gap === undefined ? null : `nothing is mapped at ${hex(gap.start)}`;
}

function isAligned(value: number, unit: number): boolean {
  return value % unit === 0;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
