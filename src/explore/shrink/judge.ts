/** Whether a way through a model still shows what was found: by the kind of what was found. */
import type { Discovery, Model, Property } from '../model.ts';
import { GranuleError } from '../../errors.ts';

/** What is seen at the end of a way. */
export interface Verdict {
  readonly fault: string;
  /** The way ends in a circle of so many actions. */
  readonly circleLength?: number;
}

/** An action that was taken. */
export interface Taken {
  readonly key: string;
  readonly owner: string;
}

/** Looks at the states of one way from the first on. */
export interface Judge<S> {
  /**
   * @param isEnd nothing can happen any more in this state
   * @param taken what led to it; null for the first
   * @returns what was looked for, where the way shows it now
   */
  readonly see: (state: S, isEnd: boolean, taken: Taken | null) => Verdict | null;
}

/** Judges of one discovery. */
export interface Judging<S> {
  /** One for a way that is gone from its first state on. */
  readonly anew: () => Judge<S>;
  /** Whether a state alone decides: a way can then be judged from any place of it on. */
  readonly isLocal: boolean;
}

function ofState<S>(fault: (state: S, isEnd: boolean) => string | null): Judging<S> {
  const see = (state: S, isEnd: boolean): Verdict | null => {
    const found = fault(state, isEnd);
    return found === null ? null : { fault: found };
  };
  return { anew: () => ({ see }), isLocal: true };
}

/** One state of a way, with what was done in it. */
interface Passed {
  readonly progress: number | undefined;
  /** What could be done there: actions by key, and owners that have one. */
  readonly claims: ReadonlySet<string>;
  /** The action that led here, as claims. */
  readonly met: readonly string[];
}

/**
 * Where a way comes back to a state that it was in, by a fair circle: what stays possible all along it is done in it, action by
 * action and owner by owner. Otherwise each wait for somebody who is left out for ever would count.
 */
class Circles<S, A> {
  readonly #model: Model<S, A>;
  readonly #places = new Map<number, number[]>();
  readonly #passed: Passed[] = [];

  constructor(model: Model<S, A>) {
    this.#model = model;
  }

  /** Actions of the shortest fair circle that a state closes; null where it closes none. `keepsStill`: nothing is gained in it. */
  closedBy(state: S, taken: Taken | null, keepsStill: boolean): number | null {
    const model = this.#model;
    const at = this.#passed.length;
    const met = taken === null ? [] : claimsOf(taken);
    const possible = model.actions(state).filter((action) => model.next(state, action) !== null);
    const claims = new Set(
      possible.flatMap((each) => claimsOf({ key: model.keyOf(each), owner: model.ownerOf(each) })),
    );
    this.#passed.push({ progress: model.progress?.(state), claims, met });
    const name = model.fingerprint(state);
    const places = this.#places.get(name) ?? [];
    this.#places.set(name, [...places, at]);
    const from = places.findLast((place) => this.#isFair(place) && (!keepsStill || this.#standsStill(place)));
    return from === undefined ? null : at - from;
  }

  #standsStill(from: number): boolean {
    const [first, ...others] = this.#passed.slice(from);
    return others.every(({ progress }) => progress === first?.progress);
  }

  #isFair(from: number): boolean {
    const [first, ...others] = this.#passed.slice(from);
    const met = new Set(others.flatMap((each) => each.met));
    return [...(first?.claims ?? [])].every(
      (claim) => met.has(claim) || others.some(({ claims }) => !claims.has(claim)),
    );
  }
}

function claimsOf({ key, owner }: Taken): string[] {
  return [`action ${key}`, `owner ${owner}`];
}

function livelock<S, A>(model: Model<S, A>): Judging<S> {
  const anew = (): Judge<S> => {
    const circles = new Circles(model);
    const see = (state: S, _isEnd: boolean, taken: Taken | null): Verdict | null => {
      const circleLength = circles.closedBy(state, taken, true);
      if (circleLength === null) return null;
      return { fault: `it can go in a circle of ${circleLength} actions for ever without progress`, circleLength };
    };
    return { see };
  };
  return { anew, isLocal: false };
}

function eventually<S, A>(model: Model<S, A>, { fault }: Property<S>): Judging<S> {
  const anew = (): Judge<S> => {
    const circles = new Circles(model);
    let held = false;
    const see = (state: S, isEnd: boolean, taken: Taken | null): Verdict | null => {
      const found = fault(state);
      held ||= found === null;
      if (held || found === null) return null;
      if (isEnd) return { fault: found };
      const circleLength = circles.closedBy(state, taken, false);
      return circleLength === null ? null : { fault: found, circleLength };
    };
    return { see };
  };
  return { anew, isLocal: false };
}

/**
 * How ways are judged for one discovery.
 *
 * @throws GranuleError USAGE where the model has no property of that name
 * @example
 * ```ts
 * const small = { name: 'small', kind: 'always', says: 'below 2', fault: (n: number) => (n < 2 ? null : `it is ${n}`) };
 * const model = { name: 'up', initial: () => [0], actions: () => [1], next: (n) => n + 1, fingerprint: (n) => n, keyOf: String,
 *   ownerOf: String, describe: String, properties: [small] };
 * judgingOf(model, { property: 'small', kind: 'always' }).anew().see(2, false, null); // { fault: 'it is 2' }
 * ```
 */
export function judgingOf<S, A>(model: Model<S, A>, found: Pick<Discovery, 'property' | 'kind'>): Judging<S> {
  if (found.kind === 'livelock') return livelock(model);
  const property = model.properties.find(({ name }) => name === found.property);
  if (property === undefined) {
    const names = model.properties.map(({ name }) => name).join(', ');
    throw new GranuleError('USAGE', `${model.name} has no property ${found.property}`, 'shrink', `It has ${names}.`);
  }
  if (found.kind === 'eventually') return eventually(model, property);
  if (found.kind === 'sometimes') return ofState((state) => (property.fault(state) === null ? property.says : null));
  if (found.kind === 'at-end') return ofState((state, isEnd) => (isEnd ? property.fault(state) : null));
  return ofState((state) => property.fault(state));
}
