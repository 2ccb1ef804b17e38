/** From what is written in the field `faultPlan` to rules: named plans become theirs, with the name kept beside. */
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import { checkRule } from '../../runtime/faultRuleCheck.ts';
import { faultsOf, MEND, type TopologyFault } from '../form/faults.ts';
import type { FaultPlanDefinition } from './define.ts';
import { builtInFaultPlans, type FaultPlans } from './index.ts';
import { didYouMean } from './near.ts';
import { type FaultPlanEntry, namedPlanSchema, OPERATORS, ruleSchema, type WrittenRule } from './schema.ts';

/** Rules, or all that is wrong, each with its way from the topology on. */
export type Expanded =
  | { readonly rules: WrittenRule[]; readonly faults: [] }
  | { readonly rules: null; readonly faults: TopologyFault[] };

type Steps = readonly (string | number)[];

const SEE_PLANS = 'Use "granule faults" to see the plans and their parameters.';

function refused(what: string, steps: Steps, next: string): Expanded {
  return { rules: null, faults: [faultAt(what, steps, next)] };
}

function faultAt(what: string, steps: Steps, next: string): TopologyFault {
  return { what, path: steps.join('.'), steps, next, unknownField: false };
}

/** What a schema says against data that stands at a place. */
function schemaFaults(schema: z.ZodType, data: unknown, steps: Steps, told = ''): TopologyFault[] {
  const parsed = schema.safeParse(data);
  if (parsed.success) return [];
  return faultsOf(schema, data, parsed.error.issues).map((fault) => {
    const way = [...steps, ...fault.steps];
    return { ...fault, what: `${told}${fault.what}`, steps: way, path: way.join('.') };
  });
}

/** What a plan's function gives, or threw: it may be a user's. */
function rulesMade(definition: FaultPlanDefinition, parameters: unknown): readonly object[] | Error {
  try {
    const rules: readonly object[] = definition.rules(parameters as never);
    return Array.isArray(rules) ? rules : new Error('its function gives no list');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The rules of a plan for the parameters written; each is a rule like any other. */
function rulesOf(
  definition: FaultPlanDefinition,
  { plan, ...parameters }: { readonly plan: string },
  steps: Steps,
): Expanded {
  const parsed = definition.parameters.safeParse(parameters);
  if (!parsed.success) {
    const found = schemaFaults(definition.parameters, parameters, steps, `the fault plan ${plan}: `);
    const faults = found.map((fault) => (fault.next === MEND ? { ...fault, next: SEE_PLANS } : fault));
    return { rules: null, faults };
  }
  const made = rulesMade(definition, parsed.data);
  const mend = 'Mend the function of its definition.';
  if (made instanceof Error)
    return refused(`the fault plan ${plan} makes no rules: ${made.message}`, [...steps, 'plan'], mend);
  const rules = z.array(ruleSchema).safeParse(made.map((rule) => ({ ...rule, named: { plan, ...parameters } })));
  if (rules.success) return { rules: rules.data, faults: [] };
  const [first] = schemaFaults(z.array(ruleSchema), made, []);
  const what = `the fault plan ${plan} makes a rule that is none: ${first?.what ?? 'it is no rule'}`;
  return refused(what, [...steps, 'plan'], mend);
}

function isNamed(entry: FaultPlanEntry): entry is z.output<typeof namedPlanSchema> {
  return !('op' in entry) && 'plan' in entry;
}

/** A rule with its wire and operator in front and the rest as somebody wrote it: so it has always stood in logs. */
function ordered(rule: WrittenRule, written: unknown): WrittenRule {
  if (typeof written !== 'object' || written === null) return rule;
  const fields: Readonly<Record<string, unknown>> = rule;
  const keys = ['wire', 'op', ...Object.keys(written).filter((key) => key !== 'wire' && key !== 'op')];
  const known = keys.filter((key) => Object.hasOwn(fields, key));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same fields in another order
  return Object.fromEntries(known.map((key) => [key, fields[key]])) as WrittenRule;
}

/**
 * Expands the entries of a fault plan. `written` is the field before it was parsed: a rule keeps the order of its fields.
 *
 * @example
 * ```ts
 * expandFaultPlan([{ plan: 'lost-tlbi', nth: 3 }]).rules?.[0]?.op; // 'answer'
 * expandFaultPlan([{ plan: 'lost-tlbu' }]).faults[0]?.what; // 'there is no fault plan "lost-tlbu"; did you mean lost-tlbi?'
 * ```
 */
export function expandFaultPlan(
  entries: readonly FaultPlanEntry[],
  plans: FaultPlans = builtInFaultPlans,
  written: unknown = entries,
): Expanded {
  const rules: WrittenRule[] = [];
  const faults: TopologyFault[] = [];
  for (const [index, entry] of entries.entries()) {
    const expanded = expandEntry(entry, plans, ['faultPlan', index]);
    const own: unknown = Array.isArray(written) ? written[index] : undefined;
    faults.push(...expanded.faults);
    rules.push(...(expanded.rules ?? []).map((rule) => ordered(rule, isNamed(entry) ? rule : own)));
  }
  return faults.length > 0 ? { rules: null, faults } : { rules, faults: [] };
}

function expandEntry(entry: FaultPlanEntry, plans: FaultPlans, steps: Steps): Expanded {
  if (!isNamed(entry)) return ruleFault(entry, steps) ?? { rules: [entry], faults: [] };
  const definition = plans.get(entry.plan);
  if (definition !== undefined) return rulesOf(definition, entry, steps);
  const what = `there is no fault plan "${entry.plan}"${didYouMean(entry.plan, plans.keys())}`;
  return refused(what, [...steps, 'plan'], SEE_PLANS);
}

/** Operands that are well formed by themselves and make no sense together. */
function ruleFault(rule: WrittenRule, steps: Steps): Expanded | null {
  try {
    checkRule(rule, 0);
    return null;
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    return refused(error.message, [...steps, error.where.split('.').pop() ?? ''], 'docs/wires.md has every operator.');
  }
}

/**
 * What is wrong with an entry that is neither a rule nor a named plan, by what it seems to be.
 *
 * @example
 * ```ts
 * const [fault] = entryFaults({ op: 'dorp', wire: { from: '*', to: '*' } }, ['faultPlan', 0]);
 * fault?.what; // 'there is no operator "dorp"; did you mean drop, hold, stop?'
 * ```
 */
export function entryFaults(entry: unknown, steps: readonly (string | number)[]): TopologyFault[] {
  const next = 'docs/wires.md has every operator.';
  if (typeof entry !== 'object' || entry === null || !('op' in entry || 'plan' in entry)) {
    return [faultAt('an entry is a rule with an op, or a named plan: { "plan": "lost-tlbi" }', steps, next)];
  }
  if (!('op' in entry)) return schemaFaults(namedPlanSchema, entry, steps);
  const op = String(entry.op);
  if (OPERATORS.some((operator) => operator === op)) return schemaFaults(ruleSchema, entry, steps);
  return [faultAt(`there is no operator "${op}"${didYouMean(op, OPERATORS)}`, [...steps, 'op'], next)];
}
