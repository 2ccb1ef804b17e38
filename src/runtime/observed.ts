/** What rules that observe announce: a message on its way, as those see it who may look and not touch. */

import type { Address, Message } from './envelope.ts';
import type { Outgoing } from './faultPlan.ts';
import { frozenCopy } from './plainData.ts';

/**
 * A message that an `observe` or `sample` rule met. Nothing that is done with it reaches the run: it has no field that can be
 * set, and its message is a frozen copy, made when somebody reads it, for most who watch count and do not read.
 *
 * @example
 * ```ts
 * const message = { type: 'FREE', pfns: [1] };
 * const seen = new Observed('frees', { from: 'mm:1', to: 'zone', message, delayCycles: 0, sendId: null });
 * [seen.name, seen.type]; // ['frees', 'FREE']
 * Object.isFrozen(seen.message['pfns']); // true
 * ```
 */
export class Observed {
  readonly #name: string;
  readonly #outgoing: Outgoing;
  #message: Message | null = null;

  constructor(name: string, outgoing: Outgoing) {
    this.#name = name;
    this.#outgoing = outgoing;
  }

  /** That of the rule. */
  get name(): string {
    return this.#name;
  }

  get from(): Address {
    return this.#outgoing.from;
  }

  get to(): Address {
    return this.#outgoing.to;
  }

  get type(): string {
    return this.#outgoing.message.type;
  }

  /** How long it takes as far as the rules before have said. */
  get delayCycles(): number {
    return this.#outgoing.delayCycles;
  }

  /** All fields, and the type. */
  get message(): Message {
    this.#message ??= frozenCopy(this.#outgoing.message);
    return this.#message;
  }

  /** All of it together. */
  get outgoing(): Outgoing {
    return Object.freeze({ ...this.#outgoing, message: this.message });
  }

  /** For JSON.stringify. */
  toJSON(): { readonly name: string; readonly outgoing: Outgoing } {
    return { name: this.name, outgoing: this.outgoing };
  }
}
