/**
 * Rules of a fault plan that look into messages, where there are none to look into: whoever folds an actor tells the loop, for
 * each such rule, what it would have seen.
 */
import type { Message } from '../runtime/envelope.ts';
import {
  type AnswerRule,
  type FaultPlan,
  type FaultRule,
  matchesType,
  type Outgoing,
  type WireTest,
  wireTest,
} from '../runtime/faultPlan.ts';
import { fieldSight, looksInside, type RuleSight } from '../runtime/ruleSight.ts';
import type { PayloadHasher } from './payloadHash.ts';

/** The rule is not about the message. */
const NOT_ABOUT = -1;
const PASSES = 1;

/**
 * The rules of a plan that look into messages, in its order. Each makes one word of a message: -1 where it is not about it;
 * else the hash of what an `answer` would send, or 0 where a `filter` would let it go no further, or 1.
 *
 * @example
 * ```ts
 * const words = new RuleWords([{ wire: { from: '*', to: 'zone' }, op: 'drop', where: { purpose: 'anon' } }]);
 * const message = { type: 'ALLOC', purpose: 'file' };
 * words.of({ from: 'mm:1', to: 'zone', message, delayCycles: 0, sendId: null }, new PayloadHasher()); // [-1]
 * ```
 */
export class RuleWords {
  readonly rules: readonly FaultRule[];
  readonly #tests: readonly WireTest[];

  constructor(plan: FaultPlan) {
    this.rules = plan.filter(looksInside);
    this.#tests = this.rules.map(({ wire }) => (wire === undefined ? () => false : wireTest(wire)));
  }

  of(outgoing: Outgoing, hasher: PayloadHasher): number[] {
    return this.rules.map((rule, index) => {
      const isAbout = (this.#tests[index]?.(outgoing) ?? false) && fieldSight.holds(rule, outgoing);
      return isAbout ? wordOf(rule, outgoing, hasher) : NOT_ABOUT;
    });
  }

  /** Of a message whatever wire it goes by. */
  ofMessage(message: Message, hasher: PayloadHasher): number[] {
    const outgoing = { from: '', to: '', message, delayCycles: 0, sendId: null };
    return this.rules.map((rule) => (fieldSight.holds(rule, outgoing) ? wordOf(rule, outgoing, hasher) : NOT_ABOUT));
  }
}

function wordOf(rule: FaultRule, outgoing: Outgoing, hasher: PayloadHasher): number {
  if (rule.op === 'answer') return hasher.ofMessage(fieldSight.answer(rule, outgoing));
  return fieldSight.passes(rule, outgoing) ? PASSES : 0;
}

/**
 * Rules see what they were told of the messages that stand in for others.
 *
 * @example
 * ```ts
 * const plan = [{ wire: { from: '*', to: 'zone' }, op: 'drop', where: { purpose: 'anon' } }] as const;
 * const sight = new WordSight(plan, new PayloadHasher());
 * const message = sight.told({ type: 'ALLOC', hash: 9 }, [-1]);
 * sight.holds(plan[0], { from: 'mm:1', to: 'zone', message, delayCycles: 0, sendId: null }); // false
 * ```
 */
export class WordSight implements RuleSight {
  readonly words: RuleWords;
  readonly #hasher: PayloadHasher;
  readonly #indexes: ReadonlyMap<FaultRule, number>;
  readonly #told = new WeakMap<Message, readonly number[]>();

  constructor(plan: FaultPlan, hasher: PayloadHasher) {
    this.words = new RuleWords(plan);
    this.#hasher = hasher;
    this.#indexes = new Map(this.words.rules.map((rule, index) => [rule, index]));
  }

  /** Keeps what the rules would have seen in a message. */
  told(message: Message, words: readonly number[]): Message {
    if (words.length > 0) this.#told.set(message, words);
    return message;
  }

  holds(rule: FaultRule, { message }: Outgoing): boolean {
    return this.#wordOf(rule, message) !== NOT_ABOUT;
  }

  passes(rule: FaultRule, { message }: Outgoing): boolean {
    return this.#wordOf(rule, message) === PASSES;
  }

  answer(rule: AnswerRule, { message }: Outgoing): Message {
    return { type: rule.message.type, hash: this.#wordOf(rule, message) };
  }

  given(message: Message): Message {
    const standIn = { type: message.type, hash: this.#hasher.ofMessage(message) };
    return this.words.rules.length === 0 ? standIn : this.told(standIn, this.words.ofMessage(message, this.#hasher));
  }

  #wordOf(rule: FaultRule, message: Message): number {
    const index = this.#indexes.get(rule);
    return index === undefined ? PASSES : (this.#told.get(message)?.[index] ?? NOT_ABOUT);
  }
}

/**
 * Whether a rule of the plan may look into what a rule before it answered: that is known to nobody but the loop of a whole
 * replay.
 *
 * @example
 * ```ts
 * looksIntoAnswers([{ wire: { from: '*', to: 'zone' }, op: 'answer', message: { type: 'NO_MEMORY' } }]); // false
 * ```
 */
export function looksIntoAnswers(plan: FaultPlan): boolean {
  return plan.some((rule, index) => {
    if (rule.op !== 'answer') return false;
    const { type } = rule.message;
    return plan.slice(index + 1).some((other) => looksInside(other) && matchesType(other.wire?.type, type));
  });
}
