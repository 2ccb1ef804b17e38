/**
 * A hash of payloads: threads that hold one run between them tell each other what was sent without sending it again. It is
 * no cryptographic hash: who wants to can find two payloads of one hash, chance will not (1 in 2^53 for each comparison).
 */
import type { Message } from '../runtime/envelope.ts';
import { GranuleError } from '../errors.ts';

/** What goes into the hash with each value, so that values of two kinds never look alike. */
const MARK = {
  null: 0x3c6ef372,
  false: 0x14650fb1,
  true: 0x2a1f8ce9,
  integer: 0x7f4a7c15,
  number: 0x1ce4e5b9,
  string: 0x133111eb,
  array: 0x5851f42d,
  undefined: 0x4c957f2d,
  object: 0x6a09e667,
  keys: 0x3b67ae85,
  typed: 0x510e527f,
};
/** Strings whose hashes are kept: keys and paths are few, and a log that was tampered with must not fill the memory. */
const STRINGS_KEPT = 10_000;
/** Keys by the ways to them that are kept: some for each type of message. */
const STEPS_KEPT = 10_000;
/** Bits of the second lane that fit beside the first in a double. */
const SECOND_LANE_BITS = 21;
/** What moves the first lane past them: a power that is taken at each hash costs as much as a word that is mixed in. */
const FIRST_LANE_UNIT = 2 ** SECOND_LANE_BITS;

/** By what each lane multiplies and turns a word: what makes two hashes of one value differ by chance alone. */
const FIRST_MULTIPLIER = 0xcc9e2d51;
const FIRST_TURN = 15;
const SECOND_MULTIPLIER = 0x239b961b;
const SECOND_TURN = 17;

/** Two lanes of MurmurHash3's 32-bit round, with constants of their own. */
interface Lanes {
  first: number;
  second: number;
}

/** A key among the fields of an object, and those that came behind it; each sequence of keys from the first is a way of its own. */
interface KeyStep {
  readonly key: string;
  /** The hash of all keys of the way, which so goes into that of an object at once. */
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

  #word(mark: number, word: number): void {
    this.#first = mixed(this.#first ^ mark, word, FIRST_MULTIPLIER, FIRST_TURN);
    this.#second = mixed(this.#second ^ mark, word, SECOND_MULTIPLIER, SECOND_TURN);
  }

  #lanes(mark: number, { first, second }: Lanes): void {
    this.#first = mixed(this.#first ^ mark, first, FIRST_MULTIPLIER, FIRST_TURN);
    this.#second = mixed(this.#second ^ mark, second, SECOND_MULTIPLIER, SECOND_TURN);
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return;
      case 'string':
        this.#lanes(MARK.string, this.#lanesOf(value));
        return;
      case 'boolean':
        this.#word(value ? MARK.true : MARK.false, 0);
        return;
      case 'undefined':
        this.#word(MARK.undefined, 0);
        return;
      case 'object':
        if (value === null) this.#word(MARK.null, 0);
        else if (Array.isArray(value)) this.#elements(value);
        else if (ArrayBuffer.isView(value)) this.#typed(value);
        else this.#fields(value, null);
        return;
      default:
        throw new GranuleError('INVARIANT', `a message holds a ${typeof value}, which is no plain data`);
    }
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#word(MARK.integer, value);
      return;
    }
    this.#double[0] = value;
    this.#word(MARK.number, this.#words[0]);
    this.#word(MARK.number, this.#words[1]);
  }

  #typed(value: ArrayBufferView): void {
    this.#lanes(MARK.typed, this.#lanesOf(value.constructor.name));
    this.#elements(value as unknown as ArrayLike<unknown>);
  }

  #elements(elements: ArrayLike<unknown>): void {
    this.#word(MARK.array, elements.length);
    for (let at = 0; at < elements.length; at++) this.#value(elements[at]);
  }

  #fields(value: object, leftOut: string | null): void {
    this.#word(MARK.object, 0);
    let at = this.#keys;
    // As the log takes the fields of an object: along the way that the object before took, so that few keys are looked up.
    for (const key in value) {
      if (key === leftOut) continue;
      const next = at.next;
      at = next !== null && next.key === key ? next : this.#stepTo(at, key);
      this.#value((value as Record<string, unknown>)[key]);
    }
    this.#lanes(MARK.keys, at.lanes);
  }

  #stepTo(at: KeyStep, key: string): KeyStep {
    let step = at.others.get(key);
    if (step === undefined) {
      step = firstStep(key, further(at.lanes, this.#lanesOf(key)));
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
    lanes.first = mixed(lanes.first, text.charCodeAt(at), FIRST_MULTIPLIER, FIRST_TURN);
    lanes.second = mixed(lanes.second, text.charCodeAt(at), SECOND_MULTIPLIER, SECOND_TURN);
  }
  return whole(lanes);
}

/** The hash of a way that goes on by a key. */
function further(way: Lanes, key: Lanes): Lanes {
  return whole({
    first: mixed(way.first, key.first, FIRST_MULTIPLIER, FIRST_TURN),
    second: mixed(way.second, key.second, SECOND_MULTIPLIER, SECOND_TURN),
  });
}

/** As signed integers, which an engine keeps in the object itself; `mixed` takes their bits. */
function whole({ first, second }: Lanes): Lanes {
  return { first: finished(first) | 0, second: finished(second) | 0 };
}
