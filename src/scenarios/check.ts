/** What is wrong with a scenario before anything runs. */
import { GranuleError } from '../errors.ts';
import { readFigures } from './expression.ts';
import { citedFigures } from './judge.ts';
import type { Scenario } from './schema.ts';

/**
 * Refuses a scenario whose verdict does not come from figures: rules without a figure, figures of steps that are not there, a verdict
 * that no rule can give, or a scenario that cannot be modelled and has steps.
 *
 * @throws GranuleError SCENARIO_INVALID, with the field
 * @example
 * ```ts
 * const reason = 'It is a question of a word.';
 * const scenario = { id: 'T-01', question: 'Which word?', expected: 'cannot be modelled', reason };
 * checkScenario(parseScenario(scenario, 'T-01.json'), 'T-01.json');
 * checkScenario(parseScenario({ ...scenario, expected: 'holds' }, 'T-01.json'), 'T-01.json'); // throws SCENARIO_INVALID
 * ```
 */
export function checkScenario(scenario: Scenario, file: string): void {
  const fault = (what: string, field: string): GranuleError =>
    new GranuleError('SCENARIO_INVALID', what, `${file}: ${field}`);
  const { verdict, expected, reason, steps, figures, charts } = scenario;
  const stepNames = Object.keys(steps);
  if ((reason !== undefined) !== (expected === 'cannot be modelled'))
    throw fault('what cannot be modelled has a reason, and nothing else has one', 'reason');
  if (reason !== undefined && (stepNames.length > 0 || verdict.length > 0))
    throw fault('what cannot be modelled has no steps and no rules', 'steps');
  if (reason === undefined && !verdict.some(({ is }) => is === expected))
    throw fault(`no rule gives "${expected}"`, 'expected');
  for (const [at, { when }] of verdict.entries()) {
    if (readFigures(when).names.length === 0) throw fault('a rule speaks of figures', `verdict.${at}.when`);
  }
  for (const name of citedFigures(scenario)) {
    const step = name.slice(0, Math.max(0, name.indexOf('.')));
    if (!stepNames.includes(step)) throw fault(`${name} is no figure: there is no step "${step}"`, 'steps');
  }
  for (const name of Object.keys(figures)) {
    const [first = ''] = name.split('.');
    if (stepNames.includes(first)) throw fault(`${name} is named as a figure of the step ${first}`, `figures.${name}`);
  }
  for (const { step } of charts.flatMap(({ lines }) => lines)) {
    if (!stepNames.includes(step)) throw fault(`there is no step "${step}"`, 'charts');
  }
}
