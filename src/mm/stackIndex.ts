/**
 * Which runs of a trace can change what an LRU array holds, found once for each trace and page size.
 *
 * Exact stack filtering: an access within the top K of its stream's LRU stack hits every true-LRU array of more than K entries,
 * whatever else happens, so only the accesses beyond it have to be looked at, together with the page that each pushes out of
 * the top K. Nothing is lost: the order of an array is that of last touches, and the index tells these for any moment. (Safely
 * Allowed Drop and Optimal LRU Reduction: Kaplan, Smaragdakis and Wilson, Trace reduction for virtual memory simulations,
 * SIGMETRICS 1999.) `filteredRun.ts` works through it.
 */
import { NO_PAGE } from './recencyStack.ts';
import { RUN_CALL, RUN_FETCH, RUN_PAGE_SHIFT, RUN_WRITE, type RunBlock, type RunSource } from './runs.ts';
import { StreamBuilder, type StreamIndex } from './streamIndex.ts';

/** Runs between two kept stacks: what is worked through at most to know the stack of any moment. */
export const CHECK_RUNS = 128;
/** Runs that an index is made for at most: it takes about 35 bytes a run, the decoded runs included. */
export const INDEXED_RUNS_MAX = 2 ** 23;

/** How deep the stack of each stream is. */
export interface StackDepths {
  readonly fetch: number;
  readonly data: number;
}

/** What of a trace may be asked of its index. */
export interface StackIndex {
  readonly blocks: readonly RunBlock[];
  readonly blockRuns: number;
  /** Page id of each page index of the trace, and page number of each id. */
  readonly ids: Int32Array;
  readonly numbers: Float64Array;
  /** Runs that are system calls. */
  readonly calls: Uint32Array;
  /** 1 for each run whose first access is the second part of one that began on the same page. */
  readonly again: Uint8Array;
  readonly fetch: StreamIndex;
  readonly data: StreamIndex;
  /** Sums over all runs before every {@link CHECK_RUNS}th: fetches made; and fetches, data accesses and lines that count. */
  readonly cycles: Float64Array;
  readonly fetches: Float64Array;
  readonly accesses: Float64Array;
  readonly lines: Float64Array;
}

/** Ids of the pages of a trace: page indexes of one page number share one. */
function pageIds(source: RunSource, pageShift: number): { ids: Int32Array; numbers: Float64Array } {
  const pagesPerPage = 2 ** (pageShift - RUN_PAGE_SHIFT);
  const known = new Map<number, number>();
  const ids = new Int32Array(source.pages.length);
  for (const [index, page] of source.pages.entries()) {
    const number = Math.floor(page / pagesPerPage);
    let id = known.get(number);
    if (id === undefined) known.set(number, (id = known.size));
    ids[index] = id;
  }
  return { ids, numbers: Float64Array.from(known.keys()) };
}

/** What is added up over a trace. */
class Sums {
  readonly cycles: Float64Array;
  readonly fetches: Float64Array;
  readonly accesses: Float64Array;
  readonly lines: Float64Array;
  sumCycles = 0;
  sumFetches = 0;
  sumAccesses = 0;
  sumLines = 0;

  constructor(checks: number) {
    this.cycles = new Float64Array(checks);
    this.fetches = new Float64Array(checks);
    this.accesses = new Float64Array(checks);
    this.lines = new Float64Array(checks);
  }

  check(index: number): void {
    this.cycles[index] = this.sumCycles;
    this.fetches[index] = this.sumFetches;
    this.accesses[index] = this.sumAccesses;
    this.lines[index] = this.sumLines;
  }
}

/** One pass over a trace. */
class IndexBuilder {
  readonly #ids: Int32Array;
  readonly #fetch: StreamBuilder;
  readonly #data: StreamBuilder;
  readonly #sums: Sums;
  readonly #again: Uint8Array;
  readonly #calls: number[] = [];
  #lastFetch = NO_PAGE;
  #lastData = NO_PAGE;

  constructor(ids: Int32Array, pages: number, runs: number, depths: StackDepths) {
    const checks = Math.floor(runs / CHECK_RUNS) + 1;
    this.#ids = ids;
    this.#fetch = new StreamBuilder(depths.fetch, checks, pages);
    this.#data = new StreamBuilder(depths.data, checks, pages);
    this.#sums = new Sums(checks);
    this.#again = new Uint8Array(runs);
  }

  check(run: number): void {
    const index = run / CHECK_RUNS;
    this.#sums.check(index);
    this.#fetch.check(index);
    this.#data.check(index);
  }

  add(block: RunBlock): void {
    for (let at = 0; at < block.count; at++) {
      const run = block.firstRun + at;
      if (run % CHECK_RUNS === 0) this.check(run);
      if (block.kind[at] === RUN_CALL) {
        this.#calls.push(run);
        this.#lastFetch = NO_PAGE;
      } else this.#addRun(block, at, run);
    }
  }

