/**
 * XState machines as pure functions: (snapshot, message) to (snapshot, messages out). XState's own delivery (mailboxes, timers,
 * nested sends, session ids) is left out; its statecharts are what runs. `xstateTurn.ts` takes the common
 * turns by precomputed plans; every other turn is XState's `machine.transition`, called with a scope that only collects.
 */

import type { AnyStateMachine, StateValue } from 'xstate';
import { GranuleError, invariant } from '../errors.ts';
import type { Address, Message } from './envelope.ts';
import { sendOf } from './xstateActions.ts';
import {
  type ActorSnapshot,
  type ActorStub,
  type ExecutableAction,
  internalsOf,
  type InspectedMicrostep,
  type MachineInternals,
  MAX_MICROSTEPS,
  type Send,
  type StepScope,
  trusted,
  unsupported,
} from './xstateInternals.ts';
import { TurnPlanner } from './xstateTurn.ts';

/** What one handling gave. */
export interface Step {
  readonly snapshot: ActorSnapshot;
  /** In the order in which the machine sent them. */
  readonly sends: readonly Send[];
}

/** One microstep of a handling: for showing which transitions were taken. */
export interface ExplainedMicrostep {
  /** The message itself, a raised event, or again the message for an `always` transition. */
  readonly eventType: string;
  /** Ids of state nodes, as in the machine's definition. */
  readonly transitions: readonly { readonly source: string; readonly targets: readonly string[] }[];
  readonly value: StateValue;
}

/** The part of a snapshot that is not derived from the machine: what a checkpoint keeps. */
export interface ActorState {
  readonly value: StateValue;
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly context: unknown;
  readonly output: unknown;
}

/** Where an actor's turn takes place: made once per actor, used again for each message. */
export interface ActorEnv {
  readonly id: Address;
  readonly scope: StepScope;
  /** Where the scope collects. */
  sends: Send[];
  /** Null: nobody asks. */
  microsteps: InspectedMicrostep[] | null;
  microstepCount: number;
}

const NO_SENDS: readonly Send[] = Object.freeze([]);

function stubOf(id: Address): ActorStub {
  const refuse = (what: string): never => {
    throw unsupported(`a machine calls ${what} of actor ${id} instead of returning sendTo`, id);
  };
  const stub = { id, sessionId: id, send: () => refuse('send()') };
  // createActor(), which invoke and spawn lead to, asks its parent for its system first of all.
  Object.defineProperty(stub, 'system', { get: () => refuse('spawn or invoke') });
  return Object.freeze(stub);
}

/**
 * The surroundings that a machine sees while it handles messages as actor `id`. `stubs` may be shared by all actors of a system.
 *
 * @example
 * ```ts
 * createActorEnv('mm:1').id; // 'mm:1'
 * ```
 */
export function createActorEnv(id: Address, stubs: Map<Address, ActorStub> = new Map()): ActorEnv {
  const get = (address: Address): ActorStub => {
    let stub = stubs.get(address);
    if (stub === undefined) {
      stub = stubOf(address);
      stubs.set(address, stub);
    }
    return stub;
  };
  const inspect = (microstep: InspectedMicrostep): void => {
    env.microsteps?.push(microstep);
    env.microstepCount++;
    if (env.microstepCount > MAX_MICROSTEPS) {
      throw new GranuleError('RUN_LIMIT', `one message caused more than ${MAX_MICROSTEPS} microsteps`, id);
    }
  };
  const ignore = (): void => undefined;
  const scope: StepScope = {
    self: get(id),
    id,
    sessionId: id,
    system: { get, _sendInspectionEvent: inspect },
    logger: ignore,
    defer: ignore,
    emit: ignore,
    stopChild: ignore,
    actionExecutor: (action) => collect(action, env),
  };
  const env: ActorEnv = { id, scope, sends: [], microsteps: null, microstepCount: 0 };
  return env;
}

/** Takes a resolved action of XState as data; none is executed. */
function collect(action: ExecutableAction, env: ActorEnv): void {
  const params: {
    readonly to: ActorStub;
    readonly event: Message;
    readonly delay: unknown;
    readonly id?: string;
    readonly sendId: string;
  } = trusted(action.params);
  switch (action.type) {
    case 'xstate.sendTo':
      env.sends.push(sendOf(params.to.id, params.event, params.delay, params.id, false));
      return;
    case 'xstate.raise':
      // Without a delay XState has put it into its internal queue already.
      if (typeof params.delay === 'number') env.sends.push(sendOf(env.id, params.event, params.delay, params.id, true));
      return;
    case 'xstate.cancel':
      env.sends.push({ kind: 'cancel', sendId: params.sendId });
      return;
    case 'xstate.spawnChild':
      throw unsupported('a machine spawns an actor', env.id);
    default:
  }
}

/** Descriptors with a wildcard match as XState's matchesEventDescriptor says: `*`, or `prefix.*` by whole tokens. */
function matchesWildcard(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  const prefix = descriptor.slice(0, -2);
  return descriptor.endsWith('.*') && (type === prefix || type.startsWith(`${prefix}.`));
}

/**
 * An XState machine, hosted; {@link adaptMachine} makes one. It serves any number of actors.
 *
 * @example
 * ```ts
 * new AdaptedMachine(createMachine({ on: { GO: {} } }), { plans: true }).accepts('GO'); // true
 * ```
 */
