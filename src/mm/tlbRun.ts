/**
 * The hot path: works through a stretch of page runs over the arrays of a TLB, without allocating for a hit.
 *
 * Counting rules, those of `fixtures/oracle/tlb.json`: an access across a page border counts once for each page; a
 * modify is a load and then a store; every L1 miss is one L2 access; the accesses of a run after its first hit.
 */
import { invariant } from '../errors.ts';
import { filterDepth, runFiltered } from './filteredRun.ts';
import { RUN_CALL, RUN_FETCH, RUN_PAGE_SHIFT, RUN_READ, type RunBlock, type RunSource } from './runs.ts';
import { blockOf, type StackDepths, stackIndexWhenDue } from './stackIndex.ts';
import type { Stretch, StretchContext, StretchCounts, StretchStop } from './stretch.ts';
import type { Tlb } from './tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE } from './tlbArray.ts';
import { ASID_STRIDE } from './tlbKeys.ts';
import { HIT_L2, lookupGrouped, lookupIn, MISS } from './tlbLookup.ts';

const RUN_PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
/** Runs that are looked up one by one before the index is used: where walks follow one another, a stretch ends within them. */
const PLAIN_RUNS = 512;

const pageNumbers = new WeakMap<RunSource, Map<number, Float64Array>>();
/** What was asked for last, which is asked for again at each stretch. */
const latest: {
  asked: { readonly source: RunSource; readonly pageShift: number; readonly numbers: Float64Array } | null;
} = { asked: null };

/**
 * The page number of every page index of a trace, in pages of `2 ** pageShift` bytes; worked out once for each trace.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x12345 }]);
 * pageNumbersOf(trace, 16)[0]; // 1
 * ```
 */
export function pageNumbersOf(source: RunSource, pageShift: number): Float64Array {
  const { asked } = latest;
  if (asked !== null && asked.source === source && asked.pageShift === pageShift) return asked.numbers;
  const numbers = knownNumbersOf(source, pageShift);
  latest.asked = { source, pageShift, numbers };
  return numbers;
}

function knownNumbersOf(source: RunSource, pageShift: number): Float64Array {
  let byShift = pageNumbers.get(source);
  if (byShift === undefined) pageNumbers.set(source, (byShift = new Map()));
  let numbers = byShift.get(pageShift);
  if (numbers === undefined) {
    invariant(pageShift >= RUN_PAGE_SHIFT, 'a page is at least 4K');
    const ratio = 2 ** (pageShift - RUN_PAGE_SHIFT);
    // At 4K the very array of the trace: where each access is to another page, a second one would double what misses the host's caches.
    numbers = ratio === 1 ? source.pages : source.pages.map((page) => Math.floor(page / ratio));
    byShift.set(pageShift, numbers);
  }
  return numbers;
}

/**
 * Works on from `stretch.at` and writes to `stretch` and to `tlb`, a version that the caller may edit.
 *
 * @returns 'end' at `stretch.end`; 'call' at a system call, which is not stepped over; 'quantum' before the fetch run
 * that would exceed `cyclesMax`; 'walk' at a run without a translation that allows it: fill the TLB and call again.
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x12345 }]);
 * const shape = { entries: 4, ways: 4 };
 * const tlb = Tlb.empty({ l1i: shape, l1d: shape, l2: shape, walkCache: 'none' });
 * const start = { at: 0, end: trace.runs, counted: false, lastFetchPage: -1, lastDataPage: -1, cycles: 0 };
 * const stretch = { ...start, cyclesMax: 1000, counts: noCounts() };
 * runStretch(tlb, trace, stretch, { asid: 1, pageShift: 12, l2HitCycles: 6, instructionCycles: 1 }); // 'walk'
 * ```
 */
export function runStretch(tlb: Tlb, source: RunSource, stretch: Stretch, context: StretchContext): StretchStop {
  const numbers = pageNumbersOf(source, context.pageShift);
  const { end } = stretch;
  if (context.exhaustive !== true && end - stretch.at > PLAIN_RUNS) {
    stretch.end = stretch.at + PLAIN_RUNS;
    const stop = runPlain(tlb, source, numbers, stretch, context);
    stretch.end = end;
    if (stop !== 'end') return stop;
    const depths = depthsFor(tlb, stretch);
    if (depths !== null) return runLong(tlb, source, numbers, stretch, context, depths);
  }
  return runPlain(tlb, source, numbers, stretch, context);
}

/** What is left of a long stretch: by the trace's index, or run by run while that is not worth making. */
function runLong(
  tlb: Tlb,
  source: RunSource,
  numbers: Float64Array,
  stretch: Stretch,
  context: StretchContext,
  depths: StackDepths,
): StretchStop {
  const index = stackIndexWhenDue(source, context.pageShift, depths, 0);
  if (index !== null) return runFiltered(tlb, index, stretch, context);
  const from = stretch.at;
  const stop = runPlain(tlb, source, numbers, stretch, context);
  stackIndexWhenDue(source, context.pageShift, depths, stretch.at - from);
  return stop;
}

