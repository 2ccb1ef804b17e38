/** What a search promises whatever it searches: budgets, going on, ways that can be followed, circles. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { classic, classics } from '../../src/explore/classics/index.ts';
import type { Model, Property } from '../../src/explore/model.ts';
import { explore, exploreAll, resumeSearch, runExploration, stepsOf } from '../../src/explore/search/explore.ts';
import { STRATEGIES } from '../../src/explore/search/types.ts';
import { VisitedTable } from '../../src/explore/search/visited.ts';
import { followPath } from '../../src/explore/search/ways.ts';
import { twoPhaseCommit } from './support/published.ts';

/** A graph as a model: from each state, where each of its actions leads; the owner of an action is its first letter. */
interface Graph {
  readonly edges: Readonly<Record<number, readonly (readonly [key: string, target: number | null])[]>>;
  readonly properties?: readonly Property<number>[];
  readonly progress?: (state: number) => number;
}

function graphModel({ edges, properties = [], progress }: Graph): Model<number, readonly [string, number | null]> {
  return {
    name: 'graph',
    initial: () => [0],
    actions: (state) => edges[state] ?? [],
    next: (_state, [, target]) => target,
    fingerprint: (state) => state,
    keyOf: ([key]) => key,
    ownerOf: ([key]) => key.slice(0, 1),
    describe: (state, [key]) => `${key} in ${state}`,
    properties,
    ...(progress === undefined ? {} : { progress }),
  };
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof GranuleError ? error.code : String(error);
  }
  return 'none';
};

const at3: Property<number> = {
  name: 'comes-to-3',
  kind: 'eventually',
  says: 'it comes to 3',
  fault: (state) => (state === 3 ? null : `it is ${state}`),
};

describe('a budget', () => {
  it.each(STRATEGIES)('of states and of transitions ends a %s search, which says so', (strategy) => {
    const few = exploreAll(twoPhaseCommit(3), { strategy, maxStates: 20, maxDepth: 30 });
    expect(few).toMatchObject({ complete: false, stoppedBy: 'states' });
    expect(few.states).toBeLessThan(40);
    const short = exploreAll(twoPhaseCommit(3), { strategy, maxTransitions: 20, maxDepth: 30 });
    expect(short).toMatchObject({ complete: false, stoppedBy: 'transitions' });
    expect(short.transitions).toBeLessThan(40);
  });

  it('of depth leaves what lies deeper, and the search says so', () => {
    const result = exploreAll(twoPhaseCommit(3), { maxDepth: 4 });
    expect(result).toMatchObject({ complete: false, stoppedBy: 'depth', maxDepth: 4 });
  });

  it('of the caller is a search that is not gone on with', () => {
    const search = explore(twoPhaseCommit(5));
    let looks = 0;
    const result = runExploration(search, { every: 100, shouldStop: () => ++looks === 3 });
    expect(result).toMatchObject({ complete: false, stoppedBy: 'caller' });
    expect(result.transitions).toBeLessThan(400);
  });

  it('that cannot be held is refused', () => {
    expect(codeOf(() => explore(twoPhaseCommit(3), { maxStates: 2 ** 30 }))).toBe('EXPLORE_LIMIT');
    expect(codeOf(() => explore(twoPhaseCommit(3), { seed: -1 }))).toBe('USAGE');
    expect(codeOf(() => explore(twoPhaseCommit(3), { properties: ['none'] }))).toBe('EXPLORE_PROPERTY_UNKNOWN');
  });
});

describe('a search laid aside', () => {
  it.each(STRATEGIES)('goes on to the same end: %s', (strategy) => {
    for (const name of ['wait-once', 'polite-processes', 'store-buffering']) {
      const model = classic(name);
      const options = { strategy, walks: 40, maxDepth: 60, seed: 3 };
      const whole = exploreAll(model, options);
      for (const first of [1, 17, 60, 100_000]) {
        const search = explore(model, options);
        search.advance(first);
        const saved = structuredClone(search.save());
        expect(runExploration(resumeSearch(model, saved)), `${name} after ${first}`).toEqual(whole);
      }
    }
  });

  it('may be given another budget', () => {
    const search = explore(twoPhaseCommit(3), { maxStates: 50 });
    runExploration(search);
    expect(runExploration(resumeSearch(twoPhaseCommit(3), search.save(), { maxStates: 1000 })).states).toBe(288);
  });

  it('is not gone on with on another model', () => {
    const saved = explore(classic('aba')).save();
    expect(codeOf(() => resumeSearch(classic('lock-order'), saved))).toBe('EXPLORE_SAVED_UNFIT');
    expect(codeOf(() => resumeSearch(classic('aba'), { ...saved, version: 0 }))).toBe('EXPLORE_SAVED_UNFIT');
  });
});

