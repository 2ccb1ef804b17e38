/**
 * A statechart compiled into transition tables: for each configuration (set of active states) and event type the transitions in the
 * order in which they are asked, each with its guard, with the operations of all states it leaves and enters, and with the configuration
 * after it. XState works that out again for each event, and copies the snapshot for each `assign`; here an event costs its guards
 * and its operations. What comes out is what XState gives, field by field: property tests in test/runtime run random machines against
 * `createActor`. What the tables do not hold is refused by name, the whole machine (`machineRefusals`) or one transition
 * (`CompiledMachine.refusals`): XState itself then runs that actor or that turn, as it does where an exception is thrown.
 * That is sound because transitions are pure: a turn that is given up leaves no trace.
 *
 * Follows raise-*.esm.js of XState 5.33.3: macrostep, microstep, computeExitSet, computeEntrySet, enterStates,
 * exitStates, resolveAndExecuteActionsWithContext, evaluateGuard.
 */

import type { Message } from './envelope.ts';
import { ActionCompiler, type Operation, refusedAction, runAll, type TurnState } from './xstateActions.ts';
import {
  type ActorSnapshot,
  type GuardSource,
  type MachineInternals,
  MAX_MICROSTEPS,
  type Send,
  type StateNode,
  type StepScope,
  type Transition,
  trusted,
} from './xstateInternals.ts';
import { candidatesOf, domainOf, entrySetOf, exitSetOf, firstNodes, valueOf } from './transitionSets.ts';

/** A set of active state nodes, with all that follows from it. One object per distinct set in its order. */
export interface Configuration {
  readonly nodes: StateNode[];
  readonly value: unknown;
  readonly tags: ReadonlySet<string>;
  /** The atomic node, then its ancestors: the order in which XState asks for a transition. */
  readonly path: readonly StateNode[];
  /** Rows by event type, null for a type that is XState's own; a type that only wildcards match gets its row when it first comes. */
  readonly rows: Map<string, readonly Row[] | null>;
  always: readonly Row[];
}

/** One transition from one configuration. */
interface Row {
  readonly guard: Guard | null;
  readonly operations: readonly Operation[];
  readonly next: Configuration;
  /** What keeps it from being compiled; null for a row that is. */
  readonly refusal: string | null;
}

type Guard = (turn: Turn) => boolean;

/** A turn under way. `snapshot` is the newest one made; it is up to date when it was made at the newest change. */
interface Turn extends TurnState {
  configuration: Configuration;
  snapshot: ActorSnapshot;
  snapshotChanges: number;
}

/** An actor between two turns. */
export interface CompiledState {
  readonly configuration: Configuration;
  readonly context: unknown;
  /** The newest snapshot that was made of the actor; `isCurrent`: it shows this configuration and this context. */
  readonly base: ActorSnapshot;
  readonly isCurrent: boolean;
}

/** What a compiled turn gave. */
export interface TurnResult {
  configuration: Configuration;
  context: unknown;
  /** Null where nothing was sent. */
  sends: readonly Send[] | null;
  /** 0: the machine ignored the event, and its snapshot stays the very same. */
  changes: number;
}

/**
 * What keeps a machine from being compiled at all, by name; empty for one that can be.
 *
 * @example
 * ```ts
 * machineRefusals(internalsOf(createMachine({ id: 'lamp', type: 'parallel' }))); // ['the parallel state lamp']
 * ```
 */
export function machineRefusals(machine: MachineInternals): string[] {
  const refusals: string[] = [];
  if (machine.options.maxIterations < MAX_MICROSTEPS) {
    refusals.push(`maxIterations = ${machine.options.maxIterations}, below ${MAX_MICROSTEPS}`);
  }
  for (const node of machine.idMap.values()) {
    if (node.type === 'parallel' || node.type === 'history') refusals.push(`the ${node.type} state ${node.id}`);
    if (node.invoke.length > 0) refusals.push(`the invoke of state ${node.id}`);
  }
  return refusals;
}

/**
 * The tables of one machine that `machineRefusals` has nothing against. They are made when it is constructed, for every
 * configuration that can be reached from the first.
 *
 * @example
 * ```ts
 * const machine = createMachine({ on: { GO: {} } });
 * const { snapshot } = adaptMachine(machine).initial(undefined, createActorEnv('a'));
 * const compiled = new CompiledMachine(internalsOf(machine));
 * const configuration = compiled.configurationOf(snapshot);
 * const state = { configuration, context: {}, base: snapshot, isCurrent: true };
 * compiled.turn(state, { type: 'GO' }, createActorEnv('a').scope)?.changes; // 0
 * ```
 */
