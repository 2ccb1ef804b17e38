/** Verified replay: the run is done again in the recorded order, and held against the log record by record. */
import { GranuleError } from '../errors.ts';
import type { CheckpointEntry } from '../log/directory.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { messageVersions } from '../log/upcast.ts';
import type { RunSource } from '../mm/runs.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { FaultPlan } from '../runtime/faultPlan.ts';
import { createSystem, type System } from '../runtime/system.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { SYSTEM_STATE } from '../topology/checkpointer.ts';
import { messageRegistry } from '../topology/meta.ts';
import { type Divergence, divergenceOf, type Finding } from './divergence.ts';
import { hashingWriter } from './inMemory.ts';
import { sendsOf, sendFrom, type OutsideSend } from './outside.ts';
import { isPlainState, plainState, RecordedRun } from './recordedRun.ts';
import { type RecordedOrder, recordedOrder } from './recordedOrder.ts';
import { firstDifference } from './values.ts';

/** Records between two calls of `onProgress`: some milliseconds. */
const PROGRESS_INTERVAL = 4096;

/** What a replay may be told. */
export interface ReplayOptions {
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
  readonly #order: RecordedOrder = recordedOrder();
  readonly #sends: readonly OutsideSend[];
  readonly system: System;
  #delivered: MessageRecord | null = null;
  checkpoints = 0;
  failure: GranuleError | null = null;

  constructor(run: RecordedRun, interpreter: Interpreter, onRecord: (record: MessageRecord) => void) {
    this.#run = run;
    this.#reader = run.reader;
    this.#sends = sendsOf(run.meta);
    const { topology } = run.meta;
    this.system = createSystem({
      actors: run.built.actors,
      chooser: this.#order,
      faultPlan: topology.faultPlan as unknown as FaultPlan,
      limits: { maxEvents: topology.limits.events },
      interpreter,
      onRecord: (record) => {
        this.#delivered = record;
        onRecord(record);
      },
    });
    for (const { to, atCycles, message } of run.built.messages) {
      this.system.send(to, message, { delayCycles: atCycles });
    }
  }

  /** Delivers what the log says, and compares; null while they are alike. */
  step(record: LogRecord): Finding | null {
    this.#order.want(record);
    this.#delivered = null;
    try {
      this.system.step();
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      if (this.#delivered === null || record.seq !== this.#reader.lastSeq) {
        return finding(record, 'the replay failed', 'a record', error.format());
      }
      this.failure = error;
    }
    if (this.#delivered === null) return this.#missing(record);
    return compareRecords(record, this.#delivered);
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
    for (const { actor, state, part } of this.#reader.checkpointStates(entry)) {
      const fields = part === true && isPlainState(state) ? Object.keys(state.context) : undefined;
      const isLoop = actor === SYSTEM_STATE;
      const replayed = isLoop ? this.#loopState(state) : plainState(this.system.snapshot(actor), fields);
      if (replayed === null) continue;
      const difference = firstDifference(state, replayed);
      if (difference === null) continue;
      const { path, left, right } = difference;
      return { seq: record.seq, what: `state of ${actor}: ${path}`, recorded: left, replayed: right, actor };
    }
    return null;
  }

  /** The state of the loop with the recorded chooser's own state, since a replay follows another chooser. */
  #loopState(recorded: unknown): unknown {
    if (this.#order.isAmbiguous) return null;
    const chooser = typeof recorded === 'object' && recorded !== null && 'chooser' in recorded ? recorded.chooser : [];
    return { ...this.system.checkpointState(), chooser };
  }

  /** Sends what came from outside in the middle of the run, as in a fork that was changed. */
  sendAfter(seq: number): void {
    sendFrom(this.#sends, seq, seq, this.system);
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

/** Whether the records as read are the records as written: older message versions are lifted in reading. */
function isAsWritten(reader: LogReader): boolean {
  const current = messageVersions(messageRegistry);
  const written = reader.meta.messageVersions ?? {};
  return Object.entries(current).every(([type, version]) => (written[type] ?? 1) === version);
}

/** Goes through the log; gives the first difference. */
function follow(replay: Replay, options: ReplayOptions): Finding | null {
  const { reader } = replay.run;
  const checkpoints = reader.checkpoints();
  let at = 0;
  for (const record of reader.range()) {
    const found = replay.step(record);
    if (found !== null) return found;
    const entry = checkpoints[at];
    if (entry !== undefined && entry.seq === record.seq) {
      at++;
      const different = replay.compareStates(record, entry);
      if (different !== null) return different;
    }
    replay.sendAfter(record.seq);
    if ((record.seq + 1) % PROGRESS_INTERVAL === 0) {
      options.onProgress?.({ records: record.seq + 1, total: reader.records, nowCycles: replay.system.nowCycles });
    }
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
  const writer = hashingWriter(reader.meta);
  const replaying = new Replay(run, options.interpreter ?? 'compiled', (record) => writer.append(record));
  const { system } = replaying;
  options.onSystem?.(system);
  replaying.sendAfter(reader.firstSeq - 1);
  let found = follow(replaying, options);
  const { headHash, records } = writer.close();
  if (found === null && isAsWritten(reader) && headHash !== reader.headHash) {
    const { headHash: recorded, lastSeq: seq } = reader;
    found = { seq, what: 'head hash', recorded, replayed: headHash, actor: '' };
  }
  options.onProgress?.({ records, total: reader.records, nowCycles: system.nowCycles });
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
