/** One stream of a filtered stretch: the L1 array that it goes to, and what of the array needs a look. */
import { invariant } from '../errors.ts';
import { NO_PAGE, RecencyStack } from './recencyStack.ts';
import { RUN_CALL, RUN_FETCH, RUN_WRITE } from './runs.ts';
import { CHECK_RUNS, type StackIndex } from './stackIndex.ts';
import type { StreamIndex } from './streamIndex.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE, type TlbArray } from './tlbArray.ts';
import { ASID_STRIDE } from './tlbKeys.ts';

/** No run: later than any. */
export const NEVER = Number.POSITIVE_INFINITY;

/** A page of the stack whose next access must be looked at, because the array may not hold it, or not with the right it needs. */
interface Suspect {
  readonly id: number;
  /** Only a write is of interest: it is there, and may be read. */
  readonly writeOnly: boolean;
  /** The run of that access. */
  run: number;
}

/**
 * A stream from one run of a trace on. Its array keeps exact stamps up to there; in between, stamps of pages within the stack are not
 * written, and `settle` writes them.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x1000 }]);
 * const index = makeStackIndex(trace, 12, { fetch: 2, data: 2 });
 * const array = new TlbArray(4, 4);
 * const stream = new FilteredStream(index, index.data, array);
 * stream.begin(array, 1, 0, 1);
 * stream.nextRun; // 0
 * ```
 */
export class FilteredStream {
  /** The array of the stretch under way. */
  array: TlbArray;
  readonly #index: StackIndex;
  readonly #stream: StreamIndex;
  readonly #isFetch: boolean;
  readonly #stack: RecencyStack;
  /** The right that an access needs at least. */
  readonly #right: number;
  /** Of the pages of the stack: their entries, -1 for none, and the stamps of these. */
  readonly #entries: Int32Array;
  readonly #stamps: Float64Array;
  #asidBase = 0;
  /** Entries whose page is in the stack and certain to stay: never the least recently used. */
  #held: Uint8Array;
  #suspects: Suspect[] = [];
  #nextSuspect = NEVER;
  #record = 0;
  #start = 0;
  #clock = 0;

  constructor(index: StackIndex, stream: StreamIndex, array: TlbArray) {
    this.array = array;
    this.#index = index;
    this.#stream = stream;
    this.#isFetch = stream === index.fetch;
    this.#stack = new RecencyStack(stream.depth);
    this.#right = this.#isFetch ? MAY_FETCH : MAY_READ;
    this.#entries = new Int32Array(stream.depth);
    this.#stamps = new Float64Array(stream.depth);
    this.#held = new Uint8Array(array.entries);
  }

