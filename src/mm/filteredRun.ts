/**
 * A long stretch of a trace over true-LRU TLBs, by its stack index: only accesses beyond the top of the LRU stack are looked at, and
 * those whose page the arrays may have lost since. What comes out is what `tlbRun.ts` gives run by run: counts, cycles, the place
 * where it stops, and the contents and order of every array (held equal on every fixture and on random traces in test/mm).
 */
import { FilteredStream, lowerBound, NEVER } from './filteredStream.ts';
import { RUN_FETCH, RUN_WRITE, type RunBlock } from './runs.ts';
import { CHECK_RUNS, type StackIndex } from './stackIndex.ts';
import type { Tlb } from './tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE, type TlbArray } from './tlbArray.ts';
import type { Stretch, StretchContext, StretchStop } from './stretch.ts';

/** Stack depths by the least number of entries that they leave room in for pages from elsewhere; none below the last. */
const DEPTHS: readonly { readonly entries: number; readonly depth: number }[] = [
  { entries: 44, depth: 32 },
  { entries: 24, depth: 16 },
  { entries: 10, depth: 8 },
];

/**
 * How deep the stack of an array's stream is; 0 for an array that cannot be filtered for: one that is not fully associative, or
 * too small.
 *
 * @example
 * ```ts
 * [filterDepth(new TlbArray(48, 48)), filterDepth(new TlbArray(160, 5))]; // [32, 0]
 * ```
 */
export function filterDepth(array: TlbArray): number {
  if (array.ways !== array.entries) return 0;
  return DEPTHS.find(({ entries }) => array.entries >= entries)?.depth ?? 0;
}

/** Sums over the runs before one. */
interface Sums {
  cycles: number;
  fetches: number;
  accesses: number;
  lines: number;
}

/** The streams of each index, used for one stretch after the other: they hold nothing beyond it but their memory. */
const streams = new WeakMap<StackIndex, { readonly fetch: FilteredStream; readonly data: FilteredStream }>();

function streamsOf(index: StackIndex, tlb: Tlb): { readonly fetch: FilteredStream; readonly data: FilteredStream } {
  let both = streams.get(index);
  if (both === undefined) {
    const fetch = new FilteredStream(index, index.fetch, tlb.l1i);
    both = { fetch, data: new FilteredStream(index, index.data, tlb.l1d) };
    streams.set(index, both);
  }
  return both;
}

class FilteredRun {
  readonly #tlb: Tlb;
  readonly #index: StackIndex;
  readonly #stretch: Stretch;
  readonly #context: StretchContext;
  readonly #fetch: FilteredStream;
  readonly #data: FilteredStream;
  readonly #from: Sums;
  /** Fetches that the quantum has room for, counted from the beginning of the trace; L2 hits take from it. */
  #room: number;
  #l2Hits = 0;

  constructor(tlb: Tlb, index: StackIndex, stretch: Stretch, context: StretchContext) {
    this.#tlb = tlb;
    this.#index = index;
    this.#stretch = stretch;
    this.#context = context;
    const { fetch, data } = streamsOf(index, tlb);
    this.#fetch = fetch;
    this.#data = data;
    this.#from = this.#sumsAt(stretch.at);
    this.#room = this.#roomLeft();
    fetch.begin(tlb.l1i, context.asid, stretch.at, stretch.end);
    data.begin(tlb.l1d, context.asid, stretch.at, stretch.end);
  }

