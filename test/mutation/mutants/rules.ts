/**
 * Mutants of layer 1, made from its own table: of every row, every step that the row has is taken away, and each thing that a
 * step does beside. What would answer as before by its very shape is not made: two refusals with one errno in the other order.
 */
import { type AbiRule, abiRules, type RuledCall } from '../../../src/mm/abi/rules.ts';
import { describeStep } from '../../../src/mm/abi/ruleText.ts';
import type { Step } from '../../../src/mm/abi/steps.ts';
import type { Edit, Mutant } from '../mutant.ts';

const STEPS = 'src/mm/abi/steps.ts';

/** Steps that look at the page size of the caller; conditions that do. */
const LOOKS_AT_PAGE = new Set<Step['do']>(['aligned', 'up', 'down', 'outward', 'hint', 'cap']);
const CONDITIONS = new Set(['hugeSizeUnknown', 'vectorOutside', 'pgoffWraps', 'maskTooLong']);

type Steps = readonly Step[];

/** One thing that can be done to a step: how the list becomes another. */
interface Change {
  readonly name: string;
  readonly removes: string;
  readonly list: (list: Steps, at: number) => Steps;
}

/** A mutant of a row; it is put into the table of a running program. */
export interface RuleMutant extends Mutant {
  readonly op: RuledCall['op'];
  /** The row as it is without what the mutant takes away. */
  readonly row: AbiRule;
}

/** For steps that ask with the kernel's page: the checker takes its page from the step. All rule mutants run with this. */
export const PAGE_OF_STEP: Edit = {
  file: STEPS,
  find:
    'export function takeSteps(steps: readonly Step[], call: Arguments, caller:' +
    ' Caller): Outcome {\n  let at = call;\n  for (const step of steps) {',
  replace:
    'export function takeSteps(steps: readonly Step[], call: Arguments, real: Caller): Outcome {\n  let at =' +
    ' call;\n  for (const step of steps) {\n    const caller = { ...real, ...(step as { page?: object }).page };',
};

const altered = (fields: object): Change['list'] => {
  return (list, at) => list.map((step, index) => (index === at ? { ...step, ...fields } : step));
};

function errnoOf(step: Step): string | null {
  if (step.do === 'up') return step.wrapped;
  return 'errno' in step ? step.errno : null;
}

/** Whether two neighbours in the other order may answer otherwise. */
function orderMatters(first: Step, second: Step): boolean {
  const refuses = (step: Step): boolean => errnoOf(step) !== null;
  const changes = (step: Step): boolean => ['up', 'down', 'outward', 'hint', 'cap', 'empty'].includes(step.do);
  if (!refuses(first) && !refuses(second)) return false;
  if (changes(first) || changes(second)) return touchesSame(first, second) || endsEarly(first) || endsEarly(second);
  return errnoOf(first) !== errnoOf(second);
}

/** A step after which nothing is asked, where it succeeds. */
function endsEarly(step: Step): boolean {
  return step.do === 'empty';
}

/** Of the conditions, the rounded arguments that they read. */
const READS: Readonly<Record<string, string[]>> = {
  vectorOutside: ['lengthBytes'],
  pgoffWraps: ['lengthBytes'],
  keepsAndResizes: ['oldLengthBytes', 'newLengthBytes'],
  belowMinimum: ['addr'],
  remapsNothing: ['addr'],
};

function namesOf(step: Step): string[] {
  if (step.do === 'outward' || step.do === 'wraps') return [step.addr, step.length];
  if (step.do === 'below') return step.addr === null ? [step.length] : [step.addr, step.length];
  if (step.do === 'refuse') return READS[step.when] ?? [];
  return [step.argument];
}

function touchesSame(first: Step, second: Step): boolean {
  return namesOf(first).some((name) => namesOf(second).includes(name));
}

function changesOf(step: Step, next: Step | undefined): Change[] {
  const says = describeStep(step);
  const gone: Change['list'] = (list, at) => list.filter((_, index) => index !== at);
  const changes: Change[] = [{ name: 'gone', removes: says, list: gone }];
  const also = (name: string, removes: string, list: Change['list']): void =>
    void changes.push({ name, removes, list });
  if (LOOKS_AT_PAGE.has(step.do) || (step.do === 'refuse' && CONDITIONS.has(step.when))) {
    also('kernel-page', `the caller's page size in: ${says}`, altered({ page: { pageBytes: 4096 } }));
  }
  const errno = errnoOf(step);
  if (errno !== null) {
    const other = errno === 'EINVAL' ? 'ENOMEM' : 'EINVAL';
    also(`as-${other}`, `the errno of: ${says}`, altered({ [step.do === 'up' ? 'wrapped' : 'errno']: other }));
  }
  if (step.do === 'up' && step.wrapped !== null) {
    also('may-wrap', `the refusal in: ${says}`, altered({ wrapped: null }));
  }
  if (step.do === 'wraps' && step.empty === true) {
    also('may-be-empty', `the refusal of length 0 in: ${says}`, altered({ empty: false }));
  }
  if ('only' in step && step.only !== undefined) {
    also('always', `the condition "${step.only}" of: ${says}`, altered({ only: undefined }));
  }
  if (next !== undefined && orderMatters(step, next)) {
    also('later', `the order of: ${says}; ${describeStep(next)}`, (list, at) => list.with(at, next).with(at + 1, step));
  }
  return changes;
}

function mutantsOfRow(op: RuledCall['op'], rule: AbiRule): RuleMutant[] {
  return (['steps', 'late'] as const).flatMap((list) => {
    const steps = rule[list] ?? [];
    return steps.flatMap((step, at) =>
      changesOf(step, steps[at + 1]).map(({ name, removes, list: change }): RuleMutant => {
        const place = `${list === 'late' ? 'late-' : ''}${at}`;
        const row = { ...rule, [list]: change(steps, at) };
        return {
          name: `rule/${op}/${place}/${name}`,
          group: 'rules',
          removes,
          standsFor: rule.source,
          op,
          row,
          edits: [PAGE_OF_STEP],
        };
      }),
    );
  });
}

/** One list for each row of the table. */
export const ruleMutants: readonly RuleMutant[] = (Object.keys(abiRules) as RuledCall['op'][]).flatMap((op) =>
  mutantsOfRow(op, abiRules[op]),
);

/** Rows that have no step to take away: what they decide is decided elsewhere. */
export const rowsWithoutSteps: readonly string[] = Object.entries(abiRules)
  .filter(([, rule]) => rule.steps.length + (rule.late ?? []).length === 0)
  .map(([op]) => op);
