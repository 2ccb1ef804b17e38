/** A queue as a persistent list: what comes joins the end, what is served leaves the front, each in O(log n). */
import { invariant } from '../errors.ts';
import { IntMap } from './intMap.ts';

/**
 * A persistent list of values other than undefined that grows at its end and shrinks at its front. Its plain form is the
 * array that it stands for.
 *
 * @example
 * ```ts
 * const list = QueueList.fromPlain(['a', 'b']).push('c');
 * list.first; // 'a'
 * list.shift().toPlain(); // ['b', 'c']
 * ```
 */
export class QueueList<T> {
  /** By places, which are consecutive. */
  readonly #items: IntMap<T>;
  readonly #firstPlace: number;

  constructor(items: IntMap<T>, firstPlace: number) {
    this.#items = items;
    this.#firstPlace = firstPlace;
  }

  static empty<T>(): QueueList<T> {
    return new QueueList<T>(IntMap.empty(), 0);
  }

  /** The inverse of `toPlain`. */
  static fromPlain<T>(plain: readonly T[]): QueueList<T> {
    return QueueList.empty<T>().pushAll(plain);
  }

  get length(): number {
    return this.#items.size;
  }

  /** The value at the front, undefined where there is none. */
  get first(): T | undefined {
    return this.#items.get(this.#firstPlace);
  }

  /** The list with one more value at its end. */
  push(value: T): QueueList<T> {
    return this.pushAll([value]);
  }

  /** The list with more values at its end. */
  pushAll(values: Iterable<T>): QueueList<T> {
    const items = this.#items.edit();
    let place = this.#firstPlace + items.size;
    for (const value of values) items.set(place++, value);
    return new QueueList(items.done(), this.#firstPlace);
  }

  /** The list without the value at its front. */
  shift(): QueueList<T> {
    invariant(this.length > 0, 'an empty list has no front');
    // A list that has become empty begins anew, so that places stay small.
    if (this.length === 1) return QueueList.empty();
    return new QueueList(this.#items.delete(this.#firstPlace), this.#firstPlace + 1);
  }

  /** The values, front to end. */
  *[Symbol.iterator](): Generator<T> {
    for (const [, value] of this.#items.entries()) yield value;
  }

  toPlain(): T[] {
    return this.#items.toPlain().values;
  }
}
