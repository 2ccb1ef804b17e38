/** A list in order of arrival whose values are found by a number that each carries, persistent. */
import { IntMap } from './intMap.ts';

/**
 * A persistent list of values, one for each key, in the order in which they came. Finding, adding and removing one cost
 * O(log n); a value of a key that is there already takes the other's part at the end. Its plain form is an array.
 *
 * @throws GranuleError INVARIANT for a key that is no integer from 0 to 2^52 - 1
 * @example
 * ```ts
 * const list = KeyedList.fromPlain([{ pid: 7 }, { pid: 3 }], ({ pid }) => pid);
 * list.get(3); // { pid: 3 }
 * list.with({ pid: 7 }).toPlain(); // [{ pid: 3 }, { pid: 7 }]
 * ```
 */
export class KeyedList<T> {
  readonly #keyOf: (value: T) => number;
  /** By places, which rise. */
  readonly #values: IntMap<T>;
  /** The place of each key. */
  readonly #places: IntMap<number>;

  constructor(keyOf: (value: T) => number, values: IntMap<T>, places: IntMap<number>) {
    this.#keyOf = keyOf;
    this.#values = values;
    this.#places = places;
  }

  static empty<T>(keyOf: (value: T) => number): KeyedList<T> {
    return new KeyedList<T>(keyOf, IntMap.empty(), IntMap.empty());
  }

  /** The inverse of `toPlain`. */
  static fromPlain<T>(plain: readonly T[], keyOf: (value: T) => number): KeyedList<T> {
    return plain.reduce((list, value) => list.with(value), KeyedList.empty(keyOf));
  }

  get length(): number {
    return this.#values.size;
  }

  /** The value that came first, or undefined. */
  get first(): T | undefined {
    return this.#values.first()?.value;
  }

  /** The value of a key, or undefined. */
  get(key: number): T | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values.get(place);
  }

  /** The list with a value at its end, and no other of its key. */
  with(value: T): KeyedList<T> {
    const key = this.#keyOf(value);
    const values = this.#values.edit();
    const before = this.#places.get(key);
    if (before !== undefined) values.delete(before);
    const place = (this.#values.last()?.key ?? -1) + 1;
    values.set(place, value);
    return new KeyedList(this.#keyOf, values.done(), this.#places.set(key, place));
  }

  /** The list without the value of a key. */
  without(key: number): KeyedList<T> {
    const place = this.#places.get(key);
    if (place === undefined) return this;
    return new KeyedList(this.#keyOf, this.#values.delete(place), this.#places.delete(key));
  }

  /** The values in order of arrival. */
  *[Symbol.iterator](): Generator<T> {
    for (const [, value] of this.#values.entries()) yield value;
  }

  toPlain(): T[] {
    return this.#values.toPlain().values;
  }
}
