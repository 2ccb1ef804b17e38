/**
 * The states of single actors, one object for each: a state of the whole is a list of them. What an actor does with a message
 * follows from its state and the message alone, so it is worked out once, however many states of the whole it happens in.
 */
import { GranuleError } from '../../errors.ts';
import type { Address, Message } from '../../runtime/envelope.ts';
import { inOrderOfDelay, LOOSE_CYCLES } from '../../runtime/clock.ts';
import { handleMessage, type HostedActor, noTaker } from '../../runtime/hosting.ts';
import type { StateMark } from '../../runtime/liveState.ts';
import type { ActorSnapshot, Send } from '../../runtime/xstateInternals.ts';
import type { Fingerprint } from '../model.ts';
import { combined, hashOf, hashOfString, highOf, type IgnoredFields, lowOf } from './hash.ts';

/** Messages and states of actors that are kept at most, each; then all are forgotten, and made again where they come up. */
const KEPT_MAX = 1_000_000;

/** A message as a state of the whole holds it; one object for equal ones. */
export interface Content {
  readonly message: Message;
  readonly hash: Fingerprint;
}

/** A state of one actor; one object for equal ones. */
export interface LocalState {
  readonly actor: HostedActor;
  readonly mark: StateMark;
  /** Of its state and its address. */
  readonly hash: Fingerprint;
  readonly low: number;
  readonly high: number;
  /** What came of messages that it handled. */
  readonly outcomes: Map<Content, Outcome>;
}

/** What is on its way from one actor to another, by whom and to whom. */
export interface Channel {
  readonly from: Address;
  readonly to: Address;
  /** Places among the actors: of the receiver; of the sender, or -1 for outside. */
  readonly toIndex: number;
  readonly fromIndex: number;
  /** Channels in an order that the topology gives. */
  readonly rank: number;
  /** Place among the channels that there were. */
  readonly index: number;
  readonly hash: Fingerprint;
  /** Names of its deliveries, made once each. */
  readonly keys: string[];
}

/** A message that is to be sent. */
export interface Sent {
  readonly channel: Channel;
  readonly content: Content;
  readonly delayCycles: number;
  /** As in `runtime/clock.ts`: 0, or where what is sent behind it may pass it, by its delay. */
  readonly looseCycles: number;
  readonly sendId: string | null;
  /** A timer of an actor to itself: no wire carries it. */
  readonly isTimer: boolean;
  /** As the first of its channel. */
  readonly hash: Fingerprint;
  readonly low: number;
  readonly high: number;
}

/** What came of a message. */
export interface Outcome {
  readonly next: LocalState;
  readonly sends: readonly Sent[];
  /** Names under which the actor cancelled what it had sent before. */
  readonly cancels: readonly string[];
  /** It threw, or sent what nobody takes: there a run ends. */
  readonly failure: GranuleError | null;
}

/** Which fields are left out of fingerprints. */
export interface Ignored {
  /** Of the state of an actor. */
  readonly ofActor: (id: Address) => IgnoredFields;
  /** Of a message. */
  readonly ofMessage: (type: string) => IgnoredFields;
}

/**
 * Hosts the actors of one topology: gives their states, and what becomes of them.
 *
 * @example
 * ```ts
 * const lamp = createMachine({ initial: 'off', states: { off: { on: { PRESS: 'on' } }, on: { on: { PRESS: 'off' } } } });
 * const locals = new LocalStates(hostActors([{ id: 'lamp', machine: lamp }]).actors, nothingIgnored);
 * const [off] = locals.initial();
 * const press = locals.sent('outside', { to: 'lamp', message: { type: 'PRESS' }, delayCycles: 0, sendId: null, isTimer: false });
 * press === null ? null : locals.snapshotOf(locals.outcomeOf(off, press.content).next).value; // 'on'
 * ```
 */
export class LocalStates {
  readonly ids: readonly Address[];
  readonly #actors: readonly HostedActor[];
  readonly #indexOf: ReadonlyMap<Address, number>;
  readonly #ignored: Ignored;
  readonly #states = new Map<Fingerprint, LocalState>();
  readonly #contents = new Map<Fingerprint, Content>();
  readonly #channels = new Map<string, Channel>();
  /** By rank. */
  readonly channels: Channel[] = [];
  /** Handlings that were worked out. */
  handled = 0;

  constructor(actors: ReadonlyMap<Address, HostedActor>, ignored: Ignored) {
    this.ids = [...actors.keys()];
    this.#actors = [...actors.values()];
    this.#indexOf = new Map(this.ids.map((id, index) => [id, index]));
    this.#ignored = ignored;
  }

  /** Distinct states of actors that came up. */
  get size(): number {
    return this.#states.size;
  }

  /** The place of an actor among all; -1 for outside, and for one that there is not. */
  indexOf(id: Address): number {
    return this.#indexOf.get(id) ?? -1;
  }

