/** The states of a system's actors by kind: what summaries and tables are made from, live or from a log. */
import type { SnapshotFrom } from 'xstate';
import { type ActorKind, type FiguredKind, type KindFigures, kindOf, type machines } from '../../machines/index.ts';
import { contextKind, shownFigures, type StandIn } from '../runtime/standIn.ts';
import type { System } from '../runtime/system.ts';
import { actorStateOf } from '../runtime/xstateAdapter.ts';

/** One actor's state: the value of its statechart, and its context with live structures or as plain data. */
export interface ShownState {
  actor: string;
  value: unknown;
  context: unknown;
  /** Of an actor in the place of a built-in kind: how its state may be read. */
  standIn?: StandIn | undefined;
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
 * The states of all actors that have the context of one kind, in the order given: a stand-in's only where it shows that. Contexts
 * that come from a log hold plain data where a live one holds a structure.
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
    if (contextKind(state) === kind) found.push(state as KindState<K>);
  }
  return found;
}

/**
 * The figures of all actors in the place of one kind: of the kind itself by `read`, of stand-ins by what they show; null where one of
 * them shows none, so that no sum is made of a part.
 *
 * @example
 * ```ts
 * const context = { reads: 3, writes: 0, readBytes: 12288, writtenBytes: 0 };
 * figuresOfKind([{ actor: 'disk', value: 'idle', context }], 'disk', ({ reads }) => ({ ...context, reads }))?.[0]?.reads; // 3
 * ```
 */
export function figuresOfKind<K extends FiguredKind>(
  states: Iterable<ShownState>,
  kind: K,
  read: (context: ContextOf[K]) => KindFigures[K],
): KindFigures[K][] | null {
  const all: KindFigures[K][] = [];
  for (const state of states) {
    if (kindOf(state.actor) !== kind) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its context is one of the kind
    const figures = contextKind(state) === kind ? read(state.context as ContextOf[K]) : shownFigures(state, kind);
    if (figures === null) return null;
    all.push(figures);
  }
  return all;
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
    const standIn = system.actor(actor).standIn;
    return standIn === undefined ? { actor, value, context } : { actor, value, context, standIn };
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
  const ofWork = statesOfKind(states, 'tlb').reduce((sum, { context: { work } }) => {
    return sum + (work?.kind === 'run' ? work.stretch.counts.references : 0);
  }, finished);
  return states.reduce((sum, state) => sum + (shownFigures(state, 'tlb')?.references ?? 0), ofWork);
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
