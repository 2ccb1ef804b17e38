/** A fault plan in states that are values: what moves in its rules is part of the state. */
import { GranuleError } from '../../errors.ts';
import type { FaultPlan, FaultRule, FaultRuleState, Outgoing } from '../../runtime/faultPlan.ts';
import { Wires } from '../../runtime/wires.ts';
import type { LocalStates, Sent } from './localStates.ts';

/** Rules whose effect hangs on times or on numbers of events: a state has neither. */
const TIMED: ReadonlySet<FaultRule['op']> = new Set(['hold', 'stop']);

/** What came out of the wires. */
export interface Carried {
  readonly sends: readonly Sent[];
  readonly faults: readonly FaultRuleState[];
  /** A rule sent what nobody takes. */
  readonly failure: GranuleError | null;
}

/**
 * The wires of a model.
 *
 * @example
 * ```ts
 * const { actors } = hostActors([]);
 * const locals = new LocalStates(actors, nothingIgnored);
 * const rule = { wire: { from: '*', to: '*' }, op: 'hold' as const, nth: 1, forCycles: 9 };
 * new WorldWires([rule], locals, 'one'); // throws EXPLORE_FAULT_PLAN
 * ```
 */
export class WorldWires {
  readonly #wires: Wires;
  readonly #locals: LocalStates;
  readonly #initial: readonly FaultRuleState[];
  #leaving: Sent[] = [];
  #failure: GranuleError | null = null;

  constructor(plan: FaultPlan, locals: LocalStates, where: string) {
    for (const [index, { op }] of plan.entries()) {
      if (!TIMED.has(op)) continue;
      const what = `a rule "${op}" is about times, and states that are explored have none`;
      throw new GranuleError('EXPLORE_FAULT_PLAN', what, `${where}: faultPlan.${index}`);
    }
    this.#locals = locals;
    this.#wires = new Wires(plan, {
      enqueue: (outgoing, isHeldBack) => this.#enqueue(outgoing, isHeldBack),
      nowCycles: () => 0,
      nextSeq: () => 0,
    });
    this.#initial = this.#wires.state();
  }

  initial(): readonly FaultRuleState[] {
    return this.#initial;
  }

  /** Takes messages through the rules, whose state is given. */
  carry(sends: readonly Sent[], faults: readonly FaultRuleState[]): Carried {
    this.#wires.restore(faults);
    this.#leaving = [];
    this.#failure = null;
    for (const sent of sends) {
      const { channel, content, delayCycles, sendId } = sent;
      if (sent.isTimer || this.#wires.isBare(channel.from)) this.#leaving.push(sent);
      else this.#wires.carry({ from: channel.from, to: channel.to, message: content.message, delayCycles, sendId });
    }
    return { sends: this.#leaving, faults: this.#wires.state(), failure: this.#failure };
  }

  #enqueue({ from, to, message, delayCycles, sendId }: Outgoing, isHeldBack: boolean): void {
    const sent = this.#locals.sent(from, { to, message, delayCycles, sendId, isTimer: false }, isHeldBack);
    if (sent === null) this.#failure ??= this.#locals.noTaker(from, to, message.type);
    else this.#leaving.push(sent);
  }
}
