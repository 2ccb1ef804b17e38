/** Steps that search orders and that hold designs side by side: figures are those of the search and of the comparison. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { designsOf } from '../../src/report/designs/designList.ts';
import { runDesign } from '../../src/report/designs/runDesign.ts';
import { mutants } from '../../src/scenarios/formulas/mutants.node.ts';
import { operandsOf } from '../../src/scenarios/formulas/formula.ts';
import { compareTask } from '../../src/scenarios/steps/compareStep.node.ts';
import { exploreTask, type ExploreTask } from '../../src/scenarios/steps/exploreStep.node.ts';
import type { StepResult } from '../../src/scenarios/steps/step.ts';
import { fixturesFolder } from '../../src/topology/fixtures.node.ts';
import { TraceShelf } from '../../src/topology/load.node.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'granule-steps-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const values = ({ figures }: StepResult): Record<string, unknown> =>
  Object.fromEntries(Object.entries(figures).map(([name, { value }]) => [name, value]));

const race: ExploreTask = {
  kind: 'explore',
  name: 'race',
  explore: 'minimum-order-race',
  set: {},
  property: 'faults-end',
  strategy: 'random',
  seed: 1,
  states: 2000,
};
const install: ExploreTask = {
  ...race,
  name: 'install',
  explore: 'native-table-install',
  property: 'laws-of-definitions',
  strategy: 'breadth-first',
};

describe('a step that searches orders', () => {
  it('keeps the way to what it finds as a log, and shows it by its last event', async () => {
    const result = await exploreTask(race, folder);
    const { found, complete, lengthDeliveries, fault } = values(result);
    expect([found, complete]).toEqual([1, 0]);
    expect(fault).toMatch(/^a fault of data has been sent round more than 3 times$/);
    const reader = LogReader.open(openLogFile(join(folder, 'logs/race.glog')), zlibCompression);
    expect(result.logs).toEqual(['logs/race.glog']);
    expect(reader.lastSeq).toBe(Number(lengthDeliveries) - 1);
    expect(result.figures['found']?.evidence).toMatchObject({ log: 'logs/race.glog', seq: reader.lastSeq });
  });

  it('finds nothing with the mended field over the same budget, and says by which command', async () => {
    const mended = { ...race, name: 'mended', set: { 'conversion.protocol': 'whole-file' } };
    const result = await exploreTask(mended, folder);
    expect(values(result)).toMatchObject({ found: 0, states: 2000, lengthDeliveries: 0, fault: 'none' });
    expect(existsSync(join(folder, 'logs/mended.glog'))).toBe(false);
    expect(result.figures['found']?.evidence.command).toBe(
      'granule explore fixtures/exploration/minimum-order-race.json --vary conversion.protocol=whole-file' +
        ' --property faults-end --strategy random --seed 1 --budget 2000states',
    );
  });

  it('says whether all orders were looked at, and sets parameters', async () => {
    expect(values(await exploreTask(install, folder))).toMatchObject({ found: 0, complete: 1, states: 568 });
    const broken = await exploreTask({ ...install, set: { install: 'check-then-store' } }, folder);
    expect(values(broken)).toMatchObject({ found: 1, complete: 0, states: 170, lengthDeliveries: 16 });
  });

  it.each([
    [{ explore: 'no-such' }, /no topology "no-such"/],
    [{ property: 'no-such' }, /no-such/],
  ])('refuses %j', async (change, text) => {
    await expect(exploreTask({ ...race, ...change }, folder)).rejects.toThrow(text);
  });
});

describe('a step that holds designs side by side', () => {
  const task = { kind: 'compare', compare: 'true-kernel', core: 'cortex-a76', memory: '2G' } as const;

  it('has the figures of a run of each design', () => {
    const shelf = new TraceShelf();
    const found = values(compareTask({ ...task, coverages: [50, 100] }, shelf));
    const setting = { core: 'cortex-a76', memoryBytes: 2 ** 31, kernelPageEvery: null, cache: 'cold' as const };
    const trace = shelf.open(join(fixturesFolder('traces'), 'true-kernel.gtr'), 65536);
    const of = (name: string) => {
      const design = designsOf([50, 100]).find((each) => each.name === name);
      return design === undefined ? null : runDesign(trace, design, setting);
    };
    expect(found['proposal64K.walkReads']).toBe(of('proposal-64K')?.walkReads);
    expect(found['mthp50.walkReads']).toBe(of('mthp-50')?.walkReads);
    expect(found['layers16K.minorFaults']).toBe(of('layers-1-2-16K')?.minorFaults);
    expect(found['plain4K.end']).toBe('exited');
    expect(Number(found['breakEven.proposal64K.total'])).toBeLessThanOrEqual(101);
    const saved = Number(found['plain4K.cycles.mid']) - Number(found['proposal64K.cycles.mid']);
    expect(found['gain.proposal64K.total']).toBeCloseTo(saved, 6);
  });

  it.each([
    [{ compare: 'no-such' }, /no "no-such"/],
    [{ memory: 'much' }, /"much" is no size/],
  ])('refuses %j', (change, text) => {
    expect(() => compareTask({ ...task, coverages: [100], ...change }, new TraceShelf())).toThrow(text);
  });
});

describe('the formula of mutants', () => {
  it('counts each mutant of each layer once', () => {
    const of = (layer: string) => mutants.work(operandsOf(mutants, { layer }));
    const layers = ['rule', 'answers', 'maintenance', 'tables', 'memory'].map(of);
    for (const figure of ['mutants', 'noticed', 'survivors', 'byKernels', 'byTests']) {
      const sum = layers.reduce((total, each) => total + Number(each[figure]), 0);
      expect(of('all')[figure], figure).toBe(sum);
    }
    expect(() => of('layer 4')).toThrow(/no layer "layer 4"/);
  });
});
