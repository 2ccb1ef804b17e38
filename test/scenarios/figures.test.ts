/** Representative scenarios, run again: their verdicts, sentences and figures are those that the documents are made of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chosenScenarios, readScenarios } from '../../src/scenarios/catalogue.node.ts';
import { expectedOf, type ExpectedVerdict } from '../../src/scenarios/expected.ts';
import { judge, type Verdict } from '../../src/scenarios/judge.ts';
import type { StepResult } from '../../src/scenarios/steps/step.ts';
import { planTasks } from '../../src/scenarios/tasks.ts';
import { readExpected } from '../../src/scenarios/verdictFile.node.ts';
import { workOnTask } from '../../src/scenarios/workOn.node.ts';
import { TraceShelf } from '../../src/topology/load.node.ts';

/** Of each verdict and each kind of step some, those that run in a moment. */
const IDS = [
  'S-08',
  'S-15',
  'S-17',
  'S-29',
  'S-33',
  'S-48',
  'T-05',
  'T-07',
  'T-14',
  'L-10',
  'L-11',
  'X-06',
  'D-01',
  'D-07',
  'D-12',
  'D-18',
];

let folder = '';
const all = readScenarios();
const chosen = chosenScenarios(all, IDS);
const expected = new Map(readExpected('fixtures/scenarios/expected.json').map((each) => [each.id, each]));
const verdicts: Verdict[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'granule-figures-'));
  const shelf = new TraceShelf();
  const results = new Map<string, Map<string, StepResult>>(chosen.map(({ id }) => [id, new Map<string, StepResult>()]));
  for (const { task, steps } of planTasks(chosen, all)) {
    const result = await workOnTask(task, { folder, shelf });
    for (const { id, step } of steps) results.get(id)?.set(step, result);
  }
  for (const scenario of chosen)
    verdicts.push(judge(scenario, results.get(scenario.id) ?? new Map<string, StepResult>()));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plain = ({ figures, ...rest }: ExpectedVerdict): unknown => ({
  ...rest,
  figures: Object.fromEntries(Object.entries(figures).toSorted(([a], [b]) => (a < b ? -1 : 1))),
});

describe('scenarios that are run again', () => {
  it.each(IDS)('%s comes to what the documents say of it', (id) => {
    const made = verdicts.find((verdict) => verdict.id === id);
    const kept = expected.get(id);
    expect(made).toBeDefined();
    expect(kept).toBeDefined();
    if (made !== undefined && kept !== undefined) expect(plain(expectedOf(made))).toEqual(plain(kept));
  });

  it('come to every verdict that figures can give', () => {
    expect([...new Set(verdicts.map(({ verdict }) => verdict))].toSorted()).toEqual([
      'breaks',
      'costs',
      'holds',
      'policy decides',
    ]);
  });
});
