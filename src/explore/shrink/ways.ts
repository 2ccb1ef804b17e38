/** Ways through a model, gone again with parts left out. */
import { GranuleError } from '../../errors.ts';
import type { Discovery, Model, Path } from '../model.ts';
import { type Judging, judgingOf, type Taken, type Verdict } from './judge.ts';

/** A way that shows what was found, with every state on it. */
export interface Way<S> {
  readonly path: Path;
  /** One more than the path has keys: the first is an initial state. */
  readonly states: readonly S[];
  /** Of each key, whose state it changes. */
  readonly owners: readonly string[];
  readonly verdict: Verdict;
}

/** Where a way is gone anew: so many actions of another are gone as they were. */
interface Begin<S> {
  readonly of: Pick<Way<S>, 'path' | 'states' | 'owners'>;
  readonly count: number;
}

/** The action that led to the state at a place. */
function takenAt(keys: readonly string[], owners: readonly string[], place: number): Taken | null {
  const [key, owner] = [keys[place - 1], owners[place - 1]];
  return key === undefined || owner === undefined ? null : { key, owner };
}

/** Numbers at the end of a key: of the messages of a channel, where the ones before were not sent. */
const COUNTER = /#\d+$/;

/**
 * Goes ways through a model with keys that may not fit: a key that is not possible is left out, or what else its channel has is taken
 * in its place. Behind the last key the first of the possible actions is taken, as long as that is asked for.
 *
 * @throws GranuleError USAGE from the constructor where the model has no property of that name
 * @example
 * ```ts
 * const small = { name: 'small', kind: 'always', says: 'below 2', fault: (n: number) => (n < 2 ? null : `it is ${n}`) };
 * const model = { name: 'up', initial: () => [0], actions: () => [1], next: (n: number) => n + 1, fingerprint: (n: number) => n,
 *   keyOf: () => 'up', ownerOf: () => 'n', describe: () => 'up', properties: [small] };
 * const ways = new Ways(model, { property: 'small', kind: 'always' });
 * ways.gone({ initial: 0, keys: ['down', 'up', 'up', 'up'] })?.path.keys; // ['up', 'up']
 * ```
 */
export class Ways<S, A> {
  readonly model: Model<S, A>;
  readonly #judging: Judging<S>;

  constructor(model: Model<S, A>, found: Pick<Discovery, 'property' | 'kind'>) {
    this.model = model;
    this.#judging = judgingOf(model, found);
  }

  /** A whole way, up to where it shows what was found; null where it never does. */
  gone(path: Path, mostActions: number = path.keys.length): Way<S> | null {
    const first = this.model.initial()[path.initial];
    if (first === undefined) {
      throw new GranuleError('USAGE', `${this.model.name} has no initial state ${path.initial}`, 'shrink');
    }
    const of = { path: { initial: path.initial, keys: [] }, states: [first], owners: [] };
    return this.on({ of, count: 0 }, path.keys, mostActions);
  }

  /** The same, with the beginning of another way: `most` is how many actions the whole may have. */
  on({ of, count }: Begin<S>, keys: readonly string[], most: number): Way<S> | null {
    const states = of.states.slice(0, count + 1);
    const taken = of.path.keys.slice(0, count);
    const owners = of.owners.slice(0, count);
    const judge = this.#judging.anew();
    if (!this.#judging.isLocal) {
      for (const [at, state] of states.slice(0, -1).entries()) judge.see(state, false, takenAt(taken, owners, at));
    }
    let place = 0;
    for (;;) {
      const state = states[states.length - 1];
      const actions = this.#actionsIn(state);
      const step = this.#step(state, actions, keys, place);
      const verdict = judge.see(
        state,
        step === null && this.#isEnd(state, actions),
        takenAt(taken, owners, taken.length),
      );
      if (verdict !== null) return { path: { initial: of.path.initial, keys: taken }, states, owners, verdict };
      if (step === null || taken.length >= most) return null;
      place = step.place;
      taken.push(this.model.keyOf(step.action));
      owners.push(this.model.ownerOf(step.action));
      states.push(step.next);
    }
  }

  /** Whether a state shows by itself what was found: where the way to it counts, this is not known, and false. */
  showsAt(state: S): boolean {
    if (!this.#judging.isLocal) return false;
    return this.#judging.anew().see(state, this.#isEnd(state, this.#actionsIn(state)), null) !== null;
  }

  /** Behind a state that is not within nobody looks. */
  #actionsIn(state: S): readonly A[] {
    return this.model.isWithin?.(state) === false ? [] : this.model.actions(state);
  }

  #isEnd(state: S, actions: readonly A[]): boolean {
    return this.model.isWithin?.(state) !== false && actions.every((action) => this.model.next(state, action) === null);
  }

  /** What a key, or a later one where it is not possible, leads to; behind the last, the first action that changes anything. */
  #step(state: S, actions: readonly A[], keys: readonly string[], from: number) {
    for (let place = from; place < keys.length; place++) {
      const key = keys[place] ?? '';
      const action = actions.find((each) => this.model.keyOf(each) === key) ?? this.#alike(actions, key);
      const next = action === undefined ? null : this.model.next(state, action);
      if (next !== null && action !== undefined) return { action, next, place: place + 1 };
    }
    for (const action of actions) {
      const next = this.model.next(state, action);
      if (next !== null) return { action, next, place: keys.length };
    }
    return null;
  }

  #alike(actions: readonly A[], key: string): A | undefined {
    if (!COUNTER.test(key)) return undefined;
    const stem = key.replace(COUNTER, '');
    return actions.find((each) => this.model.keyOf(each).replace(COUNTER, '') === stem);
  }
}

/**
 * How often a way goes from one owner to another.
 *
 * @example
 * ```ts
 * switchesIn(['a', 'a', 'b', 'a']); // 2
 * ```
 */
export function switchesIn(owners: readonly string[]): number {
  return owners.reduce((count, owner, at) => (at > 0 && owner !== owners[at - 1] ? count + 1 : count), 0);
}
