/**
 * Races of page tables that a search over the orders of deliveries finds, each gone under its mended design over the same budget.
 *
 * @models S-09 S-12 S-39 T-15 T-16 T-18 D-01 D-02 D-03 D-04 D-05 D-06
 */
import { describe, expect, it } from 'vitest';
import { readdirSync, readFileSync } from 'node:fs';
import { exploreAll } from '../../src/explore/search/explore.ts';
import type { Delivery, World } from '../../src/explore/world/world.ts';
import type { SystemModel } from '../../src/explore/world/systemModel.ts';
import { EXPLORATION } from './support/kernelSteps.ts';
import { ACTOR_RACES, ALSO_RIGHT, modelOf, type Race, STEP_RACES } from './support/races.ts';

/** States that a search may look at; enough for all there are of each design that is right. */
const BUDGET_STATES = 30_000;

const named = ({ topology, set }: Pick<Race, 'topology' | 'set'>): string =>
  `${topology} with ${Object.entries(set)
    .map((pair) => pair.join(' '))
    .join(', ')}`;
const races = [...STEP_RACES, ...ACTOR_RACES];
const topologies = [...new Set(races.map(({ topology }) => topology))];

describe('a search finds', () => {
  it.each(races.map((race) => [named(race), race] as const))(
    '%s',
    async (_, { topology, set, property, fault, states }) => {
      const model = await modelOf(topology, set);
      const found = exploreAll(model, { maxStates: BUDGET_STATES, stopAtFirst: true });
      expect(found.discoveries.map((discovery) => discovery.property)).toEqual([property]);
      expect(found.discoveries[0]?.fault).toMatch(fault);
      expect(found.states).toBeLessThanOrEqual(states);
    },
  );

  it('the same by seeded walks that change priorities a few times, where plain random ones go by some', async () => {
    const rare = STEP_RACES.filter(({ set }) => set['release'] === 'count-free-at-once' || set['recheck'] === 'none');
    for (const { topology, set, fault } of rare.filter(({ set: { sync } }) => sync === undefined)) {
      const model = await modelOf(topology, set);
      const [found] = exploreAll(model, {
        strategy: 'pct',
        seed: 1,
        walks: 2000,
        stopAtFirst: true,
      }).discoveries;
      expect(found?.fault, named({ topology, set })).toMatch(fault);
    }
  });
});

describe('no order at all breaks', () => {
  const right = [...topologies.map((topology) => ({ topology, set: {} })), ...ALSO_RIGHT];
  it.each(right.map((race) => [named(race), race] as const))('%s', async (_, { topology, set }) => {
    const { complete, discoveries, states } = exploreAll(await modelOf(topology, set), { maxStates: BUDGET_STATES });
    expect(discoveries).toEqual([]);
    expect(complete).toBe(true);
    expect(states).toBeGreaterThan(100);
  });
});

/** Every step of a program that memory does, and those of them that some order reaches. */
function stepsIn(model: SystemModel): { programmed: string[]; reached: Set<string> } {
  const [first] = model.initial();
  const programmed = model.topology.actors?.map(({ id }) => id).filter((id) => id.startsWith('cpu:')) ?? [];
  const reached = new Set<string>();
  const seen = new Set([first && model.fingerprint(first)]);
  const open: World[] = first === undefined ? [] : [first];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    for (const action of model.actions(world)) {
      note(action, reached);
      const next = model.next(world, action);
      if (seen.has(model.fingerprint(next))) continue;
      seen.add(model.fingerprint(next));
      open.push(next);
    }
  }
  return { programmed, reached };
}

function note({ sent }: Delivery, reached: Set<string>): void {
  if (sent.channel.to === 'memory') reached.add(JSON.stringify(sent.content.message));
}

describe('the designs that are right', () => {
  it('have no step that no order comes to', async () => {
    const idle: string[] = [];
    for (const topology of new Set(STEP_RACES.map((race) => race.topology))) {
      const model = await modelOf(topology);
      const { programmed, reached } = stepsIn(model);
      const told = [...reached].join('\n');
      for (const id of programmed) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the state of the kit's CPUs
        const { program } = model.locals.snapshotOf(model.initial()[0].locals[model.locals.placeOf(id)])
          .context as unknown as {
          program: readonly { verb: string; at: string; dsb?: string }[];
        };
        for (const { verb, at, dsb } of program) {
          if (at === '' || ['if', 'go', 'let', 'expect'].includes(verb) || dsb === 'ishst') continue;
          if (!told.includes(`"cpu":"${id}","at":${JSON.stringify(at)}`))
            idle.push(`${topology} ${id}: ${verb} (${at})`);
        }
      }
    }
    expect(idle).toEqual([]);
  });

  it('are told of every topology of kernel steps in the folder', () => {
    const files = readdirSync(EXPLORATION).filter((file) => file.endsWith('.yaml'));
    const ofSteps = files.filter((file) =>
      readFileSync(`${EXPLORATION}/${file}`, 'utf8').includes('granule/kernel-steps'),
    );
    const told = new Set(STEP_RACES.map(({ topology }) => `${topology}.yaml`));
    expect(ofSteps.sort()).toEqual([...told].sort());
  });
});