  #addRun({ kind, page, accesses, references, continued }: RunBlock, at: number, run: number): void {
    const sums = this.#sums;
    const id = this.#ids[page[at]];
    const isFetch = kind[at] === RUN_FETCH;
    const again = continued[at] === 1 && id === (isFetch ? this.#lastFetch : this.#lastData) ? 1 : 0;
    this.#again[run] = again;
    sums.sumLines += references[at];
    if (isFetch) {
      sums.sumCycles += accesses[at];
      sums.sumFetches += accesses[at] - again;
      this.#lastFetch = id;
      this.#fetch.touch(id, run, false);
    } else {
      sums.sumAccesses += accesses[at] - again;
      this.#lastData = id;
      this.#data.touch(id, run, kind[at] === RUN_WRITE);
    }
  }

  done(blocks: readonly RunBlock[]): Omit<StackIndex, 'blocks' | 'blockRuns' | 'numbers'> {
    const { cycles, fetches, accesses, lines } = this.#sums;
    return {
      ids: this.#ids,
      calls: Uint32Array.from(this.#calls),
      again: this.#again,
      fetch: this.#fetch.done(blocks, this.#ids, true),
      data: this.#data.done(blocks, this.#ids, false),
      cycles,
      fetches,
      accesses,
      lines,
    };
  }
}

/**
 * Makes the index of a trace for pages of `2 ** pageShift` bytes and stacks of the given depths. Costs about as much as working
 * through the trace once.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x1000 }, { access: 'R', addr: 0x2000 }, { access: 'R', addr: 0x1000 }]);
 * makeStackIndex(trace, 12, { fetch: 2, data: 2 }).data.records.length; // 2
 * ```
 */
export function makeStackIndex(source: RunSource, pageShift: number, depths: StackDepths): StackIndex {
  const { runs, blockRuns } = source;
  const { ids, numbers } = pageIds(source, pageShift);
  const blocks = Array.from({ length: Math.ceil(runs / blockRuns) }, (_, at) => blockOf(source, at));
  const builder = new IndexBuilder(ids, numbers.length, runs, depths);
  for (const block of blocks) builder.add(block);
  if (runs % CHECK_RUNS === 0) builder.check(runs);
  return { blocks, blockRuns, numbers, ...builder.done(blocks) };
}

/** The decoded blocks of the traces that have an index. */
const decoded = new WeakMap<RunSource, readonly RunBlock[]>();
/** The block that was asked for last: where walks follow one another, it is asked for at each. */
const latest: { asked: { readonly source: RunSource; readonly index: number; readonly block: RunBlock } | null } = {
  asked: null,
};

/**
 * A block of a trace: from its index where it has one, whose blocks stay decoded.
 *
 * @example
 * ```ts
 * blockOf(traceFromSteps([{ access: 'R', addr: 0x1000 }]), 0).count; // 1
 * ```
 */
export function blockOf(source: RunSource, index: number): RunBlock {
  const { asked } = latest;
  if (asked !== null && asked.source === source && asked.index === index) return asked.block;
  const block = decoded.get(source)?.[index] ?? source.block(index);
  latest.asked = { source, index, block };
  return block;
}

/** What is known of a trace at one page size and depths. */
interface Known {
  index: StackIndex | null;
  /** Runs that have been looked up one by one for want of an index. */
  workedRuns: number;
}

const known = new WeakMap<RunSource, Map<string, Known>>();

/**
 * The index of a trace, or null while it is not worth its cost: it is made once as many runs as the trace has were looked up without
 * it, since making it costs about as much as that. So a trace that is worked through once never pays for an index, and one that
 * comes again and again pays once. Null as well for a trace of more than {@link INDEXED_RUNS_MAX} runs.
 *
 * @param runs what has been looked up one by one since this was asked last
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x1000 }]);
 * stackIndexWhenDue(trace, 12, { fetch: 2, data: 2 }, 1); // null
 * stackIndexWhenDue(trace, 12, { fetch: 2, data: 2 }, 1) === null; // false
 * ```
 */
export function stackIndexWhenDue(
  source: RunSource,
  pageShift: number,
  depths: StackDepths,
  runs: number,
): StackIndex | null {
  if (source.runs > INDEXED_RUNS_MAX) return null;
  let byKey = known.get(source);
  if (byKey === undefined) known.set(source, (byKey = new Map()));
  const key = `${pageShift} ${depths.fetch} ${depths.data}`;
  let entry = byKey.get(key);
  if (entry === undefined) byKey.set(key, (entry = { index: null, workedRuns: 0 }));
  if (entry.index === null) {
    if (entry.workedRuns < source.runs) {
      entry.workedRuns += runs;
      return null;
    }
    entry.index = makeStackIndex(source, pageShift, depths);
    decoded.set(source, entry.index.blocks);
  }
  return entry.index;
}
