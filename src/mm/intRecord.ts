/** A record with whole numbers as keys (pids, identifiers), persistent: a write costs O(log n) and not a copy of all. */
import { IntMap } from './intMap.ts';

/**
 * A persistent record from integers to values other than undefined. Its plain form is the object that it stands for.
 *
 * @throws GranuleError INVARIANT for a key that is no integer from 0 to 2^52 - 1, or an undefined value
 * @example
 * ```ts
 * const one = IntRecord.empty<string>().with(7, 'seven');
 * one.without(7).size; // 0
 * one.with(3, 'three').toPlain(); // { 3: 'three', 7: 'seven' }
 * ```
 */
export class IntRecord<V> {
  readonly #map: IntMap<V>;

  constructor(map: IntMap<V>) {
    this.#map = map;
  }

  /** One value for all. */
  static readonly #empty = new IntRecord<never>(IntMap.empty());

  static empty<V>(): IntRecord<V> {
    return IntRecord.#empty;
  }

  /** The inverse of `toPlain`. */
  static fromPlain<V>(plain: Readonly<Record<number, V>>): IntRecord<V> {
    const edit = IntMap.empty<V>().edit();
    for (const [key, value] of Object.entries(plain)) edit.set(Number(key), value);
    return new IntRecord<V>(edit.done());
  }

  /** Number of keys. */
  get size(): number {
    return this.#map.size;
  }

  /** The value of a key, or undefined. */
  get(key: number): V | undefined {
    return this.#map.get(key);
  }

  has(key: number): boolean {
    return this.#map.has(key);
  }

  /** The record with another value of one key. */
  with(key: number, value: V): IntRecord<V> {
    return new IntRecord(this.#map.set(key, value));
  }

  /** The record without one key. */
  without(key: number): IntRecord<V> {
    const map = this.#map.delete(key);
    return map === this.#map ? this : new IntRecord(map);
  }

  /** Keys ascending, with their values. */
  entries(): Generator<[number, V]> {
    return this.#map.entries();
  }

  toPlain(): Record<number, V> {
    return Object.fromEntries(this.#map.entries());
  }
}