export class AdaptedMachine {
  readonly machine: AnyStateMachine;
  readonly #internals: MachineInternals;
  readonly #planner: TurnPlanner | null;
  readonly #types = new Set<string>();
  readonly #wildcards: string[] = [];

  constructor(machine: AnyStateMachine, options: { readonly plans: boolean }) {
    this.machine = machine;
    this.#internals = internalsOf(machine);
    for (const node of this.#internals.idMap.values()) {
      if (node.invoke.length > 0) throw unsupported(`machine ${machine.id} invokes an actor`, `state ${node.id}`);
      for (const type of node.transitions.keys()) {
        if (type.endsWith('*')) this.#wildcards.push(type);
        else this.#types.add(type);
      }
    }
    this.#planner = options.plans ? new TurnPlanner(this.#internals) : null;
  }

  /** True when some state of the machine names that event type, even to ignore it. */
  accepts(type: string): boolean {
    return this.#types.has(type) || this.#wildcards.some((descriptor) => matchesWildcard(type, descriptor));
  }

  /** Every event type that the machine names, sorted; without wildcards. */
  eventTypes(): string[] {
    return [...this.#types].sort();
  }

  /**
   * The state in which the actor begins, and what it sends as it is created.
   *
   * @throws what the machine throws; GranuleError ACTOR_UNSUPPORTED
   */
  initial(input: unknown, env: ActorEnv): Step {
    env.sends = [];
    env.microstepCount = 0;
    const snapshot = this.#internals.getInitialSnapshot(env.scope, input);
    // XState catches here, and here alone.
    if (snapshot.status === 'error') throw snapshot.error;
    return { snapshot, sends: env.sends };
  }

  /**
   * Handles one message. Pure: the snapshot handed in is as it was.
   *
   * @throws what the machine throws; GranuleError ACTOR_UNSUPPORTED, RUN_LIMIT
   */
  transition(snapshot: ActorSnapshot, event: Message, env: ActorEnv): Step {
    if (this.#planner !== null) {
      const sends: Send[] = [];
      let planned: ActorSnapshot | null = null;
      try {
        planned = this.#planner.turn(snapshot, event, env.scope, sends);
      } catch {
        // XState meets the same exception below, and words it.
      }
      if (planned !== null) return { snapshot: planned, sends: sends.length === 0 ? NO_SENDS : sends };
    }
    env.sends = [];
    env.microstepCount = 0;
    const next = this.#internals.transition(snapshot, event, env.scope);
    return { snapshot: next, sends: env.sends };
  }

  /** The microsteps that `transition` would take. */
  explain(snapshot: ActorSnapshot, event: Message, env: ActorEnv): ExplainedMicrostep[] {
    const microsteps: InspectedMicrostep[] = [];
    env.microsteps = microsteps;
    env.sends = [];
    env.microstepCount = 0;
    try {
      this.#internals.transition(snapshot, event, env.scope);
    } finally {
      env.microsteps = null;
    }
    return microsteps.map((microstep) => ({
      eventType: microstep.event.type,
      transitions: microstep._transitions.map(({ source, target }) => ({
        source: source.id,
        targets: (target ?? []).map((node) => node.id),
      })),
      value: trusted(microstep.snapshot.value),
    }));
  }

  /** The snapshot of a state that {@link actorStateOf} gave. */
  snapshotOf(state: ActorState): ActorSnapshot {
    const { value, context, status, output } = state;
    invariant(status !== 'error', 'an actor that threw has ended its run');
    return this.machine.resolveState({ value, context, status, output });
  }
}

/**
 * Makes a machine ready to be hosted. `plans: false` sends every turn through XState itself: the reference for tests and
 * benchmarks.
 *
 * @throws GranuleError ACTOR_UNSUPPORTED for a machine with `invoke`
 * @example
 * ```ts
 * const lamp = createMachine({ initial: 'off', states: { off: { on: { PRESS: 'on' } }, on: { on: { PRESS: 'off' } } } });
 * const env = createActorEnv('lamp');
 * const adapted = adaptMachine(lamp);
 * stateValueOf(adapted.transition(adapted.initial(undefined, env).snapshot, { type: 'PRESS' }, env).snapshot); // 'on'
 * ```
 */
export function adaptMachine(
  machine: AnyStateMachine,
  options: { readonly plans: boolean } = { plans: true },
): AdaptedMachine {
  return new AdaptedMachine(machine, options);
}

/**
 * The state value of a snapshot: a string, or nested objects of them.
 *
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', states: { idle: {} } });
 * stateValueOf(adaptMachine(machine).initial(undefined, createActorEnv('a')).snapshot); // 'idle'
 * ```
 */
export function stateValueOf(snapshot: ActorSnapshot): StateValue {
  return trusted(snapshot.value);
}

/**
 * What a checkpoint keeps of a snapshot. The context is handed on as it is, persistent structures included. Machines with
 * history states cannot go through a checkpoint.
 *
 * @throws GranuleError ACTOR_UNSUPPORTED for a snapshot with history
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', states: { idle: {} } });
 * actorStateOf(adaptMachine(machine).initial(undefined, createActorEnv('a')).snapshot).value; // 'idle'
 * ```
 */
export function actorStateOf(snapshot: ActorSnapshot): ActorState {
  if (Object.keys(snapshot.historyValue).length > 0) {
    throw unsupported('a machine with history states cannot be kept in a checkpoint', `machine ${snapshot.machine.id}`);
  }
  return {
    value: trusted(snapshot.value),
    status: snapshot.status,
    context: snapshot.context,
    output: snapshot.output,
  };
}
