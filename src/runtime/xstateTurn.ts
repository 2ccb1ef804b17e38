/**
 * One turn (XState's macrostep) of a machine without parallel and history states, by plans that are made once per (configuration,
 * transition): which states it leaves and enters, and so which actions it runs. XState works that out again for each event, and copies the
 * snapshot for each `assign`; here an event costs its guards, its actions and one snapshot. What comes out is
 * what XState gives, field by field: property tests in test/runtime run random machines against `createActor`. Whatever a plan
 * does not cover (final states, `xstate.*` events, an exception) gives null, and the adapter asks XState itself.
 * That is sound because transitions are pure: a turn that is given up leaves no trace.
 *
 * Follows raise-*.esm.js of XState 5.33.3: macrostep, microstep, computeExitSet, computeEntrySet, enterStates,
 * exitStates, resolveAndExecuteActionsWithContext, evaluateGuard.
 */

import type { Message } from './envelope.ts';
import { ActionRunner, compileActions, type Operation, type TurnState } from './xstateActions.ts';
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

/** A set of active state nodes, with all that follows from it. One object per distinct set in its order. */
interface Configuration {
  readonly nodes: StateNode[];
  readonly value: unknown;
  readonly tags: ReadonlySet<string>;
  /** The atomic node, then its ancestors: the order in which XState asks for a transition. */
  readonly path: readonly StateNode[];
  readonly always: readonly Transition[];
  readonly candidates: Map<string, readonly Transition[]>;
  readonly plans: Map<Transition, Plan | null>;
}

/** What taking a transition from a configuration does. */
interface Plan {
  readonly operations: readonly Operation[];
  readonly next: Configuration;
}

/** A turn under way. `snapshot` is the newest one made; it is up to date when it was made at the newest change. */
interface Turn extends TurnState {
  configuration: Configuration;
  snapshot: ActorSnapshot;
  snapshotChanges: number;
}

type SnapshotFields = { _nodes: StateNode[]; context: unknown };

/** True for a machine whose every turn may be planned; the others always go through XState. */
function isPlannable(machine: MachineInternals): boolean {
  if (machine.options.maxIterations < MAX_MICROSTEPS) return false;
  return [...machine.idMap.values()].every(
    (node) =>
      node.type !== 'parallel' &&
      node.type !== 'history' &&
      node.invoke.length === 0 &&
      [...node.transitions.keys()].every((descriptor) => !descriptor.includes('*')),
  );
}

function isDescendant(node: StateNode, ancestor: StateNode): boolean {
  for (let up = node.parent; up !== undefined; up = up.parent) if (up === ancestor) return true;
  return false;
}

/** XState's getTransitionDomain for one target; null for a transition that leaves the root itself. */
function domainOf(transition: Transition, target: StateNode): StateNode | null {
  const { source } = transition;
  if (!transition.reenter && (target === source || isDescendant(target, source))) return source;
  for (let up = target.parent; up !== undefined; up = up.parent) if (isDescendant(source, up)) return up;
  return null;
}

/** XState's getStateValue for a chain of nodes, the atomic one first. */
function valueOf(path: readonly StateNode[]): unknown {
  let value: unknown;
  for (const node of path) {
    if (node.parent === undefined) break;
    value = value === undefined ? node.key : { [node.key]: value };
  }
  return value ?? {};
}

/**
 * Turns of one machine.
 *
 * @example
 * ```ts
 * const machine = createMachine({ on: { GO: {} } });
 * const env = createActorEnv('a');
 * const { snapshot } = adaptMachine(machine).initial(undefined, env);
 * new TurnPlanner(internalsOf(machine)).turn(snapshot, { type: 'GO' }, env.scope, []) === snapshot; // true
 * ```
 */
export class TurnPlanner {
  readonly #machine: MachineInternals;
  readonly #isPlannable: boolean;
  readonly #runner: ActionRunner;
  readonly #byNodes = new WeakMap<readonly StateNode[], Configuration>();
  readonly #byIds = new Map<string, Configuration>();

  constructor(machine: MachineInternals) {
    this.#machine = machine;
    this.#isPlannable = isPlannable(machine);
    this.#runner = new ActionRunner(machine, (guard, turn) => this.#passes(guard, turn));
  }

