/** The smallest way to what a search found: minimal, the same each time, and never another finding. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Discovery, Model, PropertyKind } from '../../../src/explore/model.ts';
import { classics, MENDED } from '../../../src/explore/classics/index.ts';
import { exploreAll } from '../../../src/explore/search/explore.ts';
import { followPath } from '../../../src/explore/search/ways.ts';
import { shortest } from '../../../src/explore/shrink/minimal.ts';
import { shrinkPath } from '../../../src/explore/shrink/shrinkPath.ts';
import { switchesIn } from '../../../src/explore/shrink/ways.ts';

const without =
  (isNeeded: (kept: readonly number[]) => boolean) => (list: readonly number[], at: number, count: number) => {
    const kept = list.filter((_, index) => index < at || index >= at + count);
    return isNeeded(kept) ? kept : null;
  };
const lengthOf = (list: readonly number[]): number => list.length;
const isPartOf = (part: readonly number[], whole: readonly number[]): boolean => {
  let at = 0;
  for (const each of whole) if (each === part[at]) at += 1;
  return at === part.length;
};

describe('the shortest list', () => {
  test('holds what is needed and nothing else, where what is needed does not depend on the rest', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(99), { minLength: 1 }), fc.array(fc.nat(99)), (list, picks) => {
        const needed = [...new Set(picks.map((pick) => list[pick % list.length] ?? 0))];
        const made = shortest(
          list,
          { lengthOf, without: without((kept) => needed.every((each) => kept.includes(each))) },
          { left: 1e5 },
        );
        expect(made.isMinimal).toBe(true);
        expect([...made.list].sort((a, b) => a - b)).toEqual(needed.sort((a, b) => a - b));
        expect(isPartOf(made.list, list)).toBe(true);
      }),
    );
  });

  test('lets no single item be left out, whatever the condition is', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 24 }), fc.nat(), (list, salt) => {
        // Any set of items may do, as a hash of it says; the whole list always does.
        const hash = (kept: readonly number[]) => kept.reduce((sum, each) => (sum * 31 + each + salt) % 1009, 7);
        const does = (kept: readonly number[]) => kept.length === list.length || hash(kept) % 3 === 0;
        const made = shortest(list, { lengthOf, without: without(does) }, { left: 1e5 });
        expect(made.isMinimal).toBe(true);
        expect(does(made.list)).toBe(true);
        for (let at = 0; at < made.list.length; at++) {
          expect(does(made.list.filter((_, index) => index !== at))).toBe(false);
        }
      }),
    );
  });

  test('says where its tries ended before it was minimal', () => {
    const made = shortest(
      [1, 2, 3, 4, 5, 6, 7, 8],
      { lengthOf, without: without((kept) => kept.includes(8)) },
      { left: 2 },
    );
    expect(made.isMinimal).toBe(false);
    expect(made.list).toContain(8);
  });
});

/** A graph of a few states: from each, a key leads to another state or nowhere. */
type Graph = readonly (readonly (number | null)[])[];

function graphModel(graph: Graph, bad: number, kind: PropertyKind = 'always'): Model<number, number> {
  return {
    name: 'graph',
    initial: () => [0],
    actions: (state) => graph[state]?.flatMap((next, key) => (next === null ? [] : [key])) ?? [],
    next: (state, key) => graph[state]?.[key] ?? null,
    fingerprint: (state) => state,
    keyOf: (key) => `k${key}`,
    ownerOf: (key) => `owner${key % 2}`,
    describe: (state, key) => `${state} by k${key}`,
    properties: [{ name: 'good', kind, says: 'it is good', fault: (state) => (state === bad ? 'it is bad' : null) }],
  };
}

const graphs = fc.integer({ min: 3, max: 14 }).chain((size) => {
  const row = fc.array(fc.option(fc.nat(size - 1), { freq: 4 }), { minLength: 3, maxLength: 3 });
  return fc.tuple(fc.array(row, { minLength: size, maxLength: size }), fc.integer({ min: 1, max: size - 1 }));
});

/** Some way to the bad state, with circles in it; null where there is none. */
function wander(graph: Graph, bad: number, picks: readonly number[]): string[] | null {
  let state = 0;
  const keys: string[] = [];
  for (const pick of picks) {
    if (state === bad) return keys;
    const possible = graph[state]?.flatMap((next, key) => (next === null ? [] : [[key, next] as const])) ?? [];
    const taken = possible[pick % Math.max(1, possible.length)];
    if (taken === undefined) return null;
    keys.push(`k${taken[0]}`);
    state = taken[1];
  }
  return state === bad ? keys : null;
}

