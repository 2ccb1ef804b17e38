/** The actors of a system: creating them, and letting one handle a message. */

import type { AnyStateMachine } from 'xstate';
import { interned } from '../../machines/addresses.ts';
import { GranuleError, invariant } from '../errors.ts';
import { type Address, type Message, NO_CAUSE, OUTSIDE } from './envelope.ts';
import { type ActorEnv, createActorEnv } from './actorEnv.ts';
import type { StandIn } from './standIn.ts';
import { LiveState } from './liveState.ts';
import { type AdaptedMachine, adaptMachine, type Interpreter, type Step } from './xstateAdapter.ts';
import type { ActorSnapshot, ActorStub, Send } from './xstateInternals.ts';

/** An actor to host. */
export interface ActorSpec {
  readonly id: Address;
  readonly machine: AnyStateMachine;
  /** Handed to the machine's context function. */
  readonly input?: unknown;
  /** Looks at what it sends to others, and throws where it may not. */
  readonly guard?: (to: Address, message: Message) => void;
  /** Looks at its state before it handles the record of a seq: where a setting was changed in the middle of the run. */
  readonly adjust?: (state: LiveState, seq: number) => void;
  /** Its context, of the plain data that a checkpoint holds; absent: the kinds of the model know theirs. */
  readonly revive?: (plain: Record<string, unknown>) => Record<string, unknown>;
  /** For one that stands in for a kind of the model: how its state may be read. */
  readonly standIn?: StandIn;
}

/** An actor in its place. */
export interface HostedActor {
  readonly id: Address;
  readonly adapted: AdaptedMachine;
  readonly env: ActorEnv;
  readonly state: LiveState;
  readonly guard: ActorSpec['guard'];
  readonly adjust: ActorSpec['adjust'];
  readonly standIn?: ActorSpec['standIn'];
}

/** Actors by id in the order of creation, and what each sent as it was created. */
export interface HostedActors {
  readonly actors: Map<Address, HostedActor>;
  readonly births: readonly (readonly [Address, Step])[];
}

function detailOf(error: unknown): string {
  if (error instanceof GranuleError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** Errors that say all that is to be said: what they name is not a fault of a handler. */
const OF_THE_DEFINITION: ReadonlySet<string> = new Set(['ACTOR_UNSUPPORTED', 'MESSAGE_UNDECLARED', 'MESSAGE_INVALID']);

/** Shows a guard what goes out to others; timers of XState are the actor's own business. */
function guarded(guard: ActorSpec['guard'], sends: readonly Send[]): void {
  if (guard === undefined) return;
  for (const send of sends) {
    if (send.kind === 'send' && !send.isTimer) guard(send.to, send.message);
  }
}

function createdBy(spec: ActorSpec, adapted: AdaptedMachine, env: ActorEnv): Step {
  try {
    return adapted.initial(spec.input, env);
  } catch (error) {
    if (error instanceof GranuleError && error.code === 'ACTOR_UNSUPPORTED') throw error;
    throw new GranuleError(
      'ACTOR_THREW',
      `${spec.id} threw while it was created: ${detailOf(error)}`,
      `actor ${spec.id}, before the first record`,
    );
  }
}

/**
 * Puts the actors in their places: with the snapshots given, or created anew.
 *
 * @throws GranuleError ACTOR_UNSUPPORTED, ACTOR_THREW; INVARIANT for an id given twice
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', states: { idle: {} } });
 * [...hostActors([{ id: 'mm:1', machine }]).actors.keys()]; // ['mm:1']
 * ```
 */
export function hostActors(
  specs: readonly ActorSpec[],
  snapshots?: ReadonlyMap<Address, ActorSnapshot>,
  interpreter: Interpreter = 'compiled',
): HostedActors {
  const stubs = new Map<Address, ActorStub>();
  const actors = new Map<Address, HostedActor>();
  const births: [Address, Step][] = [];
  for (const given of specs) {
    // Messages name the actor at each send: see `interned`.
    const spec = { ...given, id: interned(given.id) };
    invariant(!actors.has(spec.id) && spec.id !== OUTSIDE, `the id ${spec.id} is given to one actor`);
    const adapted = adaptMachine(spec.machine, { interpreter });
    const env = createActorEnv(spec.id, stubs);
    let snapshot = snapshots?.get(spec.id);
    if (snapshot === undefined) {
      const step = createdBy(spec, adapted, env);
      guarded(spec.guard, step.sends);
      births.push([spec.id, step]);
      snapshot = step.snapshot;
    }
    actors.set(spec.id, {
      id: spec.id,
      adapted,
      env,
      state: new LiveState(adapted.compiled, snapshot),
      guard: spec.guard,
      adjust: spec.adjust,
      standIn: spec.standIn,
    });
  }
  return { actors, births };
}

/**
 * Lets an actor handle a message: its state moves on, and what it sends comes back. `seq` is that of its record.
 *
 * @throws GranuleError ACTOR_THREW naming actor, seq and type; ACTOR_UNSUPPORTED
 * @example
 * ```ts
 * const lamp = createMachine({ initial: 'off', states: { off: { on: { PRESS: 'on' } }, on: {} } });
 * const { actors } = hostActors([{ id: 'lamp', machine: lamp }]);
 * const actor = actors.get('lamp');
 * actor === undefined ? null : handleMessage(actor, { type: 'PRESS' }, 0); // []
 * ```
 */
export function handleMessage(actor: HostedActor, message: Message, seq: number): readonly Send[] {
  try {
    actor.adjust?.(actor.state, seq);
    const sends = actor.adapted.handle(actor.state, message, actor.env);
    if (actor.guard !== undefined) guarded(actor.guard, sends);
    return sends;
  } catch (error) {
    if (error instanceof GranuleError && OF_THE_DEFINITION.has(error.code)) throw error;
    throw new GranuleError(
      'ACTOR_THREW',
      `${actor.id} threw while it handled ${message.type}: ${detailOf(error)}`,
      `actor ${actor.id}, seq ${seq}, type ${message.type}`,
    );
  }
}

/**
 * The error of a message that nobody takes.
 *
 * @param cause seq of the record whose handling sent it, or {@link NO_CAUSE}
 * @param target whoever has the address; undefined where nobody has
 * @example
 * ```ts
 * noTaker({ from: 'mm:1', to: 'zone', type: 'ALLOC', cause: 7 }, undefined).where; // 'handling seq 7'
 * ```
 */
export function noTaker(
  {
    from,
    to,
    type,
    cause,
  }: { readonly from: Address; readonly to: Address; readonly type: string; readonly cause: number },
  target: HostedActor | undefined,
): GranuleError {
  return new GranuleError(
    'MESSAGE_NO_TAKER',
    target === undefined
      ? `${from} sent ${type} to ${to}, which is no actor of this system`
      : `${from} sent ${type} to ${to}, whose machine ${target.adapted.machine.id} takes no such message`,
    cause === NO_CAUSE ? 'before the first record' : `handling seq ${cause}`,
  );
}
