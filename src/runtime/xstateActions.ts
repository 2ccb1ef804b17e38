/**
 * XState's built-in actions, resolved as data: assign changes the context of the turn, sendTo, raise and cancel are collected,
 * enqueueActions is opened up. Actions of the author's own are side effects, which an actor here does not have: they are passed
 * over, as `emit` and `log` are. Follows resolveAssign, resolveSendTo, resolveRaise, resolveCancel and
 * resolveEnqueueActions of XState 5.33.3.
 */

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
  readonly scope: StepScope;
  readonly sends: Send[];
  /** Raised events that wait for this turn; null until the first: most turns have none. */
  raised: Message[] | null;
  /** How often context or configuration changed in this turn. */
  changes: number;
}

type OperationKind = 'assign' | 'send' | 'raise' | 'cancel' | 'enqueue' | 'pass' | 'ask-xstate';

/** What a built-in action holds; which of the fields depends on its kind. */
interface Definition {
  readonly assignment?: unknown;
  readonly to?: unknown;
  readonly event?: unknown;
  readonly id?: string | undefined;
  readonly delay?: unknown;
  readonly sendId?: unknown;
  readonly collect?: unknown;
}

/** An action ready to run. */
export interface Operation {
  readonly kind: OperationKind;
  readonly definition: Definition;
  readonly params: unknown;
}

const KINDS: Readonly<Record<string, OperationKind>> = {
  'xstate.assign': 'assign',
  'xstate.sendTo': 'send',
  'xstate.raise': 'raise',
  'xstate.cancel': 'cancel',
  'xstate.enqueueActions': 'enqueue',
  'xstate.emit': 'pass',
  'xstate.log': 'pass',
};

function compileAction(machine: MachineInternals, action: ActionSource): Operation {
  const isInline = typeof action === 'function';
  const resolved = isInline
    ? action
    : machine.implementations.actions[typeof action === 'string' ? action : action.type];
  const params = isInline || typeof action === 'string' ? undefined : action.params;
  if (typeof resolved !== 'function' || !('resolve' in resolved)) return { kind: 'pass', definition: {}, params };
  const builtIn: Definition & { readonly type: string } = trusted(resolved);
  return { kind: KINDS[builtIn.type] ?? 'ask-xstate', definition: builtIn, params };
}

/**
 * The operations of a list of actions; those that do nothing here are left out.
 *
 * @example
 * ```ts
 * compileActions(internalsOf(createMachine({})), [raise({ type: 'TICK' })])[0]?.kind; // 'raise'
 * ```
 */
export function compileActions(machine: MachineInternals, actions: readonly ActionSource[]): Operation[] {
  return actions.map((action) => compileAction(machine, action)).filter((operation) => operation.kind !== 'pass');
}

/** What `enqueueActions` hands to its function. */
type Enqueue = ((action: ActionSource) => void) & Record<string, (...args: never[]) => void>;

/** Assign's `spawn`: refused. */
function refuseSpawn(): never {
  throw unsupported('a machine calls spawn inside assign', 'assign');
}

/**
 * Runs operations of one machine.
 *
 * @example
 * ```ts
 * const runner = new ActionRunner(internalsOf(createMachine({})), () => false);
 * const turn = { context: {}, event: { type: 'X' }, scope: createActorEnv('a').scope, sends: [], raised: null, changes: 0 };
 * runner.run([], turn); // true
 * ```
 */
export class ActionRunner {
  readonly #machine: MachineInternals;
  readonly #passes: (guard: GuardSource, turn: TurnState) => boolean;
  readonly #enqueue: Enqueue;
  #collected: Operation[] = [];

  constructor(machine: MachineInternals, passes: (guard: GuardSource, turn: TurnState) => boolean) {
    this.#machine = machine;
    this.#passes = passes;
    this.#enqueue = this.#makeEnqueue();
  }

