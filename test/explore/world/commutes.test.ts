/** Deliveries to different actors are independent: either order leads to one state. And a state says what it is, not how it came about. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bareModel, type Case, named, sharing, walk, written } from './support.ts';

/** Cases, and how long the ways through them are. */
const cases: Readonly<Record<string, [() => Case, number]>> = {
  'two processes on one file': [() => named('two-processes.json'), 180],
  'processes that fork, drop and unmap': [() => written(sharing), 400],
  'threads that fall back': [() => named('live-fallback-two-cpus'), 2500],
};

describe.each(Object.entries(cases))('%s', (_name, [make, mostSteps]) => {
  test('two deliveries to two actors give one state in either order, and leave each other possible', () => {
    const model = bareModel(make());
    let pairs = 0;
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), fc.integer({ min: 1, max: mostSteps }), (seed, steps) => {
        const world = walk(model, seed, steps).worlds.at(-1);
        if (world === undefined) return;
        const actions = model.actions(world);
        for (const one of actions) {
          for (const other of actions) {
            if (model.ownerOf(one) === model.ownerOf(other)) continue;
            const afterOne = model.next(world, one);
            const afterOther = model.next(world, other);
            expect(model.actions(afterOne)).toContain(other);
            const both = model.next(afterOne, other);
            const swapped = model.next(afterOther, one);
            expect(both.fingerprint).toBe(swapped.fingerprint);
            expect(model.actions(both).map(model.keyOf)).toEqual(model.actions(swapped).map(model.keyOf));
            pairs++;
          }
        }
      }),
      { numRuns: 60 },
    );
    expect(pairs).toBeGreaterThan(20);
  });

  test('a fingerprint kept up from step to step is that of a model which never saw the way', () => {
    const of = make();
    const fresh = bareModel(of);
    const { keys, worlds } = walk(bareModel(of), 5, 300);
    let [world] = fresh.initial();
    for (const [step, key] of keys.entries()) {
      const action = fresh.actions(world).find((each) => fresh.keyOf(each) === key);
      if (action === undefined) throw new Error(`${key} is not possible at step ${step}`);
      world = fresh.next(world, action);
      expect(world.fingerprint).toBe(worlds[step + 1].fingerprint);
    }
  });
});

test('a model has as many states as there are fingerprints, whatever order they are met in', () => {
  const of = named('two-processes.json');
  const counts = [1, 2].map(() => {
    const model = bareModel(of);
    const seen = new Set<number>();
    let level = [...model.initial()];
    for (let depth = 0; depth < 40; depth++) {
      const next = level.flatMap((world) => model.actions(world).map((action) => model.next(world, action)));
      level = next.filter(({ fingerprint }) => !seen.has(fingerprint) && seen.add(fingerprint).size > 0);
    }
    return seen.size;
  });
  expect(counts[0]).toBe(counts[1]);
  expect(counts[0]).toBeGreaterThan(1000);
});
