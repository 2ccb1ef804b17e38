/**
 * The flat loop that hosts the actors: choose an envelope, append its record to the log, let the actor handle it, enqueue
 * what it sends. No nested delivery, no recursion, no host clock.
 */

import type { Observable } from 'rxjs';
import { GranuleError, invariant } from '../errors.ts';
import { type Chooser, timeOrder } from './chooser.ts';
import { inOrderOfDelay, VirtualClock } from './clock.ts';
import {
  type Address,
  type Envelope,
  type Message,
  type MessageRecord,
  NO_CAUSE,
  OUTSIDE,
  recordOf,
} from './envelope.ts';
import type { Outgoing } from './faultPlan.ts';
import { handleMessage, type HostedActor, hostActors, noTaker } from './hosting.ts';
import type { Observed } from './observed.ts';
import type { ObserverError } from './observers.ts';
import { checkPlain, deepFreeze } from './plainData.ts';
import { DEFAULT_MAX_PENDING, PendingQueue } from './queue.ts';
import {
  type ActorView,
  DEFAULT_MAX_EVENTS,
  type OnDelivery,
  type RunResult,
  type RunUntil,
  type SystemOptions,
  type SystemState,
} from './systemOptions.ts';
import { type ActorState, StateStreams } from './stateStreams.ts';
import { type Stopped, Wires } from './wires.ts';
import type { ActorSnapshot, Send } from './xstateInternals.ts';

/** Deliveries between two calls of `onProgress`. */
const PROGRESS_INTERVAL = 4096;

/**
 * A running system of actors; {@link createSystem} makes one.
 *
 * @example
 * ```ts
 * new System({ actors: [] }).step(); // null
 * ```
 */
export class System {
  readonly #actors: ReadonlyMap<Address, HostedActor>;
  readonly #clock: VirtualClock;
  readonly #queue: PendingQueue;
  readonly #chooser: Chooser;
  readonly #wires: Wires;
  readonly #states = new StateStreams((error) => this.#wires.note(error));
  readonly #onDelivery: OnDelivery | undefined;
  readonly #onRecord: ((record: MessageRecord) => void) | undefined;
  readonly #freeze: boolean;
  readonly #maxEvents: number;
  #nextSeq = 0;
  #nextEnvelopeId = 0;
  /** Cause of what is sent just now. */
  #cause = NO_CAUSE;
  #isHandling = false;
  #failure: { readonly error: unknown } | null = null;
  #deadLetters = 0;

