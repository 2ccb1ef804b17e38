/** Fault plans of a user's own: named in code, in files, and on the command line. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { replay } from '../../src/library/timeline.ts';
import { run } from '../../src/library/run.ts';
import { defineActor } from '../../src/topology/definitions/defineActor.ts';
import { defineMessage } from '../../src/topology/definitions/defineMessage.ts';
import { defineTopology, type TopologyOptions } from '../../src/topology/definitions/defineTopology.ts';
import { defineFaultPlan } from '../../src/topology/faultPlans/define.ts';
import { loadSystem } from '../../src/topology/loadSystem.node.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { Workplace } from '../cli/harness.ts';
import { busyProgram } from './held.ts';

const lateZone = defineFaultPlan({
  name: 'late-zone',
  says: 'The zone answers late.',
  parameters: z.strictObject({ cycles: z.int().default(7000).describe('So much later.') }),
  rules: ({ cycles }) => [{ wire: { from: 'zone', to: '*' }, op: 'delay', delayCycles: cycles }],
});
const system: TopologyOptions = {
  name: 'own plan',
  memory: '64M',
  processes: [{ pid: 1, pageSize: '64K', program: busyProgram }],
};
const faultPlan = [{ plan: 'late-zone', cycles: 9000 }];

describe('a fault plan of a user’s own', () => {
  it('is named in code, and stands in the log as rules', () => {
    const late = run(defineTopology({ ...system, definitions: [lateZone], faultPlan }));
    const plain = run(defineTopology(system));
    expect(late.topology.faultPlan).toEqual([
      { wire: { from: 'zone', to: '*' }, op: 'delay', delayCycles: 9000, named: { plan: 'late-zone', cycles: 9000 } },
    ]);
    expect(replay(late)).toMatchObject({ divergence: null, headHash: late.headHash });
    const answers = [...plain.log.range()].filter(({ from }) => from === 'zone').length;
    expect(late.timeCycles - plain.timeCycles).toBeGreaterThan(0);
    expect((late.timeCycles - plain.timeCycles) % 9000).toBe(0);
    expect(late.timeCycles - plain.timeCycles).toBeLessThanOrEqual(9000 * answers);
  });

  it('has a name of its own', () => {
    const slowDisk = defineFaultPlan({ name: 'slow-disk', says: 'Mine.', parameters: z.object({}), rules: () => [] });
    const twice = (): unknown => run(defineTopology({ ...system, definitions: [slowDisk] }));
    expect(twice).toThrow(expect.objectContaining({ code: 'TOPOLOGY_OWNER' }));
    const parts = { says: 'Mine.', parameters: z.object({}), rules: () => [] };
    const invalid = expect.objectContaining({ code: 'DEFINITION_INVALID' }) as unknown;
    expect(() => defineFaultPlan({ ...parts, name: 'Late Zone' })).toThrow(invalid);
    expect(() => defineFaultPlan({ ...parts, name: 'late', parameters: {} as z.ZodObject })).toThrow(invalid);
    expect(() => defineFaultPlan({ ...parts, name: 'late', rules: [] as never })).toThrow(invalid);
    const broken = defineFaultPlan({
      ...parts,
      name: 'broken',
      rules: () => {
        throw new Error('no such zone');
      },
    });
    const strange = defineFaultPlan({ ...parts, name: 'strange', rules: () => [{ op: 'melt' }] as never });
    const runOf = (definition: typeof broken) => (): unknown =>
      run(defineTopology({ ...system, definitions: [definition], faultPlan: [{ plan: definition.name }] }));
    expect(runOf(broken)).toThrow(/the fault plan broken makes no rules: no such zone/);
    expect(runOf(strange)).toThrow(/the fault plan strange makes a rule that is none/);
    const unknown = (): unknown => run(defineTopology({ ...system, faultPlan }));
    expect(unknown).toThrow(/there is no fault plan "late-zone"/);
  });
});

describe('a fault plan of a module', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    const text = `import { defineFaultPlan, z } from 'granule';
export const lateZone = defineFaultPlan({
  name: 'late-zone',
  says: 'The zone answers late.',
  parameters: z.strictObject({ cycles: z.int().default(7000).describe('So much later.') }),
  rules: ({ cycles }) => [{ wire: { from: 'zone', to: '*' }, op: 'delay', delayCycles: cycles }],
});
`;
    writeFileSync(place.path('plans.mjs'), text);
  });
  afterEach(() => place.remove());

  it('is named in a file, and unknown names are refused as ever', async () => {
    const write = (plans: unknown): void =>
      writeFileSync(place.path('t.json'), JSON.stringify({ ...system, uses: ['./plans.mjs'], faultPlan: plans }));
    write(faultPlan);
    const { topology } = await loadSystem('t.json', { cwd: place.path('.') });
    expect(topology.faultPlan).toMatchObject([{ op: 'delay', delayCycles: 9000, named: { plan: 'late-zone' } }]);
    write([{ plan: 'late-zon' }]);
    await expect(loadSystem('t.json', { cwd: place.path('.') })).rejects.toThrow(/did you mean late-zone\?/);
    write([{ plan: 'late-zone', cycle: 3 }]);
    await expect(loadSystem('t.json', { cwd: place.path('.') })).rejects.toThrow(/late-zone: .*"cycle"/);
  });

  it('is named on the command line; its log replays, and can be swept', async () => {
    writeFileSync(place.path('t.json'), JSON.stringify({ ...system, uses: ['./plans.mjs'] }));
    const { code, stdout } = await place.run(['run', 't.json', '--out', 't.glog', '--fault', 'late-zone:cycles=9000']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/late-zone: delay zone -> \*, delayCycles=9000: \d+ m/)]);
    expect((await place.run(['replay', 't.glog'])).code).toBe(0);
    writeFileSync(place.path('s.json'), JSON.stringify({ ...system, uses: ['./plans.mjs'], faultPlan }));
    const swept = await place.run(['sweep', 's.json', '--vary', 'faultPlan.0.delayCycles=1,9000', '--workers', '1']);
    expect([swept.code, swept.stderr]).toEqual([0, expect.anything()]);
    expect(swept.stdout).toMatch(/^9000 /m);
  });
});

describe('messages of a user’s own on wires', () => {
  const tick = defineMessage('TICK', { says: 'Time goes by.', fields: z.strictObject({ by: z.int() }) });
  const clock = defineActor({
    kind: 'clock',
    says: 'Counts, and asks itself to go on.',
    messages: [tick],
    accepts: ['TICK'],
    timers: ['TICK'],
    ports: {},
    transition: {
      initial: () => ({ sum: 0 }),
      on: {
        TICK: ({ sum }, { by }, send) => {
          if (sum < 5) send('self', { type: 'TICK', by: 1 }, { delayCycles: 100 });
          return { sum: sum + by };
        },
      },
    },
  });
  const clocked = (rules: TopologyInput['faultPlan']) =>
    run(
      defineTopology({
        ...system,
        actors: [clock.at('clock:wall')],
        messages: [{ to: 'clock:wall', type: 'TICK', by: 1 }],
        faultPlan: rules,
      }),
    );
  const timer = { from: 'clock:*', to: 'clock:wall', type: 'TICK' };

  it('are dropped, looked into and injected as any others', () => {
    const sumOf = (rules: TopologyInput['faultPlan']): unknown => {
      const made = clocked(rules);
      expect(replay(made).headHash).toBe(made.headHash);
      return made.system.snapshot('clock:wall').context;
    };
    expect(sumOf([])).toMatchObject({ sum: 6 });
    expect(sumOf([{ op: 'drop', wire: timer, nth: 3 }])).toMatchObject({ sum: 3 });
    expect(sumOf([{ op: 'drop', wire: timer, where: { by: 2 } }])).toMatchObject({ sum: 6 });
    // It goes on from what is injected too, while the sum is below 5: one timer more.
    const message = { type: 'TICK', by: 40 };
    expect(sumOf([{ op: 'inject', wire: timer, nth: 2, to: 'clock:wall', message }])).toMatchObject({ sum: 44 });
  });

  it('have to have their fields', () => {
    const inject = { op: 'inject', wire: timer, to: 'clock:wall', message: { type: 'TICK', by: 'one' } } as const;
    expect(() => clocked([inject])).toThrow(/^the rule inject sends TICK: by: /);
  });
});