describe('a way', () => {
  it('that does not fit says what was possible where it stands', () => {
    expect(() => followPath(classic('lost-update'), { initial: 0, keys: ['a#0', 'a#0'] })).toThrow(
      'lost-update: action 2 of 2, a#0, cannot be taken',
    );
    expect(codeOf(() => followPath(classic('lost-update'), { initial: 1, keys: [] }))).toBe('EXPLORE_PATH_LOST');
  });

  it('is refused where the model does not do the same twice', () => {
    let calls = 0;
    const wrong = graphModel({ edges: { 0: [['a', 1]] } });
    const model = { ...wrong, next: () => ++calls, properties: [{ ...at3, kind: 'always' as const }] };
    expect(codeOf(() => exploreAll({ ...model, fingerprint: (state: number) => state + (calls > 1 ? 7 : 0) }))).toBe(
      'none',
    );
    const never = { ...model.properties[0], fault: (state: number) => (state === 1 ? 'it is 1' : null) } as const;
    calls = 0;
    expect(codeOf(() => exploreAll({ ...model, properties: [{ ...at3, ...never, kind: 'always' }] }))).toBe(
      'EXPLORE_PATH_LOST',
    );
  });
});

describe('an action that changes nothing', () => {
  it('is no transition, and where there is no other, it is an end', () => {
    const still: Property<number> = { ...at3, name: 'ends-at-3', kind: 'at-end' };
    const model = graphModel({
      edges: {
        0: [
          ['a', null],
          ['b', 1],
        ],
        1: [['a', null]],
      },
      properties: [still],
    });
    for (const strategy of STRATEGIES) {
      const result = exploreAll(model, { strategy, walks: 1 });
      expect(result.discoveries, strategy).toMatchObject([{ property: 'ends-at-3', path: { keys: ['b'] } }]);
      expect(result, strategy).toMatchObject({ transitions: 1, states: 2, ends: 1 });
    }
  });
});

describe('a state outside', () => {
  it('is looked at, and nothing is looked for behind it', () => {
    const model = {
      ...graphModel({ edges: { 0: [['a', 1]], 1: [['a', 2]] } }),
      isWithin: (state: number) => state < 1,
    };
    for (const strategy of STRATEGIES) {
      expect(exploreAll(model, { strategy, walks: 1 }), strategy).toMatchObject({ states: 2, ends: 0 });
    }
  });
});

describe('a property "eventually"', () => {
  const judge = (edges: Graph['edges'], strategy: 'breadth-first' | 'depth-first' = 'breadth-first') =>
    exploreAll(graphModel({ edges, properties: [at3] }), { strategy }).discoveries;

  it.each(['breadth-first', 'depth-first'] as const)('does not hold where a way ends without it: %s', (strategy) => {
    const edges = {
      0: [
        ['a', 1],
        ['b', 3],
      ],
      3: [['a', 1]],
    } as const;
    expect(judge(edges, strategy)).toMatchObject([{ path: { keys: ['a'] }, fault: 'it is 1' }]);
  });

  it('holds where it held on the way, also if another way joins later', () => {
    expect(judge({ 0: [['a', 3]], 3: [['a', 1]] })).toEqual([]);
  });

  it('does not hold where a fair way goes in a circle without it', () => {
    const [found] = judge({ 0: [['a', 1]], 1: [['a', 0]] });
    expect(found).toMatchObject({ kind: 'eventually', circleLength: 2 });
  });

  it('is not held up by a circle that leaves out for ever what is possible all along', () => {
    expect(
      judge({
        0: [
          ['a', 0],
          ['b', 3],
        ],
      }),
    ).toEqual([]);
    expect(
      judge({
        0: [
          ['a', 1],
          ['b', 3],
        ],
        1: [['a', 0]],
      }),
    ).toHaveLength(1);
  });

  it('is judged by walks at their ends', () => {
    const model = graphModel({
      edges: {
        0: [
          ['a', 1],
          ['b', 3],
        ],
        3: [['a', 1]],
      },
      properties: [at3],
    });
    expect(exploreAll(model, { strategy: 'random', walks: 20 }).discoveries).toMatchObject([{ path: { keys: ['a'] } }]);
  });

  it('is named as not judged by a reduced search', () => {
    const result = exploreAll(graphModel({ edges: {}, properties: [at3] }), { strategy: 'reduced' });
    expect(result).toMatchObject({ discoveries: [], unjudged: ['comes-to-3'] });
  });
});

