/** The state of any actor at any seq: the nearest checkpoint and the actor's own events from there, kept for the next step. */
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import type { SystemState } from '../runtime/systemOptions.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { SYSTEM_STATE } from '../topology/checkpointer.ts';
import { Fold, FoldCache, type Handle } from './fold.ts';
import { ReadBehind } from './readBehind.ts';
import { RecordedRun } from './recordedRun.ts';
import { SnapshotsAt } from './snapshotsAt.ts';

/** Records kept in folds: some stretches between checkpoints, some tens of megabytes. */
const RECORDS_KEPT = 1 << 15;
/** States of checkpoints that are kept. */
const BASES_KEPT = 512;
/** Records that are folded ahead at once: a millisecond or less. */
const PIECE_RECORDS = 128;

/** An actor's snapshot and the own record that led to it, null where that lies before the stretch that was folded. */
export interface FoldedSnapshot {
  readonly snapshot: ActorSnapshot;
  readonly record: LogRecord | null;
}

/**
 * A recorded run in which one can go to any seq. Going there costs at most the events between two checkpoints; stepping
 * about in one such stretch costs nothing twice.
 *
 * @throws GranuleError from the constructor what {@link RecordedRun} throws
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new SystemView(reader, traces).snapshot('process:1', 0).value; // { 'in-syscall': 'active' }
 * ```
 */
export class SystemView {
  readonly run: RecordedRun;
  readonly #folds = new FoldCache(RECORDS_KEPT);
  readonly #bases = new Map<string, ActorSnapshot>();
  readonly #readBehind: ReadBehind;
  readonly #handle: Handle = (snapshot, record) => this.run.handle(snapshot, record).snapshot;

  constructor(reader: LogReader, traces: ReadonlyMap<number, RunSource>) {
    this.run = new RecordedRun(reader, traces);
    this.#readBehind = new ReadBehind(reader, (actor, checkpointIndex) => this.#foldSome(actor, checkpointIndex));
  }

  /**
   * One actor's snapshot once the record `seq` was handled.
   *
   * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, LOG_DAMAGED
   */
  snapshot(actor: string, seq: number): ActorSnapshot {
    return this.folded(actor, seq).snapshot;
  }

  /**
   * The same, with the last own record at or before `seq` when that lies after the checkpoint that was begun from.
   *
   * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, LOG_DAMAGED
   */
  folded(actor: string, seq: number): FoldedSnapshot {
    this.run.checkSeq(seq);
    this.#readBehind.note(seq);
    const checkpointIndex = this.checkpointIndex(seq);
    const { from } = this.stretch(checkpointIndex);
    if (!this.run.reader.mayReceive(actor, from, seq)) {
      return { snapshot: this.#base(actor, checkpointIndex), record: null };
    }
    const fold = this.#fold(actor, checkpointIndex);
    if (fold.readTo < seq) this.#readOn(fold, actor, checkpointIndex, seq);
    const count = fold.countUpTo(seq);
    return { snapshot: fold.snapshotAfter(count), record: fold.records[count - 1] ?? null };
  }

  /** A little more of an actor's fold of a whole stretch: its base, or a segment, or some blocks. */
  #foldSome(actor: string, checkpointIndex: number): boolean {
    const isNew = !this.#folds.has(nameOf(actor, checkpointIndex));
    const fold = this.#fold(actor, checkpointIndex);
    if (isNew) return false;
    if (fold.readTo < this.stretch(checkpointIndex).to) {
      this.#readOn(fold, actor, checkpointIndex, fold.readTo + 1);
      return false;
    }
    return fold.foldOn(PIECE_RECORDS);
  }

  /**
   * The snapshot of every actor once the record `seq` was handled; each is made when it is asked for.
   *
   * @throws GranuleError SEQ_OUT_OF_RANGE; LOG_DAMAGED from what it gives
   */
  snapshots(seq: number): ReadonlyMap<string, ActorSnapshot> {
    this.run.checkSeq(seq);
    return new SnapshotsAt(this.run, (actor) => this.snapshot(actor, seq));
  }

