/** Time travel over a recording, as one object. */
import type { LogRecord } from '../log/record.ts';
import type { System } from '../runtime/system.ts';
import { changesOf, type RecordChange } from '../timeline/changes.ts';
import { type Change, diff } from '../timeline/diff.ts';
import { forkAt } from '../timeline/fork.ts';
import { lastChange, type LastChange } from '../timeline/lastChange.ts';
import { replay as replayLog, type Replayed, type ReplayOptions } from '../timeline/replay.ts';
import { type StateAt, stateAt, statesAt } from '../timeline/state.ts';
import { causeChain, type Effects, effects } from '../timeline/why.ts';
import type { Recording } from './recording.ts';

/**
 * Moves about in a recording; {@link timeline} makes one. A seq is that of an event, and the state is the one after it; -1 is before
 * the first.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * new Timeline(run(defineTopology({ name: 'one', processes: [process] }))).event(0).type; // 'START'
 * ```
 */
export class Timeline {
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** The first and the last seq. */
  get range(): { readonly firstSeq: number; readonly lastSeq: number } {
    const { firstSeq, lastSeq } = this.#recording.log;
    return { firstSeq, lastSeq };
  }

  /** @throws GranuleError SEQ_OUT_OF_RANGE */
  event(seq: number): LogRecord {
    return this.#recording.log.read(seq);
  }

  /** Events of all actors, or of one. */
  events(actor?: string): Iterable<LogRecord> {
    const { log } = this.#recording;
    return actor === undefined ? log.range() : log.byActor(actor);
  }

  /** @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN */
  state(actor: string, seq: number): StateAt {
    const { log, traces } = this.#recording;
    return stateAt(log, traces, seq, actor);
  }

  /** The state of every actor. */
  states(seq: number): StateAt[] {
    const { log, traces } = this.#recording;
    return statesAt(log, traces, seq);
  }

  /** What differs in an actor between two moments. */
  diff(actor: string, fromSeq: number, toSeq: number): readonly Change[] {
    return diff(this.state(actor, fromSeq), this.state(actor, toSeq));
  }

  /** The transition that each event took, what it changed and what it sent. */
  changes(fromSeq: number, toSeq: number, actor?: string): Iterable<RecordChange> {
    const { log, traces } = this.#recording;
    return changesOf(log, traces, fromSeq, toSeq, actor);
  }

  /** The event that gave a value its last change at or before `seq`; null where it is as it was at first. */
  lastChange(actor: string, path: string, seq: number = this.range.lastSeq): LastChange | null {
    const { log, traces } = this.#recording;
    return lastChange(log, traces, actor, path, seq);
  }

  /** The chain of causes, from the event back to the message from outside that began it. */
  why(seq: number): LogRecord[] {
    return causeChain(this.#recording.log, seq);
  }

  /** What an event caused, to a depth of messages. */
  effects(seq: number, depth = 1): Effects {
    return effects(this.#recording.log, seq, depth);
  }

  /** The system as it was after an event, ready to go on: step it, or send it something else. */
  fork(seq: number): System {
    const { log, traces } = this.#recording;
    return forkAt(log, traces, seq);
  }
}

/**
 * Time travel over a recording.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const travel = timeline(run(defineTopology({ name: 'one', processes: [process] })));
 * travel.state('process:1', travel.range.lastSeq).value; // 'zombie'
 * travel.lastChange('mm:1', 'context.rssAnonPages') !== null; // true
 * ```
 */
export function timeline(recording: Recording): Timeline {
  return new Timeline(recording);
}

/**
 * Runs a recording again and holds every event, every checkpoint and the head hash against it.
 *
 * @throws GranuleError TRACE_MISSING, TRACE_CHANGED, LOG_NOT_A_LOG, LOG_DAMAGED, TOPOLOGY_INVALID
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * replay(made).headHash === made.headHash; // true
 * ```
 */
export function replay({ log, traces }: Recording, options: ReplayOptions = {}): Replayed {
  return replayLog(log, traces, options);
}
