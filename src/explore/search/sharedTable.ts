/** Fingerprints in memory that several threads share: each state is new to one of them alone. */
import { GranuleError } from '../../errors.ts';
import type { Fingerprint } from '../model.ts';

/** Half of a fingerprint, with a mark that it is there: an empty word is 0. */
const HALF = 2 ** 27;
const THERE = 2 ** 30;
/** Words: how many states, whether to stop, how many threads have nothing to do. Slots of two words each follow. */
const SIZE = 0;
const STOP = 1;
const IDLE = 2;
const HEAD = 4;
const WORDS_A_SLOT = 2;
/** Threads see that the budget is used up a little later; until then there is room. */
const FULL_SHARE = 0.75;

/**
 * An open-addressing table in a `SharedArrayBuffer`. Its size is fixed: it has room for twice the states asked for.
 *
 * @example
 * ```ts
 * const table = SharedTable.forStates(100);
 * table.see(900); // true
 * new SharedTable(table.buffer).see(900); // false
 * table.size; // 1
 * ```
 */
export class SharedTable {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #most: number;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    const slots = (this.#words.length - HEAD) / WORDS_A_SLOT;
    this.#mask = slots - 1;
    this.#most = slots * FULL_SHARE;
  }

  static forStates(states: number): SharedTable {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(states, 2) * 2));
    const bytes = (HEAD + slots * WORDS_A_SLOT) * Int32Array.BYTES_PER_ELEMENT;
    return new SharedTable(new SharedArrayBuffer(bytes));
  }

  get size(): number {
    return Atomics.load(this.#words, SIZE);
  }

  /** Whether it is new. @throws GranuleError EXPLORE_LIMIT when the table is full */
  see(fingerprint: Fingerprint): boolean {
    const high = THERE + Math.floor(fingerprint / HALF);
    const low = THERE + (fingerprint % HALF);
    let slot = Math.imul(Math.imul(high, 0x9e3779b1) ^ low, 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    for (;;) {
      const at = HEAD + slot * WORDS_A_SLOT;
      const found = Atomics.compareExchange(this.#words, at, 0, high);
      if (found === 0) {
        Atomics.store(this.#words, at + 1, low);
        const size = Atomics.add(this.#words, SIZE, 1) + 1;
        if (size > this.#most) throw new GranuleError('EXPLORE_LIMIT', `the shared table is full at ${size} states`);
        return true;
      }
      if (found === high && this.#lowAt(at + 1) === low) return false;
      slot = (slot + 1) & this.#mask;
    }
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, STOP) === 1;
  }

  /** Threads that have nothing to do and for whom nothing waits. */
  get idle(): number {
    return Atomics.load(this.#words, IDLE);
  }

  set idle(threads: number) {
    Atomics.store(this.#words, IDLE, threads);
  }

  /** Somebody has taken it on himself to give work: no other thread need. */
  takeIdle(): boolean {
    const idle = this.idle;
    return idle > 0 && Atomics.compareExchange(this.#words, IDLE, idle, idle - 1) === idle;
  }

  /** The second word of a slot whose first is there: whoever put that one in is about to put in this one. */
  #lowAt(at: number): number {
    let low = Atomics.load(this.#words, at);
    while (low === 0) low = Atomics.load(this.#words, at);
    return low;
  }
}
