/** An actor that stands in for a kind of the model, and what its state may be read as. */
import { type ActorKind, type FiguredKind, hasFigures, type KindFigures, kindOf } from '../../machines/index.ts';

/** How the state of a stand-in may be read. */
export interface StandIn {
  /** The kind that it stands in for. */
  readonly kind: ActorKind;
  /** The kind of its definition. */
  readonly by: string;
  /**
   * `context`: its context is one of the kind. `nothing`: nobody may read it. Else the figures of the kind, from a context.
   */
  readonly shows: 'context' | 'nothing' | ((context: never) => object);
}

/** An actor's context, and what it stands in for if it does. */
export interface Shown {
  readonly actor: string;
  readonly context: unknown;
  readonly standIn?: StandIn | undefined;
}

/**
 * The kind whose context an actor has; null where it has one of its own.
 *
 * @example
 * ```ts
 * contextKind({ actor: 'zone', context: {} }); // 'zone'
 * contextKind({ actor: 'zone', context: {}, standIn: { kind: 'zone', by: 'bump-zone', shows: 'nothing' } }); // null
 * ```
 */
export function contextKind({ actor, standIn }: Omit<Shown, 'context'>): ActorKind | null {
  if (standIn === undefined) return kindOf(actor);
  return standIn.shows === 'context' ? standIn.kind : null;
}

/**
 * The figures that a stand-in shows of its kind; null for an actor that is no stand-in, or shows none.
 *
 * @example
 * ```ts
 * const disk = { reads: 1, writes: 0, readBytes: 4096, writtenBytes: 0 };
 * const standIn: StandIn = { kind: 'disk', by: 'fast-disk', shows: () => disk };
 * shownFigures({ actor: 'disk', context: {}, standIn }, 'disk')?.reads; // 1
 * ```
 */
export function shownFigures<K extends FiguredKind>({ standIn, context }: Shown, kind: K): KindFigures[K] | null {
  if (standIn?.kind !== kind || typeof standIn.shows !== 'function' || !hasFigures(standIn.kind)) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the definition of a stand-in is typed by its kind
  return standIn.shows(context as never) as KindFigures[K];
}

/**
 * The stand-ins of a system, by the kind that each stands in for.
 *
 * @example
 * ```ts
 * standInsOf(createSystem({ actors: [] })).size; // 0
 * ```
 */
export function standInsOf(system: {
  readonly actors: readonly string[];
  actor(id: string): { readonly standIn?: StandIn | undefined };
}): Map<ActorKind, StandIn> {
  const found = system.actors.flatMap((id) => system.actor(id).standIn ?? []);
  return new Map(found.map((standIn) => [standIn.kind, standIn]));
}
