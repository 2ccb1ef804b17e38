/** A reduced search finds what a full one finds, on whatever is small enough to be searched in full. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classics } from '../../src/explore/classics/index.ts';
import type { Model, Property } from '../../src/explore/model.ts';
import { exploreAll } from '../../src/explore/search/explore.ts';
import type { ExplorationResult, Strategy } from '../../src/explore/search/types.ts';
import { published } from './support/published.ts';
import { actorModel, actorSystems, type ActorState, forbidden, propertyOf } from './support/randomActors.ts';

/** Larger random systems are left aside: there are enough of the small ones. */
const STATES_MAX = 4000;
const SYSTEMS = 2000;

/** What a search found: the properties, and the fingerprints of all ends. */
interface Seen {
  readonly result: ExplorationResult;
  readonly found: readonly string[];
  readonly ends: readonly number[];
}

function search<S, A>(model: Model<S, A>, strategy: Strategy, maxStates?: number): Seen {
  const ends = new Set<number>();
  const collect: Property<S> = {
    name: 'collect',
    kind: 'at-end',
    says: 'notes the ends',
    fault: (state) => {
      ends.add(model.fingerprint(state));
      return null;
    },
  };
  const watched = { ...model, properties: [...model.properties, collect] };
  const options = { strategy, livelocks: false, ...(maxStates === undefined ? {} : { maxStates }) };
  const result = exploreAll(watched, options);
  const found = result.discoveries.map(({ property, kind }) => `${kind} ${property}`).sort();
  return { result, found, ends: [...ends].sort((left, right) => left - right) };
}

function expectAlike(full: Seen, reduced: Seen): void {
  expect(reduced.result.complete).toBe(true);
  expect(reduced.found).toEqual(full.found);
  expect(reduced.ends).toEqual(full.ends);
  expect(reduced.result.unmet).toEqual(full.result.unmet);
  expect(reduced.result.states).toBeLessThanOrEqual(full.result.states);
}

describe('a reduced search', () => {
  it('of random systems of actors breaks the same properties, meets the same, and comes to the same ends', () => {
    let full = 0;
    let reduced = 0;
    let compared = 0;
    const holds = fc.property(actorSystems, fc.array(forbidden, { maxLength: 2 }), (system, list) => {
      const model = actorModel(system, list.map(propertyOf));
      const all = search(model, 'breadth-first', STATES_MAX);
      if (!all.result.complete) return;
      const few = search(model, 'reduced');
      expectAlike(all, few);
      compared += 1;
      full += all.result.transitions;
      reduced += few.result.transitions;
    });
    fc.assert(holds, { numRuns: SYSTEMS });
    expect(compared).toBeGreaterThan(SYSTEMS * 0.9);
    expect(reduced).toBeLessThan(full * 0.8);
  });

  it.each(Object.entries(classics))('of the classic %s finds the same', (_name, model) => {
    expectAlike(search(model, 'breadth-first'), search(model, 'reduced'));
  });

  it.each(published)('of the published $name finds the same', ({ model }) => {
    expectAlike(search(model, 'breadth-first'), search(model, 'reduced'));
  });

  it('takes what one property reads together for dependent, and nothing else', () => {
    const system = {
      actors: 2,
      states: 2,
      types: 1,
      reactions: [0, 1].map(() => [{ next: 1, sends: [] }, null, null, null]),
      first: [0, 1].map((to) => ({ to, type: 0 })),
      generations: 1,
      ordered: true,
    };
    const both = (reads: (owner: string) => boolean): Property<ActorState> => ({
      name: 'together',
      kind: 'always',
      says: 'the first is never behind',
      reads,
      fault: ({ locals: [first = 0, second = 0] }) => (second > first ? 'the first is behind' : null),
    });
    const readsBoth = search(actorModel(system, [both(() => true)]), 'reduced');
    expect(readsBoth.found).toEqual(['always together']);
    expect(readsBoth.result.states).toBe(4);
    const readsNone = search(actorModel(system, []), 'reduced');
    expect(readsNone.result).toMatchObject({ states: 3, transitions: 2 });
    expect(readsNone.ends).toEqual(readsBoth.ends);
  });

  it('begins anew when two classes of owners turn out to be one', () => {
    const one = { kind: 'always' as const, actors: [0, 2], values: [1, 1] };
    const other = { kind: 'always' as const, actors: [1, 2], values: [1, 1] };
    const system = {
      actors: 3,
      states: 2,
      types: 1,
      // The third is heard of only once the first has sent to it.
      reactions: [
        [{ next: 1, sends: [{ to: 2, type: 0 }] }, null, null, null],
        [{ next: 1, sends: [] }, null, null, null],
        [{ next: 1, sends: [] }, null, null, null],
      ],
      first: [0, 1].map((to) => ({ to, type: 0 })),
      generations: 2,
      ordered: true,
    };
    const model = actorModel(system, [one, other].map(propertyOf));
    const reduced = search(model, 'reduced');
    expect(reduced.found).toEqual(['always property-0', 'always property-1']);
    expectAlike(search(model, 'breadth-first'), reduced);
  });
});
