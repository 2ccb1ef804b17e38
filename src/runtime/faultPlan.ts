/**
 * Fault plans: what goes wrong on which wire, as data. Each rule becomes one RxJS operator over the envelopes that an
 * actor sends; the operators are synchronous, and all they draw comes from the seed of their rule.
 */

import { map, mergeMap, of, type OperatorFunction, filter, tap } from 'rxjs';
import { GranuleError } from '../errors.ts';
import { type Address, type Message, OUTSIDE } from './envelope.ts';
import { type RandomState, SeededRandom } from './random.ts';

/** Which messages a rule is about. An address is exact, or a prefix that ends in `*`: `tlb:*`; `*` alone is every actor. */
export interface WirePattern {
  readonly from: string;
  readonly to: string;
  /** Absent: every type. */
  readonly type?: string;
}

/**
 * Which of the matching messages a rule strikes: the nth (counted from 1, per rule), or each with a probability. Neither:
 * all of them.
 */
export type Occasion =
  | { readonly nth: number; readonly probability?: never }
  | { readonly nth?: never; readonly probability: number; readonly seed: number }
  | { readonly nth?: never; readonly probability?: never };

/** One rule of a fault plan. Times in cycles. */
export type FaultRule = { readonly wire: WirePattern } & Occasion &
  (
    | { readonly op: 'drop' }
    | { readonly op: 'delay'; readonly delayCycles: number }
    /** A second copy follows the first after `delayCycles`. */
    | { readonly op: 'duplicate'; readonly delayCycles: number }
    /** Held back by a drawn 1 to `windowCycles`, so that later messages of the wire may overtake it. */
    | { readonly op: 'reorder'; readonly windowCycles: number; readonly seed: number }
    /** Changes nothing: announces what passes on `system.observed$` under `name`. */
    | { readonly op: 'observe'; readonly name: string }
    /** Another message is sent as well, from outside, due `delayCycles` (0) from now; the match goes its way. */
    | { readonly op: 'inject'; readonly to: Address; readonly message: Message; readonly delayCycles?: number }
  );

/** Rules in the order in which a message meets them. */
export type FaultPlan = readonly FaultRule[];

/** A message that is not yet on its way: what the operators of a wire work on. */
export interface Outgoing {
  readonly from: Address;
  readonly to: Address;
  readonly message: Message;
  readonly delayCycles: number;
  readonly sendId: string | null;
}

/** The moving part of a rule: plain data, for checkpoints. */
export interface FaultRuleState {
  readonly matched: number;
  readonly random: RandomState;
}

/** What rules need of the system that they are at work in. */
export interface RuleSurroundings {
  /** Hears what `observe` rules announce. */
  readonly observe: (name: string, outgoing: Outgoing) => void;
  /** Takes a message that the rule at `index` sends by itself. */
  readonly made: (outgoing: Outgoing, index: number) => void;
}

/** A rule at work in one system. */
export interface RunningRule {
  readonly rule: FaultRule;
  readonly operator: OperatorFunction<Outgoing, Outgoing>;
  readonly state: () => FaultRuleState;
  readonly restore: (state: FaultRuleState) => void;
}

/**
 * True when an address fits a pattern.
 *
 * @example
 * ```ts
 * matchesAddress('tlb:*', 'tlb:3'); // true
 * ```
 */
export function matchesAddress(pattern: string, address: Address): boolean {
  return pattern.endsWith('*') ? address.startsWith(pattern.slice(0, -1)) : pattern === address;
}

function matches(wire: WirePattern, outgoing: Outgoing): boolean {
  return (
    matchesAddress(wire.from, outgoing.from) &&
    matchesAddress(wire.to, outgoing.to) &&
    (wire.type === undefined || wire.type === outgoing.message.type)
  );
}

