/**
 * The generator of every seeded choice: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, 32-bit integer
 * arithmetic alone, so that it gives the same numbers on every machine and in every browser.
 */

import { invariant } from '../errors.ts';

/** Outputs thrown away after seeding, as the author of sfc32 advises, so that near seeds give unlike streams. */
const WARM_UP_ROUNDS = 12;

/** The whole state of a generator: four 32-bit unsigned integers. Plain data, for checkpoints. */
export type RandomState = readonly [number, number, number, number];

/**
 * Seeded random integers.
 *
 * @example
 * ```ts
 * new SeededRandom(1).below(1000) === new SeededRandom(1).below(1000); // true
 * ```
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /** `seed`: any safe integer from 0; all of its 53 bits count. */
  constructor(seed: number) {
    invariant(Number.isSafeInteger(seed) && seed >= 0, `a seed is a whole number from 0, not ${seed}`);
    this.#a = 0;
    this.#b = seed | 0;
    this.#c = Math.floor(seed / 2 ** 32) | 0;
    this.#counter = 1;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.next();
  }

  /** The next 32 bits, as an unsigned integer. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A whole number from 0 to `bound` - 1, each as likely as the next one (rejection, no modulo bias). */
  below(bound: number): number {
    invariant(Number.isSafeInteger(bound) && bound > 0 && bound <= 2 ** 32, `a bound is 1 to 2^32, not ${bound}`);
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let value = this.next();
    while (value >= limit) value = this.next();
    return value % bound;
  }

  /** True `probability` of the time. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** The state, to go on from later. */
  state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#counter >>> 0];
  }

  /** Goes on from a state that {@link SeededRandom.state} gave. */
  restore(state: RandomState): void {
    [this.#a, this.#b, this.#c, this.#counter] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
  }
}
