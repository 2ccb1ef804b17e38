/** The properties that a search still looks at, and what it has found of them. */
import { GranuleError } from '../../errors.ts';
import type { Discovery, Property } from '../model.ts';
import { EVENTUALLY_MAX } from './limits.ts';
import { isFault, type WayTo } from './types.ts';

/** The name of a discovery of a circle without progress, which is no property of the model's own. */
export const LIVELOCK = 'livelock';

/**
 * Looks at states for a search. Each property is found at most once: from then on it is no longer looked at.
 *
 * @example
 * ```ts
 * const watch = new Watch<number>([{ name: 'small', kind: 'always', says: 'it is below 2', fault: (n) => (n < 2 ? null : 'it is not') }]);
 * watch.look(1, () => ({ initial: 0, keys: ['up'] }));
 * watch.look(2, () => ({ initial: 0, keys: ['up', 'up'] }));
 * watch.discoveries.map((found) => found.path.keys.length); // [2]
 * ```
 */
export class Watch<S> {
  readonly discoveries: Discovery[];
  /** Those `eventually`, whether found or not: the bit of one is its place here. */
  readonly eventually: readonly Property<S>[];
  readonly #sometimes: readonly string[];
  #always: readonly Property<S>[];
  #never: readonly Property<S>[];
  #atEnd: readonly Property<S>[];
  #hasFault: boolean;

  /** @throws GranuleError EXPLORE_LIMIT */
  constructor(properties: readonly Property<S>[], found: readonly Discovery[] = []) {
    const names = new Set(found.map((discovery) => discovery.property));
    const open = (kind: Property<S>['kind']): Property<S>[] =>
      properties.filter((property) => property.kind === kind && !names.has(property.name));
    this.discoveries = [...found];
    this.#always = open('always');
    this.#never = open('sometimes');
    this.#atEnd = open('at-end');
    this.#hasFault = found.some(isFault);
    this.#sometimes = properties.filter(({ kind }) => kind === 'sometimes').map(({ name }) => name);
    this.eventually = properties.filter(({ kind }) => kind === 'eventually');
    if (this.eventually.length > EVENTUALLY_MAX) {
      throw new GranuleError('EXPLORE_LIMIT', `there are more than ${EVENTUALLY_MAX} properties "eventually"`);
    }
  }

  get hasFault(): boolean {
    return this.#hasFault;
  }

  /** Names of those `sometimes` that were never so. */
  get unmet(): readonly string[] {
    return this.#sometimes.filter((name) => !this.isFound(name));
  }

  isFound(name: string): boolean {
    return this.discoveries.some((discovery) => discovery.property === name);
  }

  /** Looks at a state that was not seen before. */
  look(state: S, way: WayTo): void {
    for (const property of this.#always) {
      const fault = property.fault(state);
      if (fault === null) continue;
      this.#always = this.#always.filter((other) => other !== property);
      this.found({ property: property.name, kind: 'always', path: way(), fault });
    }
    for (const property of this.#never) {
      if (property.fault(state) !== null) continue;
      this.#never = this.#never.filter((other) => other !== property);
      this.found({ property: property.name, kind: 'sometimes', path: way(), fault: '' });
    }
  }

  /** Looks at a state in which nothing more can happen. */
  lookAtEnd(state: S, way: WayTo): void {
    for (const property of this.#atEnd) {
      const fault = property.fault(state);
      if (fault === null) continue;
      this.#atEnd = this.#atEnd.filter((other) => other !== property);
      this.found({ property: property.name, kind: 'at-end', path: way(), fault });
    }
  }

  /** A bit for each property `eventually` that holds in a state. */
  heldIn(state: S): number {
    let held = 0;
    for (const [bit, property] of this.eventually.entries()) {
      if (property.fault(state) === null) held |= 1 << bit;
    }
    return held;
  }

  /** At the end of a way: those `eventually` that held in none of its states are found. */
  lookAtWay(end: S, held: number, way: WayTo): void {
    for (const [bit, property] of this.eventually.entries()) {
      if ((held & (1 << bit)) !== 0 || this.isFound(property.name)) continue;
      const fault = property.fault(end);
      if (fault !== null) this.found({ property: property.name, kind: 'eventually', path: way(), fault });
    }
  }

  found(discovery: Discovery): void {
    if (this.isFound(discovery.property)) return;
    this.discoveries.push(discovery);
    if (isFault(discovery)) this.#hasFault = true;
  }
}
