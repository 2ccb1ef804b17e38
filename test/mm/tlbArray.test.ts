import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAY_FETCH, MAY_READ, MAY_WRITE, TlbArray } from '../../src/mm/tlbArray.ts';

interface Held {
  key: number;
  frame: number;
  rights: number;
}

/** The sets as lists, the most recently used first. */
class NaiveArray {
  readonly #ways: number;
  readonly sets: Held[][];

  constructor(sets: number, ways: number) {
    this.#ways = ways;
    this.sets = Array.from({ length: sets }, () => []);
  }

  #of(set: number): Held[] {
    return this.sets[set] ?? [];
  }

  find(key: number, set: number): Held | null {
    const held = this.#of(set).find((each) => each.key === key) ?? null;
    if (held !== null) this.sets[set] = [held, ...this.#of(set).filter((each) => each !== held)];
    return held;
  }

  insert(held: Held, set: number): void {
    this.sets[set] = [held, ...this.#of(set)].slice(0, this.#ways);
  }

  update({ key, frame, rights }: Held, set: number): boolean {
    const held = this.#of(set).find((each) => each.key === key);
    if (held !== undefined) Object.assign(held, { frame, rights });
    return held !== undefined;
  }

  removeAll(matches: (key: number) => boolean): number {
    const before = this.count;
    for (const [set, held] of this.sets.entries()) this.sets[set] = held.filter(({ key }) => !matches(key));
    return before - this.count;
  }

  get count(): number {
    return this.sets.reduce((sum, held) => sum + held.length, 0);
  }

  toPlain(): [number, number[]][] {
    return this.sets
      .map((held, set): [number, number[]] => [set, held.flatMap(({ key, frame, rights }) => [key, frame, rights])])
      .filter(([, triples]) => triples.length > 0);
  }
}

/** Sets by a mask and by a remainder, and fully associative ones with and without an index. */
const shapeArb = fc.constantFrom([8, 2], [12, 4], [4, 4], [10, 10], [24, 24], [48, 48]) as fc.Arbitrary<
  [number, number]
>;

const pageArb = fc.oneof(
  fc.nat(15),
  // Pages at wide distances: their hashes meet, and their numbers reach beyond 32 bits.
  fc.nat(30).map((at) => at * 2 ** 20),
  fc.nat(15).map((at) => 2 ** 36 + at),
);
const stepArb = fc.record({
  what: fc.constantFrom('find', 'find', 'put', 'put', 'put', 'update', 'remove', 'removeSome', 'copy'),
  page: pageArb,
  frame: fc.nat(5),
  rights: fc.constantFrom(MAY_READ, MAY_READ | MAY_WRITE, MAY_FETCH),
});
type Step = typeof stepArb extends fc.Arbitrary<infer S> ? S : never;

/** Does a step to both; gives what both answered. */
function both(array: TlbArray, naive: NaiveArray, { what, page, frame, rights }: Step): [unknown, unknown] {
  const key = page + 1;
  const set = array.setOf(page);
  switch (what) {
    case 'find': {
      const entry = array.find(key, set);
      const held = naive.find(key, set);
      return [
        entry < 0 ? null : { key, frame: array.frame(entry), rights: array.rights(entry) },
        held === null ? null : { ...held },
      ];
    }
    case 'put':
      if (array.has(key, set)) return both(array, naive, { what: 'update', page, frame, rights });
      array.insert(key, set, frame, rights);
      naive.insert({ key, frame, rights }, set);
      return [true, true];
    case 'update':
      return [array.update(key, set, frame, rights), naive.update({ key, frame, rights }, set)];
    case 'remove':
      return [array.remove(key, set), naive.removeAll((each) => each === key) === 1];
    default: {
      const isGone = (each: number): boolean => each % 5 === page % 5;
      return [array.removeAll(isGone), naive.removeAll(isGone)];
    }
  }
}

it('an array answers and replaces as lists do whose last goes first', () => {
  fc.assert(
    fc.property(shapeArb, fc.array(stepArb, { maxLength: 150 }), ([entries, ways], steps) => {
      let array = new TlbArray(entries, ways);
      const naive = new NaiveArray(entries / ways, ways);
      for (const step of steps) {
        if (step.what === 'copy') {
          const copy = new TlbArray(entries, ways);
          copy.copyFrom(array);
          array = copy;
        } else {
          const [answered, expected] = both(array, naive, step);
          expect(answered).toEqual(expected);
        }
        expect(array.count).toBe(naive.count);
      }
      expect(array.toPlain()).toEqual({ entries, ways, sets: naive.toPlain() });
      const again = new TlbArray(entries, ways);
      again.fill(array.toPlain());
      expect(again.toPlain()).toEqual(array.toPlain());
    }),
    { numRuns: 300 },
  );
});
