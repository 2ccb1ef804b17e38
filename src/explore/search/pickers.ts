/** How a walk picks the next of the actions that are possible. */
import type { SeededRandom } from '../../runtime/random.ts';

/** Picks the next action of a walk. */
export interface Picker<A> {
  /** `left`: indices of the actions that may be picked, one or more. Gives a place in `left`. */
  readonly pick: (actions: readonly A[], left: readonly number[], step: number) => number;
}

/**
 * Each action is as likely as the next.
 *
 * @example
 * ```ts
 * new RandomPicker<string>(new SeededRandom(1)).pick(['a'], [0], 0); // 0
 * ```
 */
export class RandomPicker<A> implements Picker<A> {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  readonly pick = (_actions: readonly A[], left: readonly number[]): number => this.#random.below(left.length);
}

/** Above the priorities that change points give. */
const FIRST_PRIORITY = 1024;

/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010). Each actor gets a random priority
 * when it is first seen; the actor of the highest priority acts; at `points` random steps the one that would act gets a priority
 * below all first ones. With n actors and k steps a fault that d ordered steps make is found by a walk with a probability of at
 * least 1 / (n * k^(d - 1)), where `points` is d - 1 or more. An actor here is a thread there; among several actions that are
 * possible for one actor, which that paper does not have, each is as likely as the next, so that the bound holds where an actor has
 * one action at a time.
 *
 * @example
 * ```ts
 * const picker = new PriorityPicker<string>((action) => action.slice(0, 1), new SeededRandom(1), 0, 10);
 * const first = picker.pick(['a1', 'b1'], [0, 1], 0);
 * picker.pick(['a2', 'b2'], [0, 1], 1) === first; // true
 * ```
 */
export class PriorityPicker<A> implements Picker<A> {
  readonly #actorOf: (action: A) => string;
  readonly #random: SeededRandom;
  readonly #priorities = new Map<string, number>();
  /** Steps at which the one that would act falls behind; the n-th falls to priority n. */
  readonly #points: number[];

  constructor(actorOf: (action: A) => string, random: SeededRandom, points: number, steps: number) {
    this.#actorOf = actorOf;
    this.#random = random;
    this.#points = Array.from({ length: points }, () => random.below(Math.max(1, steps)));
  }

  readonly pick = (actions: readonly A[], left: readonly number[], step: number): number => {
    for (const [rank, point] of this.#points.entries()) {
      if (point !== step) continue;
      this.#points[rank] = -1;
      this.#priorities.set(this.#first(actions, left), rank);
    }
    const actor = this.#first(actions, left);
    const places = [...left.keys()].filter((place) => this.#actorOf(actions[left[place] ?? 0]) === actor);
    return places[places.length === 1 ? 0 : this.#random.below(places.length)] ?? 0;
  };

  /** The actor of the highest priority. */
  #first(actions: readonly A[], left: readonly number[]): string {
    let first = '';
    let highest = -1;
    for (const index of left) {
      const actor = this.#actorOf(actions[index]);
      const priority = this.#priorityOf(actor);
      if (priority <= highest) continue;
      first = actor;
      highest = priority;
    }
    return first;
  }

  #priorityOf(actor: string): number {
    let priority = this.#priorities.get(actor);
    if (priority === undefined) {
      priority = FIRST_PRIORITY + this.#random.next();
      this.#priorities.set(actor, priority);
    }
    return priority;
  }
}
