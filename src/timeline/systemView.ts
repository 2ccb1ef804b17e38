/** The state of any actor at any seq: the nearest checkpoint and the actor's own events from there, kept for the next step. */
import { GranuleError } from '../errors.ts';
import type { CheckpointEntry } from '../log/directory.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import type { SystemState } from '../runtime/systemOptions.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { SYSTEM_STATE } from '../topology/run.ts';
import { RecordedRun } from './recordedRun.ts';

/** Folds kept at least; each holds the snapshots of one actor between two checkpoints, and those share their structure. */
const FOLDS_KEPT = 512;

/** One actor between two checkpoints: its records, and its snapshot after each, both as far as anyone asked. */
interface Fold {
  readonly base: ActorSnapshot;
  readonly records: LogRecord[];
  /** The records are there up to this seq. */
  readTo: number;
  readonly snapshots: ActorSnapshot[];
}

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
  readonly #folds = new Map<string, Fold>();
  readonly #foldsKept: number;
  /** For each actor the indexes of the checkpoints that hold it, ascending; built when first asked for. */
  #holders: Map<string, number[]> | null = null;

  constructor(reader: LogReader, traces: ReadonlyMap<number, RunSource>) {
    this.run = new RecordedRun(reader, traces);
    this.#foldsKept = Math.max(FOLDS_KEPT, 2 * this.run.actors.length);
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
    const fold = this.#fold(actor, this.checkpointIndex(seq));
    if (fold.readTo < seq) this.#readOn(fold, actor, seq);
    const count = countUpTo(fold.records, seq);
    while (fold.snapshots.length < count) {
      const at = fold.snapshots.length;
      const record = fold.records[at];
      fold.snapshots.push(this.run.handle(fold.snapshots[at - 1] ?? fold.base, record).snapshot);
    }
    if (count === 0) return { snapshot: fold.base, record: null };
    return { snapshot: fold.snapshots[count - 1] ?? fold.base, record: fold.records[count - 1] ?? null };
  }

  /**
   * The snapshot of every actor once the record `seq` was handled.
   *
   * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
   */
  snapshots(seq: number): Map<string, ActorSnapshot> {
    this.run.checkSeq(seq);
    this.#preload(this.checkpointIndex(seq));
    return new Map(this.run.actors.map((actor) => [actor, this.snapshot(actor, seq)]));
  }

  /** Index of the last checkpoint at or before a seq, -1 when there is none. */
  checkpointIndex(seq: number): number {
    const checkpoints = this.run.reader.checkpoints();
    let low = 0;
    let high = checkpoints.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (checkpoints[middle].seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /**
   * The loop's own state at a checkpoint: what is pending, the clock, the chooser; null where the log keeps none.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  systemState(checkpointIndex: number): SystemState | null {
    const entry = this.run.reader.checkpoints()[checkpointIndex];
    if (entry === undefined) return null;
    const found = this.run.reader.checkpointStates(entry, (id) => id === SYSTEM_STATE)[0];
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
    const key = `${checkpointIndex} ${actor}`;
    let fold = this.#folds.get(key);
    // Taken out and put back, so that the map's order is the order of last use.
    if (fold === undefined) fold = this.#openFold(checkpointIndex, this.#base(actor, checkpointIndex));
    else this.#folds.delete(key);
    this.#keep(key, fold);
    return fold;
  }

  #keep(key: string, fold: Fold): void {
    this.#folds.set(key, fold);
    for (const oldest of this.#folds.keys()) {
      if (this.#folds.size <= this.#foldsKept) break;
      this.#folds.delete(oldest);
    }
  }

  #openFold(checkpointIndex: number, base: ActorSnapshot): Fold {
    return { base, records: [], readTo: this.stretch(checkpointIndex).from - 1, snapshots: [] };
  }

  /** Reads to the end of the segment that holds `seq`: its section of the actor is decoded as a whole anyway. */
  #readOn(fold: Fold, actor: string, seq: number): void {
    const { reader } = this.run;
    const segment = reader.directory.segments[reader.directory.segmentOf(seq)];
    const endSeq = segment === undefined ? seq : segment.firstSeq + segment.records - 1;
    const to = Math.min(endSeq, this.stretch(this.checkpointIndex(seq)).to);
    for (const record of reader.byActor(actor, fold.readTo + 1, to)) fold.records.push(record);
    fold.readTo = to;
  }

  #base(actor: string, checkpointIndex: number): ActorSnapshot {
    const holder = this.#holder(actor, checkpointIndex);
    if (holder === null) return this.run.initial(actor);
    const found = this.run.reader.checkpointStates(holder, (id) => id === actor)[0];
    if (found === undefined) throw new GranuleError('LOG_DAMAGED', `no state of ${actor} at seq ${holder.seq}`);
    return this.run.revive(actor, found.state);
  }

  /** The checkpoint that holds an actor's state as it was at a checkpoint; null when it is still as it began. */
  #holder(actor: string, checkpointIndex: number): CheckpointEntry | null {
    const checkpoints = this.run.reader.checkpoints();
    if (this.#holders === null) {
      this.#holders = new Map();
      for (const [index, entry] of checkpoints.entries()) {
        for (const id of entry.actors) {
          const list = this.#holders.get(id);
          if (list === undefined) this.#holders.set(id, [index]);
          else list.push(index);
        }
      }
    }
    const index = this.#holders.get(actor)?.findLast((at) => at <= checkpointIndex);
    return index === undefined ? null : (checkpoints[index] ?? null);
  }

  /** Opens the folds of every actor behind a checkpoint; each checkpoint frame that is needed is read once. */
  #preload(checkpointIndex: number): void {
    const wanted = new Map<CheckpointEntry, Set<string>>();
    for (const actor of this.run.actors) {
      if (this.#folds.has(`${checkpointIndex} ${actor}`)) continue;
      const holder = this.#holder(actor, checkpointIndex);
      if (holder === null) continue;
      const actors = wanted.get(holder);
      if (actors === undefined) wanted.set(holder, new Set([actor]));
      else actors.add(actor);
    }
    for (const [entry, actors] of wanted) {
      for (const { actor, state } of this.run.reader.checkpointStates(entry, (id) => actors.has(id))) {
        const base = this.run.revive(actor, state);
        this.#keep(`${checkpointIndex} ${actor}`, this.#openFold(checkpointIndex, base));
      }
    }
  }
}

function isSystemState(state: unknown): state is SystemState {
  if (typeof state !== 'object' || state === null) return false;
  return 'pending' in state && 'nowCycles' in state && 'nextSeq' in state && 'nextEnvelopeId' in state;
}

/** How many of an actor's records lie at or before a seq. */
function countUpTo(records: readonly LogRecord[], seq: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle].seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
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
