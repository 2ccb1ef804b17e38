/**
 * The wires of a system: every actor's inbox and outbox as RxJS streams for those who watch, and the operators of a fault plan
 * over what it sends. An actor whose wires have no operators and no observers sends straight into the queue.
 */

import { Observable, type Subscriber } from 'rxjs';
import { invariant } from '../errors.ts';
import type { Address, MessageRecord } from './envelope.ts';
import { type FaultPlan, type FaultRuleState, matchesAddress, type Outgoing } from './faultPlan.ts';
import { type RunningRule, startRules } from './faultRules.ts';
import { MAX_OBSERVER_ERRORS, type ObserverError, Outlet } from './observers.ts';
import { Observed } from './observed.ts';
import { frozenCopy } from './plainData.ts';
import { fieldSight, type RuleSight } from './ruleSight.ts';

/** The streams of one actor. What they carry are frozen copies. */
export interface ActorStreams {
  /** Each delivery to the actor, before it handles it. */
  readonly inbox$: Observable<MessageRecord>;
  /** Each message that the actor sends, before a fault plan gets at it; timers are not among them. */
  readonly outbox$: Observable<Outgoing>;
}

/** The loop that wires are of. */
export interface WireSurroundings {
  /** `isHeldBack`: a rule has made it, or made it late. */
  readonly enqueue: (outgoing: Outgoing, isHeldBack: boolean) => void;
  readonly nowCycles: () => number;
  /** Seq of the next record: while one is handled, that of the one behind it. */
  readonly nextSeq: () => number;
  /** How rules see messages; by their fields unless given. */
  readonly sight?: RuleSight;
}

/** A rule of the fault plan that ended the run. */
export interface Stopped {
  /** Index of the rule in the fault plan. */
  readonly rule: number;
  /** Records that the run has. */
  readonly endSeq: number;
}

/**
 * The operators over what one actor sends. What leaves them is gathered, and enqueued once they are done: an exception of the
 * queue (a limit, no taker) must reach the run, and not RxJS.
 */
interface WireEntry {
  readonly feed: Subscriber<Outgoing>;
  readonly leaving: Outgoing[];
}

/** Each sender has one way in and nobody else listens, so the pipeline is fed without a Subject between. */
function entryTo(rules: readonly RunningRule[]): WireEntry {
  const feeds: Subscriber<Outgoing>[] = [];
  const leaving: Outgoing[] = [];
  let wire = new Observable<Outgoing>((subscriber) => {
    feeds.push(subscriber);
  });
  for (const { operator } of rules) wire = wire.pipe(operator);
  wire.subscribe((outgoing) => leaving.push(outgoing));
  const [feed] = feeds;
  invariant(feed !== undefined, 'who subscribes to a wire is handed its way in');
  return { feed, leaving };
}

/** A message that a rule sends by itself: it meets the rules behind that one. */
interface Made {
  readonly outgoing: Outgoing;
  readonly nextRule: number;
}

interface ActorOutlets {
  readonly inbox: Outlet<MessageRecord>;
  readonly outbox: Outlet<Outgoing>;
}

/**
 * The wires of one system.
 *
 * @example
 * ```ts
 * const sent: string[] = [];
 * const enqueue = (outgoing) => sent.push(outgoing.message.type);
 * const around = { enqueue, nowCycles: () => 0, nextSeq: () => 0 };
 * const wires = new Wires([{ wire: { from: 'a', to: 'b' }, op: 'drop', nth: 1 }], around);
 * wires.carry({ from: 'a', to: 'b', message: { type: 'LOST' }, delayCycles: 0, sendId: null });
 * wires.carry({ from: 'a', to: 'b', message: { type: 'KEPT' }, delayCycles: 0, sendId: null });
 * sent; // ['KEPT']
 * ```
 */
export class Wires {
  readonly observerErrors: ObserverError[] = [];
  readonly #outlets = new Map<Address, ActorOutlets>();
  readonly #messages = new Outlet<MessageRecord>('messages$', (error) => this.note(error));
  readonly #observed = new Outlet<Observed>('observed$', (error) => this.note(error));
  readonly #rules: readonly RunningRule[];
  readonly #enqueue: WireSurroundings['enqueue'];
  /** By number of the first rule, the entry to the operators of each sender; null for one that no rule is about. */
  readonly #entries: readonly Map<Address, WireEntry | null>[];
  #lastFrom: Address | null = null;
  #lastEntry: WireEntry | null = null;
  #made: Made[] = [];
  /** What goes through just now: what comes out as another object was held back, or made there. */
  #carried: Outgoing | null = null;
  #stopped: Stopped | null = null;
  /** The run has so many records; none of its rules has said so yet where this is infinite. */
  #endSeq = Number.POSITIVE_INFINITY;

