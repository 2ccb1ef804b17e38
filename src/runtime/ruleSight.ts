/** How rules see messages: by their fields; a replay in several threads, which has no fields in its loop, sees them otherwise. */

import type { Message } from './envelope.ts';
import type { AnswerRule, FaultRule, Outgoing } from './faultPlan.ts';
import { satisfies } from './where.ts';

/** What rules ask of messages beyond their addresses and types. */
export interface RuleSight {
  /** Whether the fields are those that the rule's `where` wants. */
  holds(rule: FaultRule, outgoing: Outgoing): boolean;
  /** Whether a filter lets the message pass. */
  passes(rule: FaultRule, outgoing: Outgoing): boolean;
  /** What comes back in the place of a match. */
  answer(rule: AnswerRule, outgoing: Outgoing): Message;
  /** A message that a rule has whole, as this loop knows messages. */
  given(message: Message): Message;
}

/**
 * Whether a rule looks at the fields of messages.
 *
 * @example
 * ```ts
 * looksInside({ wire: { from: '*', to: 'zone' }, op: 'drop', where: { purpose: 'anon' } }); // true
 * looksInside({ wire: { from: '*', to: 'zone' }, op: 'drop' }); // false
 * ```
 */
export function looksInside(rule: FaultRule): boolean {
  return rule.op === 'filter' || rule.op === 'answer' || rule.where !== undefined;
}

/**
 * Rules see the fields themselves.
 *
 * @example
 * ```ts
 * const outgoing = { from: 'mm:1', to: 'zone', message: { type: 'ALLOC', request: 7 }, delayCycles: 0, sendId: null };
 * const rule = { wire: { from: '*', to: 'zone' }, op: 'answer', message: { type: 'NO_MEMORY' }, copy: ['request'] } as const;
 * fieldSight.answer(rule, outgoing); // { type: 'NO_MEMORY', request: 7 }
 * ```
 */
export const fieldSight: RuleSight = {
  holds: (rule, { message }) => !('where' in rule) || rule.where === undefined || satisfies(message, rule.where),
  passes: (rule, { message }) => {
    if (rule.op !== 'filter') return true;
    if (rule.keep !== undefined && !satisfies(message, rule.keep)) return false;
    return rule.drop === undefined || !satisfies(message, rule.drop);
  },
  answer: ({ message: given, copy = [] }, { message }) => {
    const copied = copy.filter((field) => Object.hasOwn(message, field)).map((field) => [field, message[field]]);
    return { ...given, ...Object.fromEntries(copied), type: given.type };
  },
  given: (message) => message,
};
