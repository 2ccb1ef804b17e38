/**
 * XState's built-in actions, compiled: each action of a machine becomes one function of the turn under way. assign changes the
 * context of the turn, sendTo, raise and cancel are collected, enqueueActions is opened up; a handler of `machines/support.ts` is called
 * as it is, without the objects that XState makes around it. Actions of the author's own are side effects, which an actor here does
 * not have: they are passed over, as `emit` and `log` are; only what is computed for them is computed, because it may throw.
 * Follows resolveAssign, resolveSendTo, resolveRaise, resolveCancel and resolveEnqueueActions of XState 5.33.3.
 */

import { handlerOf } from '../../machines/support.ts';
import type { Message } from './envelope.ts';
import {
  type ActionArgs,
  type ActionSource,
  type ActorStub,
  type Expression,
  type GuardSource,
  type MachineInternals,
  type Send,
  type StepScope,
  trusted,
  unsupported,
} from './xstateInternals.ts';

/** The moving part of a turn. */
export interface TurnState {
  context: unknown;
  event: Message;
  scope: StepScope;
  /** What was sent, in order; null until the first: most turns send one message or none. */
  sends: Send[] | null;
  /** Raised events that wait for this turn; null until the first. */
  raised: Message[] | null;
  /** How often context or configuration changed in this turn. */
  changes: number;
}

/** An action, ready to run; false when it is for XState to run the turn. */
export type Operation = (turn: TurnState) => boolean;

/** Asks a guard, inline or by name, about the turn as it stands. */
export type AskGuard = (guard: GuardSource, turn: TurnState) => boolean;

/** What a built-in action holds; which of the fields depends on its kind. */
interface Definition {
  readonly assignment?: unknown;
  readonly to?: unknown;
  readonly event?: unknown;
  readonly id?: string | undefined;
  readonly delay?: unknown;
  readonly sendId?: unknown;
  readonly collect?: unknown;
  readonly value?: unknown;
}

type BuiltIn = Definition & { readonly type: string };

/** The built-in actions that only XState can run, because they make or end actors. */
const OF_XSTATE = new Set(['xstate.spawnChild', 'xstate.stopChild']);

/** The built-in action that a machine's action comes to, or null for one of the author's own. */
function builtInOf(machine: MachineInternals, action: ActionSource): BuiltIn | null {
  const resolved =
    typeof action === 'function'
      ? action
      : machine.implementations.actions[typeof action === 'string' ? action : action.type];
  return typeof resolved === 'function' && 'resolve' in resolved ? trusted(resolved) : null;
}

/**
 * The name of the built-in action that keeps a list of actions from being compiled; null when all of them can be.
 *
 * @example
 * ```ts
 * refusedAction(internalsOf(createMachine({})), [stopChild('clock')]); // 'xstate.stopChild'
 * ```
 */
export function refusedAction(machine: MachineInternals, actions: readonly ActionSource[]): string | null {
  for (const action of actions) {
    const builtIn = builtInOf(machine, action);
    if (builtIn !== null && OF_XSTATE.has(builtIn.type)) return builtIn.type;
  }
  return null;
}

/**
 * Compiles the actions of one machine.
 *
 * @example
 * ```ts
 * const compiler = new ActionCompiler(internalsOf(createMachine({})), () => false);
 * compiler.compile([raise({ type: 'TICK' })]).length; // 1
 * ```
 */
export class ActionCompiler {
  readonly #machine: MachineInternals;
  readonly #passes: AskGuard;
  readonly #enqueue: Enqueue;
  #collected: Operation[] = [];

  constructor(machine: MachineInternals, passes: AskGuard) {
    this.#machine = machine;
    this.#passes = passes;
    this.#enqueue = this.#makeEnqueue();
  }

