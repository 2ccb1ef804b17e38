/** The state of any actor at any seq: the nearest checkpoint and the actor's own events from there, kept for the next step. */
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import { RecentlyUsed } from '../log/recentlyUsed.ts';
import type { RunSource } from '../mm/runs.ts';
import type { SystemState } from '../runtime/systemOptions.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { SYSTEM_STATE } from '../topology/checkpointer.ts';
import { Fold, FoldCache, type FoldedSnapshot } from './fold.ts';
import { ReadBehind } from './readBehind.ts';
import { RecordedRun } from './recordedRun.ts';
import { SnapshotsAt } from './snapshotsAt.ts';

/** What folds keep, in records: the states of some hundreds of places, or some stretches that are stepped through. */
const WEIGHT_KEPT = 1 << 13;
/** States of checkpoints that are kept, of actors that rest there. */
const BASES_KEPT = 512;

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
  readonly #folds = new FoldCache(WEIGHT_KEPT);
  readonly #bases = new RecentlyUsed<string, ActorSnapshot>(BASES_KEPT);
  readonly #readBehind: ReadBehind;

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
   * The same, with the seq of the last own record at or before `seq` when that lies after the checkpoint that was begun from.
   *
   * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, LOG_DAMAGED
   */
  folded(actor: string, seq: number): FoldedSnapshot {
    this.run.checkSeq(seq);
    this.#readBehind.note(seq);
    const checkpointIndex = this.checkpointIndex(seq);
    const { from, to } = this.stretch(checkpointIndex);
    if (!this.run.reader.mayReceive(actor, from, seq)) {
      return { snapshot: this.#base(actor, checkpointIndex), recordSeq: null };
    }
    const folded = this.#fold(actor, checkpointIndex, from - 1, to).at(seq);
    this.#folds.grown(nameOf(actor, checkpointIndex));
    return folded;
  }

  /** A little more of an actor's fold of a whole stretch. */
  #foldSome(actor: string, checkpointIndex: number): boolean {
    const { from, to } = this.stretch(checkpointIndex);
    const isDone = this.#fold(actor, checkpointIndex, from - 1, to).markOn();
    this.#folds.grown(nameOf(actor, checkpointIndex));
    return isDone;
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

  #fold(actor: string, checkpointIndex: number, beforeSeq: number, endSeq: number): Fold {
    return this.#folds.get(nameOf(actor, checkpointIndex), () => {
      const { run } = this;
      return new Fold({
        beforeSeq,
        endSeq,
        base: () => this.#revived(actor, checkpointIndex),
        live: (snapshot) => run.live(actor, snapshot),
        foldInto: (state, from, to, after) => run.foldInto(state, actor, from, to, after),
        records: (from, to) => [...run.reader.byActor(actor, from, to)],
        handle: (snapshot, record) => run.handle(snapshot, record).snapshot,
      });
    });
  }

  /** An actor as it was at a checkpoint, made anew: nothing that is folded from it is kept by way of it. */
  #revived(actor: string, checkpointIndex: number): ActorSnapshot {
    const { reader } = this.run;
    const holder = reader.directory.holderAt(actor, checkpointIndex);
    if (holder < 0) return this.run.initial(actor);
    return this.run.revive(actor, reader.stateAtCheckpoint(holder, actor)?.state);
  }

  /** An actor that rests, as it was at a checkpoint. It is the same at many, and made once for all. */
  #base(actor: string, checkpointIndex: number): ActorSnapshot {
    const { reader } = this.run;
    const holder = reader.directory.holderAt(actor, checkpointIndex);
    if (holder < 0) return this.run.initial(actor);
    return this.#bases.get(nameOf(actor, holder), () => this.#revived(actor, holder));
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
