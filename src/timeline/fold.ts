/** One actor between two checkpoints: folded in place to where somebody goes, by blocks once somebody steps about. */
import type { LogRecord } from '../log/record.ts';
import type { LiveState } from '../runtime/liveState.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';

/**
 * Own records between two marks. More marks cost memory, and time to collect it; to step into a block, all of it before the
 * place is handled with a snapshot for each record.
 */
const BLOCK_RECORDS = 128;
/** Events further back than this, nobody steps: it is gone to as any place is. */
const STEP_EVENTS = 256;
/** What a fold or a snapshot weighs, in records. */
const SNAPSHOT_WEIGHT = 16;

/** What a fold works on: one actor in the stretch behind a checkpoint. */
export interface FoldSource {
  /** Last seq before the stretch, and last of the stretch. */
  readonly beforeSeq: number;
  readonly endSeq: number;
  /** The state at the beginning, made anew each time. */
  base(): ActorSnapshot;
  /** A state to fold into. */
  live(snapshot: ActorSnapshot): LiveState;
  /** Folds the actor's records `from` to `to` in place, until `after` says not to go on. */
  foldInto(state: LiveState, from: number, to: number, after: (seq: number) => boolean): void;
  /** The actor's records `from` to `to`. */
  records(from: number, to: number): LogRecord[];
  /** What handling a record makes of a snapshot. */
  handle(snapshot: ActorSnapshot, record: LogRecord): ActorSnapshot;
}

/** An actor's snapshot and the seq of the own record that led to it, null where that lies before the stretch that was folded. */
export interface FoldedSnapshot {
  readonly snapshot: ActorSnapshot;
  readonly recordSeq: number | null;
}

/** A snapshot that holds once everything up to `seq` was handled. */
interface Place extends FoldedSnapshot {
  readonly seq: number;
}

/** A stretch between two marks with its records, and the snapshots after 0, 1, 2, ... of them, as far as they were needed. */
interface Block {
  readonly from: Place;
  readonly endSeq: number;
  readonly records: readonly LogRecord[];
  readonly snapshots: ActorSnapshot[];
}

/**
 * The states of an actor in a stretch. Going somewhere folds in place and keeps nothing but the snapshot there. Whoever then steps
 * back has the stretch folded once more, with a snapshot kept every few records, and each record of a block between two of those:
 * so a step in either direction costs a block at most.
 *
 * @example
 * ```ts
 * const source = { beforeSeq: 3, endSeq: 9, base: () => null, records: () => [] } as never;
 * new Fold(source).weight; // 16
 * ```
 */
export class Fold {
  readonly #source: FoldSource;
  /** Where somebody went last, in place. */
  #tip: Place | null = null;
  /** Places at distances of a block, from the beginning on; none before somebody steps back. */
  readonly #marks: Place[] = [];
  #block: Block | null = null;

  constructor(source: FoldSource) {
    this.#source = source;
  }

  /** What it keeps, in records. */
  get weight(): number {
    const records = this.#block === null ? 0 : this.#block.records.length + this.#block.snapshots.length;
    return records + (this.#marks.length + 1) * SNAPSHOT_WEIGHT;
  }

  /** The snapshot once everything up to a seq of the stretch was handled. */
  at(seq: number): FoldedSnapshot {
    const block = this.#block;
    if (block !== null && seq >= block.from.seq && seq <= block.endSeq) return this.#within(block, seq);
    const mark = this.#marks.at(-1) ?? null;
    const furthest = this.#tip === null || (mark !== null && mark.seq > this.#tip.seq) ? mark : this.#tip;
    if (furthest === null || seq >= furthest.seq) this.#tip = this.#forward(furthest ?? this.#begin(), seq);
    else if (seq >= furthest.seq - STEP_EVENTS || (mark !== null && seq < mark.seq)) {
      return this.#within(this.#entered(seq, furthest.seq), seq);
    } else this.#tip = this.#forward(mark ?? this.#begin(), seq);
    return this.#tip;
  }

  /** Marks some records more, up to the end of the stretch; true once it is reached. */
  markOn(): boolean {
    const last = this.#marks.at(-1);
    if (last === undefined) this.#marks.push(this.#begin());
    else if (last.seq < this.#source.endSeq) this.#mark(last, this.#source.endSeq, 1);
    return (this.#marks.at(-1)?.seq ?? -1) >= this.#source.endSeq;
  }

  #begin(): Place {
    return { seq: this.#source.beforeSeq, snapshot: this.#source.base(), recordSeq: null };
  }

  #forward(from: Place, seq: number): Place {
    if (from.seq === seq) return from;
    let { recordSeq } = from;
    const state = this.#source.live(from.snapshot);
    this.#source.foldInto(state, from.seq + 1, seq, (handled) => {
      recordSeq = handled;
      return true;
    });
    return { seq, snapshot: state.snapshot, recordSeq };
  }