function checkRule(rule: FaultRule, index: number): void {
  const fail = (field: string, what: string): never => {
    throw new GranuleError('TOPOLOGY_INVALID', what, `faults[${index}].${field}`);
  };
  const checkCycles = (field: string, cycles: number, least: number): void => {
    if (!Number.isSafeInteger(cycles) || cycles < least || cycles >= 2 ** 32) {
      fail(field, `${field} is a whole number of cycles from ${least} to 2^32 - 1, not ${cycles}`);
    }
  };
  if (rule.op === 'delay' || rule.op === 'duplicate') checkCycles('delayCycles', rule.delayCycles, 0);
  if (rule.op === 'inject') checkCycles('delayCycles', rule.delayCycles ?? 0, 0);
  if (rule.op === 'reorder') checkCycles('windowCycles', rule.windowCycles, 1);
  if (rule.nth !== undefined && (!Number.isSafeInteger(rule.nth) || rule.nth < 1)) {
    fail('nth', `nth counts from 1, and is not ${rule.nth}`);
  }
  if (rule.probability !== undefined && !(rule.probability >= 0 && rule.probability <= 1)) {
    fail('probability', `a probability is 0 to 1, not ${rule.probability}`);
  }
  if ('seed' in rule && !(Number.isSafeInteger(rule.seed) && rule.seed >= 0)) {
    fail('seed', `a seed is a whole number from 0, not ${rule.seed}`);
  }
}

function operatorOf(
  rule: FaultRule,
  strikes: (outgoing: Outgoing) => boolean,
  random: SeededRandom,
  { observe, made }: { observe: RuleSurroundings['observe']; made: (outgoing: Outgoing) => void },
): OperatorFunction<Outgoing, Outgoing> {
  const later = (outgoing: Outgoing, extraCycles: number): Outgoing => ({
    ...outgoing,
    delayCycles: outgoing.delayCycles + extraCycles,
  });
  switch (rule.op) {
    case 'drop':
      return filter((outgoing) => !strikes(outgoing));
    case 'delay':
      return map((outgoing) => (strikes(outgoing) ? later(outgoing, rule.delayCycles) : outgoing));
    case 'duplicate':
      return mergeMap((outgoing) =>
        strikes(outgoing) ? of(outgoing, later(outgoing, rule.delayCycles)) : of(outgoing),
      );
    case 'reorder':
      return map((outgoing) => (strikes(outgoing) ? later(outgoing, 1 + random.below(rule.windowCycles)) : outgoing));
    case 'inject': {
      const { to, message, delayCycles = 0 } = rule;
      return tap((outgoing) => {
        if (strikes(outgoing)) made({ from: OUTSIDE, to, message, delayCycles, sendId: null });
      });
    }
    default:
      return tap((outgoing) => {
        if (strikes(outgoing)) observe(rule.name, outgoing);
      });
  }
}

/**
 * Sets the rules of a plan to work.
 *
 * @throws GranuleError TOPOLOGY_INVALID naming the rule and its field
 * @example
 * ```ts
 * const [rule] = startRules([{ wire: { from: '*', to: 'tlb:*', type: 'TLBI' }, op: 'drop', nth: 3 }], {
 *   observe: () => undefined,
 *   made: () => undefined,
 * });
 * rule?.state().matched; // 0
 * ```
 */
export function startRules(plan: FaultPlan, { observe, made }: RuleSurroundings): RunningRule[] {
  return plan.map((rule, index) => {
    checkRule(rule, index);
    const random = new SeededRandom('seed' in rule ? rule.seed : 0);
    let matched = 0;
    const strikes = (outgoing: Outgoing): boolean => {
      if (!matches(rule.wire, outgoing)) return false;
      matched++;
      if (rule.nth !== undefined) return matched === rule.nth;
      return rule.probability === undefined || random.chance(rule.probability);
    };
    return {
      rule,
      operator: operatorOf(rule, strikes, random, { observe, made: (outgoing) => made(outgoing, index) }),
      state: () => ({ matched, random: random.state() }),
      restore: (state) => {
        matched = state.matched;
        random.restore(state.random);
      },
    };
  });
}