  /** The operations of a list of actions; those that do nothing here are left out. */
  compile(actions: readonly ActionSource[]): Operation[] {
    return actions.flatMap((action) => this.#compileOne(action) ?? []);
  }

  #compileOne(action: ActionSource): Operation | null {
    const builtIn = builtInOf(this.#machine, action);
    const params = typeof action === 'function' || typeof action === 'string' ? undefined : action.params;
    if (typeof params !== 'function') return builtIn === null ? null : this.#operationOf(builtIn, () => params);
    const compute: Expression = trusted(params);
    const paramsOf = ({ context, event }: TurnState): unknown => compute({ context, event }, undefined);
    return builtIn === null ? alone(paramsOf) : this.#operationOf(builtIn, paramsOf);
  }

  #operationOf(builtIn: BuiltIn, paramsOf: (turn: TurnState) => unknown): Operation | null {
    switch (builtIn.type) {
      case 'xstate.assign':
        return (turn) => assignContext(builtIn.assignment, paramsOf(turn), turn);
      case 'xstate.sendTo':
        return (turn) => this.#send(builtIn, paramsOf(turn), turn);
      case 'xstate.raise':
        return (turn) => this.#raise(builtIn, paramsOf(turn), turn);
      case 'xstate.cancel':
        return (turn) => cancelSend(builtIn, paramsOf(turn), turn);
      case 'xstate.enqueueActions':
        return this.#enqueueActions(trusted(builtIn.collect), paramsOf);
      case 'xstate.emit':
        return onlyComputed(builtIn.event, paramsOf);
      case 'xstate.log':
        return onlyComputed(builtIn.value, paramsOf);
      default:
        return () => false;
    }
  }

  #enqueueActions(collect: Expression, paramsOf: (turn: TurnState) => unknown): Operation {
    const handler = handlerOf(collect);
    if (handler === null) return (turn) => runAll(this.#collect(collect, paramsOf(turn), turn), turn);
    return (turn) => {
      const next = handler(trusted(turn.context), trusted(turn.event), (to, message, delayCycles = 0) => {
        addSend(turn, { kind: 'send', to, message, delayCycles, sendId: null, isTimer: false });
      });
      if (next === turn.context) return true;
      turn.context = next;
      turn.changes++;
      return true;
    };
  }

  #send(definition: Definition, params: unknown, turn: TurnState): boolean {
    if (typeof definition.event === 'string') return false;
    const args = argsOf(turn);
    const message: Message = trusted(evaluate(definition.event, args, params));
    const delay = this.#delay(definition.delay, args, params);
    const target: string | ActorStub | undefined = trusted(evaluate(definition.to, args, params));
    // A string names a child or the parent; actors here have neither, and XState words that error.
    if (typeof target === 'string') return false;
    addSend(turn, sendOf((target ?? turn.scope.self).id, message, delay, definition.id, false));
    return true;
  }

  #raise(definition: Definition, params: unknown, turn: TurnState): boolean {
    if (typeof definition.event === 'string') return false;
    const args = argsOf(turn);
    const message: Message = trusted(evaluate(definition.event, args, params));
    const delay = this.#delay(definition.delay, args, params);
    if (typeof delay === 'number') addSend(turn, sendOf(turn.scope.id, message, delay, definition.id, true));
    else if (turn.raised === null) turn.raised = [message];
    else turn.raised.push(message);
    return true;
  }

  #delay(delay: unknown, args: ActionArgs, params: unknown): unknown {
    return evaluate(typeof delay === 'string' ? this.#machine.implementations.delays[delay] : delay, args, params);
  }

  #collect(collect: Expression, params: unknown, turn: TurnState): Operation[] {
    this.#collected = [];
    const check = (guard: GuardSource): boolean => this.#passes(guard, turn);
    collect({ ...argsOf(turn), enqueue: this.#enqueue, check }, params);
    return this.#collected;
  }

  /** Made once per machine: XState makes these nine functions for each event. A collect cannot lie inside another. */
  #makeEnqueue(): Enqueue {
    const push = (definition: BuiltIn): void => {
      const operation = this.#operationOf(definition, () => undefined);
      if (operation !== null) this.#collected.push(operation);
    };
    const enqueue = (action: ActionSource): void => {
      const operation = this.#compileOne(action);
      if (operation !== null) this.#collected.push(operation);
    };
    return trusted(
      Object.assign(enqueue, {
        assign: (assignment: unknown) => push({ type: 'xstate.assign', assignment }),
        cancel: (sendId: unknown) => push({ type: 'xstate.cancel', sendId }),
        raise: (event: unknown, options?: Definition) =>
          push({ type: 'xstate.raise', event, id: options?.id, delay: options?.delay }),
        sendTo: (to: unknown, event: unknown, options?: Definition) =>
          push({ type: 'xstate.sendTo', to, event, id: options?.id, delay: options?.delay }),
        sendParent: () => push({ type: 'xstate.sendParent' }),
        spawnChild: () => push({ type: 'xstate.spawnChild' }),
        stopChild: () => push({ type: 'xstate.stopChild' }),
        emit: (event: unknown) => push({ type: 'xstate.emit', event }),
      }),
    );
  }
}

