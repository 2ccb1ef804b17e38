/**
 * The rules of a fault plan at work: each becomes one RxJS operator over the messages that an actor sends. The operators are
 * synchronous, and keep what moves as plain data.
 */

import { filter, map, mergeMap, of, type OperatorFunction, tap } from 'rxjs';
import { OUTSIDE } from './envelope.ts';
import { checkRule } from './faultRuleCheck.ts';
import {
  type FaultPlan,
  type FaultRule,
  type FaultRuleState,
  type HoldRule,
  type Outgoing,
  type StopRule,
  type WireTest,
  wireTest,
} from './faultPlan.ts';
import { SeededRandom } from './random.ts';
import type { RuleSight } from './ruleSight.ts';

/** What rules need of the system that they are at work in. */
export interface RuleSurroundings {
  readonly sight: RuleSight;
  readonly nowCycles: () => number;
  readonly nextSeq: () => number;
  /** Hears what `observe` and `sample` announce. */
  readonly observe: (name: string, outgoing: Outgoing) => void;
  /** Takes a message that the rule at `index` sends by itself. */
  readonly made: (outgoing: Outgoing, index: number) => void;
  /** Hears that the rule at `index` ends the run: it has this many records. */
  readonly stop: (endSeq: number, index: number) => void;
}

/** A rule at work in one system. */
export interface RunningRule {
  readonly rule: FaultRule;
  readonly operator: OperatorFunction<Outgoing, Outgoing>;
  readonly state: () => FaultRuleState;
  readonly restore: (state: FaultRuleState) => void;
}

function later(outgoing: Outgoing, extraCycles: number): Outgoing {
  return { ...outgoing, delayCycles: outgoing.delayCycles + extraCycles };
}

/** What moves in a rule, and which messages it strikes. */
class Striker {
  matched = 0;
  heldFromCycles: number | null = null;
  endSeq: number | null = null;
  readonly random: SeededRandom;
  readonly #rule: FaultRule;
  readonly #sight: RuleSight;
  readonly #isOnWire: WireTest;
  /** Some rules look at no field: then nobody is asked. */
  readonly #looks: boolean;

  constructor(rule: FaultRule, sight: RuleSight) {
    this.#rule = rule;
    this.#sight = sight;
    this.#isOnWire = rule.wire === undefined ? () => false : wireTest(rule.wire);
    this.#looks = 'where' in rule && rule.where !== undefined;
    this.random = new SeededRandom('seed' in rule ? (rule.seed ?? 0) : 0);
  }

