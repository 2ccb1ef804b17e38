/** The rules of a fault plan in words, and what came of them in a run. */
import type { FaultRule, FaultRuleState } from '../runtime/faultPlan.ts';
import { formatCount } from './format.ts';

/**
 * A rule in one line: the plan that it is of, its operator, its wire, and its operands.
 *
 * @example
 * ```ts
 * const wire = { from: 'mmu:*', to: 'tlb:0', type: 'TLBI' };
 * ruleText({ wire, op: 'drop', nth: 3, named: { plan: 'lost-tlbi' } }); // 'lost-tlbi: drop mmu:* -> tlb:0 TLBI, nth=3'
 * ```
 */
export function ruleText(rule: FaultRule): string {
  const { op, wire, named, ...operands } = rule;
  const name = named === undefined ? '' : `${named.plan}: `;
  const way = wire === undefined ? '' : ` ${wire.from} -> ${wire.to}${wire.type === undefined ? '' : ` ${wire.type}`}`;
  const given = Object.entries(operands).filter(([, value]) => value !== undefined);
  const values = given.map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [`${name}${op}${way}`, ...values].join(', ');
}

/** How a run was for its fault plan. */
export interface FaultOutcome {
  /** The moving parts of the rules at the end of the run. */
  readonly states: readonly FaultRuleState[];
  /** The rule that ended it, by its index; null: none did. */
  readonly stoppedBy: number | null;
}

/**
 * One line for each rule of a run: how many messages matched it, which of them it struck where that is one, and where it never
 * got to what it was to do.
 *
 * @example
 * ```ts
 * const rule = { wire: { from: '*', to: 'disk' }, op: 'drop', nth: 3 } as const;
 * const states = [{ matched: 2, random: [0, 0, 0, 0] }] as const;
 * faultLines([rule], { states, stoppedBy: null }); // ['fault plan: drop * -> disk, nth=3: 2 matched, which is not the 3rd yet']
 * ```
 */
export function faultLines(plan: readonly FaultRule[], { states, stoppedBy }: FaultOutcome): string[] {
  return plan.map((rule, index) => {
    const outcome = outcomeOf(rule, states[index]?.matched ?? 0, stoppedBy === index);
    return `fault plan: ${ruleText(rule)}${outcome}`;
  });
}

function outcomeOf(rule: FaultRule, matched: number, hasStopped: boolean): string {
  if (rule.wire === undefined) return hasStopped ? '' : ': the run had ended before';
  const nth = 'nth' in rule ? rule.nth : undefined;
  if (nth === undefined) return matched === 0 ? ': nothing matched' : `: ${formatCount(matched)} matched`;
  if (matched >= nth) return `: ${formatCount(matched)} matched, the ${ordinal(nth)} struck`;
  return `: ${formatCount(matched)} matched, which is not the ${ordinal(nth)} yet`;
}

function ordinal(number: number): string {
  const tens = number % 100;
  const ending = tens > 10 && tens < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th');
  return `${formatCount(number)}${ending}`;
}
