/** What an event leads to: the end of what its receiver does about it. */
import type { LogRecord } from '../log/record.ts';
import { OUTSIDE } from '../log/record.ts';
import { stateValueOf } from '../runtime/xstateAdapter.ts';
import { sameValue } from '../timeline/values.ts';
import type { Session } from './session.ts';

/** Events that are looked at between two places where one may stop. */
const EVENTS_BETWEEN = 256;

/** The effect of an event. */
export interface Effect {
  readonly record: LogRecord;
  /** True where the receiver never is done with it: this is then the last that comes of it. */
  readonly isLast: boolean;
}

function valueAfter({ view }: Session, actor: string, seq: number): unknown {
  return stateValueOf(view.snapshot(actor, seq));
}

/** Whether the receiver of an event is, after a later one, in the state again in which it took that event up. */
function isDone(session: Session, begin: LogRecord, seq: number): boolean {
  return sameValue(valueAfter(session, begin.to, seq), valueAfter(session, begin.to, begin.seq - 1));
}

/** Who is sent something in the handling of an event. */
function sentTo({ view }: Session, record: LogRecord): string[] {
  const { sends } = view.run.handle(view.snapshot(record.to, record.seq - 1), record);
  return sends.flatMap((send) => (send.kind === 'cancel' ? [] : [send.to]));
}

/** Goes through what comes of an event, one after the other; says of each whether the receiver is done with it. */
class Followed {
  readonly #session: Session;
  readonly #begin: LogRecord;
  readonly #caused: Set<number>;
  /** The event with which the receiver was done, and whom it then sent something. */
  #done: { readonly record: LogRecord; readonly to: readonly string[] } | null = null;
  last: LogRecord;

  constructor(session: Session, begin: LogRecord) {
    this.#session = session;
    this.#begin = begin;
    this.#caused = new Set([begin.seq]);
    this.last = begin;
    this.#look(begin);
  }

  #look(record: LogRecord): void {
    if (!this.#session.hasStates || this.#done !== null || record.to !== this.#begin.to) return;
    if (isDone(this.#session, this.#begin, record.seq)) this.#done = { record, to: sentTo(this.#session, record) };
  }

  /** The effect where it is known without another event: the receiver was done, and sent nothing. */
  get silent(): LogRecord | null {
    return this.#done !== null && this.#done.to.length === 0 ? this.#done.record : null;
  }

  /** Where what was sent never came: the event with which the receiver was done. */
  get done(): LogRecord | null {
    return this.#done?.record ?? null;
  }

  /** True where this event is the effect. */
  take(record: LogRecord): boolean {
    if (!this.#caused.has(record.cause)) return false;
    this.#caused.add(record.seq);
    this.last = record;
    if (!this.#session.hasStates) return record.to === this.#begin.from;
    if (record.cause === this.#done?.record.seq) {
      // Of all that is sent then, what goes back to who asked comes first.
      return record.to === this.#begin.from || !this.#done.to.includes(this.#begin.from);
    }
    this.#look(record);
    return false;
  }
}

/**
 * The effect of an event: what its receiver sends once it is again in the state in which it took the event up, to who sent the event
 * if anything goes there; that moment itself where it sends nothing. The event itself where its handling sends nothing at all. Without
 * states, the first event that comes of it and goes back to who sent it.
 *
 * @param to looks no further than this
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * const [fault] = made.log.byType('FAULT');
 * let effect = null;
 * const looking = effectOf(session, fault);
 * for (let next = looking.next(); ; next = looking.next()) if (next.done) { effect = next.value; break; }
 * effect.record.type; // 'FAULT_DONE'
 * ```
 */
export function* effectOf(session: Session, begin: LogRecord, to?: number): Generator<null, Effect> {
  if (session.hasStates && sentTo(session, begin).length === 0) return { record: begin, isLast: false };
  const followed = new Followed(session, begin);
  for (const record of session.reader.range(begin.seq + 1, to)) {
    if (record.seq % EVENTS_BETWEEN === 0) yield null;
    if (followed.take(record)) return { record, isLast: false };
    if (followed.silent !== null) return { record: followed.silent, isLast: false };
  }
  const { done, last } = followed;
  return done === null ? { record: last, isLast: true } : { record: done === begin ? last : done, isLast: false };
}

/**
 * The event whose effect another is, the nearest of its causes; null where it is the effect of none. Undoes {@link effectOf}.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * const [done] = made.log.byType('FAULT_DONE');
 * let begin = null;
 * const looking = beginOf(session, done);
 * for (let next = looking.next(); ; next = looking.next()) if (next.done) { begin = next.value; break; }
 * begin.type; // 'FAULT'
 * ```
 */
export function* beginOf(session: Session, effect: LogRecord): Generator<null, LogRecord | null> {
  for (let seq = effect.cause; seq !== OUTSIDE; ) {
    yield null;
    const record = session.reader.read(seq);
    if (couldEnd(session, record, effect)) {
      const { record: found, isLast } = yield* effectOf(session, record, effect.seq);
      if (!isLast && found.seq === effect.seq) return record;
    }
    seq = record.cause;
  }
  return null;
}

/** Whether it is worth the while to look: the receiver sent the effect, or was done at it in silence. */
function couldEnd(session: Session, begin: LogRecord, effect: LogRecord): boolean {
  if (!session.hasStates) return effect.to === begin.from;
  if (begin.to === effect.from && isDone(session, begin, effect.cause)) return true;
  return begin.to === effect.to && isDone(session, begin, effect.seq);
}
