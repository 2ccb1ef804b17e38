/** A run that leaves its recording: everything up to some record is shared, what follows is new. */
import { faultPlanOf } from '../topology/lifecycle.ts';
import { GranuleError } from '../errors.ts';
import type { LogMeta } from '../log/headerFrame.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import { createSystem, type System } from '../runtime/system.ts';
import { openMeta } from '../topology/meta.ts';
import { chooserOf } from '../topology/run.ts';
import { divergenceOf, formatDivergence } from './divergence.ts';
import { type OutsideSend, sendFrom, sendsOf } from './outside.ts';
import { type SystemView, viewOf } from './systemView.ts';
import { firstDifference } from './values.ts';

/** What a fork may be told. */
export interface ForkOptions {
  /** Called with each record that the fork delivers after the shared ones. */
  readonly onRecord?: (record: MessageRecord) => void;
  /** For tests: freezes messages and contexts. */
  readonly freeze?: boolean;
}

/** A system at the checkpoint before `seq`, or at its beginning. Messages from outside after `seq` are the fork's own. */
function restored(
  view: SystemView,
  seq: number,
  onRecord: (record: MessageRecord) => void,
  options: ForkOptions,
): System {
  const { built, meta } = view.run;
  const { topology } = meta;
  const checkpointIndex = view.checkpointIndex(seq);
  const state = view.systemState(checkpointIndex);
  const at = state === null ? view.run.reader.firstSeq - 1 : state.nextSeq - 1;
  const system = createSystem({
    actors: built.actors,
    chooser: chooserOf(topology),
    faultPlan: faultPlanOf(topology),
    limits: { maxEvents: topology.limits.events },
    freeze: options.freeze ?? false,
    onRecord,
    ...(state === null ? {} : { resume: { state, snapshots: view.snapshots(at) } }),
  });
  if (state === null) {
    for (const { to, atCycles, message } of built.messages) system.send(to, message, { delayCycles: atCycles });
  }
  // A checkpoint holds the loop as it was before anything from outside came in after its record.
  const sends = sendsOf(meta);
  if (seq > at) sendFrom(sends, at, at, system);
  for (let next = at + 1; next <= seq; next++) {
    const result = system.run({ untilSeq: next });
    if (result.reason === 'idle' || result.reason === 'stopped') {
      throw new GranuleError(
        'REPLAY_DIVERGED',
        `nothing is left to deliver at seq ${next}`,
        view.run.reader.storage.name,
      );
    }
    if (next < seq) sendFrom(sends, next, next, system);
  }
  return system;
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
  return restored(view, seq, onRecord, options);
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
  return { ...reader.meta, parent: { headHash: reader.headHash, seq, sends: [...shared, ...own] } };
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
