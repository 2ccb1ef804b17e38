/** What each record did: the transition it took, how the actor's state changed, and what was sent. */
import { plainContext } from '../../machines/index.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import { type ExplainedMicrostep, stateValueOf, type Step } from '../runtime/xstateAdapter.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { type Change, diff } from './diff.ts';
import { type Patch, patchesBetween } from './patches.ts';
import { messageIn, type RecordedRun } from './recordedRun.ts';
import { viewOf } from './systemView.ts';

/** A message that the handling of a record sent. */
export interface SentMessage {
  readonly to: string;
  readonly type: string;
  readonly delayCycles: number;
}

/** What one record did to the actor that received it. */
export interface RecordChange {
  readonly record: LogRecord;
  /** State values of the statechart. */
  readonly from: unknown;
  readonly to: unknown;
  /** The transitions taken, in order; empty where the actor ignored the message. */
  readonly microsteps: readonly ExplainedMicrostep[];
  /** For people. */
  readonly changes: readonly Change[];
  /** In Immer's form, on the actor's plain state { value, status, context }. */
  readonly forward: readonly Patch[];
  readonly inverse: readonly Patch[];
  readonly sent: readonly SentMessage[];
}

/** The plain state of those fields of the context that are not the very same in the other snapshot. */
function changedPart(snapshot: ActorSnapshot, other: ActorSnapshot): Record<string, unknown> {
  const context = fieldsOf(snapshot.context);
  const otherContext = fieldsOf(other.context);
  const changed = Object.entries(context).filter(
    ([key, value]) => !Object.hasOwn(otherContext, key) || otherContext[key] !== value,
  );
  const { status } = snapshot;
  return { value: stateValueOf(snapshot), status, context: plainContext(Object.fromEntries(changed)) };
}

function fieldsOf(context: unknown): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
  return context as Record<string, unknown>;
}

function sentBy(step: Step): SentMessage[] {
  return step.sends.flatMap((send) =>
    send.kind === 'cancel' ? [] : [{ to: send.to, type: send.message.type, delayCycles: send.delayCycles }],
  );
}

function changeOf(run: RecordedRun, before: ActorSnapshot, record: LogRecord): { change: RecordChange; step: Step } {
  const step = run.handle(before, record);
  const { adapted, env } = run.adapted(record.to);
  const isAlive = before.status === 'active' && step.snapshot !== before;
  const left = changedPart(before, step.snapshot);
  const right = changedPart(step.snapshot, before);
  const change = {
    record,
    from: stateValueOf(before),
    to: stateValueOf(step.snapshot),
    microsteps: isAlive ? adapted.explain(before, messageIn(record), env) : [],
    changes: diff(left, right),
    ...patchesBetween(left, right),
    sent: sentBy(step),
  };
  return { change, step };
}

/** What one record did, without what only programs read. */
export type ChangeInBrief = Pick<RecordChange, 'from' | 'to' | 'changes' | 'sent'>;

/**
 * What handling a record makes of the state before it: what people read of a change, which is had for less than all of it.
 *
 * @throws GranuleError as {@link RecordedRun}
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const { run } = viewOf(reader, traces);
 * changeInBrief(run, run.initial('process:1'), reader.read(0)).sent[0]?.type; // 'SYSCALL'
 * ```
 */
export function changeInBrief(run: RecordedRun, before: ActorSnapshot, record: LogRecord): ChangeInBrief {
  const step = run.handle(before, record);
  const changes = diff(changedPart(before, step.snapshot), changedPart(step.snapshot, before));
  return { from: stateValueOf(before), to: stateValueOf(step.snapshot), changes, sent: sentBy(step) };
}

/**
 * What the records `fromSeq` to `toSeq` did, in order, or those of one actor alone. Every actor met is folded once; the
 * snapshots at the start come from the nearest checkpoints.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING, TRACE_CHANGED, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * [...changesOf(reader, traces, 0, 0)][0]?.sent[0]?.type; // 'SYSCALL'
 * ```
 */
export function* changesOf(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  fromSeq: number,
  toSeq: number,
  actor?: string,
): Generator<RecordChange, void, undefined> {
  const view = viewOf(reader, traces);
  view.run.checkSeq(fromSeq - 1);
  view.run.checkSeq(toSeq);
  if (actor !== undefined) view.run.adapted(actor);
  const snapshots = new Map<string, ActorSnapshot>();
  const records = actor === undefined ? reader.range(fromSeq, toSeq) : reader.byActor(actor, fromSeq, toSeq);
  for (const record of records) {
    const before = snapshots.get(record.to) ?? view.snapshot(record.to, fromSeq - 1);
    const { change, step } = changeOf(view.run, before, record);
    snapshots.set(record.to, step.snapshot);
    yield change;
  }
}
