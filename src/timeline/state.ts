/** The state of one actor, or of all, at any seq, as plain data. */
import type { LogReader } from '../log/logReader.ts';
import type { RunSource } from '../mm/runs.ts';
import { type PlainState, plainState } from './recordedRun.ts';
import { viewOf } from './systemView.ts';

/** An actor's state once the record `seq` was handled; -1 is its state before the first record. */
export interface StateAt extends PlainState {
  readonly actor: string;
  readonly seq: number;
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
  return { actor, seq, ...plainState(viewOf(reader, traces).snapshot(actor, seq)) };
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
  const snapshots = viewOf(reader, traces).snapshots(seq);
  return Array.from(snapshots, ([actor, snapshot]) => ({ actor, seq, ...plainState(snapshot) }));
}