/** What `enqueueActions` hands to its function. */
type Enqueue = ((action: ActionSource) => void) & Record<string, (...args: never[]) => void>;

/**
 * Runs operations in order; false when one of them is for XState to run.
 *
 * @example
 * ```ts
 * const { scope } = createActorEnv('a');
 * runAll([], { context: {}, event: { type: 'X' }, scope, sends: null, raised: null, changes: 0 }); // true
 * ```
 */
export function runAll(operations: readonly Operation[], turn: TurnState): boolean {
  for (const operation of operations) if (!operation(turn)) return false;
  return true;
}

/** An action that does nothing here, of which something is computed. */
function alone(compute: (turn: TurnState) => unknown): Operation {
  return (turn) => {
    compute(turn);
    return true;
  };
}

/** The expression of an action that does nothing here; null where it is a plain value and nothing can go wrong. */
function onlyComputed(value: unknown, paramsOf: (turn: TurnState) => unknown): Operation | null {
  return typeof value === 'function' ? alone((turn) => evaluate(value, argsOf(turn), paramsOf(turn))) : null;
}

function argsOf({ context, event, scope }: TurnState): ActionArgs {
  return { context, event, self: scope.self, system: scope.system };
}

function addSend(turn: TurnState, send: Send): void {
  if (turn.sends === null) turn.sends = [send];
  else turn.sends.push(send);
}

function cancelSend(definition: Definition, params: unknown, turn: TurnState): boolean {
  addSend(turn, { kind: 'cancel', sendId: trusted(evaluate(definition.sendId, argsOf(turn), params)) });
  return true;
}

/** Assign's `spawn`: refused. */
function refuseSpawn(): never {
  throw unsupported('a machine calls spawn inside assign', 'assign');
}

function evaluate(value: unknown, args: ActionArgs, params: unknown): unknown {
  return typeof value === 'function' ? trusted<Expression>(value)(args, params) : value;
}

function assignContext(assignment: unknown, params: unknown, turn: TurnState): boolean {
  const args = { ...argsOf(turn), spawn: refuseSpawn };
  let partial: unknown;
  if (typeof assignment === 'function') partial = trusted<Expression>(assignment)(args, params);
  else {
    const fields: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(trusted<Record<string, unknown>>(assignment))) {
      fields[key] = typeof value === 'function' ? trusted<Expression>(value)(args, params) : value;
    }
    partial = fields;
  }
  turn.context = Object.assign({}, turn.context, partial);
  turn.changes++;
  return true;
}

/**
 * A send as data. Only a delayed one can be cancelled: XState hands the others on at once.
 *
 * @example
 * ```ts
 * const { kind, to, delayCycles } = sendOf('mm:1', { type: 'FAULT' }, 40, undefined, false);
 * [kind, to, delayCycles]; // ['send', 'mm:1', 40]
 * ```
 */
export function sendOf(to: string, message: Message, delay: unknown, id: string | undefined, isTimer: boolean): Send {
  const isDelayed = typeof delay === 'number';
  return {
    kind: 'send',
    to,
    message,
    delayCycles: isDelayed ? delay : 0,
    sendId: isDelayed && id !== undefined ? id : null,
    isTimer,
  };
}
