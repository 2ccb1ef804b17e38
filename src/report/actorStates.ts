/** The states of a system's actors by kind: what summaries and tables are made from, live or from a log. */
import type { SnapshotFrom } from 'xstate';
import { type ActorKind, kindOf, type machines } from '../../machines/index.ts';
import type { System } from '../runtime/system.ts';
import { actorStateOf } from '../runtime/xstateAdapter.ts';

/** One actor's state: the value of its statechart, and its context with live structures or as plain data. */
export interface ShownState {
  actor: string;
  value: unknown;
  context: unknown;
}

/** The context of each kind. */
export type ContextOf = { [K in ActorKind]: SnapshotFrom<(typeof machines)[K]>['context'] };

/** An actor's state with the context of its kind. */
export interface KindState<K extends ActorKind> {
  actor: string;
  value: unknown;
  context: ContextOf[K];
}

/**
 * The states of all actors of one kind, in the order given. Contexts that come from a log hold plain data where a live
 * one holds a structure.
 *
 * @example
 * ```ts
 * statesOfKind([{ actor: 'disk', value: 'idle', context: { reads: 3 } }], 'disk')[0]?.context.reads; // 3
 * statesOfKind([{ actor: 'disk', value: 'idle', context: {} }], 'zone'); // []
 * ```
 */
export function statesOfKind<K extends ActorKind>(states: Iterable<ShownState>, kind: K): KindState<K>[] {
  const found: KindState<K>[] = [];
  for (const state of states) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind in an id says which machine made the context
    if (kindOf(state.actor) === kind) found.push(state as KindState<K>);
  }
  return found;
}

/**
 * The state of every actor of a system, as it is now.
 *
 * @example
 * ```ts
 * liveStates(createSystem({ actors: [] })); // []
 * ```
 */
export function liveStates(system: System): ShownState[] {
  return [...system.snapshots()].map(([actor, snapshot]) => {
    const { value, context } = actorStateOf(snapshot);
    return { actor, value, context };
  });
}

/**
 * References that are done: of finished stretches, and of those that CPUs are in the middle of.
 *
 * @example
 * ```ts
 * doneReferences([]); // 0
 * ```
 */
export function doneReferences(states: readonly ShownState[]): number {
  const finished = statesOfKind(states, 'process').reduce((sum, { context }) => sum + context.counts.references, 0);
  return statesOfKind(states, 'tlb').reduce((sum, { context: { work } }) => {
    return sum + (work?.kind === 'run' ? work.stretch.counts.references : 0);
  }, finished);
}

/**
 * The value of a statechart in one word.
 *
 * @example
 * ```ts
 * valueText('idle'); // 'idle'
 * valueText({ 'in-syscall': 'asleep' }); // 'in-syscall.asleep'
 * ```
 */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([state, inner]) => {
      const rest = valueText(inner);
      return rest === '' ? state : `${state}.${rest}`;
    })
    .join(' + ');
}
