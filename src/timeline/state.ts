/** The state of one actor, or of all, at any seq, as plain data. */
import type { LogReader } from '../log/logReader.ts';
import type { RunSource } from '../mm/runs.ts';
import type { StandIn } from '../runtime/standIn.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { type PlainState, plainState, type RecordedRun } from './recordedRun.ts';
import { viewOf } from './systemView.ts';

/** An actor's state once the record `seq` was handled; -1 is its state before the first record. */
export interface StateAt extends PlainState {
  readonly actor: string;
  readonly seq: number;
  /** Of an actor in the place of a built-in kind: what it stands in for, and how its state may be read. */
  readonly standIn?: StandIn;
}

function stateOf(actor: string, seq: number, snapshot: ActorSnapshot, run: RecordedRun): StateAt {
  const standIn = run.standIn(actor);
  return { actor, seq, ...plainState(snapshot), ...(standIn === undefined ? {} : { standIn }) };
}

/**
 * The state of one actor, folded from the nearest checkpoint and its own events alone: no other actor's section of the log
 * is opened (`reader.counters` shows it).
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING, TRACE_CHANGED, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * stateAt(reader, traces, -1, 'mm:1').value; // 'idle'
 * ```
 */
export function stateAt(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  seq: number,
  actor: string,
): StateAt {
  const view = viewOf(reader, traces);
  return stateOf(actor, seq, view.snapshot(actor, seq), view.run);
}

/**
 * The state of every actor, in the order of creation.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING, TRACE_CHANGED, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * statesAt(reader, traces, -1)[0]?.actor; // 'abi'
 * ```
 */
export function statesAt(reader: LogReader, traces: ReadonlyMap<number, RunSource>, seq: number): StateAt[] {
  const view = viewOf(reader, traces);
  return Array.from(view.snapshots(seq), ([actor, snapshot]) => stateOf(actor, seq, snapshot, view.run));
}
