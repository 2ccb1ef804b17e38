/** How long the handling of each message took in virtual time, found while the log is gone through once. */
import type { LogRecord } from '../log/record.ts';

/** The handling of one message that is still going on. */
interface Open {
  readonly seq: number;
  readonly timeCycles: number;
  endCycles: number;
}

/** The end of one handling. */
export interface Ended {
  readonly actor: string;
  readonly seq: number;
  readonly endCycles: number;
}

/**
 * The handling of a message lasts until the last message that it sent to another actor was delivered, and no longer than until its actor
 * takes its next message: an actor does one thing at a time, so spans of one actor never overlap. What an actor sends itself is a
 * timer, and does not count.
 *
 * @example
 * ```ts
 * const handling = new Handling();
 * const record = (seq: number, timeCycles: number, from: string, to: string, cause: number) =>
 *   ({ seq, timeCycles, from, to, cause, type: 'T', payload: {} });
 * handling.see(record(0, 10, 'outside', 'mm:1', -1)); // null
 * handling.see(record(1, 25, 'mm:1', 'zone', 0)); // null
 * handling.see(record(2, 40, 'zone', 'mm:1', 1)); // { actor: 'mm:1', seq: 0, endCycles: 25 }
 * ```
 */
export class Handling {
  readonly #open = new Map<string, Open>();

  /** Takes the next record; gives the handling that ends because its actor takes another message. */
  see({ seq, timeCycles, from, to, cause }: LogRecord): Ended | null {
    const sender = this.#open.get(from);
    if (sender !== undefined && sender.seq === cause && from !== to) sender.endCycles = timeCycles;
    const before = this.#open.get(to);
    this.#open.set(to, { seq, timeCycles, endCycles: timeCycles });
    return before === undefined ? null : { actor: to, seq: before.seq, endCycles: before.endCycles };
  }

  /** What is still going on, in the order in which actors came first. */
  rest(): Ended[] {
    return Array.from(this.#open, ([actor, { seq, endCycles }]) => ({ actor, seq, endCycles }));
  }
}