  run(): StretchStop {
    const { calls } = this.#index;
    const { at: start, end } = this.#stretch;
    const call = lowerBound(calls, start, 0, calls.length);
    const border = call < calls.length && calls[call] < end ? calls[call] : end;
    for (let from = start; ; ) {
      const next = Math.min(this.#fetch.nextRun, this.#data.nextRun, border);
      const quantum = this.#quantumBefore(from, next);
      if (quantum !== NEVER) return this.#stop(quantum, 'quantum', 0);
      if (next === border) return border === end ? this.#stop(end, 'end', 0) : this.#stop(border, 'call', 0);
      if (!this.#lookAt(next)) return this.#stop(next, 'walk', 1);
      from = next + 1;
    }
  }

  /** Looks the page of a run up as `tlbRun.ts:lookup` does; false where it needs a walk. */
  #lookAt(run: number): boolean {
    const { ids } = this.#index;
    const block = this.#blockOf(run);
    const inBlock = run - block.firstRun;
    const kind = block.kind[inBlock];
    const isFetch = kind === RUN_FETCH;
    const stream = isFetch ? this.#fetch : this.#data;
    const right = isFetch ? MAY_FETCH : kind === RUN_WRITE ? MAY_WRITE : MAY_READ;
    const id = ids[block.page[inBlock]];
    const key = stream.keyOf(id);
    const { array } = stream;
    stream.leave(run);
    let entry = array.entryOf(key, 0);
    if (entry >= 0) {
      array.stamp(entry, stream.clockAt(run));
      if ((array.rights(entry) & right) === 0) return false;
    } else {
      entry = this.#fromL2(stream, id, run, isFetch);
      if (entry < 0 || (array.rights(entry) & right) === 0) return false;
      this.#l2Hits++;
      this.#room = this.#roomLeft();
    }
    stream.hold(entry, id, run, this.#stretch.end);
    return true;
  }

  /** An L1 miss: the L2 is asked, and what it has goes into L1. */
  #fromL2(stream: FilteredStream, id: number, run: number, isFetch: boolean): number {
    const { counts } = this.#stretch;
    const { l2 } = this.#tlb;
    if (isFetch) counts.l1iMisses++;
    else counts.l1dMisses++;
    counts.l2Accesses++;
    const key = stream.keyOf(id);
    const found = l2.find(key, l2.setOf(this.#index.numbers[id]));
    if (found < 0) {
      counts.l2Misses++;
      return -1;
    }
    const victim = stream.victim();
    stream.array.insertAt(victim, key, l2.frame(found), l2.rights(found), stream.clockAt(run));
    return victim;
  }

  /** The fetch run at `from` or later, `next` included, that would exceed the quantum; NEVER where none does. */
  #quantumBefore(from: number, next: number): number {
    const { cycles } = this.#index;
    const last = cycles.length - 1;
    // Sums are kept before every so many runs: what lies below the next one cannot exceed.
    if (cycles[Math.min(last, Math.floor(next / CHECK_RUNS) + 1)] <= this.#room && next / CHECK_RUNS < last)
      return NEVER;
    let check = Math.floor(from / CHECK_RUNS);
    while (check < last && cycles[check + 1] <= this.#room) check++;
    let sum = cycles[check];
    for (let run = check * CHECK_RUNS; run <= next; run++) {
      const block = this.#blockOf(run);
      if (run - block.firstRun >= block.count) return NEVER;
      if (block.kind[run - block.firstRun] !== RUN_FETCH) continue;
      sum += block.accesses[run - block.firstRun];
      if (run >= from && sum > this.#room) return run;
    }
    return NEVER;
  }

  #roomLeft(): number {
    const { cyclesMax, cycles } = this.#stretch;
    const { instructionCycles, l2HitCycles } = this.#context;
    const left = cyclesMax - cycles - this.#l2Hits * l2HitCycles;
    return instructionCycles === 0 ? NEVER : this.#from.cycles + Math.floor(left / instructionCycles);
  }

  /** Ends at a run: all that was left undone is written. `looked` is 1 when the run has been looked at and counts. */
  #stop(run: number, stop: StretchStop, looked: 0 | 1): StretchStop {
    const stretch = this.#stretch;
    const { counts } = stretch;
    const { instructionCycles, l2HitCycles } = this.#context;
    const sums = this.#sumsAt(run + looked);
    const pending = looked === 1 ? this.#pendingEntry(run) : null;
    this.#fetch.settle(run);
    this.#data.settle(run);
    stretch.lastFetchPage = this.#fetch.lastPage(stretch.lastFetchPage);
    stretch.lastDataPage = this.#data.lastPage(stretch.lastDataPage);
    if (pending !== null) {
      const { stream, entry, page, isFetch } = pending;
      if (entry >= 0) stream.array.stamp(entry, ++stream.array.clock);
      if (isFetch) stretch.lastFetchPage = page;
      else stretch.lastDataPage = page;
    }
    if (stop === 'call') stretch.lastFetchPage = -1;
    counts.references += sums.lines - this.#from.lines;
    counts.l1iAccesses += sums.fetches - this.#from.fetches;
    counts.l1dAccesses += sums.accesses - this.#from.accesses;
    stretch.cycles += (sums.cycles - this.#from.cycles) * instructionCycles + this.#l2Hits * l2HitCycles;
    stretch.at = run;
    stretch.counted = looked === 1;
    return stop;
  }

  /** What the run that needs a walk touched already. */
  #pendingEntry(run: number): { stream: FilteredStream; entry: number; page: number; isFetch: boolean } {
    const block = this.#blockOf(run);
    const isFetch = block.kind[run - block.firstRun] === RUN_FETCH;
    const stream = isFetch ? this.#fetch : this.#data;
    const id = this.#index.ids[block.page[run - block.firstRun]];
    return { stream, entry: stream.array.entryOf(stream.keyOf(id), 0), page: this.#index.numbers[id], isFetch };
  }

  #blockOf(run: number): RunBlock {
    const { blocks, blockRuns } = this.#index;
    return blocks[Math.min(blocks.length - 1, Math.floor(run / blockRuns))];
  }

  #sumsAt(run: number): Sums {
    const { cycles, fetches, accesses, lines } = this.#index;
    const check = Math.floor(run / CHECK_RUNS);
    const sums = { cycles: cycles[check], fetches: fetches[check], accesses: accesses[check], lines: lines[check] };
    for (let from = check * CHECK_RUNS; from < run; ) {
      const block = this.#blockOf(from);
      const end = Math.min(run, block.firstRun + block.count);
      this.#addRuns(sums, block, from, end);
      from = end;
    }
    return sums;
  }

  #addRuns(sums: Sums, { firstRun, kind, accesses, references }: RunBlock, from: number, to: number): void {
    const { again } = this.#index;
    for (let run = from; run < to; run++) {
      const at = run - firstRun;
      if (kind[at] > RUN_WRITE) continue;
      const made = accesses[at];
      if (kind[at] === RUN_FETCH) {
        sums.cycles += made;
        sums.fetches += made - again[run];
      } else sums.accesses += made - again[run];
      sums.lines += references[at];
    }
  }
}

/**
 * Works on from `stretch.at`, where all runs so far have been looked up one by one, as `runStretch` would.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x12345 }]);
 * const shape = { entries: 10, ways: 10 };
 * const tlb = Tlb.empty({ l1i: shape, l1d: shape, l2: shape, walkCache: 'none' });
 * const stretch = { at: 0, end: 1, counted: false, lastFetchPage: -1, lastDataPage: -1, cycles: 0, cyclesMax: 9, counts: noCounts() };
 * const index = makeStackIndex(trace, 12, { fetch: 8, data: 8 });
 * runFiltered(tlb, index, stretch, { asid: 1, pageShift: 12, l2HitCycles: 6, instructionCycles: 1 }); // 'walk'
 * ```
 */
export function runFiltered(tlb: Tlb, index: StackIndex, stretch: Stretch, context: StretchContext): StretchStop {
  return new FilteredRun(tlb, index, stretch, context).run();
}
