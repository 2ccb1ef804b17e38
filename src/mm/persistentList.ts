/** A list of which every version stays as it was: a queue, or the slots of so many CPUs. */
import { invariant } from '../errors.ts';
import { IntMap } from './intMap.ts';

/**
 * A persistent list of values other than undefined: what comes joins the end, what is served leaves the front, and what
 * lies between can be replaced, each in O(log n). Its plain form is the array that it stands for.
 *
 * @example
 * ```ts
 * const list = PersistentList.fromPlain(['a', 'b']).push('c');
 * list.at(0); // 'a'
 * list.shift().toPlain(); // ['b', 'c']
 * ```
 */
export class PersistentList<T> {
  /** By places, which are consecutive. */
  readonly #items: IntMap<T>;
  readonly #firstPlace: number;

  constructor(items: IntMap<T>, firstPlace: number) {
    this.#items = items;
    this.#firstPlace = firstPlace;
  }

  /** One value for all. */
  static readonly #empty = new PersistentList<never>(IntMap.empty(), 0);

  static empty<T>(): PersistentList<T> {
    return PersistentList.#empty;
  }

  /** The inverse of `toPlain`. */
  static fromPlain<T>(plain: readonly T[]): PersistentList<T> {
    return PersistentList.empty<T>().pushAll(plain);
  }

  get length(): number {
    return this.#items.size;
  }

  /** The value at an index from the front, undefined where there is none. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items.get(this.#firstPlace + index);
  }

  /** The list with another value at an index. */
  with(index: number, value: T): PersistentList<T> {
    invariant(this.at(index) !== undefined, `a list of ${this.length} has an index ${index}`);
    return new PersistentList(this.#items.set(this.#firstPlace + index, value), this.#firstPlace);
  }

  /** The list with one more value at its end. */
  push(value: T): PersistentList<T> {
    return this.pushAll([value]);
  }

  /** The list with more values at its end. */
  pushAll(values: Iterable<T>): PersistentList<T> {
    const items = this.#items.edit();
    let place = this.#firstPlace + items.size;
    for (const value of values) items.set(place++, value);
    return new PersistentList(items.done(), this.#firstPlace);
  }

  /** The list without the value at its front. */
  shift(): PersistentList<T> {
    invariant(this.length > 0, 'an empty list has no front');
    // A list that has become empty begins anew, so that places stay small.
    if (this.length === 1) return PersistentList.empty();
    return new PersistentList(this.#items.delete(this.#firstPlace), this.#firstPlace + 1);
  }

  /** The values, front to end. */
  *[Symbol.iterator](): Generator<T> {
    for (const [, value] of this.#items.entries()) yield value;
  }

  toPlain(): T[] {
    return this.#items.toPlain().values;
  }
}
