/** The virtual clock of a run: whole cycles, and never backwards. */

import { GranuleError, invariant } from '../errors.ts';

/** Above this an integer is no longer exact in a double; at 3 GHz it is 34 days of one run. */
export const MAX_TIME_CYCLES = Number.MAX_SAFE_INTEGER;

/**
 * What moves a clock on. `cycles`: the times at which messages are due. `deliveries`: each delivery is one cycle, whatever it costs,
 * and a message is due at its own delay: which messages of a channel may pass each other then depends on what waits there alone,
 * and not on when it was sent. Explorations of orders run so, since what can happen next has to follow from the state.
 */
export type Timekeeping = 'cycles' | 'deliveries';

/**
 * Virtual time in cycles.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock();
 * clock.advanceTo(120);
 * clock.nowCycles; // 120
 * ```
 */
export class VirtualClock {
  #nowCycles = 0;
  /** Each delivery is one cycle. */
  readonly countsDeliveries: boolean;

  constructor(timekeeping: Timekeeping = 'cycles') {
    this.countsDeliveries = timekeeping === 'deliveries';
  }

  get nowCycles(): number {
    return this.#nowCycles;
  }

  /**
   * Moves time on to `timeCycles`; the same time again is fine.
   *
   * @throws GranuleError INVARIANT when that lies in the past or is no whole number
   */
  advanceTo(timeCycles: number): void {
    // The texts are made only on failure: this runs once per message.
    if (!Number.isSafeInteger(timeCycles) || timeCycles < this.#nowCycles) {
      invariant(false, `virtual time is a whole number and never goes back (${this.#nowCycles} to ${timeCycles})`);
    }
    this.#nowCycles = timeCycles;
  }

  /** The time of a delivery, were it the next one, of what is due at a time. */
  timeOf(dueCycles: number): number {
    return this.countsDeliveries ? this.#nowCycles + 1 : Math.max(this.#nowCycles, dueCycles);
  }

  /**
   * When something is due that is sent now with a delay of `delayCycles`.
   *
   * @throws GranuleError INVARIANT for a delay that is negative or no whole number; RUN_LIMIT past {@link MAX_TIME_CYCLES}
   */
  after(delayCycles: number): number {
    if (!Number.isSafeInteger(delayCycles) || delayCycles < 0)
      invariant(false, `a delay is a whole number of cycles, not ${delayCycles}`);
    const timeCycles = this.countsDeliveries ? delayCycles : this.#nowCycles + delayCycles;
    if (timeCycles > MAX_TIME_CYCLES) {
      throw new GranuleError('RUN_LIMIT', 'virtual time is used up', `time ${this.#nowCycles} + ${delayCycles}`);
    }
    return timeCycles;
  }

  /** Sets the time of a checkpoint: the one way back. */
  restore(timeCycles: number): void {
    invariant(Number.isSafeInteger(timeCycles) && timeCycles >= 0, `virtual time is a whole number, not ${timeCycles}`);
    this.#nowCycles = timeCycles;
  }
}