  /** Marks on from the last mark up to a seq, so many blocks at most. */
  #mark(last: Place, seq: number, blocks: number): void {
    let { recordSeq } = last;
    let records = 0;
    const state = this.#source.live(last.snapshot);
    this.#source.foldInto(state, last.seq + 1, seq, (handled) => {
      recordSeq = handled;
      if (++records % BLOCK_RECORDS !== 0) return true;
      this.#marks.push({ seq: handled, snapshot: state.snapshot, recordSeq });
      return records < blocks * BLOCK_RECORDS;
    });
    // What comes after the last own record is the end of the last block.
    if (records < blocks * BLOCK_RECORDS) this.#marks.push({ seq, snapshot: state.snapshot, recordSeq });
  }

  /** The block that holds a seq; its records reach up to the next mark, or to `upTo`. */
  #entered(seq: number, upTo: number): Block {
    if (this.#marks.length === 0) this.#marks.push(this.#begin());
    const last = this.#marks[this.#marks.length - 1];
    if (last.seq < upTo) this.#mark(last, upTo, Number.POSITIVE_INFINITY);
    const next = this.#marks.findIndex((mark) => mark.seq > seq);
    const from = this.#marks[next < 0 ? this.#marks.length - 1 : next - 1];
    const endSeq = next < 0 ? upTo : this.#marks[next].seq;
    const records = this.#source.records(from.seq + 1, endSeq);
    this.#block = { from, endSeq, records, snapshots: [from.snapshot] };
    return this.#block;
  }

  #within({ from, records, snapshots }: Block, seq: number): FoldedSnapshot {
    let count = 0;
    while (count < records.length && records[count].seq <= seq) count++;
    while (snapshots.length <= count) {
      const record = records[snapshots.length - 1];
      snapshots.push(this.#source.handle(snapshots[snapshots.length - 1], record));
    }
    return { snapshot: snapshots[count], recordSeq: records[count - 1]?.seq ?? from.recordSeq };
  }
}

/**
 * Folds by name, bounded by what they weigh: one fold of a busy actor that is stepped through holds more than those of many actors
 * that one went to.
 *
 * @example
 * ```ts
 * const cache = new FoldCache(1000);
 * cache.has('3 zone'); // false
 * ```
 */
export class FoldCache {
  readonly #mostWeight: number;
  readonly #folds = new Map<string, { readonly fold: Fold; counted: number }>();
  #weight = 0;

  constructor(mostWeight: number) {
    this.#mostWeight = mostWeight;
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

  /** Counts what a fold weighs by now, and lets go of those that were not used for longest. */
  grown(name: string): void {
    const entry = this.#folds.get(name);
    if (entry === undefined) return;
    const { weight } = entry.fold;
    this.#weight += weight - entry.counted;
    entry.counted = weight;
    if (this.#weight <= this.#mostWeight) return;
    for (const [oldest, { counted }] of this.#folds) {
      if (this.#weight <= this.#mostWeight || oldest === name) break;
      this.#folds.delete(oldest);
      this.#weight -= counted;
    }
  }
}
