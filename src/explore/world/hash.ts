/**
 * Hashes of contents: equal data has one hash, whatever its history. Structures of the model are hashed by their plain form,
 * which is what a checkpoint holds of them, and so all that they are.
 */
import { GranuleError, invariant } from '../../errors.ts';
import type { Fingerprint } from '../model.ts';

/** Bits of the upper word of a fingerprint: 53 in all, what a double holds exactly. */
const HIGH_BITS = 21;
const HIGH_MASK = (1 << HIGH_BITS) - 1;
const WORD = 2 ** 32;

/** Tells kinds of data apart before their contents are mixed in. */
const TAG = { undefined: 1, null: 2, true: 3, false: 4, number: 5, string: 6, array: 7, record: 8, bigint: 9 } as const;

/** Names of fields that are left out of a hash. */
export interface IgnoredFields {
  /** Of the value itself. */
  readonly own: ReadonlySet<string>;
  /** At any depth. */
  readonly anywhere: ReadonlySet<string>;
}

const NO_FIELDS: ReadonlySet<string> = new Set();

/** Everything counts. */
export const NOTHING_IGNORED: IgnoredFields = { own: NO_FIELDS, anywhere: NO_FIELDS };

// The finalizer of MurmurHash3 (Austin Appleby, public domain), with other constants in the second lane.
function scrambled(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function scrambledOther(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return mixed ^ (mixed >>> 15);
}

/**
 * Two hashes as one, in that order.
 *
 * @example
 * ```ts
 * combined(1, 2) === combined(2, 1); // false
 * ```
 */
export function combined(left: number, right: number): Fingerprint {
  const low = scrambled((left | 0) ^ Math.imul(right | 0, 0x9e3779b1));
  const high = scrambledOther(
    Math.imul((left / WORD) | 0, 0x85ebca77) ^ ((right / WORD) | 0) ^ Math.imul(low, 0x27d4eb2f),
  );
  const lower = scrambled(low ^ Math.imul(high, 0x165667b1) ^ (left / WORD));
  return (high & HIGH_MASK) * WORD + (lower >>> 0);
}

/**
 * The lower word of a hash, as a signed integer: sums of many are made word by word, since that costs no double.
 *
 * @example
 * ```ts
 * lowOf(7); // 7
 * ```
 */
export function lowOf(hash: Fingerprint): number {
  return hash | 0;
}

/**
 * The upper word of a hash.
 *
 * @example
 * ```ts
 * highOf(2 ** 32 + 7); // 1
 * ```
 */
export function highOf(hash: Fingerprint): number {
  return (hash / WORD) | 0;
}

/**
 * A hash of two words, as sums of words give them.
 *
 * @example
 * ```ts
 * ofWords(lowOf(7), highOf(7)); // 7
 * ```
 */
export function ofWords(low: number, high: number): Fingerprint {
  return (high & HIGH_MASK) * WORD + (low >>> 0);
}

/**
 * The sum of two hashes: that of a bag of things is the sum of theirs, in whatever order it was made.
 *
 * @example
 * ```ts
 * summed(7, summed(8, 9)) === summed(summed(9, 7), 8); // true
 * ```
 */
export function summed(left: Fingerprint, right: Fingerprint): Fingerprint {
  return ofWords((lowOf(left) + lowOf(right)) | 0, highOf(left) + highOf(right));
}

const strings = new Map<string, Fingerprint>();
/** Strings whose hash is kept: addresses, types, names of fields; a run makes few others. */
const KEPT_STRINGS = 65_536;

/**
 * The hash of a string.
 *
 * @example
 * ```ts
 * hashOfString('mm:1') === hashOfString('mm:2'); // false
 * ```
 */
export function hashOfString(text: string): Fingerprint {
  const known = strings.get(text);
  if (known !== undefined) return known;
  let low = 0x811c9dc5 ^ text.length;
  let high = 0x1b873593;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b) + low;
  }
  const hash = combined((scrambled(high) & HIGH_MASK) * WORD + (scrambled(low) >>> 0), TAG.string);
  if (strings.size < KEPT_STRINGS) strings.set(text, hash);
  return hash;
}

function hashOfNumber(value: number): Fingerprint {
  if ((value | 0) === value) return combined((TAG.number * WORD + (value >>> 0)) % 2 ** 53, TAG.number);
  if (Number.isSafeInteger(value)) return combined(combined(Math.floor(value / WORD), value >>> 0), TAG.number + WORD);
  return hashOfString(`number ${value}`);
}

interface Structure {
  toPlain?: () => unknown;
}

function hashOfRecord(record: object, { own, anywhere }: IgnoredFields): Fingerprint {
  let sum: Fingerprint = TAG.record;
  const inside = own.size === 0 ? { own, anywhere } : { own: NO_FIELDS, anywhere };
  for (const key in record) {
    const value = (record as Record<string, unknown>)[key];
    // A field that is gone may be there as undefined; what is ignored is as good as gone.
    if (value === undefined || own.has(key) || anywhere.has(key)) continue;
    sum = summed(sum, combined(hashOfString(key), hashOf(value, inside)));
  }
  return sum;
}

/**
 * The hash of data: two values that mean the same have one. Order counts in lists, and in nothing else.
 *
 * @throws GranuleError INVARIANT for what is neither plain data nor has a plain form
 * @example
 * ```ts
 * hashOf({ a: 1, b: [2] }) === hashOf({ b: [2], a: 1 }); // true
 * hashOf([1, 2]) === hashOf([2, 1]); // false
 * const ignored = { own: new Set(['seen']), anywhere: new Set<string>() };
 * hashOf({ at: 7, seen: 3 }, ignored) === hashOf({ at: 7, seen: 4 }, ignored); // true
 * ```
 */
export function hashOf(value: unknown, ignored: IgnoredFields = NOTHING_IGNORED): Fingerprint {
  switch (typeof value) {
    case 'number':
      return hashOfNumber(value);
    case 'string':
      return hashOfString(value);
    case 'boolean':
      return value ? TAG.true : TAG.false;
    case 'undefined':
      return TAG.undefined;
    case 'bigint':
      return combined(hashOfString(value.toString()), TAG.bigint);
    case 'object':
      return value === null ? TAG.null : hashOfObject(value, ignored);
    default:
      return noData(typeof value);
  }
}

function noData(what: string): never {
  throw new GranuleError('INVARIANT', `a state holds data, and no ${what}`);
}

function hashOfObject(value: object, ignored: IgnoredFields): Fingerprint {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const list = value as unknown as ArrayLike<unknown>;
    let hash: Fingerprint = combined(TAG.array, list.length);
    for (let at = 0; at < list.length; at++) hash = combined(hash, hashOf(list[at], ignored));
    return hash;
  }
  const { toPlain } = value as Structure;
  if (typeof toPlain === 'function') return hashOf(toPlain.call(value), ignored);
  if (value instanceof Map || value instanceof Set) {
    let sum: Fingerprint = TAG.record;
    for (const entry of value) sum = summed(sum, combined(hashOf(entry, ignored), TAG.record));
    return sum;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    invariant(false, `a state holds a ${value.constructor.name}, which has no plain form`);
  return hashOfRecord(value, ignored);
}
