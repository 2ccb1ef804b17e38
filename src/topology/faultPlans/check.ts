/** Whether the rules of a fault plan can do anything in a system: their wires join actors that are there. */
import type { ActorSpec } from '../../runtime/hosting.ts';
import { GranuleError } from '../../errors.ts';
import { type FaultRule, matchesAddress, type WirePattern } from '../../runtime/faultPlan.ts';
import { OUTSIDE } from '../../runtime/envelope.ts';
import { adaptMachine } from '../../runtime/xstateAdapter.ts';
import type { Message } from '../../runtime/envelope.ts';
import { type Catalogue, builtIns } from '../definitions/catalogue.ts';
import { schemaFault } from '../definitions/defineMessage.ts';
import { together } from '../together.ts';
import { didYouMean } from './near.ts';

/** How a rule is named in messages: by its operator, and the plan that it is of. */
function nameOf(rule: FaultRule): string {
  return rule.named === undefined ? `the rule ${rule.op}` : `the rule ${rule.op} of the fault plan ${rule.named.plan}`;
}

class PlanCheck {
  readonly #topology: string;
  readonly #actors: ReadonlyMap<string, ActorSpec>;
  readonly #catalogue: Catalogue;

  constructor(topology: string, actors: readonly ActorSpec[], catalogue: Catalogue) {
    this.#topology = topology;
    this.#catalogue = catalogue;
    this.#actors = new Map(actors.map((actor) => [actor.id, actor]));
  }

  check(rule: FaultRule, index: number): void {
    const where = `${this.#topology}: faultPlan.${index}`;
    if (rule.wire !== undefined) this.#checkWire(rule, rule.wire, where);
    if (rule.op === 'inject') this.#checkInjected(rule.to, rule.message.type, nameOf(rule), where);
    if (rule.op === 'answer') this.#checkAnswer(rule, rule.wire, where);
    // Of an answer that takes fields of its match, only the match says what they are.
    if (rule.op === 'inject' || (rule.op === 'answer' && rule.copy === undefined))
      this.#checkFields(rule.message, nameOf(rule), where);
  }

  #matching(pattern: string): ActorSpec[] {
    return [...this.#actors.values()].filter(({ id }) => matchesAddress(pattern, id));
  }

  #nobody(rule: FaultRule, pattern: string, verb: 'sends' | 'receives', where: string): never {
    const hint = didYouMean(pattern, this.#actors.keys());
    const what = `${nameOf(rule)} is about "${pattern}", and no actor of that name ${verb} here${hint}`;
    throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', what, where);
  }

  #checkWire(rule: FaultRule, { from, to, type }: WirePattern, where: string): void {
    const isSender = matchesAddress(from, OUTSIDE) || this.#matching(from).length > 0;
    if (!isSender) this.#nobody(rule, from, 'sends', `${where}.wire.from`);
    const receivers = this.#matching(to);
    if (receivers.length === 0) this.#nobody(rule, to, 'receives', `${where}.wire.to`);
    if (type === undefined || type.startsWith('!')) return;
    if (receivers.some(({ machine }) => adaptMachine(machine).accepts(type))) return;
    const what = `${nameOf(rule)} is about ${type} to "${to}", and no actor of that name takes ${type}`;
    throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${where}.wire.type`);
  }

  #checkInjected(to: string, type: string, name: string, where: string): void {
    const actor = this.#actors.get(to);
    if (actor === undefined) {
      const hint = didYouMean(to, this.#actors.keys());
      throw new GranuleError(
        'TOPOLOGY_ACTOR_UNKNOWN',
        `${name} sends ${type} to ${to}, which is no actor here${hint}`,
        `${where}.to`,
      );
    }
    if (adaptMachine(actor.machine).accepts(type)) return;
    throw new GranuleError(
      'TOPOLOGY_NO_TAKER',
      `${name} sends ${type} to ${to}, which takes no such message`,
      `${where}.message.type`,
    );
  }

  /** Messages of a user's own have the fields that their definitions say. */
  #checkFields({ type, ...fields }: Message, name: string, where: string): void {
    const own = this.#catalogue.messages.get(type);
    const fault = own === undefined ? null : schemaFault(own.fields, fields, where);
    if (fault !== null)
      throw new GranuleError('TOPOLOGY_INVALID', `${name} sends ${type}: ${fault}`, `${where}.message`);
  }

  /** Who is answered is whoever sent the match: of those that may, one at least has to take the answer. */
  #checkAnswer(rule: FaultRule & { readonly op: 'answer' }, { from }: WirePattern, where: string): void {
    const { type } = rule.message;
    if (this.#matching(from).some(({ machine }) => adaptMachine(machine).accepts(type))) return;
    const what = `${nameOf(rule)} answers "${from}" with ${type}, and no actor of that name takes ${type}`;
    throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${where}.message.type`);
  }
}

/**
 * Refuses rules that can match nothing in a system, or that send what nobody takes or what has not the fields of its definition.
 *
 * @throws GranuleError TOPOLOGY_ACTOR_UNKNOWN, TOPOLOGY_NO_TAKER, TOPOLOGY_INVALID, naming the rule and the pattern
 * @example
 * ```ts
 * const lamp = createMachine({ initial: 'off', states: { off: { on: { PRESS: 'on' } }, on: {} } });
 * const rule = { wire: { from: 'outside', to: 'lamp:*', type: 'PRESS' }, op: 'drop', nth: 1 } as const;
 * checkFaultPlan({ name: 'lamps', faultPlan: [rule] }, [{ id: 'lamp:hall', machine: lamp }]);
 * ```
 */
export function checkFaultPlan(
  { name, faultPlan }: { readonly name: string; readonly faultPlan: readonly FaultRule[] },
  actors: readonly ActorSpec[],
  catalogue: Catalogue = builtIns,
): void {
  if (faultPlan.length === 0) return;
  const check = new PlanCheck(name, actors, catalogue);
  together(faultPlan.map((rule, index) => () => check.check(rule, index)));
}