  constructor(plan: FaultPlan, { enqueue, nowCycles, nextSeq, sight = fieldSight }: WireSurroundings) {
    this.#enqueue = enqueue;
    this.#rules = startRules(plan, {
      sight,
      nowCycles,
      nextSeq,
      observe: (name, outgoing) => {
        if (this.#observed.isWatched) this.#observed.next(new Observed(name, outgoing));
      },
      made: (outgoing, index) => this.#made.push({ outgoing, nextRule: index + 1 }),
      stop: (endSeq, rule) => this.#stopAt({ endSeq, rule }),
    });
    this.#entries = Array.from({ length: plan.length + 1 }, () => new Map());
  }

  /** The end that a rule set to the run: it has so many records, and nothing is delivered behind them. */
  get endSeq(): number {
    return this.#endSeq;
  }

  /** Which rule that was; null while none has. */
  get stopped(): Stopped | null {
    return this.#stopped;
  }

  /** Every record of the run, as it is delivered. */
  get messages$(): Observable<MessageRecord> {
    return this.#messages.stream$;
  }

  /** What the `observe` rules of the fault plan announce. */
  get observed$(): Observable<Observed> {
    return this.#observed.stream$;
  }

  /** The streams of one actor. */
  streams(id: Address): ActorStreams {
    const outlets = this.#outletsOf(id);
    return { inbox$: outlets.inbox.stream$, outbox$: outlets.outbox.stream$ };
  }

  /** True when nobody watches what the actor sends and no rule is about it: then `carry` would only enqueue. */
  isBare(from: Address): boolean {
    if (this.#rules.length > 0 && this.#firstEntryOf(from) !== null) return false;
    return this.#outlets.size === 0 || this.#outlets.get(from)?.outbox.isWatched !== true;
  }

  /** Takes what a sender sends through the operators of its wire. */
  send(from: Address, { to, message, delayCycles, sendId }: Omit<Outgoing, 'from'>): void {
    this.carry({ from, to, message, delayCycles, sendId });
  }

  /** Takes a message from its sender through the operators of its wire; what comes out is enqueued, at once. */
  carry(outgoing: Outgoing): void {
    const outbox = this.#outlets.size === 0 ? undefined : this.#outlets.get(outgoing.from)?.outbox;
    if (outbox?.isWatched) outbox.next(frozenCopy(outgoing));
    this.#carried = outgoing;
    this.#pass(outgoing, 0);
  }

  /** Takes a message through the rules from one on, and then what they sent by themselves through those behind them. */
  #pass(outgoing: Outgoing, firstRule: number): void {
    const { from } = outgoing;
    const entry =
      this.#rules.length === 0 ? null : firstRule === 0 ? this.#firstEntryOf(from) : this.#entryOf(from, firstRule);
    if (entry === null) this.#leave(outgoing);
    else {
      entry.feed.next(outgoing);
      const { leaving } = entry;
      for (let at = 0; at < leaving.length; at++) this.#leave(leaving[at]);
      leaving.length = 0;
    }
    if (this.#made.length === 0) return;
    const made = this.#made;
    this.#made = [];
    for (const { outgoing: sent, nextRule } of made) this.#pass(sent, nextRule);
  }

  #leave(outgoing: Outgoing): void {
    this.#enqueue(outgoing, outgoing !== this.#carried);
  }

  /** Whether anybody watches the deliveries to an actor. */
  isWatched(to: Address): boolean {
    if (this.#messages.isWatched) return true;
    return this.#outlets.size > 0 && this.#outlets.get(to)?.inbox.isWatched === true;
  }

  /** Tells the observers of a delivery. */
  announce(record: MessageRecord): void {
    const inbox = this.#outlets.get(record.to)?.inbox;
    const isInboxWatched = inbox?.isWatched ?? false;
    if (!isInboxWatched && !this.#messages.isWatched) return;
    const copy = frozenCopy(record);
    if (isInboxWatched) inbox?.next(copy);
    if (this.#messages.isWatched) this.#messages.next(copy);
  }

  /** Tells all who watch that nothing more comes. */
  complete(): void {
    const outlets = [...this.#outlets.values()].flatMap(({ inbox, outbox }) => [inbox, outbox]);
    for (const outlet of [this.#messages, this.#observed, ...outlets]) outlet.complete();
  }

  /** The moving part of the fault plan. */
  state(): FaultRuleState[] {
    return this.#rules.map((rule) => rule.state());
  }

  restore(states: readonly FaultRuleState[]): void {
    this.#made = [];
    this.#stopped = null;
    this.#endSeq = Number.POSITIVE_INFINITY;
    for (const [index, rule] of this.#rules.entries()) {
      const state = states[index];
      if (state !== undefined) rule.restore(state);
    }
  }

  /** The earliest end counts. */
  #stopAt(stopped: Stopped): void {
    if (stopped.endSeq >= this.#endSeq) return;
    this.#endSeq = stopped.endSeq;
    this.#stopped = stopped;
  }

  #outletsOf(id: Address): ActorOutlets {
    let outlets = this.#outlets.get(id);
    if (outlets === undefined) {
      const report = (error: ObserverError): void => this.note(error);
      outlets = { inbox: new Outlet(`${id} inbox$`, report), outbox: new Outlet(`${id} outbox$`, report) };
      this.#outlets.set(id, outlets);
    }
    return outlets;
  }

  /** That of all rules; the same sender is asked about several times in a row. */
  #firstEntryOf(from: Address): WireEntry | null {
    if (from !== this.#lastFrom) {
      this.#lastEntry = this.#entryOf(from, 0);
      this.#lastFrom = from;
    }
    return this.#lastEntry;
  }

  #entryOf(from: Address, firstRule: number): WireEntry | null {
    const entries = this.#entries[firstRule];
    const known = entries.get(from);
    if (known !== undefined) return known;
    const rules = this.#rules
      .slice(firstRule)
      .filter(({ rule: { wire } }) => wire !== undefined && matchesAddress(wire.from, from));
    const entry = rules.length === 0 ? null : entryTo(rules);
    entries.set(from, entry);
    return entry;
  }

  /** Keeps what an observer threw. */
  note(error: ObserverError): void {
    if (this.observerErrors.length < MAX_OBSERVER_ERRORS) this.observerErrors.push(error);
  }
}
