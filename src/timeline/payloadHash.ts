/**
 * A hash of payloads: threads that hold one run between them tell each other what was sent without sending it again. It is
 * no cryptographic hash: who wants to can find two payloads of one hash, chance will not (1 in 2^53 for each comparison).
 */
import type { Message } from '../runtime/envelope.ts';
import { GranuleError } from '../errors.ts';

/** What begins each value, so that values of two kinds never look alike. */
const MARK = {
  null: 1,
  false: 2,
  true: 3,
  integer: 4,
  number: 5,
  string: 6,
  array: 7,
  undefined: 8,
  object: 9,
  typed: 10,
};
/** Strings whose hashes are kept: keys and paths are few, and a log that was tampered with must not fill the memory. */
const STRINGS_KEPT = 10_000;
/** Keys by the ways to them that are kept: some for each type of message. */
const STEPS_KEPT = 10_000;
/** Bits of the second lane that fit beside the first in a double. */
const SECOND_LANE_BITS = 21;
/** What moves the first lane past them: a power that is taken at each hash costs as much as a word that is mixed in. */
const FIRST_LANE_UNIT = 2 ** SECOND_LANE_BITS;

/** Two lanes of MurmurHash3's 32-bit round, with constants of their own. */
interface Lanes {
  first: number;
  second: number;
}

/** A key among the fields of an object, and those that came behind it; each sequence of keys from the first is a way of its own. */
interface KeyStep {
  readonly key: string;
  readonly lanes: Lanes;
  /** The key that came next last. */
  next: KeyStep | null;
  readonly others: Map<string, KeyStep>;
}

function mixed(lane: number, word: number, multiplier: number, turn: number): number {
  let key = Math.imul(word, multiplier);
  key = Math.imul((key << turn) | (key >>> (32 - turn)), 0x1b873593);
  const next = lane ^ key;
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

/** MurmurHash3's finalizer: every bit of the lane reaches every bit of the result. */
function finished(lane: number): number {
  let bits = lane ^ (lane >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * Hashes payloads: plain data, fields in their order, -0 apart from 0, as the log keeps them.
 *
 * @example
 * ```ts
 * const hasher = new PayloadHasher();
 * hasher.ofMessage({ type: 'GOT', request: 1 }) === hasher.ofPayload({ request: 1 }); // true
 * hasher.ofPayload({ request: 1 }) === hasher.ofPayload({ request: 2 }); // false
 * ```
 */
export class PayloadHasher {
  #first = 0;
  #second = 0;
  readonly #strings = new Map<string, Lanes>();
  readonly #keys = firstStep('', { first: 0, second: 0 });
  #steps = 0;
  readonly #double = new Float64Array(1);
  readonly #words = new Int32Array(this.#double.buffer);

  /** A whole number below 2^53. */
  ofPayload(payload: unknown): number {
    this.#begin();
    this.#value(payload);
    return this.#finish();
  }

  /** The hash of the payload that a record of this message has: all fields but the type. */
  ofMessage(message: Message): number {
    this.#begin();
    this.#fields(message, 'type');
    return this.#finish();
  }

  #begin(): void {
    this.#first = 0;
    this.#second = 0;
  }

  #finish(): number {
    // Each lane ends with the other in it, so that both make all of the result.
    const first = finished(this.#first ^ finished(this.#second));
    const second = finished(this.#second ^ first);
    return first * FIRST_LANE_UNIT + (second >>> (32 - SECOND_LANE_BITS));
  }

  #word(word: number): void {
    this.#first = mixed(this.#first, word, 0xcc9e2d51, 15);
    this.#second = mixed(this.#second, word, 0x239b961b, 17);
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return;
      case 'string':
        this.#word(MARK.string);
        this.#string(value);
        return;
      case 'boolean':
        this.#word(value ? MARK.true : MARK.false);
        return;
      case 'undefined':
        this.#word(MARK.undefined);
        return;
      case 'object':
        if (value === null) this.#word(MARK.null);
        else if (Array.isArray(value)) this.#elements(value, MARK.array);
        else if (ArrayBuffer.isView(value)) this.#typed(value);
        else this.#fields(value, null);
        return;
      default:
        throw new GranuleError('INVARIANT', `a message holds a ${typeof value}, which is no plain data`);
    }
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#word(MARK.integer);
      this.#word(value);
      return;
    }
    this.#double[0] = value;
    this.#word(MARK.number);
    this.#word(this.#words[0]);
    this.#word(this.#words[1]);
  }

  #typed(value: ArrayBufferView): void {
    this.#word(MARK.typed);
    this.#string(value.constructor.name);
    this.#elements(value as unknown as ArrayLike<unknown>, MARK.array);
  }

  #elements(elements: ArrayLike<unknown>, mark: number): void {
    this.#word(mark);
    this.#word(elements.length);
    for (let at = 0; at < elements.length; at++) this.#value(elements[at]);
  }

  #fields(value: object, leftOut: string | null): void {
    this.#word(MARK.object);
    let count = 0;
    let at = this.#keys;
    // As the log takes the fields of an object: along the way that the object before took, so that few keys are looked up.
    for (const key in value) {
      if (key === leftOut) continue;
      count++;
      const next = at.next;
      at = next !== null && next.key === key ? next : this.#stepTo(at, key);
      this.#lanes(at.lanes);
      this.#value((value as Record<string, unknown>)[key]);
    }
    this.#word(count);
  }

  #stepTo(at: KeyStep, key: string): KeyStep {
    let step = at.others.get(key);
    if (step === undefined) {
      step = firstStep(key, this.#lanesOf(key));
      // Steps that are dropped go on serving the object that is on its way along them.
      if (++this.#steps > STEPS_KEPT) {
        this.#keys.next = null;
        this.#keys.others.clear();
        this.#steps = 0;
      }
      at.others.set(key, step);
    }
    at.next = step;
    return step;
  }

  #lanes({ first, second }: Lanes): void {
    this.#first = mixed(this.#first, first, 0xcc9e2d51, 15);
    this.#second = mixed(this.#second, second, 0x239b961b, 17);
  }

  #string(text: string): void {
    this.#lanes(this.#lanesOf(text));
  }

  #lanesOf(text: string): Lanes {
    let lanes = this.#strings.get(text);
    if (lanes === undefined) {
      lanes = lanesOf(text);
      if (this.#strings.size >= STRINGS_KEPT) this.#strings.clear();
      this.#strings.set(text, lanes);
    }
    return lanes;
  }
}

function firstStep(key: string, lanes: Lanes): KeyStep {
  return { key, lanes, next: null, others: new Map() };
}

function lanesOf(text: string): Lanes {
  const lanes = { first: text.length, second: text.length };
  for (let at = 0; at < text.length; at++) {
    lanes.first = mixed(lanes.first, text.charCodeAt(at), 0xcc9e2d51, 15);
    lanes.second = mixed(lanes.second, text.charCodeAt(at), 0x239b961b, 17);
  }
  // As signed integers, which an engine keeps in the object itself; `mixed` takes their bits.
  return { first: finished(lanes.first) | 0, second: finished(lanes.second) | 0 };
}
