/**
 * The wires of a system: every actor's inbox and outbox as RxJS streams for those who watch, and the operators of a fault plan
 * over what it sends. An actor whose wires have no operators and no observers sends straight into the queue.
 */

import { type Observable, Subject } from 'rxjs';
import type { Address, Message, MessageRecord } from './envelope.ts';
import {
  type FaultPlan,
  type FaultRuleState,
  matchesAddress,
  type Outgoing,
  type RunningRule,
  startRules,
} from './faultPlan.ts';
import { MAX_OBSERVER_ERRORS, type ObserverError, Outlet } from './observers.ts';
import { frozenCopy } from './plainData.ts';

/** The streams of one actor. What they carry are frozen copies. */
export interface ActorStreams {
  /** Each delivery to the actor, before it handles it. */
  readonly inbox$: Observable<MessageRecord>;
  /** Each message that the actor sends, before a fault plan gets at it; timers are not among them. */
  readonly outbox$: Observable<Outgoing>;
}

/** What an `observe` rule announces. */
export interface Observed {
  readonly name: string;
  readonly outgoing: Outgoing;
}

/**
 * The operators over what one actor sends. What leaves them is gathered, and enqueued once they are done: an exception of the
 * queue (a limit, no taker) must reach the run, and not RxJS.
 */
interface WireEntry {
  readonly subject: Subject<Outgoing>;
  readonly leaving: Outgoing[];
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
 * const wires = new Wires([{ wire: { from: 'a', to: 'b' }, op: 'drop', nth: 1 }], (outgoing) => sent.push(outgoing.message.type));
 * wires.carry({ from: 'a', to: 'b', message: { type: 'LOST' }, delayCycles: 0, sendId: null });
 * wires.carry({ from: 'a', to: 'b', message: { type: 'KEPT' }, delayCycles: 0, sendId: null });
 * sent; // ['KEPT']
 * ```
 */
export class Wires {
  readonly observerErrors: ObserverError[] = [];
  readonly #outlets = new Map<Address, ActorOutlets>();
  readonly #messages = new Outlet<MessageRecord>('messages$', (error) => this.#report(error));
  readonly #observed = new Outlet<Observed>('observed$', (error) => this.#report(error));
  readonly #rules: readonly RunningRule[];
  readonly #enqueue: (outgoing: Outgoing) => void;
  /** By number of the first rule, the entry to the operators of each sender; null for one that no rule is about. */
  readonly #entries: readonly Map<Address, WireEntry | null>[];
  #made: Made[] = [];

  /** `standIn`: what rules send is changed into that first, where the loop knows messages by other things than their fields. */
  constructor(plan: FaultPlan, enqueue: (outgoing: Outgoing) => void, standIn?: (message: Message) => Message) {
    this.#enqueue = enqueue;
    this.#rules = startRules(plan, {
      observe: (name, outgoing) => {
        if (this.#observed.isWatched) this.#observed.next(Object.freeze({ name, outgoing: frozenCopy(outgoing) }));
      },
      made: (outgoing, index) => {
        const message = standIn?.(outgoing.message) ?? outgoing.message;
        this.#made.push({ outgoing: { ...outgoing, message }, nextRule: index + 1 });
      },
    });
    this.#entries = Array.from({ length: plan.length + 1 }, () => new Map());
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
    if (this.#rules.length > 0 && this.#entryOf(from, 0) !== null) return false;
    return this.#outlets.size === 0 || this.#outlets.get(from)?.outbox.isWatched !== true;
  }

  /** Takes a message from its sender through the operators of its wire; what comes out is enqueued, at once. */
  carry(outgoing: Outgoing): void {
    const outbox = this.#outlets.get(outgoing.from)?.outbox;
    if (outbox?.isWatched) outbox.next(frozenCopy(outgoing));
    this.#pass(outgoing, 0);
  }

  /** Takes a message through the rules from one on, and then what they sent by themselves through those behind them. */
  #pass(outgoing: Outgoing, firstRule: number): void {
    const entry = this.#rules.length === 0 ? null : this.#entryOf(outgoing.from, firstRule);
    if (entry === null) this.#enqueue(outgoing);
    else {
      entry.subject.next(outgoing);
      for (const left of entry.leaving.splice(0)) this.#enqueue(left);
    }
    if (this.#made.length === 0) return;
    const made = this.#made;
    this.#made = [];
    for (const { outgoing: sent, nextRule } of made) this.#pass(sent, nextRule);
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

  /** The moving part of the fault plan. */
  state(): FaultRuleState[] {
    return this.#rules.map((rule) => rule.state());
  }

  restore(states: readonly FaultRuleState[]): void {
    this.#made = [];
    for (const [index, rule] of this.#rules.entries()) {
      const state = states[index];
      if (state !== undefined) rule.restore(state);
    }
  }

  #outletsOf(id: Address): ActorOutlets {
    let outlets = this.#outlets.get(id);
    if (outlets === undefined) {
      const report = (error: ObserverError): void => this.#report(error);
      outlets = { inbox: new Outlet(`${id} inbox$`, report), outbox: new Outlet(`${id} outbox$`, report) };
      this.#outlets.set(id, outlets);
    }
    return outlets;
  }

  #entryOf(from: Address, firstRule: number): WireEntry | null {
    const entries = this.#entries[firstRule];
    const known = entries.get(from);
    if (known !== undefined) return known;
    const rules = this.#rules.slice(firstRule).filter(({ rule }) => matchesAddress(rule.wire.from, from));
    let entry: WireEntry | null = null;
    if (rules.length > 0) {
      const subject = new Subject<Outgoing>();
      const leaving: Outgoing[] = [];
      let wire: Observable<Outgoing> = subject;
      for (const { operator } of rules) wire = wire.pipe(operator);
      wire.subscribe((outgoing) => leaving.push(outgoing));
      entry = { subject, leaving };
    }
    entries.set(from, entry);
    return entry;
  }

  #report(error: ObserverError): void {
    if (this.observerErrors.length < MAX_OBSERVER_ERRORS) this.observerErrors.push(error);
  }
}
