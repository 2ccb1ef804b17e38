/** The classics: what is known to be wrong with each is found by every strategy, and nothing in the mended twins. */
import { describe, expect, it } from 'vitest';
import { classic, classics, MENDED } from '../../src/explore/classics/index.ts';
import { explore, exploreAll, runExploration } from '../../src/explore/search/explore.ts';
import { followPath } from '../../src/explore/search/ways.ts';
import { swarm, swarmOf } from '../../src/explore/search/swarm.ts';
import { isFault } from '../../src/explore/search/types.ts';
import { PREEMPTIONS, STEPS, WALKS } from './support/classicFacts.ts';

const broken = Object.keys(classics).filter((name) => !name.endsWith(MENDED));
/** What is wrong with each, by the name of the property. */
const WRONG: Readonly<Record<string, string>> = {
  aba: 'one-place',
  'dirty-lost': 'nothing-lost',
  'double-checked-init': 'used-when-ready',
  'double-free': 'freed-once',
  'list-without-grace': 'not-after-free',
  'lock-order': 'all-end',
  'lost-update': 'nothing-lost',
  'missed-wake-up': 'all-end',
  'peterson-order': 'one-inside',
  'polite-processes': 'livelock',
  'refcount-from-zero': 'not-after-free',
  'shootdown-without-ack': 'no-stale-write',
  'store-buffering': 'one-sees',
  'test-then-set': 'one-inside',
  'torn-read': 'whole',
  'wait-once': 'no-debt',
};

const EXHAUSTIVE = ['breadth-first', 'depth-first', 'reduced'] as const;
const WALKING = ['random', 'pct'] as const;

/** The properties found, having followed each way found to a state in which the property does not hold. */
function found(name: string, options: Parameters<typeof explore>[1]): string[] {
  const model = classic(name);
  const result = runExploration(explore(model, options));
  for (const discovery of result.discoveries) {
    const { end } = followPath(model, discovery.path);
    const property = model.properties.find((candidate) => candidate.name === discovery.property);
    if (property !== undefined) expect(property.fault(end), discovery.property).toBe(discovery.fault);
  }
  return result.discoveries.map((discovery) => discovery.property);
}

describe('the classics', () => {
  it('are sixteen, each with a mended twin and one known fault', () => {
    expect(broken.sort()).toEqual(Object.keys(WRONG).sort());
    expect(Object.keys(classics)).toHaveLength(2 * broken.length);
  });

  for (const strategy of EXHAUSTIVE) {
    // A reduced search does not judge circles.
    const judged = strategy === 'reduced' ? broken.filter((name) => WRONG[name] !== 'livelock') : broken;

    it.each(judged)(`${strategy} search finds what is wrong with %s, and that alone`, (name) => {
      expect(found(name, { strategy })).toEqual([WRONG[name]]);
    });

    it.each(broken)(`${strategy} search finds nothing in %s mended, and has seen all of it`, (name) => {
      const result = exploreAll(classic(`${name}${MENDED}`), { strategy });
      expect(result.discoveries).toEqual([]);
      expect(result.complete).toBe(true);
    });
  }

  it.each(broken.filter((name) => WRONG[name] !== 'livelock'))(
    `${PREEMPTIONS} preemptions are enough for %s`,
    (name) => {
      expect(found(name, { strategy: 'bounded', preemptions: PREEMPTIONS })).toEqual([WRONG[name]]);
    },
  );

  it('lose no update where no thread is left before it is done', () => {
    expect(found('lost-update', { strategy: 'bounded', preemptions: 0 })).toEqual([]);
    expect(found('lost-update', { strategy: 'bounded', preemptions: 1 })).toEqual(['nothing-lost']);
  });

  for (const strategy of WALKING) {
    it.each(broken.filter((name) => WRONG[name] !== 'livelock'))(
      `${strategy} walks, ${WALKS} of them, find what is wrong with %s`,
      (name) => {
        expect(found(name, { strategy, walks: WALKS, seed: 1, maxDepth: STEPS })).toEqual([WRONG[name]]);
      },
    );

    it.each(broken)(`${strategy} walks find nothing in %s mended`, (name) => {
      expect(found(`${name}${MENDED}`, { strategy, walks: WALKS, seed: 1, maxDepth: STEPS })).toEqual([]);
    });
  }

  it('show a swarm what is wrong with each', () => {
    const models = broken.map((name) => ({ name, make: () => classic(name) }));
    const options = { walks: WALKS, stopAtFirst: true, maxDepth: STEPS };
    const hit = new Set<string>();
    for (const { member, result } of swarm(swarmOf(models, { strategies: [...WALKING], seeds: [1, 2], options }))) {
      if (result.discoveries.some(isFault)) hit.add(member.name);
    }
    expect([...hit].sort()).toEqual(broken.filter((name) => WRONG[name] !== 'livelock').sort());
  });
});

describe('a way found breadth-first', () => {
  it('is a shortest one: no depth below it shows the fault', () => {
    for (const name of broken) {
      const [first] = exploreAll(classic(name), { stopAtFirst: true }).discoveries;
      if (first === undefined || first.kind === 'livelock') continue;
      const maxDepth = first.path.keys.length - 1;
      expect(exploreAll(classic(name), { maxDepth }).discoveries, name).toEqual([]);
    }
  });
});