  /** @throws GranuleError ACTOR_UNKNOWN */
  placeOf(id: Address): number {
    const index = this.#indexOf.get(id);
    if (index === undefined) throw new GranuleError('ACTOR_UNKNOWN', `there is no actor ${id}`, id);
    return index;
  }

  /** The states in which the actors are now: those they were created in. */
  initial(): LocalState[] {
    return this.#actors.map((actor) => this.#stateOf(actor));
  }

  /** The snapshot of a state. */
  snapshotOf({ actor, mark }: LocalState): ActorSnapshot {
    if (mark.isCurrent) return mark.snapshot;
    actor.state.goTo(mark);
    return actor.state.snapshot;
  }

  /** A message on its way; null where nobody takes it. `isHeldBack`: by a rule of the fault plan. */
  sent(from: Address, send: Omit<Extract<Send, { kind: 'send' }>, 'kind'>, isHeldBack = false): Sent | null {
    const { to, message, delayCycles, sendId, isTimer } = send;
    const target = this.#actors[this.indexOf(to)] as HostedActor | undefined;
    if (target === undefined || !target.adapted.accepts(message.type)) return null;
    const channel = this.#channelOf(from, to);
    const content = this.#contentOf(message);
    const named = sendId === null ? content.hash : combined(content.hash, hashOfString(sendId));
    const looseCycles = isHeldBack || from === to ? LOOSE_CYCLES + delayCycles : 0;
    const hash = combined(channel.hash, combined(named, looseCycles));
    const [low, high] = [lowOf(hash), highOf(hash)];
    return { channel, content, delayCycles, looseCycles, sendId, isTimer, hash, low, high };
  }

  /** The error of a message that nobody takes. */
  noTaker(from: Address, to: Address, type: string): GranuleError {
    return noTaker({ from, to, type, cause: -1 }, this.#actors[this.indexOf(to)]);
  }

  /** What becomes of a state with a message. */
  outcomeOf(local: LocalState, content: Content): Outcome {
    const known = local.outcomes.get(content);
    if (known !== undefined) return known;
    const outcome = this.#handled(local, content);
    local.outcomes.set(content, outcome);
    return outcome;
  }

  #handled(local: LocalState, { message }: Content): Outcome {
    const { actor } = local;
    this.handled++;
    actor.state.goTo(local.mark);
    // What had reached a final state does nothing.
    if (!actor.state.isActive) return { next: local, sends: [], cancels: [], failure: null };
    let sends: readonly Send[];
    try {
      sends = handleMessage(actor, message, 0);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      return { next: local, sends: [], cancels: [], failure: error };
    }
    const next = this.#stateOf(actor);
    const sent: Sent[] = [];
    const cancels: string[] = [];
    for (const send of inOrderOfDelay(sends)) {
      if (send.kind === 'cancel') {
        cancels.push(send.sendId);
        // What the same handling sent is gone before anybody can see it.
        for (let at = sent.length - 1; at >= 0; at--) if (sent[at].sendId === send.sendId) sent.splice(at, 1);
        continue;
      }
      const taken = this.sent(actor.id, send);
      if (taken === null) {
        const failure = this.noTaker(actor.id, send.to, send.message.type);
        return { next, sends: sent, cancels, failure };
      }
      sent.push(taken);
    }
    return { next, sends: sent, cancels, failure: null };
  }

  /** The state in which an actor is now. */
  #stateOf(actor: HostedActor): LocalState {
    const mark = actor.state.mark();
    const { configuration, context, snapshot } = mark;
    const value = configuration === null ? [snapshot.value, snapshot.historyValue] : configuration.value;
    const own = combined(hashOf(value), hashOf(context, this.#ignored.ofActor(actor.id)));
    const hash = combined(combined(own, hashOfString(snapshot.status)), hashOfString(actor.id));
    const known = this.#states.get(hash);
    if (known !== undefined) return known;
    if (this.#states.size >= KEPT_MAX) this.#states.clear();
    const state = { actor, mark, hash, low: lowOf(hash), high: highOf(hash), outcomes: new Map<Content, Outcome>() };
    this.#states.set(hash, state);
    return state;
  }

  #contentOf(message: Message): Content {
    const hash = hashOf(message, this.#ignored.ofMessage(message.type));
    const known = this.#contents.get(hash);
    if (known !== undefined) return known;
    if (this.#contents.size >= KEPT_MAX) this.#contents.clear();
    const content = { message, hash };
    this.#contents.set(hash, content);
    return content;
  }

  #channelOf(from: Address, to: Address): Channel {
    const key = `${from}>${to}`;
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const [toIndex, fromIndex] = [this.indexOf(to), this.indexOf(from)];
    const rank = toIndex * (this.ids.length + 1) + fromIndex + 1;
    const channel = {
      from,
      to,
      toIndex,
      fromIndex,
      rank,
      index: this.channels.length,
      hash: hashOfString(key),
      keys: [],
    };
    this.#channels.set(key, channel);
    this.channels.push(channel);
    return channel;
  }
}