  /** Begins at a run, for an array and an ASID; runs from `end` on are not asked for. */
  begin(array: TlbArray, asid: number, start: number, end: number): void {
    this.array = array;
    this.#asidBase = asid * ASID_STRIDE;
    if (this.#held.length !== array.entries) this.#held = new Uint8Array(array.entries);
    this.#start = start;
    this.#clock = this.array.clock + 1;
    this.#record = lowerBound(this.#stream.records, start, 0, this.#stream.records.length);
    this.#stackAt(start);
    this.#held.fill(0);
    this.#suspects = [];
    this.#findSuspects(end);
    this.#noteNextSuspect();
  }

  /** The next run that has to be looked at. */
  get nextRun(): number {
    const { records } = this.#stream;
    const record = this.#record < records.length ? records[this.#record] : NEVER;
    return record < this.#nextSuspect ? record : this.#nextSuspect;
  }

  /** The array's clock at a run: each is a moment of its own. */
  clockAt(run: number): number {
    return this.#clock + (run - this.#start);
  }

  /** The tag of a page id. */
  keyOf(id: number): number {
    return this.#asidBase + this.#index.numbers[id];
  }

  /** Takes note of the page that the access of a run pushes out of the stack. */
  leave(run: number): void {
    const { records, left, leftTouches } = this.#stream;
    if (records[this.#record] !== run) return;
    const id = left[this.#record];
    const touch = leftTouches[this.#record++];
    if (id === NO_PAGE) return;
    if (this.#suspects.length > 0) this.#acquit(id, false);
    const entry = this.array.entryOf(this.keyOf(id), 0);
    if (entry < 0) return;
    this.#held[entry] = 0;
    if (touch >= this.#start) this.array.stamp(entry, this.clockAt(touch));
  }

  /** The entry that a new translation goes over: the least recently used of those that may be. */
  victim(): number {
    const { stamps } = this.array;
    const held = this.#held;
    let victim = -1;
    let least = NEVER;
    for (let entry = 0; entry < stamps.length; entry++) {
      if (held[entry] === 1 || stamps[entry] >= least) continue;
      least = stamps[entry];
      victim = entry;
    }
    invariant(victim >= 0, 'an array has more entries than its stack is deep');
    return victim;
  }

  /** An access at `run` has found or brought its page in: it stays for as long as it is in the stack. */
  hold(entry: number, id: number, run: number, end: number): void {
    this.#held[entry] = 1;
    if (run !== this.#nextSuspect) return;
    const suspect = this.#suspects.find((each) => each.run === run);
    this.#acquit(id, true);
    // A page that may be written, by what the trace did before, and cannot be here: its next write is of interest.
    if (suspect !== undefined && (this.array.rights(entry) & MAY_WRITE) === 0 && !this.#isFetch) {
      this.#suspect(id, true, run + 1, end);
      this.#noteNextSuspect();
    }
  }

  /** Brings the stamps up to date with all accesses before a run, and the clock to it. */
  settle(run: number): void {
    this.#stackAt(run);
    const { ids, touches, depth } = this.#stack;
    for (let place = 0; place < depth && ids[place] !== NO_PAGE && touches[place] >= this.#start; place++) {
      const entry = this.array.entryOf(this.keyOf(ids[place]), 0);
      if (entry < 0) invariant(false, `page ${this.#index.numbers[ids[place]]} hit within the stack, and is there`);
      this.array.stamp(entry, this.clockAt(touches[place]));
    }
    this.array.clock = this.clockAt(run);
  }

  /** The page number of the last access before the run that was settled at, or `otherwise` where it began later. */
  lastPage(otherwise: number): number {
    const { ids, touches } = this.#stack;
    return ids[0] !== NO_PAGE && touches[0] >= this.#start ? this.#index.numbers[ids[0]] : otherwise;
  }

  #stackAt(run: number): void {
    const check = Math.floor(run / CHECK_RUNS);
    const stack = this.#stack;
    stack.load(this.#stream.stacks, check);
    const { blocks, blockRuns, ids } = this.#index;
    const isFetch = this.#isFetch;
    for (let from = check * CHECK_RUNS; from < run; ) {
      const { firstRun, count, kind, page } = blocks[Math.floor(from / blockRuns)];
      const end = Math.min(run, firstRun + count) - firstRun;
      for (let at = from - firstRun; at < end; at++) {
        if (kind[at] === RUN_CALL || (kind[at] === RUN_FETCH) !== isFetch) continue;
        stack.touch(ids[page[at]], firstRun + at, kind[at] === RUN_WRITE);
      }
      from = firstRun + end;
    }
  }

  /**
   * Pages of the stack that the array may have lost or may lose while they are in it: those that are not there, and those that
   * more pages from elsewhere lie above (of other processes, of the kernel's copies) than the array has room for beside the stack.
   */
  #findSuspects(end: number): void {
    const { ids, wrote, depth } = this.#stack;
    const { array } = this;
    const stamps = this.#stamps;
    const entries = this.#entries;
    let size = 0;
    // Nearly always the array has the pages of the stack in its order; then the last of them has the most from elsewhere above it.
    let isInOrder = true;
    for (; size < depth && ids[size] !== NO_PAGE; size++) {
      const entry = array.entryOf(this.keyOf(ids[size]), 0);
      entries[size] = entry;
      stamps[size] = entry < 0 ? NEVER : array.stamps[entry];
      isInOrder &&= entry >= 0 && (size === 0 || stamps[size] < stamps[size - 1]);
    }
    const room = array.entries - depth;
    const areAllSafe = isInOrder && (size === 0 || this.#foreignAbove(size - 1) <= room);
    for (let place = 0; place < size; place++) {
      const entry = entries[place];
      const isThere = entry >= 0 && (array.rights(entry) & this.#right) !== 0;
      if (!isThere || (!areAllSafe && this.#foreignAbove(place) > room)) {
        this.#suspect(ids[place], false, this.#start, end);
        continue;
      }
      this.#held[entry] = 1;
      const isReadOnly = (array.rights(entry) & MAY_WRITE) === 0;
      if (wrote[place] === 1 && isReadOnly) this.#suspect(ids[place], true, this.#start, end);
    }
  }

  /** How many entries were used after that of the page at a place, and are not of the pages above it in the stack. */
  #foreignAbove(place: number): number {
    const stamps = this.#stamps;
    const own = stamps[place];
    const all = this.array.stamps;
    let above = 0;
    for (let entry = 0; entry < all.length; entry++) if (all[entry] > own) above++;
    for (let before = 0; before < place; before++) if (stamps[before] > own && stamps[before] !== NEVER) above--;
    return above;
  }

  #suspect(id: number, writeOnly: boolean, from: number, end: number): void {
    const { starts, runs } = writeOnly ? this.#stream.writes : this.#stream.uses;
    const at = lowerBound(runs, from, starts[id], starts[id + 1]);
    if (at < starts[id + 1] && runs[at] < end) this.#suspects.push({ id, writeOnly, run: runs[at] });
  }

  #acquit(id: number, seen: boolean): void {
    const isSuspect = this.#suspects.some((suspect) => suspect.id === id);
    if (isSuspect) this.#suspects = this.#suspects.filter((suspect) => suspect.id !== id);
    if (seen || isSuspect) this.#noteNextSuspect();
  }

  #noteNextSuspect(): void {
    let next = NEVER;
    for (const { run } of this.#suspects) if (run < next) next = run;
    this.#nextSuspect = next;
  }
}

/**
 * The first place of [from, to) whose number is not below `wanted`, `to` for none.
 *
 * @example
 * ```ts
 * lowerBound(Uint32Array.of(2, 5, 9), 5, 0, 3); // 1
 * ```
 */
export function lowerBound(numbers: Uint32Array, wanted: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
