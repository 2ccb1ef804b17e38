/** A run that leaves its recording: everything up to some record is shared, what follows is new. */
import { faultPlanOf } from '../topology/lifecycle.ts';
import { GranuleError } from '../errors.ts';
import type { LogMeta } from '../log/headerFrame.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import { createSystem, type System } from '../runtime/system.ts';
import type { SystemOptions } from '../runtime/systemOptions.ts';
import type { OutsideMessage } from '../topology/build.ts';
import { openMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { chooserOf, outsideInOrder, timekeepingOf } from '../topology/run.ts';
import { divergenceOf, formatDivergence } from './divergence.ts';
import { editsOf, type Interventions, type Steering } from './edits.ts';
import { type OutsideSend, sendsOf } from './outside.ts';
import { recordedOrder } from './recordedOrder.ts';
import { steered } from './steering.ts';
import { type SystemView, viewOf } from './systemView.ts';
import { firstDifference } from './values.ts';

/** What a fork may be told. */
export interface ForkOptions {
  /** Called with each record that the fork delivers after the shared ones. */
  readonly onRecord?: (record: MessageRecord) => void;
  /** For tests: freezes messages and contexts. */
  readonly freeze?: boolean;
}

/** What a fork is played with. */
export interface ForkPlay extends Pick<SystemOptions, 'onDelivery' | 'onRecord' | 'freeze'> {
  readonly actors: readonly ActorSpec[];
  /** Those up to the fork, and its own. */
  readonly interventions: Interventions;
  /** Of a fork that shares no record: its own topology, built. */
  readonly anew?: { readonly topology: Topology; readonly messages: readonly OutsideMessage[] };
}

/** A system in the middle of a run, and a hand on its chooser. */
export interface ResumedSystem {
  readonly system: System;
  readonly steering: Steering;
}

/**
 * The system of a recorded run once the record `seq` was handled: from the checkpoint before, or from the beginning. What
 * intervened behind `seq` itself is left to the caller.
 *
 * @throws GranuleError REPLAY_DIVERGED where nothing is left to deliver on the way; LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const view = viewOf(runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces), traces);
 * const { interventions, built: { actors } } = view.run;
 * resumedAt(view, 9, { actors, interventions }).system.nextSeq; // 10
 * ```
 */
export function resumedAt(view: SystemView, seq: number, play: ForkPlay): ResumedSystem {
  const { actors, interventions, anew, ...taps } = play;
  const { built, meta, reader } = view.run;
  const { topology, messages } = anew ?? { topology: meta.topology, messages: built.messages };
  const state = view.systemState(view.checkpointIndex(seq));
  const at = state === null ? reader.firstSeq - 1 : state.nextSeq - 1;
  const chosen = interventions.topologyAt(at);
  // What an exploration chose no chooser would choose again: up to the fork the log says what comes next.
  const recorded = chosen.chooser === 'explored' ? recordedOrder(chosen.chooser) : null;
  const chooser = steered(recorded ?? chooserOf(chosen));
  const system = createSystem({
    actors,
    chooser,
    timekeeping: timekeepingOf(chosen),
    faultPlan: faultPlanOf(topology),
    limits: { maxEvents: interventions.topologyAt(Number.POSITIVE_INFINITY).limits.events },
    ...taps,
    ...(state === null ? {} : { resume: { state, snapshots: view.snapshots(at) } }),
  });
  if (state === null) {
    for (const { to, atCycles, message } of outsideInOrder(chosen, messages))
      system.send(to, message, { delayCycles: atCycles });
  }
  const steering: Steering = { force: (id) => chooser.force(id), follow: (next) => chooser.follow(next) };
  // A checkpoint holds the loop as it was before anything from outside came in after its record.
  if (seq > at) interventions.after(at, system, steering);
  for (let next = at + 1; next <= seq; next++) {
    recorded?.want(reader.read(next));
    const result = system.run({ untilSeq: next });
    if (result.reason === 'idle' || result.reason === 'stopped') {
      throw new GranuleError('REPLAY_DIVERGED', `nothing is left to deliver at seq ${next}`, reader.storage.name);
    }
    if (next < seq) interventions.after(next, system, steering);
  }
  if (recorded !== null) chooser.follow(chooserOf(chosen));
  return { system, steering };
}

/**
 * The system of a recorded run as it was once the record `seq` was handled (-1: before the first), ready to go on: step it,
 * run it, or send it something else first. It is rebuilt from the nearest checkpoint, and the records on the way are held
 * against the log's.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING, TRACE_CHANGED, LOG_DAMAGED; REPLAY_DIVERGED where the way there is
 * not what was recorded
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * forkAt(reader, traces, 9).step()?.seq; // 10
 * ```
 */
export function forkAt(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  seq: number,
  options: ForkOptions = {},
): System {
  const view = viewOf(reader, traces);
  view.run.checkSeq(seq);
  const onRecord = (record: MessageRecord): void => {
    if (record.seq > seq) options.onRecord?.(record);
    else checkShared(view, reader.read(record.seq), record);
  };
  const { interventions, built } = view.run;
  const { freeze = false } = options;
  return resumedAt(view, seq, { actors: built.actors, interventions, onRecord, freeze }).system;
}

function checkShared(view: SystemView, recorded: LogRecord, replayed: MessageRecord): void {
  const difference = firstDifference(recorded, replayed);
  if (difference === null) return;
  const { path: what, left, right } = difference;
  const found = { seq: recorded.seq, what, recorded: left, replayed: right, actor: recorded.to };
  const divergence = divergenceOf(view.run.reader, view.run.meta, found);
  throw new GranuleError('REPLAY_DIVERGED', formatDivergence(divergence), view.run.reader.storage.name);
}

/**
 * The header of a fork's log: that of its parent, with the parent's head hash, the seq of the last record they share, and
 * what the fork sends from outside. A replay of the fork sends it again.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE; LOG_NOT_A_LOG
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * openMeta(forkMeta(reader, 9)).parent?.seq; // 9
 * ```
 */
export function forkMeta(
  reader: LogReader,
  seq: number,
  sends: readonly Omit<OutsideSend, 'afterSeq'>[] = [],
): LogMeta {
  if (seq !== reader.firstSeq - 1) reader.read(seq);
  // What the parent itself sent up to here is part of the shared stretch.
  const shared = sendsOf(openMeta(reader.meta)).filter(({ afterSeq }) => afterSeq < seq);
  const own = sends.map((send) => ({ afterSeq: seq, ...send }));
  const edits = editsOf(openMeta(reader.meta)).filter(({ afterSeq }) => afterSeq < seq);
  const parent = { headHash: reader.headHash, seq, sends: [...shared, ...own] };
  return { ...reader.meta, parent: { ...parent, ...(edits.length === 0 ? {} : { edits }) } };
}

/**
 * Copies the records that a fork shares with its parent into the fork's log, which then replays by itself.
 *
 * @throws GranuleError LOG_DAMAGED; DISK_FULL, OUTPUT_UNWRITABLE from the storage
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const writer = hashingWriter(forkMeta(reader, 9));
 * copyShared(reader, writer, 9);
 * writer.nextSeq; // 10
 * ```
 */
export function copyShared(reader: LogReader, writer: LogWriter, seq: number): void {
  if (seq < reader.firstSeq) return;
  for (const record of reader.range(reader.firstSeq, seq)) writer.append(record);
}