export class CompiledMachine {
  /** What single transitions are refused for, by name: XState runs the turns that take them. */
  readonly refusals: readonly string[];
  readonly #machine: MachineInternals;
  readonly #actions: ActionCompiler;
  readonly #byNodes = new WeakMap<readonly StateNode[], Configuration>();
  readonly #byIds = new Map<string, Configuration>();
  readonly #refusals = new Set<string>();
  readonly #first: Configuration;

  constructor(machine: MachineInternals) {
    this.#machine = machine;
    this.#actions = new ActionCompiler(machine, (guard, turn) => this.#guardOf(guard)(trusted(turn)));
    this.#first = this.#configurationFor(firstNodes(machine.root));
    this.refusals = [...this.#refusals];
  }

  /** The configuration that a snapshot is in. */
  configurationOf(snapshot: ActorSnapshot): Configuration {
    const { _nodes: nodes }: { _nodes: StateNode[] } = trusted(snapshot);
    return this.#byNodes.get(nodes) ?? this.#configurationFor(nodes);
  }

  /** One turn (XState's macrostep). Null: XState must be asked. */
  turn(state: CompiledState, event: Message, scope: StepScope): TurnResult | null {
    return this.#turnBy(this.#rows(state.configuration, event.type), state, event, scope);
  }

  /** The rest of the first macrostep, after the context was made and the first states were entered without an action. */
  begin(base: ActorSnapshot, context: unknown, event: Message, scope: StepScope): TurnResult | null {
    return this.#turnBy([], { configuration: this.#first, context, base, isCurrent: false }, event, scope);
  }

  #turnBy(rows: readonly Row[] | null, state: CompiledState, event: Message, scope: StepScope): TurnResult | null {
    if (rows === null) return null;
    // A new object for each turn: to put what is new into one that is kept costs the collector's notes.
    const turn: Turn = {
      context: state.context,
      event,
      scope,
      sends: null,
      raised: null,
      changes: 0,
      configuration: state.configuration,
      snapshot: state.base,
      snapshotChanges: state.isCurrent ? 0 : -1,
    };
    const first = select(rows, turn);
    if (first !== null && !take(first, turn)) return null;
    if (!this.#settle(turn)) return null;
    return turn;
  }

  /** Takes `always` transitions and raised events until none is left; false when XState must be asked. */
  #settle(turn: Turn): boolean {
    let mayBeEventless = true;
    for (let microsteps = 1; microsteps <= MAX_MICROSTEPS; microsteps++) {
      const eventless = mayBeEventless ? select(turn.configuration.always, turn) : null;
      if (eventless !== null) {
        const changesBefore = turn.changes;
        if (!take(eventless, turn)) return false;
        mayBeEventless = turn.changes !== changesBefore;
        continue;
      }
      const raised = turn.raised?.shift();
      if (raised === undefined) return true;
      if (raised.type.startsWith('xstate.')) return false;
      turn.event = raised;
      const selected = select(this.#rows(turn.configuration, raised.type) ?? [], turn);
      if (selected !== null && !take(selected, turn)) return false;
      mayBeEventless = true;
    }
    return false;
  }

  /** The snapshot of a configuration and a context, all else as in `base`. */
  snapshotOf(base: ActorSnapshot, configuration: Configuration, context: unknown): ActorSnapshot {
    return trusted({
      status: base.status,
      output: base.output,
      error: base.error,
      machine: base.machine,
      context,
      _nodes: configuration.nodes,
      value: configuration.value,
      tags: configuration.tags,
      children: base.children,
      historyValue: base.historyValue,
      matches: base.matches,
      hasTag: base.hasTag,
      can: base.can,
      getMeta: base.getMeta,
      toJSON: base.toJSON,
    });
  }

  /** The rows of an event type; null: XState must be asked. */
  #rows(configuration: Configuration, type: string): readonly Row[] | null {
    let rows = configuration.rows.get(type);
    if (rows === undefined) {
      const isOfXState = type.startsWith('xstate.') && !type.startsWith('xstate.after.');
      rows = isOfXState
        ? null
        : configuration.path.flatMap((node) => this.#rowsOf(configuration, candidatesOf(node, type)));
      configuration.rows.set(type, rows);
    }
    return rows;
  }

  #rowsOf(configuration: Configuration, transitions: readonly Transition[]): Row[] {
    return transitions.map((transition) => this.#rowOf(configuration, transition));
  }

  #rowOf(configuration: Configuration, transition: Transition): Row {
    const guard = transition.guard === undefined ? null : this.#guardOf(transition.guard);
    const target = transition.target?.[0];
    if (target === undefined) return this.#plainRow(guard, transition, configuration);
    const domain = transition.target?.length === 1 ? domainOf(transition, target) : null;
    if (domain === null) return this.#refused(guard, `a transition out of ${transition.source.id}`, configuration);
    const exited = exitSetOf(configuration.nodes, domain);
    const entered = entrySetOf(transition, target, domain);
    const final = entered.find(({ node }) => node.type === 'final');
    if (final !== undefined) return this.#refused(guard, `the final state ${final.node.id}`, configuration);
    const set = new Set(configuration.nodes);
    for (const node of exited) set.delete(node);
    for (const { node } of entered) set.add(node);
    const isSame = set.size === configuration.nodes.length && configuration.nodes.every((node) => set.has(node));
    const actions = [
      ...exited.flatMap((node) => node.exit),
      ...transition.actions,
      ...entered.flatMap(({ node, isDefault }) => (isDefault ? [...node.entry, ...node.initial.actions] : node.entry)),
    ];
    const refused = refusedAction(this.#machine, actions);
    if (refused !== null) return this.#refused(guard, `${refused} in ${transition.source.id}`, configuration);
    const next = isSame ? configuration : this.#configurationFor([...set]);
    return { guard, operations: this.#actions.compile(actions), next, refusal: null };
  }

  #plainRow(guard: Guard | null, { actions, source }: Transition, configuration: Configuration): Row {
    const refused = refusedAction(this.#machine, actions);
    if (refused !== null) return this.#refused(guard, `${refused} in ${source.id}`, configuration);
    return { guard, operations: this.#actions.compile(actions), next: configuration, refusal: null };
  }

  #refused(guard: Guard | null, refusal: string, configuration: Configuration): Row {
    this.#refusals.add(refusal);
    return { guard, operations: [], next: configuration, refusal };
  }

  #configurationFor(nodes: StateNode[]): Configuration {
    const key = nodes.map((node) => node.id).join('\0');
    let configuration = this.#byIds.get(key);
    if (configuration === undefined) {
      const path = nodes.slice().sort((left, right) => right.order - left.order);
      const tags = new Set(nodes.flatMap((node) => node.tags));
      configuration = { nodes, value: valueOf(path), tags, path, rows: new Map(), always: [] };
      // Noted before its rows are made: they lead back to it.
      this.#byIds.set(key, configuration);
      const types = new Set(path.flatMap((node) => [...node.transitions.keys()]));
      for (const type of types) if (!type.endsWith('*')) this.#rows(configuration, type);
      configuration.always = this.#rowsOf(
        configuration,
        path.flatMap((node) => node.always ?? []),
      );
    }
    this.#byNodes.set(nodes, configuration);
    return configuration;
  }

