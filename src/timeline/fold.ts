/** One actor between two checkpoints, folded as far as anyone asked, and kept for the next step. */
import type { LogRecord } from '../log/record.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';

/** Records between two snapshots that are kept. Keeping all of them costs more memory, and time to collect it, than folding so many. */
const BLOCK_RECORDS = 32;

/** What handling a record makes of a snapshot. */
export type Handle = (snapshot: ActorSnapshot, record: LogRecord) => ActorSnapshot;

/**
 * The records of an actor in a stretch, with its snapshot after each block of them and after each record of the block that was
 * asked for last, so that a step in either direction costs a block at most.
 *
 * @example
 * ```ts
 * const fold = new Fold(null, 0, (snapshot, record) => record.seq);
 * fold.records.push({ seq: 4, timeCycles: 0, to: 'zone', from: 'mm:1', cause: 3, type: 'ALLOC', payload: {} });
 * fold.snapshotAfter(1); // 4
 * ```
 */
export class Fold {
  readonly records: LogRecord[] = [];
  /** The records are there up to this seq. */
  readTo: number;
  readonly #handle: Handle;
  /** The snapshot at the beginning of each block. */
  readonly #marks: ActorSnapshot[];
  #block = 0;
  /** Those within the block: after 0, 1, 2, ... of its records. */
  #within: ActorSnapshot[];

  constructor(base: ActorSnapshot, readTo: number, handle: Handle) {
    this.readTo = readTo;
    this.#handle = handle;
    this.#marks = [base];
    this.#within = [base];
  }

  /** How many of the records lie at or before a seq. */
  countUpTo(seq: number): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.records[middle].seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The snapshot once the first `count` records were handled. */
  snapshotAfter(count: number): ActorSnapshot {
    const block = Math.floor(count / BLOCK_RECORDS);
    while (this.#marks.length <= block) {
      this.#enter(this.#marks.length - 1);
      this.#marks.push(this.#forward(BLOCK_RECORDS));
    }
    this.#enter(block);
    return this.#forward(count - block * BLOCK_RECORDS);
  }

  /** Folds so many records further at most; true once there is nothing left to fold. */
  foldOn(records: number): boolean {
    const count = Math.min(this.records.length, this.#marks.length * BLOCK_RECORDS + records);
    this.snapshotAfter(count);
    return count === this.records.length;
  }

  #enter(block: number): void {
    if (block === this.#block) return;
    this.#block = block;
    this.#within = [this.#marks[block]];
  }

  /** The snapshot after so many records of the block. */
  #forward(count: number): ActorSnapshot {
    const within = this.#within;
    while (within.length <= count) {
      const record = this.records[this.#block * BLOCK_RECORDS + within.length - 1];
      within.push(this.#handle(within[within.length - 1], record));
    }
    return within[count];
  }
}

/**
 * Folds by name, bounded by the records in them: one fold of a busy actor holds more than those of a thousand idle ones.
 *
 * @example
 * ```ts
 * const cache = new FoldCache(1000);
 * cache.get('3 zone', () => new Fold(null, 9, () => null)).readTo; // 9
 * ```
 */
export class FoldCache {
  readonly #mostRecords: number;
  readonly #folds = new Map<string, { readonly fold: Fold; counted: number }>();
  #records = 0;

  constructor(mostRecords: number) {
    this.#mostRecords = mostRecords;
  }

  /** Whether a name has its fold. */
  has(name: string): boolean {
    return this.#folds.has(name);
  }

  /** The fold of a name, opened when it is not there. */
  get(name: string, open: () => Fold): Fold {
    const known = this.#folds.get(name);
    // Taken out and put back, so that the map's order is the order of last use.
    if (known !== undefined) this.#folds.delete(name);
    const entry = known ?? { fold: open(), counted: 0 };
    this.#folds.set(name, entry);
    return entry.fold;
  }

  /** Counts what was read into a fold, and lets go of those that were not used for longest. */
  grown(name: string): void {
    const entry = this.#folds.get(name);
    if (entry === undefined) return;
    this.#records += entry.fold.records.length - entry.counted;
    entry.counted = entry.fold.records.length;
    for (const [oldest, { counted }] of this.#folds) {
      if (this.#records <= this.#mostRecords || oldest === name) break;
      this.#folds.delete(oldest);
      this.#records -= counted;
    }
  }
}
