/** The catalogue: a scenario for every objection, and what is refused of one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { chosenScenarios, readScenarios } from '../../src/scenarios/catalogue.node.ts';
import { planTasks } from '../../src/scenarios/tasks.ts';

const objections = JSON.parse(readFileSync('fixtures/objections.json', 'utf8')) as { id: string }[];
const all = readScenarios();

describe('the scenarios of the package', () => {
  it('has one for every objection, in the order of the sheet', () => {
    expect(all.map(({ id }) => id)).toEqual(objections.map(({ id }) => id));
  });

  it('asks a question in each, and gives a reason where nothing can be run', () => {
    for (const { id, question, expected, reason, steps } of all) {
      expect(question, id).toMatch(/\?$/);
      expect(Object.keys(steps).length === 0, id).toBe(expected === 'cannot be modelled');
      expect(reason === undefined, id).toBe(expected !== 'cannot be modelled');
    }
  });

  it('can come to more than one verdict in each that is decided by figures', () => {
    for (const { id, verdict, reason } of all) {
      if (reason === undefined) expect(verdict.length, id).toBeGreaterThan(0);
      // One rule alone can still fail: nothing else applies then, and the scenario is undecided.
      for (const { when } of verdict) expect(when, id).not.toMatch(/^(true|1)$/);
    }
  });

  it('finds those that are asked for, whatever the case', () => {
    expect(chosenScenarios(all, ['s-36', 'D-01']).map(({ id }) => id)).toEqual(['S-36', 'D-01']);
    expect(() => chosenScenarios(all, ['S-99'])).toThrow(expect.objectContaining({ code: 'SCENARIO_UNKNOWN' }));
  });
});

describe('the work of scenarios', () => {
  it('is done once where several ask for the same run, and every step has a task', () => {
    const planned = planTasks(all, all);
    const steps = planned.flatMap((plan) => plan.steps.map(({ id, step }) => `${id} ${step}`));
    const asked = all.flatMap(({ id, steps: made }) => Object.keys(made).map((step) => `${id} ${step}`));
    expect(steps.toSorted()).toEqual(asked.toSorted());
    expect(planned.length).toBeLessThan(asked.length);
  });

  it('has one name for each log, whichever scenarios are chosen', () => {
    const names = (ids: string[]): string[] =>
      planTasks(chosenScenarios(all, ids), all).flatMap(({ task }) => (task.kind === 'run' ? [task.name] : []));
    const whole = names([]);
    expect(new Set(whole).size).toBe(whole.length);
    for (const name of names(['S-35', 'D-07'])) expect(whole).toContain(name);
  });
});

describe('a scenario that is wrong', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'granule-scenarios-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const good = {
    id: 'S-15',
    question: 'Which?',
    steps: { a: { formula: 'geometry', with: { page: '64K' } } },
    verdict: [{ is: 'holds', when: 'a.levels == 3', says: '{a.levels}' }],
    expected: 'holds',
  };
  const refusal = (change: object, name = 'S-15.json'): { code: string; text: string } => {
    writeFileSync(join(folder, name), JSON.stringify({ ...good, ...change }));
    try {
      readScenarios(folder);
      return { code: '', text: '' };
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      return { code: error.code, text: error.format() };
    }
  };

  it.each([
    [{}, /^$/],
    [{ expected: 'breaks' }, /no rule gives "breaks"/],
    [
      { verdict: [{ is: 'holds', when: '1 == 1', says: '' }] },
      /a rule speaks of figures \(S-15.json: verdict.0.when\)/,
    ],
    [{ verdict: [{ is: 'holds', when: 'b.levels == 3', says: '' }] }, /there is no step "b"/],
    [{ verdict: [{ is: 'holds', when: 'a.levels ==', says: '' }] }, /a figure or a number is missing/],
    [{ verdict: [{ is: 'holds', when: 'a.levels = 3', says: '' }] }, /the expression ends here/],
    [{ verdict: [{ is: 'fine', when: 'a.levels == 3', says: '' }] }, /verdict.0.is/],
    [{ reason: 'why not' }, /what cannot be modelled has a reason/],
    [{ expected: 'cannot be modelled', reason: 'why not' }, /has no steps and no rules/],
    [{ steps: { a: { run: 'plain-4k', whatever: 1 } } }, /S-15.json: steps.a/],
    [{ figures: { 'a.sum': 'a.levels + 1' } }, /is named as a figure of the step a/],
    [{ charts: [{ title: '', unit: '', lines: [{ name: 'x', step: 'z', series: 'y' }] }] }, /there is no step "z"/],
    [{ id: 'S-16' }, /its id is S-16/],
  ])('is refused with the field: %j', (change, text) => {
    const found = refusal(change);
    expect(found.text).toMatch(text);
    expect(found.code).toBe(Object.keys(change).length === 0 ? '' : 'SCENARIO_INVALID');
  });

  it('is refused where it is no JSON', () => {
    writeFileSync(join(folder, 'S-15.json'), '{');
    expect(() => readScenarios(folder)).toThrow(expect.objectContaining({ code: 'SCENARIO_INVALID' }));
  });
});