  constructor(options: SystemOptions) {
    const { maxPending = DEFAULT_MAX_PENDING, maxEvents = DEFAULT_MAX_EVENTS } = options.limits ?? {};
    this.#clock = new VirtualClock(options.timekeeping);
    this.#queue = new PendingQueue(maxPending);
    this.#maxEvents = maxEvents;
    this.#chooser = options.chooser ?? timeOrder();
    this.#wires = new Wires(options.faultPlan ?? [], {
      enqueue: (outgoing, isHeldBack) => this.#enqueue(outgoing.from, outgoing, isHeldBack),
      nowCycles: () => this.#clock.nowCycles,
      nextSeq: () => this.#nextSeq,
    });
    this.#onDelivery = options.onDelivery;
    this.#onRecord = options.onRecord;
    this.#freeze = options.freeze ?? false;
    const { actors, births } = hostActors(options.actors, options.resume?.snapshots, options.interpreter);
    this.#actors = actors;
    if (options.resume !== undefined) {
      this.restore(options.resume.state, options.resume.snapshots);
      return;
    }
    for (const [id, step] of births) {
      if (this.#freeze) deepFreeze(step.snapshot.context);
      this.#send(id, step.sends);
    }
  }

  /** Virtual time of the last delivery. */
  get nowCycles(): number {
    return this.#clock.nowCycles;
  }

  /** Seq of the next record: the number of records so far. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Every record of the run, as it is delivered; frozen copies. */
  get messages$(): Observable<MessageRecord> {
    return this.#wires.messages$;
  }

  /** What the `observe` rules of the fault plan announce. */
  get observed$(): Observable<Observed> {
    return this.#wires.observed$;
  }

  /** The state of an actor behind each event that changed it. @throws GranuleError ACTOR_UNKNOWN */
  state$(id: Address): Observable<ActorState> {
    return this.#states.of(this.#hosted(id).id);
  }

  /** Which rule of the fault plan ended the run; null while none has. */
  get stopped(): Stopped | null {
    return this.#nextSeq >= this.#wires.endSeq ? this.#wires.stopped : null;
  }

  /** Exceptions of observers, the first of each. */
  get observerErrors(): readonly ObserverError[] {
    return this.#wires.observerErrors;
  }

  /** Deliveries to actors that had reached a final state, and so did nothing. */
  get deadLetters(): number {
    return this.#deadLetters;
  }

  /** Ids in the order of creation. */
  get actors(): readonly Address[] {
    return [...this.#actors.keys()];
  }

  /** @throws GranuleError ACTOR_UNKNOWN */
  actor(id: Address): ActorView {
    const { adapted, state, standIn } = this.#hosted(id);
    return { id, machine: adapted.machine, snapshot: state.snapshot, standIn, ...this.#wires.streams(id) };
  }

  /** @throws GranuleError ACTOR_UNKNOWN */
  snapshot(id: Address): ActorSnapshot {
    return this.#hosted(id).state.snapshot;
  }

  /** The snapshot of every actor: the values themselves, which never change. */
  snapshots(): Map<Address, ActorSnapshot> {
    return new Map(Array.from(this.#actors, ([id, actor]) => [id, actor.state.snapshot]));
  }

  /** Every pending envelope in order of id, and those of them that may be delivered next. */
  queueState(): { readonly pending: readonly Envelope[]; readonly enabled: readonly Envelope[] } {
    return { pending: this.#queue.pending(), enabled: this.#queue.enabled() };
  }

  /**
   * Sends a message from outside.
   *
   * @throws GranuleError MESSAGE_NO_TAKER; RUN_LIMIT; INVARIANT while a message is being handled
   */
  send(to: Address, message: Message, options: { readonly from?: Address; readonly delayCycles?: number } = {}): void {
    invariant(!this.#isHandling, 'nothing outside sends while a message is being handled');
    this.#cause = NO_CAUSE;
    const { from = OUTSIDE, delayCycles = 0 } = options;
    const sending = { to, message, delayCycles, sendId: null };
    if (this.#wires.isBare(from)) this.#enqueue(from, sending);
    else this.#wires.send(from, sending);
  }

  /**
   * Delivers one message; null when the chooser has none, and behind the end that a rule of the fault plan set.
   * @throws GranuleError ACTOR_THREW, MESSAGE_NO_TAKER, RUN_LIMIT, ACTOR_UNSUPPORTED; and again at each later call, since
   * the run is then over
   */
  step(): MessageRecord | null {
    const envelope = this.#deliver();
    return envelope === null ? null : recordOf(envelope, this.#nextSeq - 1, this.#clock.nowCycles);
  }

  /** Delivers one message, as `step`; gives the envelope, so that a record is made only for those who want one. */
  #deliver(): Envelope | null {
    if (this.#failure !== null) throw this.#failure.error;
    if (this.#isHandling) invariant(false, 'nothing outside steps while a message is being handled');
    if (this.#nextSeq >= this.#wires.endSeq) return null;
    if (this.#nextSeq >= this.#maxEvents && this.#queue.size > 0) {
      throw new GranuleError('RUN_LIMIT', `the run has reached maxEvents = ${this.#maxEvents} records`);
    }
    const envelope = this.#chooser.next(this.#queue);
    if (envelope === null) return null;
    this.#queue.remove(envelope);
    this.#clock.advanceTo(this.#clock.timeOf(envelope.deliverCycles));
    this.#isHandling = true;
    try {
      // Append, then handle: the log holds a message whose handling fails.
      const seq = this.#nextSeq;
      this.#onDelivery?.(seq, this.#clock.nowCycles, envelope);
      if (this.#onRecord !== undefined || this.#wires.isWatched(envelope.to)) this.#announce(envelope);
      this.#nextSeq = seq + 1;
      this.#handle(envelope, seq);
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#isHandling = false;
    }
    return envelope;
  }

  #announce(envelope: Envelope): void {
    const record = recordOf(envelope, this.#nextSeq, this.#clock.nowCycles);
    this.#onRecord?.(record);
    this.#wires.announce(record);
  }

  /**
   * Delivers message after message.
   *
   * @throws what {@link System.step} throws
   */
  run(until: RunUntil = {}): RunResult {
    const { untilSeq, untilTimeCycles, maxEvents = Number.POSITIVE_INFINITY, onProgress } = until;
    let delivered = 0;
    for (;;) {
      if (untilSeq !== undefined && this.#nextSeq > untilSeq) return { delivered, reason: 'seq' };
      if (delivered >= maxEvents) return { delivered, reason: 'events' };
      if (untilTimeCycles !== undefined) {
        const earliest = this.#queue.earliest();
        const isLater = earliest !== undefined && this.#clock.timeOf(earliest.deliverCycles) > untilTimeCycles;
        if (isLater || this.nowCycles > untilTimeCycles) return { delivered, reason: 'time' };
      }
      if (this.#deliver() === null) {
        return { delivered, reason: this.#nextSeq >= this.#wires.endSeq ? 'stopped' : 'idle' };
      }
      delivered++;
      if (onProgress !== undefined && delivered % PROGRESS_INTERVAL === 0) {
        onProgress({ nextSeq: this.#nextSeq, nowCycles: this.nowCycles });
      }
    }
  }

  /** Ends the streams, for a run that is over: nothing is announced behind it. */
  complete(): void {
    this.#wires.complete();
    this.#states.complete();
  }

  /** What, together with {@link System.snapshots}, a run needs to go on from here. */
  checkpointState(): SystemState {
    return {
      nowCycles: this.nowCycles,
      nextSeq: this.#nextSeq,
      nextEnvelopeId: this.#nextEnvelopeId,
      pending: this.#queue.pending(),
      chooser: this.#chooser.state(),
      faults: this.#wires.state(),
    };
  }

  /**
   * Takes the run to a checkpoint. Observers stay.
   *
   * @throws GranuleError ACTOR_UNKNOWN when a snapshot is missing
   */
  restore(state: SystemState, snapshots: ReadonlyMap<Address, ActorSnapshot>): void {
    for (const [id, actor] of this.#actors) {
      const snapshot = snapshots.get(id);
      if (snapshot === undefined) throw new GranuleError('ACTOR_UNKNOWN', `the checkpoint has no actor ${id}`, id);
      actor.state.snapshot = snapshot;
    }
    this.#clock.restore(state.nowCycles);
    this.#nextSeq = state.nextSeq;
    this.#nextEnvelopeId = state.nextEnvelopeId;
    this.#queue.restore(state.pending);
    this.#chooser.restore(state.chooser);
    this.#wires.restore(state.faults);
    this.#states.reset();
    this.#failure = null;
  }

  #hosted(id: Address): HostedActor {
    const actor = this.#actors.get(id);
    if (actor === undefined) throw new GranuleError('ACTOR_UNKNOWN', `there is no actor ${id}`, id);
    return actor;
  }

  #handle(envelope: Envelope, seq: number): void {
    const actor = this.#hosted(envelope.to);
    if (!actor.state.isActive) {
      this.#deadLetters++;
      return;
    }
    const sends = handleMessage(actor, envelope.message, seq);
    if (this.#freeze) deepFreeze(actor.state.context);
    this.#cause = seq;
    if (sends.length > 0) this.#send(actor.id, sends);
    if (this.#states.size > 0) this.#states.announce(actor, seq, this.#clock.nowCycles);
  }

  #send(from: Address, sends: readonly Send[]): void {
    const isBare = this.#wires.isBare(from);
    for (const send of this.#clock.countsDeliveries ? inOrderOfDelay(sends) : sends) {
      if (send.kind === 'cancel') this.#queue.cancel(from, send.sendId);
      else if (send.isTimer || isBare) this.#enqueue(from, send);
      else this.#wires.send(from, send);
    }
  }

  #enqueue(from: Address, { to, message, delayCycles, sendId }: Omit<Outgoing, 'from'>, isHeldBack = false): void {
    const target = this.#actors.get(to);
    if (target === undefined || !target.adapted.accepts(message.type)) {
      throw noTaker({ from, to, type: message.type, cause: this.#cause }, target);
    }
    if (this.#freeze) {
      checkPlain(message, message.type);
      deepFreeze(message);
    }
    this.#queue.push({
      id: this.#nextEnvelopeId++,
      // The one string of this address: records of equal addresses then share it, and comparing them is cheap.
      to: target.id,
      from,
      cause: this.#cause,
      sentCycles: this.#clock.nowCycles,
      deliverCycles: this.#clock.after(delayCycles, isHeldBack || from === to),
      message,
      sendId,
    });
  }
}

/**
 * Makes a system and creates its actors.
 *
 * @throws GranuleError ACTOR_UNSUPPORTED, ACTOR_THREW, MESSAGE_NO_TAKER, TOPOLOGY_INVALID
 * @example
 * ```ts
 * const lamp = createMachine({ initial: 'off', states: { off: { on: { PRESS: 'on' } }, on: { on: { PRESS: 'off' } } } });
 * const system = createSystem({ actors: [{ id: 'lamp:hall', machine: lamp }] });
 * system.send('lamp:hall', { type: 'PRESS' });
 * system.run().delivered; // 1
 * stateValueOf(system.snapshot('lamp:hall')); // 'on'
 * ```
 */
export function createSystem(options: SystemOptions): System {
  return new System(options);
}
