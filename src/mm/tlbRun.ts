/**
 * The hot path: works through a stretch of page runs over the arrays of a TLB, without allocating for a hit.
 *
 * Counting rules, those of `fixtures/oracle/tlb.json`: an access across a page border counts once for each page; a
 * modify is a load and then a store; every L1 miss is one L2 access; the accesses of a run after its first hit.
 */
import { invariant } from '../errors.ts';
import { filterDepth, runFiltered } from './filteredRun.ts';
import { RUN_CALL, RUN_FETCH, RUN_PAGE_SHIFT, RUN_READ, type RunSource } from './runs.ts';
import { blockOf, type StackDepths, stackIndexWhenDue } from './stackIndex.ts';
import type { Tlb } from './tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE, type TlbArray } from './tlbArray.ts';
import { ASID_STRIDE, groupKey } from './tlbKeys.ts';

/** What a stretch counted; the field meanings are those of `TlbCounts` in `machines/messages.ts`. */
export interface StretchCounts {
  references: number;
  l1iAccesses: number;
  l1iMisses: number;
  l1dAccesses: number;
  l1dMisses: number;
  l2Accesses: number;
  l2Misses: number;
}

/** A place in a trace and what was counted on the way to it. Plain data: a TLB actor keeps it between messages. */
export interface Stretch {
  /** The run to do next. */
  at: number;
  /** The run to stop before. */
  end: number;
  /** The run at `at` has been counted: it only waits for its translation. */
  counted: boolean;
  /** Page number of the last fetch run, for fetches across a border; -1 for none. */
  lastFetchPage: number;
  /** The same for data runs. */
  lastDataPage: number;
  cycles: number;
  /** Stop before the fetch run that would take `cycles` above this. */
  cyclesMax: number;
  counts: StretchCounts;
}

/** What the stretch is translated with. */
export interface StretchContext {
  asid: number;
  pageShift: number;
  /** Cycles an L1 miss costs that hits in the L2 TLB. */
  l2HitCycles: number;
  /** Cycles of one instruction. */
  instructionCycles: number;
  /** Look every run up, without a stack index: the reference, and the bare loop of the yardsticks. */
  exhaustive?: boolean;
}

/** Runs that are looked up one by one before the index is used: where walks follow one another, a stretch ends within them. */
const PLAIN_RUNS = 512;

/** Why `runStretch` came back. */
export type StretchStop = 'end' | 'quantum' | 'call' | 'walk';

/**
 * Counts at zero.
 *
 * @example
 * ```ts
 * noCounts().l2Misses; // 0
 * ```
 */
export function noCounts(): StretchCounts {
  return { references: 0, l1iAccesses: 0, l1iMisses: 0, l1dAccesses: 0, l1dMisses: 0, l2Accesses: 0, l2Misses: 0 };
}

/**
 * A stretch of its own with the same contents.
 *
 * @example
 * ```ts
 * const stretch = { at: 3, end: 9, counted: false, lastFetchPage: -1, lastDataPage: -1, cycles: 0, cyclesMax: 9, counts: noCounts() };
 * copyStretch(stretch).at; // 3
 * ```
 */
export function copyStretch(from: Stretch): Stretch {
  const { at, end, counted, lastFetchPage, lastDataPage, cycles, cyclesMax, counts } = from;
  return { at, end, counted, lastFetchPage, lastDataPage, cycles, cyclesMax, counts: copyCounts(counts) };
}

/**
 * Counts of their own with the same contents.
 *
 * @example
 * ```ts
 * copyCounts({ ...noCounts(), l2Misses: 5 }).l2Misses; // 5
 * ```
 */
export function copyCounts(from: StretchCounts): StretchCounts {
  const { references, l1iAccesses, l1iMisses, l1dAccesses, l1dMisses, l2Accesses, l2Misses } = from;
  return { references, l1iAccesses, l1iMisses, l1dAccesses, l1dMisses, l2Accesses, l2Misses };
}

