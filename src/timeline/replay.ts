/** Verified replay: the run is done again in the recorded order, and held against the log record by record. */
import { faultPlanOf } from '../topology/lifecycle.ts';
import { GranuleError } from '../errors.ts';
import type { CheckpointEntry } from '../log/directory.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { StoredState } from '../log/storedState.ts';
import type { StreamedRecord } from '../log/streamedRecord.ts';
import type { RunSource } from '../mm/runs.ts';
import { type Envelope, type MessageRecord, recordOf } from '../runtime/envelope.ts';
import { createSystem, type System } from '../runtime/system.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { SYSTEM_STATE } from '../topology/checkpointer.ts';
import { outsideInOrder, timekeepingOf } from '../topology/run.ts';
import { type Divergence, divergenceOf, type Finding } from './divergence.ts';
import { Interventions } from './edits.ts';
import { RecordedRun } from './recordedRun.ts';
import { type RecordedOrder, recordedOrder } from './recordedOrder.ts';
import { ReplayedHash } from './replayedHash.ts';
import { steered, type SteeredChooser } from './steering.ts';
import { differenceFrom, storedForm } from './storedForm.ts';
import { firstDifference, isPayloadOf } from './values.ts';

const ONE_EVENT = { maxEvents: 1 };

/** What a replay may be told. */
export interface ReplayOptions {
  /** Told once a segment of the log. */
  readonly onProgress?: (progress: {
    readonly records: number;
    readonly total: number;
    readonly nowCycles: number;
  }) => void;
  /** Called with the system before it runs, so that observers can be attached. */
  readonly onSystem?: (system: System) => void;
  /** Who runs the statecharts, default `compiled`; the replay is the same. */
  readonly interpreter?: Interpreter;
}

/** What came of a replay. */
export interface Replayed {
  /** Records that were replayed, the one that differs included. */
  readonly records: number;
  /** Head hash of the replayed records. */
  readonly headHash: string;
  /** That of the log. */
  readonly recordedHeadHash: string;
  /** Checkpoints whose states were compared. */
  readonly checkpoints: number;
  readonly timeCycles: number;
  /** Null: the log was reproduced. */
  readonly divergence: Divergence | null;
  /** How the recorded run ended when it did not end by itself: the error is part of what is reproduced. */
  readonly failure: GranuleError | null;
  /** Messages that were still pending at the end: more than none when the log was cut or its run limited. */
  readonly pending: number;
  readonly system: System;
}

class Replay {
  readonly #run: RecordedRun;
  readonly #reader: LogReader;
  readonly #order: RecordedOrder;
  readonly #interventions: Interventions;
  readonly #steered: SteeredChooser;
  readonly system: System;
  readonly #hash: ReplayedHash;
  /** What the loop delivered last, as it is, and when: a record is made of it only where it is not what the log holds. */
  #delivered: Envelope | null = null;
  #seq = 0;
  #timeCycles = 0;
  records = 0;
  checkpoints = 0;
  failure: GranuleError | null = null;

  constructor(run: RecordedRun, hash: ReplayedHash, interpreter: Interpreter) {
    this.#run = run;
    this.#reader = run.reader;
    this.#hash = hash;
    this.#interventions = run.interventions;
    const { topology } = run.meta;
    this.#order = recordedOrder(topology.chooser);
    this.#steered = steered(this.#order);
    this.system = createSystem({
      actors: run.built.actors,
      chooser: this.#steered,
      timekeeping: timekeepingOf(topology),
      faultPlan: faultPlanOf(topology),
      limits: { maxEvents: run.maxEvents },
      interpreter,
      onDelivery: (seq, timeCycles, envelope) => {
        this.#seq = seq;
        this.#timeCycles = timeCycles;
        this.#delivered = envelope;
      },
    });
    for (const { to, atCycles, message } of outsideInOrder(topology, run.built.messages)) {
      this.system.send(to, message, { delayCycles: atCycles });
    }
  }