  /** XState's evaluateGuard; a guard that is missing throws, and XState then says so in its own words. */
  #guardOf(guard: GuardSource): Guard {
    const isInline = typeof guard === 'function';
    const resolved = isInline
      ? guard
      : this.#machine.implementations.guards[typeof guard === 'string' ? guard : guard.type];
    if (resolved === undefined) {
      return () => {
        throw new Error('guard is not implemented');
      };
    }
    if (typeof resolved !== 'function') return this.#guardOf(resolved);
    const given = isInline || typeof guard === 'string' ? undefined : guard.params;
    if (!('check' in resolved) && typeof given !== 'function') {
      return (turn) => Boolean(resolved({ context: turn.context, event: turn.event }, given));
    }
    const paramsOf = (turn: Turn): unknown =>
      typeof given === 'function'
        ? trusted<(args: unknown) => unknown>(given)({ context: turn.context, event: turn.event })
        : given;
    if (!('check' in resolved)) {
      return (turn) => Boolean(resolved({ context: turn.context, event: turn.event }, paramsOf(turn)));
    }
    const check: (snapshot: ActorSnapshot, args: unknown, params: unknown) => unknown = trusted(resolved.check);
    return (turn) => {
      const args = { context: turn.context, event: turn.event };
      if (typeof given === 'function') paramsOf(turn);
      return Boolean(check(this.#snapshotNow(turn), args, resolved));
    };
  }

  /** The snapshot of this moment of the turn, made only when something changed since the last. */
  #snapshotNow(turn: Turn): ActorSnapshot {
    if (turn.changes !== turn.snapshotChanges) {
      turn.snapshot = this.snapshotOf(turn.snapshot, turn.configuration, turn.context);
      turn.snapshotChanges = turn.changes;
    }
    return turn.snapshot;
  }
}

function select(rows: readonly Row[], turn: Turn): Row | null {
  for (const row of rows) if (row.guard === null || row.guard(turn)) return row;
  return null;
}

/** Runs a row; false when it is for XState to run the turn. */
function take(row: Row, turn: Turn): boolean {
  if (row.refusal !== null || !runAll(row.operations, turn)) return false;
  if (row.next === turn.configuration) return true;
  turn.configuration = row.next;
  turn.changes++;
  return true;
}