  /** Index of the last checkpoint at or before a seq, -1 when there is none. */
  checkpointIndex(seq: number): number {
    return this.run.reader.directory.checkpointAt(seq);
  }

  /**
   * The loop's own state at a checkpoint: what is pending, the clock, the chooser; null where the log keeps none.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  systemState(checkpointIndex: number): SystemState | null {
    const entry = this.run.reader.checkpoints()[checkpointIndex];
    if (entry === undefined) return null;
    const found = this.run.reader.checkpointStates(entry, SYSTEM_STATE)[0];
    if (found === undefined) return null;
    if (!isSystemState(found.state)) throw new GranuleError('LOG_DAMAGED', `no state of the loop at seq ${entry.seq}`);
    return found.state;
  }

  /** First and last seq of the stretch behind a checkpoint. */
  stretch(checkpointIndex: number): { from: number; to: number } {
    const { reader } = this.run;
    const checkpoints = reader.checkpoints();
    return {
      from: checkpointIndex < 0 ? reader.firstSeq : (checkpoints[checkpointIndex]?.seq ?? 0) + 1,
      to: checkpoints[checkpointIndex + 1]?.seq ?? reader.lastSeq,
    };
  }

  #fold(actor: string, checkpointIndex: number): Fold {
    return this.#folds.get(nameOf(actor, checkpointIndex), () => {
      const { from } = this.stretch(checkpointIndex);
      return new Fold(this.#base(actor, checkpointIndex), from - 1, this.#handle);
    });
  }

  /** Reads to the end of the segment that holds `seq`: its section of the actor is decoded as a whole anyway. */
  #readOn(fold: Fold, actor: string, checkpointIndex: number, seq: number): void {
    const { reader } = this.run;
    const segment = reader.directory.segments[reader.directory.segmentOf(seq)];
    const endSeq = segment === undefined ? seq : segment.firstSeq + segment.records - 1;
    const to = Math.min(endSeq, this.stretch(checkpointIndex).to);
    for (const record of reader.byActor(actor, fold.readTo + 1, to)) fold.records.push(record);
    fold.readTo = to;
    this.#folds.grown(nameOf(actor, checkpointIndex));
  }

  /** An actor as it was at a checkpoint. One that rests is the same at many, and made once for all. */
  #base(actor: string, checkpointIndex: number): ActorSnapshot {
    const { reader } = this.run;
    const holder = reader.directory.holderAt(actor, checkpointIndex);
    if (holder < 0) return this.run.initial(actor);
    const name = nameOf(actor, holder);
    const known = this.#bases.get(name);
    const base = known ?? this.run.revive(actor, reader.stateAtCheckpoint(holder, actor)?.state);
    // Taken out and put back, so that the map's order is the order of last use.
    if (known !== undefined) this.#bases.delete(name);
    this.#bases.set(name, base);
    for (const oldest of this.#bases.keys()) {
      if (this.#bases.size <= BASES_KEPT) break;
      this.#bases.delete(oldest);
    }
    return base;
  }
}

function nameOf(actor: string, checkpointIndex: number): string {
  return `${checkpointIndex} ${actor}`;
}

function isSystemState(state: unknown): state is SystemState {
  if (typeof state !== 'object' || state === null) return false;
  return 'pending' in state && 'nowCycles' in state && 'nextSeq' in state && 'nextEnvelopeId' in state;
}

const views = new WeakMap<LogReader, SystemView>();

/**
 * The view of a log: the same one each time it is asked for with the same traces, so that what it folded is kept.
 *
 * @throws GranuleError what {@link RecordedRun} throws
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * viewOf(reader, traces) === viewOf(reader, traces); // true
 * ```
 */
export function viewOf(reader: LogReader, traces: ReadonlyMap<number, RunSource>): SystemView {
  let view = views.get(reader);
  if (view === undefined || view.run.traces !== traces) views.set(reader, (view = new SystemView(reader, traces)));
  return view;
}