  /** Counts a message that the rule is about; false for any other. */
  counts(outgoing: Outgoing): boolean {
    if (!this.#isOnWire(outgoing) || (this.#looks && !this.#sight.holds(this.#rule, outgoing))) return false;
    this.matched++;
    return true;
  }

  strikes(outgoing: Outgoing): boolean {
    const rule = this.#rule;
    if (!this.counts(outgoing)) return false;
    if ('every' in rule) return this.matched % rule.every === 0;
    if ('nth' in rule && rule.nth !== undefined) return this.matched === rule.nth;
    return !('probability' in rule) || rule.probability === undefined || this.random.chance(rule.probability);
  }

  state(): FaultRuleState {
    const { matched, heldFromCycles, endSeq } = this;
    return {
      matched,
      random: this.random.state(),
      ...(heldFromCycles === null ? {} : { heldFromCycles }),
      ...(endSeq === null ? {} : { endSeq }),
    };
  }

  restore({ matched, random, heldFromCycles, endSeq }: FaultRuleState): void {
    this.matched = matched;
    this.random.restore(random);
    this.heldFromCycles = heldFromCycles ?? null;
    this.endSeq = endSeq ?? null;
  }
}

/** Keeps back what is due within the stretch until its end. */
function holding(rule: HoldRule, striker: Striker, nowCycles: () => number): (outgoing: Outgoing) => Outgoing {
  return (outgoing) => {
    if (!striker.counts(outgoing)) return outgoing;
    const now = nowCycles();
    const dueCycles = now + outgoing.delayCycles;
    if (rule.nth !== undefined && striker.matched === rule.nth) striker.heldFromCycles = dueCycles;
    const fromCycles = rule.nth === undefined ? (rule.fromCycles ?? 0) : striker.heldFromCycles;
    if (fromCycles === null || dueCycles < fromCycles) return outgoing;
    const untilCycles = rule.nth === undefined ? (rule.untilCycles ?? 0) : fromCycles + (rule.forCycles ?? 0);
    return dueCycles < untilCycles ? { ...outgoing, delayCycles: untilCycles - now } : outgoing;
  };
}

function stopping(rule: StopRule, striker: Striker, index: number, around: RuleSurroundings) {
  return (outgoing: Outgoing): void => {
    if (rule.wire === undefined || striker.endSeq !== null || !striker.strikes(outgoing)) return;
    striker.endSeq = around.nextSeq();
    around.stop(striker.endSeq, index);
  };
}

function operatorOf(
  rule: FaultRule,
  striker: Striker,
  index: number,
  around: RuleSurroundings,
): OperatorFunction<Outgoing, Outgoing> {
  const strikes = (outgoing: Outgoing): boolean => striker.strikes(outgoing);
  switch (rule.op) {
    case 'drop':
      return filter((outgoing) => !strikes(outgoing));
    case 'filter':
      return filter((outgoing) => !strikes(outgoing) || around.sight.passes(rule, outgoing));
    case 'delay':
      return map((outgoing) => (strikes(outgoing) ? later(outgoing, rule.delayCycles) : outgoing));
    case 'duplicate':
      return mergeMap((outgoing) =>
        strikes(outgoing) ? of(outgoing, later(outgoing, rule.delayCycles)) : of(outgoing),
      );
    case 'reorder':
      return map((outgoing) =>
        strikes(outgoing) ? later(outgoing, 1 + striker.random.below(rule.windowCycles)) : outgoing,
      );
    case 'hold':
      return map(holding(rule, striker, around.nowCycles));
    case 'inject': {
      const { to, delayCycles = 0 } = rule;
      const message = around.sight.given(rule.message);
      return tap((outgoing) => {
        if (strikes(outgoing)) around.made({ from: OUTSIDE, to, message, delayCycles, sendId: null }, index);
      });
    }
    case 'answer':
      return filter((outgoing) => {
        if (!strikes(outgoing)) return true;
        const delayCycles = outgoing.delayCycles + (rule.delayCycles ?? 0);
        const message = around.sight.answer(rule, outgoing);
        around.made({ from: outgoing.to, to: outgoing.from, message, delayCycles, sendId: null }, index);
        return false;
      });
    case 'stop':
      return tap(stopping(rule, striker, index, around));
    default:
      return tap((outgoing) => {
        if (strikes(outgoing)) around.observe(rule.name, outgoing);
      });
  }
}

/**
 * Sets the rules of a plan to work.
 *
 * @throws GranuleError TOPOLOGY_INVALID naming the rule and its field
 * @example
 * ```ts
 * const ignore = () => undefined;
 * const clock = { sight: fieldSight, nowCycles: () => 0, nextSeq: () => 0 };
 * const around = { ...clock, observe: ignore, made: ignore, stop: ignore };
 * const [rule] = startRules([{ wire: { from: '*', to: 'tlb:*', type: 'TLBI' }, op: 'drop', nth: 3 }], around);
 * rule?.state().matched; // 0
 * ```
 */
export function startRules(plan: FaultPlan, around: RuleSurroundings): RunningRule[] {
  return plan.map((rule, index) => {
    checkRule(rule, index);
    const striker = new Striker(rule, around.sight);
    if (rule.op === 'stop' && rule.atSeq !== undefined) around.stop(rule.atSeq + 1, index);
    return {
      rule,
      operator: operatorOf(rule, striker, index, around),
      state: () => striker.state(),
      restore: (state) => {
        striker.restore(state);
        const endSeq = rule.op === 'stop' && rule.atSeq !== undefined ? rule.atSeq + 1 : striker.endSeq;
        if (endSeq !== null) around.stop(endSeq, index);
      },
    };
  });
}