/** The same where an entry may stand for a contiguous group: each array is asked for the page and for its group. */
function lookupGrouped(
  tlb: Tlb,
  fetch: boolean,
  key: number,
  page: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 1 | 2 {
  const first = fetch ? tlb.l1i : tlb.l1d;
  const group = Math.floor(page / tlb.groupPages);
  const ofGroup = groupKey(Math.floor(key / ASID_STRIDE), group * tlb.groupPages);
  const tags: readonly [number, number][] = [
    [key, page],
    [ofGroup, group],
  ];
  for (const [tag, index] of tags) {
    const entry = first.find(tag, first.setOf(index));
    if (entry >= 0) return (first.rights(entry) & right) === 0 ? MISS : HIT_L1;
  }
  const [tag, index] = tlb.l2.has(key, tlb.l2.setOf(page)) ? tags[0] : tags[1];
  const entry2 = tlb.l2.find(tag, tlb.l2.setOf(index));
  if (counts !== null) {
    if (fetch) counts.l1iMisses++;
    else counts.l1dMisses++;
    counts.l2Accesses++;
    if (entry2 < 0) counts.l2Misses++;
  }
  if (entry2 < 0) return MISS;
  const rights = tlb.l2.rights(entry2);
  first.insert(tag, first.setOf(index), tlb.l2.frame(entry2), rights);
  return (rights & right) === 0 ? MISS : HIT_L2;
}

const pageNumbers = new WeakMap<RunSource, Map<number, Float64Array>>();
/** The answer before this one: walks of one process follow one another. */
let latest: { source: RunSource | null; pageShift: number; numbers: Float64Array } = {
  source: null,
  pageShift: 0,
  numbers: new Float64Array(0),
};

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
  if (latest.source === source && latest.pageShift === pageShift) return latest.numbers;
  let byShift = pageNumbers.get(source);
  if (byShift === undefined) pageNumbers.set(source, (byShift = new Map()));
  let numbers = byShift.get(pageShift);
  if (numbers === undefined) {
    invariant(pageShift >= RUN_PAGE_SHIFT, 'a page is at least 4K');
    const ratio = 2 ** (pageShift - RUN_PAGE_SHIFT);
    numbers = source.pages.map((page) => Math.floor(page / ratio));
    byShift.set(pageShift, numbers);
  }
  latest = { source, pageShift, numbers };
  return numbers;
}

/** What a lookup found: nothing usable; else a translation in L1, or one in L2 that is in L1 now. */
export const MISS = 0;
const HIT_L1 = 1;
const HIT_L2 = 2;

/**
 * Looks a page up in L1 and then L2. A translation without the right is a miss that no array counts: only a walk can mend
 * it. Nothing is counted for a run that was counted before it had to wait (`counts` is null).
 *
 * @example
 * ```ts
 * const shape = { entries: 4, ways: 4 };
 * const tlb = Tlb.empty({ l1i: shape, l1d: shape, l2: shape, walkCache: 'none' });
 * lookup(tlb, false, leafKey(1, 0x30), 0x30, MAY_READ, null) === MISS; // true
 * tlb.fill(false, 1, 0x30, 700, MAY_READ);
 * lookup(tlb, false, leafKey(1, 0x30), 0x30, MAY_READ, null) === MISS; // false
 * ```
 */
export function lookup(
  tlb: Tlb,
  fetch: boolean,
  key: number,
  page: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 1 | 2 {
  if (tlb.groupPages !== 1) return lookupGrouped(tlb, fetch, key, page, right, counts);
  return lookupIn(fetch ? tlb.l1i : tlb.l1d, tlb.l2, fetch, key, page, right, counts);
}

/** The same in arrays at hand: to ask a TLB for them costs as much as a hit. */
function lookupIn(
  first: TlbArray,
  l2: TlbArray,
  fetch: boolean,
  key: number,
  page: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 1 | 2 {
  const set = first.setOf(page);
  const entry = first.find(key, set);
  if (entry >= 0) return (first.rights(entry) & right) === 0 ? MISS : HIT_L1;
  const entry2 = l2.find(key, l2.setOf(page));
  if (counts !== null) {
    if (fetch) counts.l1iMisses++;
    else counts.l1dMisses++;
    counts.l2Accesses++;
    if (entry2 < 0) counts.l2Misses++;
  }
  if (entry2 < 0) return MISS;
  const rights = l2.rights(entry2);
  first.insert(key, set, l2.frame(entry2), rights);
  return (rights & right) === 0 ? MISS : HIT_L2;
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
    const block = Math.floor(stretch.at / source.blockRuns);
    const stop = runBlock(tlb, source, block, numbers, stretch, context);
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
  source: RunSource,
  index: number,
  numbers: Float64Array,
  stretch: Stretch,
  context: StretchContext,
): StretchStop {
  const { count, firstRun, kind, page, accesses, references, continued } = blockOf(source, index);
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
  stretch.at = firstRun + at;
  stretch.counted = stop === 'walk' || (stop === 'end' && counted);
  stretch.lastFetchPage = lastFetchPage;
  stretch.lastDataPage = lastDataPage;
  stretch.cycles = cycles;
  addTo(stretch.counts, lines, fetches, data);
  return stop;
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
  const va = source.pages[block.page[inBlock]] * 2 ** RUN_PAGE_SHIFT;
  return { va, access: kind === RUN_FETCH ? 'fetch' : kind === RUN_READ ? 'read' : 'write' };
}
