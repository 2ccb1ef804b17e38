/** What a search promises whatever it searches: budgets, going on, ways that can be followed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { classic, classics } from '../../src/explore/classics/index.ts';
import type { Property } from '../../src/explore/model.ts';
import { explore, exploreAll, resumeSearch, runExploration, stepsOf } from '../../src/explore/search/explore.ts';
import { packSearch, unpackSearch } from '../../src/explore/search/packed.node.ts';
import { STRATEGIES } from '../../src/explore/search/types.ts';
import { VisitedTable } from '../../src/explore/search/visited.ts';
import { followPath } from '../../src/explore/search/ways.ts';
import { at3, graphModel } from './support/graphModel.ts';
import { twoPhaseCommit } from './support/published.ts';

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof GranuleError ? error.code : String(error);
  }
  return 'none';
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

  it('goes through a file, and a damaged one is refused', () => {
    const model = classic('aba');
    const search = explore(model, { strategy: 'depth-first' });
    search.advance(40);
    const bytes = packSearch(search.save());
    expect(runExploration(resumeSearch(model, unpackSearch(bytes)))).toEqual(runExploration(search));
    for (const wrong of [bytes.subarray(0, bytes.length / 2), bytes.subarray(1), new Uint8Array(0)]) {
      expect(codeOf(() => unpackSearch(wrong))).toBe('EXPLORE_SAVED_UNFIT');
    }
    expect(codeOf(() => unpackSearch(packSearch({ ...search.save(), version: 0 })))).toBe('EXPLORE_SAVED_UNFIT');
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
