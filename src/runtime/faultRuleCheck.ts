/** What makes no sense in a rule, whoever wrote it: topologies have a schema as well, code that makes a system has this. */

import { GranuleError } from '../errors.ts';
import type { FaultRule } from './faultPlan.ts';

const CYCLES_END = 2 ** 32;

class RuleChecker {
  readonly #rule: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(rule: FaultRule, index: number) {
    this.#rule = { ...rule };
    this.#where = `faults[${index}]`;
  }

  fail(field: string, what: string): never {
    throw new GranuleError('TOPOLOGY_INVALID', what, `${this.#where}.${field}`);
  }

  has(field: string): boolean {
    return this.#rule[field] !== undefined;
  }

  /** A whole number of at least so much; below 2^32 where it is a stretch of time. */
  whole(field: string, least: number, end: number, what: string): void {
    const value = this.#rule[field];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value < end) return;
    this.fail(field, `${what}, and is not ${JSON.stringify(value)}`);
  }

  cycles(field: string, least: number): void {
    this.whole(field, least, CYCLES_END, `${field} is a whole number of cycles from ${least} to 2^32 - 1`);
  }

  occasion(): void {
    if (this.has('nth')) this.whole('nth', 1, Number.MAX_SAFE_INTEGER, 'nth counts from 1');
    const probability = this.#rule['probability'];
    if (probability !== undefined && !(typeof probability === 'number' && probability >= 0 && probability <= 1)) {
      this.fail('probability', `a probability is 0 to 1, not ${JSON.stringify(probability)}`);
    }
    if (this.has('nth') && this.has('probability'))
      this.fail('probability', 'a rule strikes the nth match or each with a probability, not both');
    if (this.has('seed')) this.whole('seed', 0, Number.MAX_SAFE_INTEGER, 'a seed is a whole number from 0');
  }
}

function checkHold(check: RuleChecker): void {
  const isTimed = check.has('fromCycles') && check.has('untilCycles');
  const isByEvent = check.has('nth') && check.has('forCycles');
  const hasOther = isTimed
    ? check.has('nth') || check.has('forCycles')
    : check.has('fromCycles') || check.has('untilCycles');
  if (isTimed === isByEvent || hasOther)
    check.fail('op', 'hold takes fromCycles and untilCycles, or nth and forCycles');
  if (isByEvent) {
    check.cycles('forCycles', 1);
    return;
  }
  check.whole('fromCycles', 0, Number.MAX_SAFE_INTEGER, 'fromCycles is a time in cycles from 0');
  check.whole('untilCycles', 1, Number.MAX_SAFE_INTEGER, 'untilCycles is a time in cycles');
}

/**
 * Refuses a rule whose operands make no sense.
 *
 * @throws GranuleError TOPOLOGY_INVALID naming the rule and its field
 * @example
 * ```ts
 * checkRule({ wire: { from: '*', to: 'disk' }, op: 'delay', delayCycles: 100 }, 0);
 * ```
 */
export function checkRule(rule: FaultRule, index: number): void {
  const check = new RuleChecker(rule, index);
  check.occasion();
  switch (rule.op) {
    case 'delay':
    case 'duplicate':
      check.cycles('delayCycles', 0);
      break;
    case 'reorder':
      check.cycles('windowCycles', 1);
      break;
    case 'sample':
      check.whole('every', 1, Number.MAX_SAFE_INTEGER, 'every counts from 1');
      break;
    case 'filter':
      if (check.has('keep') === check.has('drop')) check.fail('op', 'filter takes keep or drop, one of them');
      break;
    case 'hold':
      checkHold(check);
      if (rule.untilCycles !== undefined && rule.untilCycles <= (rule.fromCycles ?? 0))
        check.fail('untilCycles', `the stretch ends at ${rule.untilCycles}, before it begins`);
      break;
    case 'inject':
    case 'answer':
      if (check.has('delayCycles')) check.cycles('delayCycles', 0);
      break;
    case 'stop':
      if (check.has('atSeq') === check.has('wire'))
        check.fail('op', 'stop takes atSeq, or a wire whose message ends the run');
      if (check.has('atSeq')) check.whole('atSeq', 0, Number.MAX_SAFE_INTEGER, 'atSeq is the seq of a record');
      break;
    default:
  }
}