  /** The snapshot after `event`, its sends appended to `sends`; null when XState must be asked. */
  turn(snapshot: ActorSnapshot, event: Message, scope: StepScope, sends: Send[]): ActorSnapshot | null {
    if (!this.#isPlannable || snapshot.status !== 'active' || event.type.startsWith('xstate.')) return null;
    const fields: SnapshotFields = trusted(snapshot);
    const turn: Turn = {
      context: fields.context,
      event,
      scope,
      sends,
      raised: null,
      configuration: this.#configurationOf(fields._nodes),
      snapshot,
      changes: 0,
      snapshotChanges: 0,
    };
    const first = this.#select(this.#candidates(turn.configuration, event.type), turn);
    if (first !== null && !this.#take(first, turn)) return null;
    let mayBeEventless = true;
    for (let microsteps = 1; ; microsteps++) {
      if (microsteps > MAX_MICROSTEPS) return null;
      const eventless: Transition | null = mayBeEventless ? this.#select(turn.configuration.always, turn) : null;
      if (eventless !== null) {
        const changesBefore = turn.changes;
        if (!this.#take(eventless, turn)) return null;
        mayBeEventless = turn.changes !== changesBefore;
        continue;
      }
      const raised = turn.raised?.shift();
      if (raised === undefined) return this.#materialize(turn);
      if (raised.type.startsWith('xstate.')) return null;
      turn.event = raised;
      const selected = this.#select(this.#candidates(turn.configuration, raised.type), turn);
      if (selected !== null && !this.#take(selected, turn)) return null;
      mayBeEventless = true;
    }
  }

  /** Runs a transition; false when no plan covers it. */
  #take(transition: Transition, turn: Turn): boolean {
    let plan = turn.configuration.plans.get(transition);
    if (plan === undefined) {
      plan = this.#plan(turn.configuration, transition);
      turn.configuration.plans.set(transition, plan);
    }
    if (plan === null) return false;
    if (!this.#runner.run(plan.operations, turn)) return false;
    if (plan.next !== turn.configuration) {
      turn.configuration = plan.next;
      turn.changes++;
    }
    return true;
  }

  #plan(configuration: Configuration, transition: Transition): Plan | null {
    const targets = transition.target ?? [];
    const target = targets[0];
    if (target === undefined) {
      return { operations: compileActions(this.#machine, transition.actions), next: configuration };
    }
    const domain = targets.length === 1 ? domainOf(transition, target) : null;
    if (domain === null) return null;
    const exited = configuration.nodes
      .filter((node) => isDescendant(node, domain))
      .sort((left, right) => right.order - left.order);
    const entered: { node: StateNode; isDefault: boolean }[] = [];
    if (target !== domain) {
      for (let up = target.parent; up !== domain && up !== undefined; up = up.parent) {
        entered.push({ node: up, isDefault: false });
      }
    }
    if (transition.source !== target || transition.source !== domain || transition.reenter) {
      entered.push({ node: target, isDefault: true });
    }
    for (let node = target; node.type === 'compound'; ) {
      const child = node.initial.target[0];
      if (child === undefined) return null;
      entered.push({ node: child, isDefault: true });
      node = child;
    }
    if (entered.some(({ node }) => node.type === 'final')) return null;
    entered.sort((left, right) => left.node.order - right.node.order);
    const set = new Set(configuration.nodes);
    for (const node of exited) set.delete(node);
    for (const { node } of entered) set.add(node);
    const isSame = set.size === configuration.nodes.length && configuration.nodes.every((node) => set.has(node));
    const actions = [
      ...exited.flatMap((node) => node.exit),
      ...transition.actions,
      ...entered.flatMap(({ node, isDefault }) => (isDefault ? [...node.entry, ...node.initial.actions] : node.entry)),
    ];
    return {
      operations: compileActions(this.#machine, actions),
      next: isSame ? configuration : this.#configurationOf([...set]),
    };
  }

  #configurationOf(nodes: StateNode[]): Configuration {
    const known = this.#byNodes.get(nodes);
    if (known !== undefined) return known;
    const key = nodes.map((node) => node.id).join('\0');
    let configuration = this.#byIds.get(key);
    if (configuration === undefined) {
      const path = nodes.slice().sort((left, right) => right.order - left.order);
      configuration = {
        nodes,
        value: valueOf(path),
        tags: new Set(nodes.flatMap((node) => node.tags)),
        path,
        always: path.flatMap((node) => node.always ?? []),
        candidates: new Map(),
        plans: new Map(),
      };
      this.#byIds.set(key, configuration);
    }
    this.#byNodes.set(nodes, configuration);
    return configuration;
  }

  #candidates(configuration: Configuration, type: string): readonly Transition[] {
    let candidates = configuration.candidates.get(type);
    if (candidates === undefined) {
      candidates = configuration.path.flatMap((node) => node.transitions.get(type) ?? []);
      configuration.candidates.set(type, candidates);
    }
    return candidates;
  }

  #select(candidates: readonly Transition[], turn: TurnState): Transition | null {
    for (const candidate of candidates) {
      if (candidate.guard === undefined || this.#passes(candidate.guard, turn)) return candidate;
    }
    return null;
  }

  /** XState's evaluateGuard; a guard that is missing throws, and XState then says so in its own words. */
  #passes(guard: GuardSource, turn: TurnState): boolean {
    const isInline = typeof guard === 'function';
    const resolved = isInline
      ? guard
      : this.#machine.implementations.guards[typeof guard === 'string' ? guard : guard.type];
    if (typeof resolved !== 'function') {
      if (resolved === undefined) throw new Error('guard is not implemented');
      return this.#passes(resolved, turn);
    }
    const args = { context: turn.context, event: turn.event };
    let params: unknown;
    if (!isInline && typeof guard !== 'string') {
      params =
        typeof guard.params === 'function' ? trusted<(args: unknown) => unknown>(guard.params)(args) : guard.params;
    }
    if (!('check' in resolved)) return Boolean(resolved(args, params));
    const check: (snapshot: ActorSnapshot, args: unknown, params: unknown) => unknown = trusted(resolved.check);
    return Boolean(check(this.#materialize(trusted(turn)), args, resolved));
  }

  /** The snapshot of this moment of the turn, made only when something changed since the last. */
  #materialize(turn: Turn): ActorSnapshot {
    if (turn.changes === turn.snapshotChanges) return turn.snapshot;
    const base = turn.snapshot;
    const { configuration } = turn;
    const snapshot: ActorSnapshot = trusted({
      status: base.status,
      output: base.output,
      error: base.error,
      machine: base.machine,
      context: turn.context,
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
    turn.snapshot = snapshot;
    turn.snapshotChanges = turn.changes;
    return snapshot;
  }
}
