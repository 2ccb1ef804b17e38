/** From what is written in the field `faultPlan` to rules: named plans become theirs, with the name kept beside. */
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import { checkRule } from '../../runtime/faultRuleCheck.ts';
import type { FaultPlanDefinition } from './define.ts';
import { builtInFaultPlans, type FaultPlans } from './index.ts';
import { didYouMean } from './near.ts';
import { type FaultPlanEntry, namedPlanSchema, OPERATORS, ruleSchema, type WrittenRule } from './schema.ts';

/** Rules, or the first thing that is wrong: what, and the way to it from the entry on. */
export type Expanded =
  | { readonly rules: WrittenRule[]; readonly fault: null }
  | { readonly rules: null; readonly fault: { readonly what: string; readonly path: readonly PropertyKey[] } };

interface Issue {
  readonly what: string;
  readonly path: readonly PropertyKey[];
}

/** What an issue says; of a field that is not there, that. */
function textOf({ code, message }: z.core.$ZodIssue): string {
  return code === 'invalid_type' && message.endsWith('received undefined') ? 'it is required, and not given' : message;
}

/** The first issue; where nothing of several forms fits, that of the form which fits furthest in. */
function firstIssue(issues: readonly z.core.$ZodIssue[]): Issue {
  const [issue] = issues;
  if (issue === undefined) return { what: 'it is no rule', path: [] };
  const path = issue.path;
  if (issue.code !== 'invalid_union') return { what: textOf(issue), path };
  const inside = issue.errors.map((branch) => firstIssue(branch)).filter((found) => found.path.length > 0);
  const [furthest] = inside.sort((left, right) => right.path.length - left.path.length);
  return furthest === undefined
    ? { what: issue.message, path }
    : { what: furthest.what, path: [...path, ...furthest.path] };
}

function firstFault(error: z.ZodError, prefix: string): Expanded {
  const { what, path } = firstIssue(error.issues);
  return { rules: null, fault: { what: `${prefix}${what}`, path } };
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
function rulesOf(definition: FaultPlanDefinition, { plan, ...parameters }: { readonly plan: string }): Expanded {
  const parsed = definition.parameters.safeParse(parameters);
  if (!parsed.success) return firstFault(parsed.error, `the fault plan ${plan}: `);
  const made = rulesMade(definition, parsed.data);
  if (made instanceof Error) {
    return { rules: null, fault: { what: `the fault plan ${plan} makes no rules: ${made.message}`, path: ['plan'] } };
  }
  const rules = z.array(ruleSchema).safeParse(made.map((rule) => ({ ...rule, named: { plan, ...parameters } })));
  if (!rules.success) return firstFault(rules.error, `the fault plan ${plan} makes a rule that is none: `);
  return { rules: rules.data, fault: null };
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
 * expandFaultPlan([{ plan: 'lost-tlbu' }]).fault?.what; // 'there is no fault plan "lost-tlbu"; did you mean lost-tlbi?'
 * ```
 */
export function expandFaultPlan(
  entries: readonly FaultPlanEntry[],
  plans: FaultPlans = builtInFaultPlans,
  written: unknown = entries,
): Expanded {
  const rules: WrittenRule[] = [];
  for (const [index, entry] of entries.entries()) {
    const expanded = expandEntry(entry, plans);
    if (expanded.fault !== null) {
      return { rules: null, fault: { ...expanded.fault, path: [index, ...expanded.fault.path] } };
    }
    const own: unknown = Array.isArray(written) ? written[index] : undefined;
    rules.push(...expanded.rules.map((rule) => ordered(rule, isNamed(entry) ? rule : own)));
  }
  return { rules, fault: null };
}

function expandEntry(entry: FaultPlanEntry, plans: FaultPlans): Expanded {
  if (!isNamed(entry)) return ruleFault(entry) ?? { rules: [entry], fault: null };
  const definition = plans.get(entry.plan);
  if (definition === undefined) {
    const what = `there is no fault plan "${entry.plan}"${didYouMean(entry.plan, plans.keys())}`;
    return { rules: null, fault: { what, path: ['plan'] } };
  }
  return rulesOf(definition, entry);
}

/** Operands that are well formed by themselves and make no sense together. */
function ruleFault(rule: WrittenRule): Expanded | null {
  try {
    checkRule(rule, 0);
    return null;
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    return { rules: null, fault: { what: error.message, path: [error.where.split('.').pop() ?? ''] } };
  }
}

/**
 * What is wrong with an entry that is neither a rule nor a named plan, by what it seems to be.
 *
 * @example
 * ```ts
 * entryFault({ op: 'dorp', wire: { from: '*', to: '*' } }).what; // 'there is no operator "dorp"; did you mean drop, hold, stop?'
 * ```
 */
export function entryFault(entry: unknown): { readonly what: string; readonly path: readonly PropertyKey[] } {
  if (typeof entry !== 'object' || entry === null || !('op' in entry || 'plan' in entry)) {
    return { what: 'an entry is a rule with an op, or a named plan: { "plan": "lost-tlbi" }', path: [] };
  }
  if ('op' in entry) {
    const op = String(entry.op);
    if (!OPERATORS.some((operator) => operator === op))
      return { what: `there is no operator "${op}"${didYouMean(op, OPERATORS)}`, path: ['op'] };
  }
  const parsed = 'op' in entry ? ruleSchema.safeParse(entry) : namedPlanSchema.safeParse(entry);
  return firstIssue(parsed.success ? [] : parsed.error.issues);
}
