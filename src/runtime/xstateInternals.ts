/**
 * The shapes inside XState 5.33.3 that `xstateAdapter.ts` and `compiledMachine.ts` rest on. XState does not promise them; they are
 * written down here once, and the contract tests in test/runtime compare with `createActor` what is built on them.
 */

import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { GranuleError } from '../errors.ts';
import type { Message } from './envelope.ts';

/** The XState version whose internals these are; a test holds it against the installed one. */
export const XSTATE_VERSION = '5.33.3';

/**
 * Microsteps (raised events and `always` transitions) that one message may cause. XState has no limit of its own: a cycle
 * of `always` transitions would hang the run.
 */
export const MAX_MICROSTEPS = 10_000;

/** An immutable XState snapshot. Everything that changes about an actor is in it. */
export type ActorSnapshot = AnyMachineSnapshot;

/** A stand-in for an actor: it has an address, and can do nothing. XState asks for one wherever a message goes. */
export interface ActorStub {
  readonly id: string;
  readonly sessionId: string;
  readonly send: () => never;
}

/** What a machine did to the outside while it handled one message: a message or timer to send, or a timer to cancel. */
export type Send =
  | {
      readonly kind: 'send';
      readonly to: string;
      readonly message: Message;
      readonly delayCycles: number;
      /** Set when the send was delayed and so can be cancelled. */
      readonly sendId: string | null;
      /** True for a delayed `raise` and `after`: a message of the actor to itself that no wire carries. */
      readonly isTimer: boolean;
    }
  | { readonly kind: 'cancel'; readonly sendId: string };

/** The scope that XState hands through a transition (`ActorScope` in XState's types.ts). */
export interface StepScope {
  readonly self: ActorStub;
  readonly id: string;
  readonly sessionId: string;
  readonly system: {
    readonly get: (id: string) => ActorStub;
    readonly _sendInspectionEvent: (event: InspectedMicrostep) => void;
  };
  readonly logger: () => void;
  readonly defer: () => void;
  readonly emit: () => void;
  readonly stopChild: () => void;
  /** XState's microstep() replaces it for the length of the microstep, so it is no readonly field. */
  actionExecutor: (action: ExecutableAction) => void;
}

/** A resolved action, as XState hands it to `actionExecutor`. */
export interface ExecutableAction {
  readonly type: string;
  readonly params: unknown;
}

/** The inspection event that XState's macrostep() announces after each microstep. */
export interface InspectedMicrostep {
  readonly event: Message;
  readonly snapshot: ActorSnapshot;
  readonly _transitions: readonly Transition[];
}

/** Arguments of actions. */
export interface ActionArgs {
  readonly context: unknown;
  readonly event: Message;
  readonly self: ActorStub;
  readonly system: StepScope['system'];
}

/** A function of the machine's author: expression, assigner, guard, delay. */
export type Expression = (args: unknown, params: unknown) => unknown;

/** An action as a machine lists it. */
export type ActionSource = string | Expression | { readonly type: string; readonly params?: unknown };

/** A guard as a machine lists it. */
export type GuardSource = string | Expression | { readonly type: string; readonly params?: unknown };

/** A formatted transition (`TransitionDefinition`). */
export interface Transition {
  readonly source: StateNode;
  readonly target: readonly StateNode[] | undefined;
  readonly actions: readonly ActionSource[];
  readonly guard: GuardSource | undefined;
  readonly reenter: boolean;
  readonly eventType: string;
}

/** A state node. */
export interface StateNode {
  readonly id: string;
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly order: number;
  readonly parent: StateNode | undefined;
  readonly states: Readonly<Record<string, StateNode>>;
  readonly initial: { readonly target: readonly StateNode[]; readonly actions: readonly ActionSource[] };
  readonly entry: readonly ActionSource[];
  readonly exit: readonly ActionSource[];
  readonly always: readonly Transition[] | undefined;
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  readonly invoke: readonly unknown[];
  readonly tags: readonly string[];
}

/** The machine as its internals see it. */
export interface MachineInternals {
  readonly id: string;
  readonly root: StateNode;
  readonly idMap: ReadonlyMap<string, StateNode>;
  readonly options: { readonly maxIterations: number };
  readonly config: { readonly context?: unknown };
  readonly implementations: {
    readonly actions: Readonly<Record<string, ActionSource>>;
    readonly guards: Readonly<Record<string, GuardSource>>;
    readonly delays: Readonly<Record<string, number | Expression>>;
  };
  readonly transition: (snapshot: ActorSnapshot, event: Message, scope: StepScope) => ActorSnapshot;
  readonly getInitialSnapshot: (scope: StepScope, input: unknown) => ActorSnapshot;
}

/**
 * Hands a value on as a type that the checker cannot know of: XState types what its users see, and the runtime works
 * below that. Nothing is checked; the contract tests are what holds it.
 *
 * @example
 * ```ts
 * const id: string = trusted({ id: 'mm:1' }.id);
 * id; // 'mm:1'
 * ```
 */
export function trusted<T>(value: unknown): T {
  return value as T;
}

/**
 * The internals of a machine; the one place where its public type is left behind.
 *
 * @example
 * ```ts
 * internalsOf(createMachine({ id: 'mm' })).root.id; // 'mm'
 * ```
 */
export function internalsOf(machine: AnyStateMachine): MachineInternals {
  return trusted(machine);
}

/**
 * The error of a machine that asks for what an actor here cannot have.
 *
 * @example
 * ```ts
 * unsupported('a machine spawns an actor', 'mm:1').code; // 'ACTOR_UNSUPPORTED'
 * ```
 */
export function unsupported(what: string, where: string): GranuleError {
  return new GranuleError('ACTOR_UNSUPPORTED', what, where);
}
