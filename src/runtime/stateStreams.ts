/** The states of actors as streams, for those who watch: `system.state$(actor)`. */

import type { Observable } from 'rxjs';
import { plainContext } from '../../machines/index.ts';
import type { Address } from './envelope.ts';
import type { HostedActor } from './hosting.ts';
import { type ObserverError, Outlet } from './observers.ts';
import { frozenCopy } from './plainData.ts';
import { stateValueOf } from './xstateAdapter.ts';
import type { ActorSnapshot } from './xstateInternals.ts';

/**
 * The state of an actor once it had handled an event. Nothing that is done with it reaches the run: what it gives are frozen
 * plain data, made when somebody reads them.
 *
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', context: { n: 1 }, states: { idle: {} } });
 * const { snapshot } = adaptMachine(machine).initial(undefined, createActorEnv('a'));
 * const state = new ActorState('a', 7, 900, snapshot);
 * [state.seq, state.value, state.context['n']]; // [7, 'idle', 1]
 * ```
 */
export class ActorState {
  readonly #actor: Address;
  readonly #seq: number;
  readonly #timeCycles: number;
  readonly #snapshot: ActorSnapshot;
  #context: Readonly<Record<string, unknown>> | null = null;

  constructor(actor: Address, seq: number, timeCycles: number, snapshot: ActorSnapshot) {
    this.#actor = actor;
    this.#seq = seq;
    this.#timeCycles = timeCycles;
    this.#snapshot = snapshot;
  }

  get actor(): Address {
    return this.#actor;
  }

  /** That of the event. */
  get seq(): number {
    return this.#seq;
  }

  get timeCycles(): number {
    return this.#timeCycles;
  }

  /** Where it stands in its statechart: a name, or nested objects of them. */
  get value(): unknown {
    return frozenCopy(stateValueOf(this.#snapshot));
  }

  /** Its context as plain data, as `granule state` prints it. */
  get context(): Readonly<Record<string, unknown>> {
    this.#context ??= frozenCopy(plainContext(this.#snapshot.context));
    return this.#context;
  }

  /** For JSON.stringify. */
  toJSON(): object {
    const { actor, seq, timeCycles, value, context } = this;
    return { actor, seq, timeCycles, value, context };
  }
}

interface Watched {
  readonly outlet: Outlet<ActorState>;
  last: ActorSnapshot | null;
}

/**
 * The streams of one system. An actor that nobody watches costs one look at an empty map.
 *
 * @example
 * ```ts
 * const streams = new StateStreams(() => undefined);
 * streams.of('mm:1').subscribe((state) => state.seq);
 * streams.size; // 1
 * ```
 */
export class StateStreams {
  readonly #watched = new Map<Address, Watched>();
  readonly #report: (error: ObserverError) => void;

  constructor(report: (error: ObserverError) => void) {
    this.#report = report;
  }

  /** How many actors were asked for. */
  get size(): number {
    return this.#watched.size;
  }

  of(id: Address): Observable<ActorState> {
    let watched = this.#watched.get(id);
    if (watched === undefined) {
      watched = { outlet: new Outlet(`${id} state$`, this.#report), last: null };
      this.#watched.set(id, watched);
    }
    return watched.outlet.stream$;
  }

  /** Tells those who watch an actor that it has handled an event, if that changed its state. */
  announce(actor: HostedActor, seq: number, timeCycles: number): void {
    const watched = this.#watched.get(actor.id);
    if (watched === undefined || !watched.outlet.isWatched) return;
    const { snapshot } = actor.state;
    const { last } = watched;
    watched.last = snapshot;
    if (last !== null && isSameState(last, snapshot)) return;
    watched.outlet.next(new ActorState(actor.id, seq, timeCycles, snapshot));
  }

  /** Tells all who watch that nothing more comes. */
  complete(): void {
    for (const { outlet } of this.#watched.values()) outlet.complete();
  }

  /** After a jump to another moment the next state counts as new. */
  reset(): void {
    for (const watched of this.#watched.values()) watched.last = null;
  }
}

/** Whether nothing has changed: structures of a context are the very same where nothing was written. */
function isSameState(left: ActorSnapshot, right: ActorSnapshot): boolean {
  if (left === right) return true;
  if (JSON.stringify(stateValueOf(left)) !== JSON.stringify(stateValueOf(right))) return false;
  const [before, now] = [fieldsOf(left), fieldsOf(right)];
  const keys = Object.keys(now);
  return keys.length === Object.keys(before).length && keys.every((key) => Object.is(before[key], now[key]));
}

function fieldsOf({ context }: ActorSnapshot): Readonly<Record<string, unknown>> {
  return typeof context === 'object' && context !== null ? (context as Readonly<Record<string, unknown>>) : {};
}