describe('a livelock', () => {
  const circle = { 0: [['a', 1]], 1: [['b', 2]], 2: [['a', 1]] } as const;

  it('is a circle in which progress stays the same', () => {
    const [found] = exploreAll(graphModel({ edges: circle, progress: () => 0 })).discoveries;
    expect(found).toMatchObject({ kind: 'livelock', circleLength: 2, path: { keys: ['a', 'b', 'a'] } });
  });

  it('is none where progress rises and falls in it, or where nobody says what progress is', () => {
    expect(exploreAll(graphModel({ edges: circle, progress: (state) => state })).discoveries).toEqual([]);
    expect(exploreAll(graphModel({ edges: circle })).discoveries).toEqual([]);
  });

  it('is none where one only waits for another who can act', () => {
    const edges = {
      0: [
        ['a', 0],
        ['b', 1],
      ],
      1: [],
    } as const;
    expect(exploreAll(graphModel({ edges, progress: () => 0 })).discoveries).toEqual([]);
  });

  it('goes through a circle that is fair, though not every one of its parts is', () => {
    const edges = {
      0: [
        ['a', 1],
        ['b', 2],
      ],
      1: [
        ['a', 0],
        ['b', 2],
      ],
      2: [
        ['a', 0],
        ['b', 0],
      ],
    } as const;
    const [found] = exploreAll(graphModel({ edges, progress: () => 0 })).discoveries;
    const keys = found?.path.keys ?? [];
    expect(new Set(keys.slice(keys.length - (found?.circleLength ?? 0)))).toEqual(new Set(['a', 'b']));
  });
});

describe('progress', () => {
  it('rises to all that there is, and the share of a depth-first search to one', () => {
    const shares: number[] = [];
    const search = explore(twoPhaseCommit(3), { strategy: 'depth-first' });
    let states = 0;
    for (const progress of stepsOf(search, 50)) {
      expect(progress.states).toBeGreaterThanOrEqual(states);
      ({ states } = progress);
      shares.push(progress.estimate.doneShare ?? -1);
    }
    expect([...shares].sort((left, right) => left - right)).toEqual(shares);
    expect(search.progress().estimate.doneShare).toBe(1);
    expect(search.progress().frontier).toBe(0);
  });

  it('of walks is how many were made', () => {
    const search = explore(classic('aba'), { strategy: 'random', walks: 10 });
    runExploration(search);
    expect(search.progress()).toMatchObject({ frontier: 0, estimate: { kind: 'walks', doneShare: 1 } });
  });

  it('of breadth-first search says a share once levels shrink', () => {
    const kinds = new Set([...stepsOf(explore(twoPhaseCommit(5)), 500)].map(({ estimate }) => estimate.kind));
    expect(kinds).toEqual(new Set(['unknown', 'frontier-trend']));
  });
});

describe('walks', () => {
  it('of one seed are the same each time, and shares of them together are the whole', () => {
    const options = { strategy: 'pct' as const, walks: 60, seed: 9, maxDepth: 80 };
    const whole = exploreAll(classic('store-buffering'), options);
    expect(exploreAll(classic('store-buffering'), options)).toEqual(whole);
    const parts = [0, 20, 40].map((firstWalk) =>
      exploreAll(classic('store-buffering'), { ...options, firstWalk, walks: 20 }),
    );
    expect(parts.reduce((sum, part) => sum + part.transitions, 0)).toBe(whole.transitions);
  });

  it('cover each owner, and the coverage adds up', () => {
    for (const model of Object.values(classics)) {
      const { coverage, transitions } = exploreAll(model, { strategy: 'random', walks: 50, maxDepth: 100 });
      expect(coverage.reduce((sum, owner) => sum + owner.transitions, 0)).toBe(transitions);
    }
  });
});

describe('the table of states', () => {
  it('gives each fingerprint one id, in the order in which they come', () => {
    const fingerprints = fc.array(fc.oneof(fc.nat(50), fc.maxSafeNat()), { maxLength: 3000 });
    fc.assert(
      fc.property(fingerprints, (list) => {
        const table = new VisitedTable();
        const ids = new Map<number, number>();
        for (const fingerprint of list) {
          const id = table.add(fingerprint, ids.size - 1, 3);
          const known = ids.get(fingerprint);
          expect(id).toBe(known === undefined ? ids.size : -1 - known);
          if (known === undefined) ids.set(fingerprint, ids.size);
        }
        expect(table.size).toBe(ids.size);
        for (const [fingerprint, id] of ids) expect(VisitedTable.of(table.columns()).idOf(fingerprint)).toBe(id);
        expect(table.idOf(2 ** 52 + 1)).toBe(ids.get(2 ** 52 + 1) ?? -1);
      }),
      { numRuns: 20 },
    );
  });

  it('refuses what is no fingerprint', () => {
    expect(codeOf(() => new VisitedTable().add(0.5, -1, 0))).toBe('INVARIANT');
  });
});
