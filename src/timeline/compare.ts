/** Two runs held together: where they part, and how states differ at any pair of moments. */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import { openMeta } from '../topology/meta.ts';
import { type Change, diff } from './diff.ts';
import { type StateAt, stateAt, statesAt } from './state.ts';
import { firstDifference } from './values.ts';
import { causeChain } from './why.ts';

/** Causes of a divergence that are given: the near ones tell most. */
const CAUSES_GIVEN = 8;

/** A run to be compared. */
export interface ComparedRun {
  readonly reader: LogReader;
  readonly traces: ReadonlyMap<number, RunSource>;
  /** For the commands that are named; the log's path. */
  readonly name: string;
}

/** The first event in which two runs differ. */
export interface RunDivergence {
  readonly seq: number;
  /** Who received it: in the first run, or where that has ended in the second. */
  readonly actor: string;
  /** `payload.va`, `type`, `timeCycles`, ...; `end` where one run has no more events. */
  readonly field: string;
  readonly valueA: unknown;
  readonly valueB: unknown;
  /** Null where that run has ended. */
  readonly recordA: LogRecord | null;
  readonly recordB: LogRecord | null;
  /** From the event back towards the outside. */
  readonly causesA: readonly LogRecord[];
  readonly causesB: readonly LogRecord[];
}

/** What differs in an actor between a moment of one run and a moment of another. */
export interface ActorDifference {
  readonly actor: string;
  readonly changes: readonly Change[];
}

/** The logs that a run goes on from, itself first, each with the last seq that it shares with the run. */
function lineage(reader: LogReader): Map<string, number> {
  const shared = new Map<string, number>();
  let upTo = reader.lastSeq;
  for (let at: LogReader | null = reader; at !== null; at = at.parent) {
    shared.set(at.headHash, upTo);
    const { parent } = openMeta(at.meta);
    if (parent === null) break;
    upTo = Math.min(upTo, parent.seq);
    shared.set(parent.headHash, upTo);
  }
  return shared;
}

/**
 * The last seq up to which two runs are the same by their lineage alone: forks of one log, or a fork and its parent. -1: none is
 * known without looking.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * sharedUpTo(forkRun(reader, traces, { at: 9, edits: [] }).log, reader); // 9
 * ```
 */
export function sharedUpTo(a: LogReader, b: LogReader): number {
  const ofB = lineage(b);
  let most = -1;
  for (const [headHash, upTo] of lineage(a)) most = Math.max(most, Math.min(upTo, ofB.get(headHash) ?? -1));
  return most;
}

/** The first field in which two records differ, in the order in which that tells most; null when they are equal. */
function differenceOf(a: LogRecord, b: LogRecord): { field: string; valueA: unknown; valueB: unknown } | null {
  for (const field of ['to', 'type', 'from'] as const) {
    if (a[field] !== b[field]) return { field, valueA: a[field], valueB: b[field] };
  }
  const difference = firstDifference(a.payload, b.payload);
  if (difference !== null) {
    const { path, left, right } = difference;
    return { field: path.startsWith('[') ? `payload${path}` : `payload.${path}`, valueA: left, valueB: right };
  }
  for (const field of ['timeCycles', 'cause', 'seq'] as const) {
    if (a[field] !== b[field]) return { field, valueA: a[field], valueB: b[field] };
  }
  return null;
}

function parted(
  a: LogReader,
  b: LogReader,
  seq: number,
  found: { field: string; valueA: unknown; valueB: unknown },
): RunDivergence {
  const recordA = seq <= a.lastSeq ? a.read(seq) : null;
  const recordB = seq <= b.lastSeq ? b.read(seq) : null;
  return {
    seq,
    actor: (recordA ?? recordB)?.to ?? '',
    ...found,
    recordA,
    recordB,
    causesA: recordA === null ? [] : causeChain(a, seq, CAUSES_GIVEN),
    causesB: recordB === null ? [] : causeChain(b, seq, CAUSES_GIVEN),
  };
}

/**
 * The first event in which two runs differ; null when they are the same. What both share by lineage is not looked at.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const { log } = forkRun(reader, traces, { edits: [{ op: 'delay', seq: 10, delayCycles: 5 }] });
 * firstDivergence(reader, log)?.field; // 'timeCycles'
 * firstDivergence(reader, reader); // null
 * ```
 */
export function firstDivergence(a: LogReader, b: LogReader): RunDivergence | null {
  const from = sharedUpTo(a, b) + 1;
  const ofB = b.range(from);
  for (const recordA of a.range(from)) {
    const next = ofB.next();
    const recordB = next.done === true ? null : next.value;
    if (recordB === null) return parted(a, b, recordA.seq, { field: 'end', valueA: recordA.type, valueB: null });
    const found = differenceOf(recordA, recordB);
    if (found !== null) return parted(a, b, recordA.seq, found);
  }
  const next = ofB.next();
  if (next.done === true) return null;
  return parted(a, b, next.value.seq, { field: 'end', valueA: null, valueB: next.value.type });
}

/**
 * What differs between a moment of one run and a moment of another: of one actor, or of all that differ. An actor that only one
 * of the runs has is left out.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = { reader, traces, name: 'made' };
 * compareStates({ ...run, at: 0 }, { ...run, at: 0 }); // []
 * compareStates({ ...run, at: -1 }, { ...run, at: 0 }, 'process:1')[0]?.changes.length > 0; // true
 * ```
 */
export function compareStates(
  a: ComparedRun & { readonly at: number },
  b: ComparedRun & { readonly at: number },
  actor?: string,
): ActorDifference[] {
  const states = ({ reader, traces, at }: typeof a): StateAt[] =>
    actor === undefined ? statesAt(reader, traces, at) : [stateAt(reader, traces, at, actor)];
  const ofB = new Map(states(b).map((state) => [state.actor, state]));
  return states(a).flatMap((before) => {
    const after = ofB.get(before.actor);
    if (after === undefined) return [];
    const plain = ({ value, status, context }: StateAt) => ({ value, status, context });
    const changes = diff(plain(before), plain(after));
    return changes.length === 0 ? [] : [{ actor: before.actor, changes }];
  });
}
