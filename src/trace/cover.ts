import { RUN_CALL, RUN_FETCH, RUN_PAGE_SHIFT, RUN_WRITE } from '../mm/runs.ts';
import type { RunSource, TraceCall } from '../mm/runs.ts';
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
 * image or by a mapping in force, with the permission it needs; every mapping is page-aligned, its file offset too; no
 * mapping without MAP_FIXED lands on another; mprotect, madvise and mremap find their ranges mapped. Returns what is not
 * so, at most 20 findings.
 *
 * @example
 * ```ts
 * checkCover(openTrace('fixtures/traces/true-kernel.gtr'), 4096); // []
 * ```
 */
export function checkCover(source: RunSource, pageBytes: number): CoverFinding[] {
  const findings: CoverFinding[] = [];
  const layout = new Layout(pageBytes);
  for (const segment of source.image) {
    const end = segment.addr + segment.lengthBytes;
    if (layout.gaps(segment.addr, end).length !== 1 || !isAligned(segment.addr, pageBytes)) {
      findings.push({ run: 0, what: `an image segment at ${hex(segment.addr)} is not aligned, or on another` });
    }
    const range = { start: segment.addr, end: alignUp(end, pageBytes) };
    layout.place(range, segment.prot, segment.file, segment.offsetBytes);
  }
  let mappings: (Mapping | undefined)[] = [];
  for (let index = 0; index * source.blockRuns < source.runs && findings.length < FINDINGS_KEPT; index += 1) {
    const block = source.block(index);
    for (let at = 0; at < block.count; at += 1) {
      if (block.kind[at] === RUN_CALL) {
        const call = block.calls[block.page[at]];
        const wrong = callFault(layout, call, pageBytes);
        if (wrong !== null) findings.push({ run: block.firstRun + at, what: `${call.op}: ${wrong}` });
        layout.apply(call);
        mappings = [];
        continue;
      }
      const page = block.page[at];
      mappings[page] ??= layout.find(source.pages[page] * TRACE_PAGE_BYTES);
      const wrong = accessFault(mappings[page], block.kind[at], source.pages[page] * TRACE_PAGE_BYTES);
      if (wrong !== null) findings.push({ run: block.firstRun + at, what: wrong });
      if (findings.length >= FINDINGS_KEPT) break;
    }
  }
  return findings;
}

function accessFault(mapping: Mapping | undefined, kind: number, addr: number): string | null {
  const needed = kind === RUN_FETCH ? PROT_EXEC : kind === RUN_WRITE ? PROT_WRITE : PROT_READ;
  if (mapping !== undefined && (mapping.prot & needed) !== 0) return null;
  const name = kind === RUN_FETCH ? 'fetch from' : kind === RUN_WRITE ? 'store to' : 'load from';
  const reason = mapping === undefined ? 'nothing is mapped there' : `the mapping has protection ${mapping.prot}`;
  return `a ${name} ${hex(addr)}: ${reason}`;
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
      return isAligned(call.addr, pageBytes) ? null : `the address ${hex(call.addr)} is not page-aligned`;
    case 'mprotect':
      if (!isAligned(call.addr, pageBytes)) return `the address ${hex(call.addr)} is not page-aligned`;
      return holeFault(layout, call.addr, call.lengthBytes, pageBytes);
    case 'mremap':
      if (!isAligned(call.addr, pageBytes) || !isAligned(call.newAddr, pageBytes))
        return 'an address is not page-aligned';
      return holeFault(layout, call.addr, call.oldLengthBytes, pageBytes);
    case 'mlock':
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
