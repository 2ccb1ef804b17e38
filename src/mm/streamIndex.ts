/** One stream of a stack index, fetches or data: what it holds, and how it is made in one pass. */
import { invariant } from '../errors.ts';
import { NO_PAGE, type SavedStacks, savedStacks } from './recencyStack.ts';
import { RUN_CALL, RUN_FETCH, RUN_READ, RUN_WRITE, type RunBlock } from './runs.ts';

/** The index of one stream, fetches or data. */
export interface StreamIndex {
  readonly depth: number;
  /** Runs that must be looked at, ascending: their page was not in the top of the stack, or is written for the first time in it. */
  readonly records: Uint32Array;
  /** The page that each pushed out, {@link NO_PAGE} for none, and when that had been touched last. */
  readonly left: Int32Array;
  readonly leftTouches: Uint32Array;
  /** The stack before every {@link CHECK_RUNS}th run. */
  readonly stacks: SavedStacks;
  /** All runs of each page, and those that write. */
  readonly uses: RunsByPage;
  readonly writes: RunsByPage;
}

/** Runs by page id, ascending: those of id `p` stand from `starts[p]` to before `starts[p + 1]`. */
export interface RunsByPage {
  readonly starts: Uint32Array;
  readonly runs: Uint32Array;
}

/**
 * A stream while its index is made. The top of its stack is a linked list by page id: a touch then costs the same however deep
 * its page is.
 *
 * @example
 * ```ts
 * const builder = new StreamBuilder(2, 1, 2);
 * for (const [run, page] of [0, 0, 1].entries()) builder.touch(page, run, false);
 * [...builder.done([], new Int32Array(), true).records]; // [0, 2]
 * ```
 */
export class StreamBuilder {
  readonly #depth: number;
  readonly #stacks: SavedStacks;
  readonly #pages: number;
  readonly #later: Int32Array;
  readonly #earlier: Int32Array;
  readonly #touches: Uint32Array;
  /** 0 for a page that is not in the stack, else 1, or 2 once it has been written since it came in. */
  readonly #states: Uint8Array;
  #newest = NO_PAGE;
  #oldest = NO_PAGE;
  #held = 0;
  readonly #records: number[] = [];
  readonly #left: number[] = [];
  readonly #leftTouches: number[] = [];

  constructor(depth: number, checks: number, pages: number) {
    // The list is cut at its oldest page, which has to leave another behind.
    invariant(depth >= 2, `a stack is at least two pages deep, not ${depth}`);
    this.#depth = depth;
    this.#stacks = savedStacks(depth, checks);
    this.#pages = pages;
    this.#later = new Int32Array(pages);
    this.#earlier = new Int32Array(pages);
    this.#touches = new Uint32Array(pages);
    this.#states = new Uint8Array(pages);
  }

  /** Keeps the stack as it is before a run that a check stands at. */
  check(index: number): void {
    const { ids, touches, wrote } = this.#stacks;
    let place = index * this.#depth;
    const end = place + this.#depth;
    for (let id = this.#newest; id !== NO_PAGE; id = this.#earlier[id]) {
      ids[place] = id;
      touches[place] = this.#touches[id];
      wrote[place++] = this.#states[id] === 2 ? 1 : 0;
    }
    ids.fill(NO_PAGE, place, end);
  }

  /** Notes an access. */
  touch(id: number, run: number, write: boolean): void {
    const states = this.#states;
    if (states[id] === 0) this.#enter(id, run);
    else if (id !== this.#newest) this.#toFront(id);
    this.#touches[id] = run;
    if (!write || states[id] === 2) return;
    // The first write of a page that came in with this very access needs no record of its own.
    if (this.#records[this.#records.length - 1] !== run) this.#note(run, NO_PAGE);
    states[id] = 2;
  }

  #enter(id: number, run: number): void {
    if (this.#held < this.#depth) {
      this.#held++;
      this.#note(run, NO_PAGE);
    } else {
      const left = this.#oldest;
      this.#note(run, left);
      this.#oldest = this.#later[left];
      this.#states[left] = 0;
    }
    this.#states[id] = 1;
    this.#link(id);
  }

  #note(run: number, left: number): void {
    this.#records.push(run);
    this.#left.push(left);
    this.#leftTouches.push(left === NO_PAGE ? 0 : this.#touches[left]);
  }

  #toFront(id: number): void {
    const later = this.#later[id];
    const earlier = this.#earlier[id];
    this.#earlier[later] = earlier;
    if (earlier === NO_PAGE) this.#oldest = later;
    else this.#later[earlier] = later;
    this.#link(id);
  }

  #link(id: number): void {
    this.#earlier[id] = this.#newest;
    this.#later[id] = NO_PAGE;
    if (this.#newest === NO_PAGE) this.#oldest = id;
    else this.#later[this.#newest] = id;
    this.#newest = id;
    this.#earlier[this.#oldest] = NO_PAGE;
  }

  /** Finishes, with the runs of every page: those of the blocks that are of this stream. */
  done(blocks: readonly RunBlock[], ids: Int32Array, isFetch: boolean): StreamIndex {
    const isUse = (kind: number): boolean => kind !== RUN_CALL && (kind === RUN_FETCH) === isFetch;
    const isWrite = (kind: number): boolean => kind === RUN_WRITE && !isFetch;
    return {
      depth: this.#depth,
      records: Uint32Array.from(this.#records),
      left: Int32Array.from(this.#left),
      leftTouches: Uint32Array.from(this.#leftTouches),
      stacks: this.#stacks,
      uses: runsByPage(blocks, ids, this.#pages, isUse),
      writes: runsByPage(blocks, ids, this.#pages, isWrite),
    };
  }
}

/** Sorts the runs of certain kinds by page, by counting. */
function runsByPage(
  blocks: readonly RunBlock[],
  ids: Int32Array,
  pages: number,
  isWanted: (kind: number) => boolean,
): RunsByPage {
  const wanted = [RUN_FETCH, RUN_READ, RUN_WRITE, RUN_CALL].map((kind) => isWanted(kind));
  const starts = new Uint32Array(pages + 1);
  for (const { count, kind, page } of blocks) {
    for (let at = 0; at < count; at++) if (wanted[kind[at]]) starts[ids[page[at]] + 1]++;
  }
  for (let id = 1; id <= pages; id++) starts[id] += starts[id - 1];
  const runs = new Uint32Array(starts[pages]);
  const next = starts.slice();
  for (const { count, firstRun, kind, page } of blocks) {
    for (let at = 0; at < count; at++) if (wanted[kind[at]]) runs[next[ids[page[at]]]++] = firstRun + at;
  }
  return { starts, runs };
}