  /** Delivers what the log says, and compares; null while they are alike. */
  step(record: StreamedRecord): Finding | null {
    this.#order.want(record);
    this.#delivered = null;
    try {
      this.system.run(ONE_EVENT);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      if (this.#delivered === null || record.seq !== this.#reader.lastSeq) {
        return finding(record, 'the replay failed', 'a record', error.format());
      }
      this.failure = error;
    }
    if (this.#delivered === null) return this.#missing(record);
    this.records++;
    const isAlike = this.#isAlike(record, this.#delivered);
    if (isAlike && this.#hash.isOfRecorded) {
      this.#hash.addRecorded(record.seq);
      return null;
    }
    const replayed = recordOf(this.#delivered, this.#seq, this.#timeCycles);
    this.#hash.add(replayed);
    return isAlike ? null : compareRecords(this.#reader.read(record.seq), replayed);
  }

  /** Whether a delivery is what the log holds, to the byte: nearly always it is, and this makes nothing to say so. */
  #isAlike(recorded: StreamedRecord, { to, from, cause, message }: Envelope): boolean {
    return (
      recorded.seq === this.#seq &&
      recorded.timeCycles === this.#timeCycles &&
      recorded.to === to &&
      recorded.from === from &&
      recorded.cause === cause &&
      recorded.type === message.type &&
      (recorded.isUnmade ? recorded.matches(message) : isPayloadOf(recorded.payload, message))
    );
  }

  #missing(record: LogRecord): Finding {
    const { to, from, cause, type } = record;
    const enabled = this.system.queueState().enabled;
    const available = enabled.map((envelope) => ({
      to: envelope.to,
      from: envelope.from,
      cause: envelope.cause,
      type: envelope.message.type,
    }));
    return finding(record, 'delivery', { to, from, cause, type }, { deliverable: available });
  }

  /** Holds the states of a checkpoint against those of the replay. */
  compareStates(record: LogRecord, entry: CheckpointEntry): Finding | null {
    this.checkpoints++;
    for (const stored of this.#reader.storedStates(entry)) {
      const { actor } = stored;
      const isLoop = actor === SYSTEM_STATE;
      const replayed = isLoop ? this.#loopState(stored) : storedForm(stored, this.system.snapshot(actor));
      const standIn = isLoop ? undefined : this.system.actor(actor).standIn;
      const difference = replayed === null ? null : differenceFrom(stored, replayed, standIn);
      if (difference === null) continue;
      const { path, left, right } = difference;
      return { seq: record.seq, what: `state of ${actor}: ${path}`, recorded: left, replayed: right, actor };
    }
    return null;
  }

  /** The state of the loop with the recorded chooser's own state, since a replay follows another chooser. */
  #loopState(stored: StoredState): unknown {
    if (this.#order.isAmbiguous) return null;
    const recorded = stored.made.state;
    const chooser = typeof recorded === 'object' && recorded !== null && 'chooser' in recorded ? recorded.chooser : [];
    return { ...this.system.checkpointState(), chooser };
  }

  /** Does what came from outside in the middle of the run, as in a fork that was changed. */
  interveneAfter(seq: number): void {
    this.#interventions.after(seq, this.system, {
      force: (id) => this.#steered.force(id),
      follow: (_, kind) => this.#order.recordedBy(kind),
    });
  }

  get run(): RecordedRun {
    return this.#run;
  }
}

function finding(record: LogRecord, what: string, recorded: unknown, replayed: unknown): Finding {
  return { seq: record.seq, what, recorded, replayed, actor: record.to };
}

function compareRecords(recorded: LogRecord, replayed: MessageRecord): Finding | null {
  for (const field of ['seq', 'to', 'from', 'cause', 'type', 'timeCycles'] as const) {
    if (recorded[field] !== replayed[field]) return finding(recorded, field, recorded[field], replayed[field]);
  }
  const difference = firstDifference(recorded.payload, replayed.payload);
  if (difference === null) return null;
  const { path, left, right } = difference;
  return finding(recorded, path.startsWith('[') ? `payload${path}` : `payload.${path}`, left, right);
}

/** Goes through the log; gives the first difference. */
function follow(replay: Replay, options: ReplayOptions): Finding | null {
  const { reader } = replay.run;
  const checkpoints = reader.checkpoints();
  let at = 0;
  for (const segment of reader.directory.segments.keys()) {
    const records = reader.stream(segment);
    for (let record = records.next(); record !== null; record = records.next()) {
      const found = replay.step(record);
      if (found !== null) return found;
      const entry = checkpoints[at];
      if (entry !== undefined && entry.seq === record.seq) {
        at++;
        const different = replay.compareStates(record, entry);
        if (different !== null) return different;
      }
      replay.interveneAfter(record.seq);
    }
    options.onProgress?.({ records: replay.records, total: reader.records, nowCycles: replay.system.nowCycles });
  }
  return null;
}

/**
 * Replays a log and verifies it: the system is built from the header, gets the same messages from outside, delivers in the
 * recorded order, and every record, every checkpoint and the head hash are compared. Stops at the first difference, which is
 * in the answer; memory does not grow with the log.
 *
 * @throws GranuleError TRACE_MISSING, TRACE_CHANGED, LOG_NOT_A_LOG, LOG_DAMAGED, TOPOLOGY_INVALID
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * replay(reader, traces).divergence; // null
 * ```
 */
export function replay(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  options: ReplayOptions = {},
): Replayed {
  const run = new RecordedRun(reader, traces);
  const hash = new ReplayedHash(reader);
  const replaying = new Replay(run, hash, options.interpreter ?? 'compiled');
  const { system } = replaying;
  options.onSystem?.(system);
  replaying.interveneAfter(reader.firstSeq - 1);
  let found = follow(replaying, options);
  const headHash = hash.finish();
  const { records } = replaying;
  if (found === null && hash.isComparable && headHash !== reader.headHash) {
    const { headHash: recorded, lastSeq: seq } = reader;
    found = { seq, what: 'head hash', recorded, replayed: headHash, actor: '' };
  }
  return {
    records,
    headHash,
    recordedHeadHash: reader.headHash,
    checkpoints: replaying.checkpoints,
    timeCycles: system.nowCycles,
    divergence: found === null ? null : divergenceOf(reader, run.meta, found),
    failure: replaying.failure,
    pending: system.queueState().pending.length,
    system,
  };
}