/** Actions of the shortest way, by breadth. */
function distance(graph: Graph, bad: number): number {
  const depth = new Map([[0, 0]]);
  for (const [state, at] of depth) {
    for (const next of graph[state] ?? []) if (next !== null && !depth.has(next)) depth.set(next, at + 1);
  }
  return depth.get(bad) ?? Number.POSITIVE_INFINITY;
}

function ends(graph: Graph, keys: readonly string[]): number | null {
  return keys.reduce<number | null>((state, key) => {
    return state === null ? null : (graph[state]?.[Number(key.slice(1))] ?? null);
  }, 0);
}

const found = (keys: readonly string[], kind: Discovery['kind'] = 'always'): Discovery => {
  return { property: 'good', kind, path: { initial: 0, keys }, fault: 'it is bad' };
};

describe('a shrunk way', () => {
  test('fits key by key, ends in the same fault, and is as short as any where all states are near', () => {
    let shrunk = 0;
    fc.assert(
      fc.property(graphs, fc.array(fc.nat(5), { minLength: 30, maxLength: 60 }), ([graph, bad], picks) => {
        const keys = wander(graph, bad, picks);
        if (keys === null) return;
        const { discovery, isMinimal, after, before } = shrinkPath(graphModel(graph, bad), found(keys));
        expect(ends(graph, discovery.path.keys)).toBe(bad);
        expect(discovery.path.keys.length).toBe(distance(graph, bad));
        expect(isMinimal).toBe(true);
        expect([before.actions, after.actions]).toEqual([keys.length, discovery.path.keys.length]);
        if (after.actions < keys.length) shrunk += 1;
      }),
      { numRuns: 300 },
    );
    expect(shrunk).toBeGreaterThan(10);
  });

  test('is the same each time', () => {
    fc.assert(
      fc.property(graphs, fc.array(fc.nat(5), { minLength: 30, maxLength: 60 }), ([graph, bad], picks) => {
        const keys = wander(graph, bad, picks);
        if (keys === null) return;
        const [one, other] = [0, 1].map(() => shrinkPath(graphModel(graph, bad), found(keys)));
        expect(one).toEqual(other);
      }),
    );
  });

  test('of a property of ends goes to an end', () => {
    // 0 and 1 go round; from 1 it goes on to 2, which is an end, and bad.
    const graph = [
      [1, 0, null],
      [0, 2, null],
      [null, null, null],
    ];
    const { discovery } = shrinkPath(graphModel(graph, 2, 'at-end'), found(['k1', 'k0', 'k0', 'k0', 'k1'], 'at-end'));
    expect(discovery.path.keys).toEqual(['k0', 'k1']);
  });

  test('of a livelock keeps a circle, and says how long it is', () => {
    const graph = [
      [1, 0, 2],
      [2, 0, 0],
      [3, 1, 0],
      [3, 3, 3],
    ];
    const model = { ...graphModel(graph, 9), progress: () => 0 };
    const long = found(['k2', 'k1', 'k0', 'k2'], 'livelock');
    const { discovery } = shrinkPath(model, long);
    // Every key is possible in every state: a circle that leaves one out is not fair.
    expect(discovery.circleLength).toBe(3);
    expect(new Set(discovery.path.keys)).toEqual(new Set(['k0', 'k1', 'k2']));
  });

  test('of what has to come about at some time shows a way on which it never does', () => {
    const graph = [
      [1, 2, null],
      [3, null, null],
      [3, 0, null],
      [null, null, null],
    ];
    const never: Model<number, number> = {
      ...graphModel(graph, 9),
      properties: [
        { name: 'good', kind: 'eventually', says: 'it comes to 1', fault: (at) => (at === 1 ? null : 'not at 1') },
      ],
    };
    const { discovery } = shrinkPath(never, found(['k1', 'k1', 'k1', 'k0'], 'eventually'));
    // Round by 2 and 0 once, or straight to the end by 2: two actions either way.
    expect(discovery.path.keys).toHaveLength(2);
    expect(ends(graph, discovery.path.keys)).not.toBe(1);
  });

  test('refuses a way that does not show what is said of it', () => {
    const model = graphModel(
      [
        [1, null, null],
        [1, null, null],
      ],
      5,
    );
    expect(() => shrinkPath(model, found(['k0', 'k0']))).toThrow(/does not break good/);
  });
});