function runPlain(
  tlb: Tlb,
  source: RunSource,
  numbers: Float64Array,
  stretch: Stretch,
  context: StretchContext,
): StretchStop {
  while (stretch.at < stretch.end) {
    const block = blockOf(source, Math.floor(stretch.at / source.blockRuns));
    const stop = runBlock(tlb, block, numbers, stretch, context);
    if (stop !== 'end') return stop;
  }
  return 'end';
}

/** The stack depths of the index by which a stretch can go on that has done some runs; null where it has to go on run by run. */
function depthsFor(tlb: Tlb, { cycles, lastFetchPage, lastDataPage }: Stretch): StackDepths | null {
  // The index tells what came before in each stream; a stretch that begins in the middle has its own beginning.
  if (tlb.groupPages !== 1 || cycles === 0 || lastFetchPage < 0 || lastDataPage < 0) return null;
  const depths = { fetch: filterDepth(tlb.l1i), data: filterDepth(tlb.l1d) };
  return depths.fetch === 0 || depths.data === 0 ? null : depths;
}

/** The right that each kind of run asks for: fetch, read, write. */
const RIGHT_OF_KIND = [MAY_FETCH, MAY_READ, MAY_WRITE];

function runBlock(
  tlb: Tlb,
  block: RunBlock,
  numbers: Float64Array,
  stretch: Stretch,
  context: StretchContext,
): StretchStop {
  const { count, firstRun, kind, page, accesses, references, continued } = block;
  const { instructionCycles, l2HitCycles } = context;
  const end = Math.min(count, stretch.end - firstRun);
  const asidBase = context.asid * ASID_STRIDE;
  const { l1i, l1d, l2 } = tlb;
  const grouped = tlb.groupPages !== 1;
  // The most recently used key of each L1: a run on the same page needs no lookup where the right is known too.
  let fetchKey = -1;
  let dataKey = -1;
  let dataRight = 0;
  let { lastFetchPage, lastDataPage, counted, cycles } = stretch;
  // Counters live in locals: a field of an object above 2^30 would be boxed anew at every addition.
  let lines = 0;
  let fetches = 0;
  let data = 0;
  let stop: StretchStop = 'end';
  let at = stretch.at - firstRun;
  for (; at < end; at++) {
    const runKind = kind[at];
    if (runKind === RUN_CALL) {
      lastFetchPage = -1;
      stop = 'call';
      break;
    }
    const fetch = runKind === RUN_FETCH;
    const number = numbers[page[at]];
    const key = asidBase + number;
    if (!counted) {
      const again = continued[at] === 1 && number === (fetch ? lastFetchPage : lastDataPage) ? 1 : 0;
      const runCycles = fetch ? accesses[at] * instructionCycles : 0;
      if (runCycles > 0 && cycles > 0 && cycles + runCycles > stretch.cyclesMax) {
        stop = 'quantum';
        break;
      }
      cycles += runCycles;
      if (fetch) fetches += accesses[at] - again;
      else data += accesses[at] - again;
      lines += references[at];
    }
    if (fetch) lastFetchPage = number;
    else lastDataPage = number;
    const right = RIGHT_OF_KIND[runKind];
    if (fetch ? key !== fetchKey : key !== dataKey || (dataRight & right) === 0) {
      const misses = counted ? null : stretch.counts;
      const found = grouped
        ? lookupGrouped(tlb, fetch, key, number, right, misses)
        : lookupIn(fetch ? l1i : l1d, l2, fetch, key, number, right, misses);
      if (found === MISS) {
        stop = 'walk';
        break;
      }
      if (found === HIT_L2) cycles += l2HitCycles;
      if (fetch) fetchKey = key;
      else dataRight = key === dataKey ? dataRight | right : right;
      if (!fetch) dataKey = key;
    }
    counted = false;
  }
  moveTo(stretch, firstRun + at, lastFetchPage, lastDataPage, cycles);
  stretch.counted = stop === 'walk' || (stop === 'end' && counted);
  addTo(stretch.counts, lines, fetches, data);
  return stop;
}

function moveTo(stretch: Stretch, at: number, lastFetchPage: number, lastDataPage: number, cycles: number): void {
  stretch.at = at;
  stretch.lastFetchPage = lastFetchPage;
  stretch.lastDataPage = lastDataPage;
  stretch.cycles = cycles;
}

function addTo(counts: StretchCounts, lines: number, fetches: number, data: number): void {
  counts.references += lines;
  counts.l1iAccesses += fetches;
  counts.l1dAccesses += data;
}

/**
 * What the run at `at` of a trace wants: the first address of its page, and how it is accessed.
 *
 * @example
 * ```ts
 * accessAt(traceFromSteps([{ access: 'W', addr: 0x12345 }]), 0); // { va: 0x12000, access: 'write' }
 * ```
 */
export function accessAt(source: RunSource, at: number): { va: number; access: 'fetch' | 'read' | 'write' } {
  const block = blockOf(source, Math.floor(at / source.blockRuns));
  const inBlock = at - block.firstRun;
  const kind = block.kind[inBlock];
  invariant(kind !== RUN_CALL, 'a system call is no access');
  const va = source.pages[block.page[inBlock]] * RUN_PAGE_BYTES;
  return { va, access: kind === RUN_FETCH ? 'fetch' : kind === RUN_READ ? 'read' : 'write' };
}