  /** False when one of them is for XState to run. */
  run(operations: readonly Operation[], turn: TurnState): boolean {
    for (const operation of operations) {
      if (!this.#runOne(operation, turn)) return false;
    }
    return true;
  }

  #runOne(operation: Operation, turn: TurnState): boolean {
    const { definition, kind } = operation;
    const { scope, event } = turn;
    const args: ActionArgs = { context: turn.context, event, self: scope.self, system: scope.system };
    const params =
      typeof operation.params === 'function'
        ? trusted<(args: unknown) => unknown>(operation.params)({ context: turn.context, event })
        : operation.params;
    switch (kind) {
      case 'assign':
        assignContext(definition.assignment, args, params, turn);
        return true;
      case 'send':
        return this.#send(definition, args, params, turn);
      case 'raise':
        return this.#raise(definition, args, params, turn);
      case 'cancel':
        turn.sends.push({ kind: 'cancel', sendId: trusted(evaluate(definition.sendId, args, params)) });
        return true;
      case 'enqueue':
        return this.run(this.#collect(trusted(definition.collect), args, params, turn), turn);
      default:
        return kind === 'pass';
    }
  }

  #send(definition: Definition, args: ActionArgs, params: unknown, turn: TurnState): boolean {
    if (typeof definition.event === 'string') return false;
    const message: Message = trusted(evaluate(definition.event, args, params));
    const delay = this.#delay(definition.delay, args, params);
    const target: string | ActorStub | undefined = trusted(evaluate(definition.to, args, params));
    // A string names a child or the parent; actors here have neither, and XState words that error.
    if (typeof target === 'string') return false;
    const to = (target ?? turn.scope.self).id;
    turn.sends.push(sendOf(to, message, delay, definition.id, false));
    return true;
  }

  #raise(definition: Definition, args: ActionArgs, params: unknown, turn: TurnState): boolean {
    if (typeof definition.event === 'string') return false;
    const message: Message = trusted(evaluate(definition.event, args, params));
    const delay = this.#delay(definition.delay, args, params);
    if (typeof delay === 'number') turn.sends.push(sendOf(turn.scope.id, message, delay, definition.id, true));
    else if (turn.raised === null) turn.raised = [message];
    else turn.raised.push(message);
    return true;
  }

  #delay(delay: unknown, args: ActionArgs, params: unknown): unknown {
    return evaluate(typeof delay === 'string' ? this.#machine.implementations.delays[delay] : delay, args, params);
  }

  #collect(collect: Expression, args: ActionArgs, params: unknown, turn: TurnState): Operation[] {
    this.#collected = [];
    collect(
      {
        context: args.context,
        event: args.event,
        enqueue: this.#enqueue,
        check: (guard: GuardSource) => this.#passes(guard, turn),
        self: args.self,
        system: args.system,
      },
      params,
    );
    return this.#collected;
  }

  /** Made once per machine: XState makes these nine functions for each event. A collect cannot lie inside another. */
  #makeEnqueue(): Enqueue {
    const push = (kind: OperationKind, definition: Definition): void => {
      this.#collected.push({ kind, definition, params: undefined });
    };
    const enqueue = (action: ActionSource): void => {
      this.#collected.push(compileAction(this.#machine, action));
    };
    return trusted(
      Object.assign(enqueue, {
        assign: (assignment: unknown) => push('assign', { assignment }),
        cancel: (sendId: unknown) => push('cancel', { sendId }),
        raise: (event: unknown, options?: Definition) =>
          push('raise', { event, id: options?.id, delay: options?.delay }),
        sendTo: (to: unknown, event: unknown, options?: Definition) =>
          push('send', { to, event, id: options?.id, delay: options?.delay }),
        sendParent: () => push('ask-xstate', {}),
        spawnChild: () => push('ask-xstate', {}),
        stopChild: () => push('ask-xstate', {}),
        emit: () => undefined,
      }),
    );
  }
}

function evaluate(value: unknown, args: ActionArgs, params: unknown): unknown {
  return typeof value === 'function' ? trusted<Expression>(value)(args, params) : value;
}

function assignContext(assignment: unknown, args: ActionArgs, params: unknown, turn: TurnState): void {
  const assignArgs = {
    context: args.context,
    event: args.event,
    spawn: refuseSpawn,
    self: args.self,
    system: args.system,
  };
  let partial: unknown;
  if (typeof assignment === 'function') partial = trusted<Expression>(assignment)(assignArgs, params);
  else {
    const fields: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(trusted<Record<string, unknown>>(assignment))) {
      fields[key] = typeof value === 'function' ? trusted<Expression>(value)(assignArgs, params) : value;
    }
    partial = fields;
  }
  turn.context = isWhole(args.context, partial) ? partial : Object.assign({}, args.context, partial);
  turn.changes++;
}

/** Whether an assignment gives every field of the context in its order: then it is the next context, and no copy is needed. */
function isWhole(context: unknown, partial: unknown): partial is TurnState['context'] {
  const fields = Object.keys(trusted<object>(context));
  if (typeof partial !== 'object' || partial === null) return false;
  const given = Object.keys(partial);
  return fields.length === given.length && fields.every((field, at) => field === given[at]);
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