/** Two workers that each take three steps, and a watcher who sees whether both are at the same step. */
const workers: Model<readonly [number, number], 'a' | 'b'> = {
  name: 'workers',
  initial: () => [[0, 0]],
  actions: () => ['a', 'b'],
  next: ([a, b], who) => (who === 'a' ? [a + 1, b] : [a, b + 1]),
  fingerprint: ([a, b]) => a * 100 + b,
  keyOf: (who) => who,
  ownerOf: (who) => who,
  describe: (_, who) => `${who} works`,
  properties: [
    { name: 'apart', kind: 'always', says: 'not both at 3', fault: ([a, b]) => (a === 3 && b === 3 ? 'both' : null) },
  ],
};

test('a shrunk way changes owner no more often than it must', () => {
  const keys = ['a', 'b', 'a', 'b', 'a', 'b'];
  const { discovery, before, after } = shrinkPath(workers, { ...found(keys), property: 'apart' });
  expect(discovery.path.keys).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
  expect([before.switches, after.switches]).toEqual([5, 1]);
  expect(switchesIn(discovery.path.keys)).toBe(1);
});

test('keys that do not fit are left out, and a channel goes on with what it has', () => {
  // Of the channel only the number after the last taken one can be delivered: whoever leaves one out finds the next numbers wrong.
  const channel: Model<readonly [number, boolean], string> = {
    name: 'channel',
    initial: () => [[0, false]],
    actions: ([count, opened]) => [`a>b#${count}`, ...(opened ? [] : ['open'])],
    next: ([count, opened], key) => (key === 'open' ? [count, true] : [opened ? count + 1 : 0, opened]),
    fingerprint: ([count, opened]) => count * 2 + Number(opened),
    keyOf: (key) => key,
    ownerOf: (key) => key,
    describe: (_, key) => key,
    properties: [{ name: 'good', kind: 'always', says: 'below 3', fault: ([count]) => (count < 3 ? null : 'it is 3') }],
  };
  const { discovery } = shrinkPath(channel, found(['a>b#0', 'a>b#0', 'open', 'a>b#0', 'a>b#1', 'a>b#2']));
  expect(discovery.path.keys).toEqual(['open', 'a>b#0', 'a>b#1', 'a>b#2']);
});

test('a state behind which nobody looks is the end of a way, and may be what was found', () => {
  const model: Model<number, number> = {
    ...graphModel(
      [
        [1, 0, null],
        [2, 1, null],
        [0, 1, 2],
      ],
      2,
    ),
    isWithin: (state) => state !== 2,
  };
  const { discovery } = shrinkPath(model, found(['k1', 'k0', 'k1', 'k0']));
  expect(discovery.path.keys).toEqual(['k0', 'k0']);
});

describe('what is found in the classics', () => {
  const broken = Object.values(classics).filter(({ name }) => !name.endsWith(MENDED));

  test.each(broken.map((model) => [model.name, model] as const))('%s is shrunk to a way that shows it', (_, model) => {
    // Walks find long ways.
    const walks = exploreAll(model, { strategy: 'random', seed: 3, walks: 400, maxDepth: 200 }).discoveries;
    const nearest = exploreAll(model).discoveries.filter(({ kind }) => kind !== 'sometimes');
    expect(nearest.length).toBeGreaterThan(0);
    for (const discovery of [...nearest, ...walks.filter(({ kind }) => kind !== 'sometimes')]) {
      const { discovery: shrunk, isMinimal, after, states } = shrinkPath(model, discovery);
      expect(shrunk).toMatchObject({ property: discovery.property, kind: discovery.kind });
      expect(after.actions).toBeLessThanOrEqual(discovery.path.keys.length);
      expect(isMinimal).toBe(true);
      const followed = followPath(model, shrunk.path);
      expect(model.fingerprint(followed.end)).toBe(model.fingerprint(states.at(-1) ?? followed.initial));
      if (discovery.kind !== 'always') continue;
      const near = nearest.find(({ property }) => property === discovery.property);
      expect(after.actions).toBe(near?.path.keys.length);
    }
  });
});
