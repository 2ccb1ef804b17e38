/**
 * XState machines as pure functions: (snapshot, message) to (snapshot, messages out). XState's own delivery (mailboxes, timers,
 * nested sends, session ids) is left out; its statecharts are what runs. `compiledMachine.ts` takes the turns by transition tables;
 * every other turn, and with the interpreter `xstate` all of them, is XState's `machine.transition`, called with a scope that
 * only collects.
 */

import type { AnyStateMachine, StateValue } from 'xstate';
import { invariant } from '../errors.ts';
import type { ActorEnv } from './actorEnv.ts';
import { CompiledMachine, machineRefusals, type TurnResult } from './compiledMachine.ts';
import type { Message } from './envelope.ts';
import { LiveState } from './liveState.ts';
import { matchesWildcard } from './wildcard.ts';
import {
  type ActorSnapshot,
  type InspectedMicrostep,
  internalsOf,
  type MachineInternals,
  type Send,
  type StateNode,
  trusted,
  unsupported,
} from './xstateInternals.ts';
import { firstNodes } from './transitionSets.ts';

const NO_SENDS: readonly Send[] = Object.freeze([]);

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

/** Who runs a machine's turns: transition tables compiled from it, or XState itself, which is the reference. */
export type Interpreter = 'compiled' | 'xstate';

/** What {@link adaptMachine} may be told. */
export interface AdaptOptions {
  /** Default `compiled`. */
  readonly interpreter: Interpreter;
}

/**
 * An XState machine, hosted; {@link adaptMachine} makes one. It serves any number of actors.
 *
 * @example
 * ```ts
 * new AdaptedMachine(createMachine({ on: { GO: {} } }), { interpreter: 'compiled' }).accepts('GO'); // true
 * ```
 */
export class AdaptedMachine {
  readonly machine: AnyStateMachine;
  /** The transition tables; null where XState runs every turn. */
  readonly compiled: CompiledMachine | null;
  /** What of the machine is not compiled, by name; empty as well where nobody asked for tables. */
  readonly refusals: readonly string[];
  readonly #internals: MachineInternals;
  readonly #types = new Set<string>();
  readonly #wildcards: string[] = [];
  /** The first states are entered without an action, so that they are the same for every actor of the machine. */
  readonly #beginsPlainly: boolean;
  /** How the first actor of such a machine began. */
  #like: ActorSnapshot | null = null;

  constructor(machine: AnyStateMachine, { interpreter }: AdaptOptions) {
    this.machine = machine;
    this.#internals = internalsOf(machine);
    for (const node of this.#internals.idMap.values()) {
      if (node.invoke.length > 0) throw unsupported(`machine ${machine.id} invokes an actor`, `state ${node.id}`);
      for (const type of node.transitions.keys()) {
        if (type.endsWith('*')) this.#wildcards.push(type);
        else this.#types.add(type);
      }
    }
    const refusals = interpreter === 'compiled' ? machineRefusals(this.#internals) : [];
    const isCompiled = interpreter === 'compiled' && refusals.length === 0;
    this.compiled = isCompiled ? new CompiledMachine(this.#internals) : null;
    this.refusals = this.compiled?.refusals ?? refusals;
    this.#beginsPlainly = isCompiled && firstNodes(this.#internals.root).every(isPlain);
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
    const begun = this.#like === null ? null : this.#begun(this.#like, input, env);
    if (begun !== null) return begun;
    env.sends = [];
    env.microstepCount = 0;
    const snapshot = this.#internals.getInitialSnapshot(env.scope, input);
    // XState catches here, and here alone.
    if (snapshot.status === 'error') throw snapshot.error;
    if (this.#beginsPlainly && snapshot.status === 'active') this.#like = snapshot;
    return { snapshot, sends: env.sends };
  }

  /** As another actor of this machine began, with a context of its own: XState works the first states out anew for each. */
  #begun(like: ActorSnapshot, input: unknown, env: ActorEnv): Step | null {
    const { context } = this.#internals.config;
    if (this.compiled === null || typeof context !== 'function') return null;
    try {
      const made: unknown = context({ input, self: env.scope.self, spawn: cannotSpawn });
      const result = this.compiled.begin(like, Object.assign({}, made), { type: 'xstate.init', input }, env.scope);
      if (result === null) return null;
      const snapshot = this.compiled.snapshotOf(like, result.configuration, result.context);
      return { snapshot, sends: result.sends ?? NO_SENDS };
    } catch {
      // XState meets the same exception, and words it.
      return null;
    }
  }

  /**
   * Handles one message; the state moves on, and what was sent comes back. A state whose machine throws stays as it was.
   *
   * @throws what the machine throws; GranuleError ACTOR_UNSUPPORTED, RUN_LIMIT
   */
  handle(state: LiveState, event: Message, env: ActorEnv): readonly Send[] {
    if (this.compiled !== null && state.isActive) {
      let result: TurnResult | null = null;
      try {
        result = this.compiled.turn(state, event, env.scope);
      } catch {
        // XState meets the same exception below, and words it.
      }
      if (result !== null) {
        state.take(result);
        return result.sends ?? NO_SENDS;
      }
    }
    env.sends = [];
    env.microstepCount = 0;
    state.snapshot = this.#internals.transition(state.snapshot, event, env.scope);
    return env.sends;
  }

  /**
   * Handles one message. Pure: the snapshot handed in is as it was.
   *
   * @throws what the machine throws; GranuleError ACTOR_UNSUPPORTED, RUN_LIMIT
   */
  transition(snapshot: ActorSnapshot, event: Message, env: ActorEnv): Step {
    const state = new LiveState(this.compiled, snapshot);
    const sends = this.handle(state, event, env);
    return { snapshot: state.snapshot, sends };
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

/** Whether a state that a machine begins in is entered without an action; timers are actions too. */
function isPlain({ type, entry, initial }: StateNode): boolean {
  return entry.length === 0 && (type !== 'compound' || initial.actions.length === 0);
}

function cannotSpawn(): never {
  throw new TypeError('spawning is left to XState');
}

/** Definitions never change, so that the systems of one process can share what is made of one. */
const adaptedMachines: Readonly<Record<Interpreter, WeakMap<AnyStateMachine, AdaptedMachine>>> = {
  compiled: new WeakMap(),
  xstate: new WeakMap(),
};

/**
 * Makes a machine ready to be hosted; once for each machine and interpreter. `xstate` sends every turn through XState itself:
 * the reference.
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
  { interpreter }: AdaptOptions = { interpreter: 'compiled' },
): AdaptedMachine {
  const known = adaptedMachines[interpreter].get(machine);
  if (known !== undefined) return known;
  const adapted = new AdaptedMachine(machine, { interpreter });
  adaptedMachines[interpreter].set(machine, adapted);
  return adapted;
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
