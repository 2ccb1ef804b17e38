/** A model in which one goes from actor to actor before the first is done only so often: bounded preemptions. */
import type { Fingerprint, Model, Property } from '../model.ts';

/** A state, who acted last, and how often somebody was left before being done. */
export interface BoundedState<S> {
  readonly state: S;
  /** Null before the first action. */
  readonly last: string | null;
  readonly preemptions: number;
}

const WITHIN = 2 ** 53 - 1;
/** Primes that keep apart what is mixed in; below 2^31, so that products with small numbers stay exact. */
const OWNER_FACTOR = 1_000_000_007;
const PREEMPTION_FACTOR = 998_244_353;

/** A number for an owner's name (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function lift<S>(property: Property<S>): Property<BoundedState<S>> {
  return { ...property, fault: ({ state }) => property.fault(state) };
}

/**
 * The same system, of which only the ways with at most `limit` preemptions are there. A preemption is an action of one actor while
 * the one that acted before it still has an action that is possible (context bounding: Musuvathi and Qadeer, PLDI 2007). A state
 * counts once for each actor that acted last and each number of preemptions. It has no `progress`: where others may not step in,
 * every wait for them looks like a livelock.
 *
 * @example
 * ```ts
 * const bounded = boundPreemptions(classic('lost-update'), 0);
 * exploreAll(bounded).discoveries.length; // 0
 * exploreAll(boundPreemptions(classic('lost-update'), 1)).discoveries.length; // 1
 * ```
 */
export function boundPreemptions<S, A>(model: Model<S, A>, limit: number): Model<BoundedState<S>, A> {
  const actorOf = model.actorOf ?? model.ownerOf;
  const after = (at: BoundedState<S>, actor: string): number => {
    if (at.last === null || at.last === actor) return at.preemptions;
    const isLeft = model.actions(at.state).some((action) => actorOf(action) === at.last);
    return at.preemptions + (isLeft ? 1 : 0);
  };
  return {
    name: model.name,
    initial: () => model.initial().map((state) => ({ state, last: null, preemptions: 0 })),
    actions: (at) => {
      const actions = model.actions(at.state);
      if (at.preemptions < limit || at.last === null) return actions;
      const own = actions.filter((action) => actorOf(action) === at.last);
      return own.length > 0 ? own : actions;
    },
    next: (at, action) => {
      const state = model.next(at.state, action);
      const last = actorOf(action);
      return state === null ? null : { state, last, preemptions: after(at, last) };
    },
    fingerprint: ({ state, last, preemptions }): Fingerprint => {
      const added = (last === null ? 0 : hashOf(last) * OWNER_FACTOR) + (preemptions + 1) * PREEMPTION_FACTOR;
      return (model.fingerprint(state) + (added % WITHIN)) % WITHIN;
    },
    keyOf: model.keyOf,
    ownerOf: model.ownerOf,
    actorOf,
    describe: ({ state }, action) => model.describe(state, action),
    properties: model.properties.map(lift),
    isWithin: ({ state }) => model.isWithin?.(state) ?? true,
  };
}
