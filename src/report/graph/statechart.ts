/** A machine as it is drawn: its states inside one another, and its transitions with guards and actions. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** What a state does with a message without leaving: for one guard and one list of actions, the types. */
export interface Reaction {
  readonly on: readonly string[];
  readonly guard: string | null;
  readonly actions: readonly string[];
}

/** A state. */
export interface ChartState {
  /** Its path, joined by points; empty for the machine itself. */
  readonly id: string;
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** The id of the state that it begins in. */
  readonly initial: string | null;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly reactions: readonly Reaction[];
  readonly states: readonly ChartState[];
}

/** A way from one state to another. */
export interface ChartTransition extends Reaction {
  readonly from: string;
  readonly to: string;
}

/** A machine. */
export interface Statechart {
  readonly title: string;
  readonly root: ChartState;
  readonly transitions: readonly ChartTransition[];
}

/** What a transition without a message says of when it is taken. */
export const ALWAYS = 'always';

const idOf = (node: AnyStateNode): string => node.path.join('.');

/** Actions are named, or objects with a type, or functions that XState's creators made, which carry one. */
function actionName(action: unknown): string {
  if (typeof action === 'string') return action;
  const { type, name } = action as { readonly type?: unknown; readonly name?: string };
  if (typeof type === 'string') return type.replace(/^xstate\./, '');
  return name === undefined || name === '' ? 'inline' : name;
}

/** Guards are named, or objects with a type, or functions; `and`, `or` and `not` carry those that they are made of. */
function guardName(guard: unknown): string | null {
  if (guard === undefined || guard === null) return null;
  if (typeof guard === 'string') return guard;
  const { type, name, guards } = guard as { type?: unknown; name?: string; guards?: readonly unknown[] };
  if (guards !== undefined) return `${name ?? 'all'}(${guards.map(guardName).join(', ')})`;
  if (typeof type === 'string') return type;
  return name === undefined || name === '' || name === 'guard' ? 'inline' : name;
}

interface Taken {
  readonly on: string;
  readonly target?: readonly AnyStateNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
}

function typeText(type: string): string {
  if (type.startsWith('xstate.done.state')) return 'done';
  return type.startsWith('xstate.error') ? 'error' : type;
}

/** Everything that a state reacts to, in the order in which it is looked at. */
function takenBy(node: AnyStateNode): Taken[] {
  const taken: Taken[] = [];
  for (const [type, candidates] of node.transitions) {
    if (type.startsWith('xstate.after.')) continue;
    for (const candidate of candidates) taken.push({ on: typeText(type), ...candidate });
  }
  for (const candidate of node.after ?? []) taken.push({ on: `after ${String(candidate.delay)}`, ...candidate });
  for (const candidate of node.always ?? []) taken.push({ on: ALWAYS, ...candidate });
  return taken;
}

/** Puts together what differs in its message alone. */
function grouped<T extends { readonly guard: string | null; readonly actions: readonly string[] }>(
  found: readonly (T & { readonly on: readonly string[] })[],
  keyOf: (one: T) => string,
): (T & { readonly on: readonly string[] })[] {
  const groups = new Map<string, T & { readonly on: readonly string[] }>();
  for (const one of found) {
    const key = [keyOf(one), one.guard ?? '', ...one.actions].join('\n');
    const before = groups.get(key);
    groups.set(key, before === undefined ? one : { ...before, on: [...new Set([...before.on, ...one.on])] });
  }
  return [...groups.values()];
}

function reactionsOf(node: AnyStateNode): Reaction[] {
  const staying = takenBy(node).filter(({ target }) => (target?.length ?? 0) === 0);
  const found = staying.map(({ on, guard, actions }) => ({
    on: [on],
    guard: guardName(guard),
    actions: actions.map(actionName),
  }));
  return grouped<Reaction>(found, () => '');
}

function stateOf(node: AnyStateNode): ChartState {
  const initial = node.type === 'compound' ? (node.initial.target[0] ?? null) : null;
  return {
    id: idOf(node),
    key: node.key,
    type: node.type,
    initial: initial === null ? null : idOf(initial),
    entry: node.entry.map(actionName),
    exit: node.exit.map(actionName),
    reactions: reactionsOf(node),
    states: Object.values(node.states).map(stateOf),
  };
}

function transitionsFrom(node: AnyStateNode): ChartTransition[] {
  const found = takenBy(node).flatMap(({ on, target, guard, actions }) =>
    (target ?? []).map((to) => {
      return { from: idOf(node), to: idOf(to), on: [on], guard: guardName(guard), actions: actions.map(actionName) };
    }),
  );
  const own = grouped<ChartTransition>(found, ({ to }) => to);
  return [...own, ...Object.values(node.states).flatMap(transitionsFrom)];
}

/**
 * The statechart of a machine, of granule's own or of a definition (`machineOf`).
 *
 * @example
 * ```ts
 * const chart = statechartOf(machines.disk, 'disk');
 * chart.root.states.map(({ key }) => key); // ['idle', 'busy']
 * chart.transitions.map(({ from, to, guard }) => `${from} ${to} ${guard}`); // ['idle busy busy', 'busy idle free']
 * ```
 */
export function statechartOf({ root }: Pick<AnyStateMachine, 'root'>, title: string): Statechart {
  return { title, root: stateOf(root), transitions: transitionsFrom(root) };
}

/**
 * All states of a chart below its root, the outer before the inner.
 *
 * @example
 * ```ts
 * statesOf(statechartOf(machines.disk, 'disk').root).length; // 2
 * ```
 */
export function statesOf(state: ChartState): ChartState[] {
  return state.states.flatMap((inner) => [inner, ...statesOf(inner)]);
}

/**
 * What a drawing writes at a transition or a reaction: `MESSAGE [guard] / actions`.
 *
 * @example
 * ```ts
 * reactionText({ on: ['READ_BLOCKS', 'WRITE_BLOCKS'], guard: 'free', actions: ['queue'] }); // 'READ_BLOCKS, WRITE_BLOCKS [free] / queue'
 * ```
 */
export function reactionText({ on, guard, actions }: Reaction): string {
  const parts = [
    on.join(', '),
    guard === null ? '' : `[${guard}]`,
    actions.length === 0 ? '' : `/ ${actions.join(', ')}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}
