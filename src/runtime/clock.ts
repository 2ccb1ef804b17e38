/** The virtual clock of a run: whole cycles, and never backwards. */

import { GranuleError, invariant } from '../errors.ts';

/** Above this an integer is no longer exact in a double; at 3 GHz it is 34 days of one run. */
export const MAX_TIME_CYCLES = Number.MAX_SAFE_INTEGER;

/**
 * What moves a clock on. `cycles`: the times at which messages are due. `deliveries`: each delivery is one cycle, whatever it costs.
 * Explorations of orders run so, since there what can happen next has to follow from what waits, and not from when it was sent:
 * a channel keeps the order of sending, and among what one handling sent, that of the delays. Only what is _loose_ may be
 * passed by what was sent behind it: messages of an actor to itself, which are its timers, and those that a fault plan holds back.
 */
export type Timekeeping = 'cycles' | 'deliveries';

/** Where each delivery is one cycle, loose messages are due behind all others, and of each other by their delays. */
export const LOOSE_CYCLES = 2 ** 52;

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
   * @param isLoose it may be passed by what is sent behind it, though each delivery is one cycle
   * @throws GranuleError INVARIANT for a delay that is negative or no whole number; RUN_LIMIT past {@link MAX_TIME_CYCLES}
   */
  after(delayCycles: number, isLoose = false): number {
    if (!Number.isSafeInteger(delayCycles) || delayCycles < 0)
      invariant(false, `a delay is a whole number of cycles, not ${delayCycles}`);
    if (this.countsDeliveries && !isLoose) return this.#nowCycles;
    const timeCycles = (this.countsDeliveries ? LOOSE_CYCLES : this.#nowCycles) + delayCycles;
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

/** What is sent with a delay, or cancels something. */
type Delayed = { readonly kind: 'send'; readonly delayCycles: number } | { readonly kind: 'cancel' };

/**
 * What one handling sent, in the order of the delays: where each delivery is one cycle, a channel has it in that order.
 *
 * @example
 * ```ts
 * const sends = [{ kind: 'send' as const, delayCycles: 9 }, { kind: 'send' as const, delayCycles: 3 }];
 * inOrderOfDelay(sends).map(({ delayCycles }) => delayCycles); // [3, 9]
 * ```
 */
export function inOrderOfDelay<T extends Delayed>(sends: readonly T[]): readonly T[] {
  let isSorted = true;
  let last = 0;
  for (const send of sends) {
    if (send.kind === 'cancel') last = 0;
    else {
      if (send.delayCycles < last) isSorted = false;
      last = send.delayCycles;
    }
  }
  if (isSorted) return sends;
  // What a cancellation is about was sent before it: nothing goes past one.
  const sorted: T[] = [];
  let stretch: T[] = [];
  const flush = (): void => {
    sorted.push(...stretch.sort((left, right) => delayOf(left) - delayOf(right)));
    stretch = [];
  };
  for (const send of sends) {
    if (send.kind === 'send') stretch.push(send);
    else {
      flush();
      sorted.push(send);
    }
  }
  flush();
  return sorted;
}

function delayOf(send: Delayed): number {
  return send.kind === 'send' ? send.delayCycles : 0;
}
