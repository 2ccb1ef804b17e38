import type { ByteWriter } from './bytes.ts';
import { MODE, writeIntegers } from './columns.ts';

/** Room that is always kept for the next use; beyond it, at most `KEPT_TIMES` what was used. */
const LEAST_ROOM = 64;
const KEPT_TIMES = 8;

/**
 * A growing column of safe integers, used again and again. Most columns of a log hold one value over and over: such a
 * one keeps the value and the count, and takes room only once another value comes.
 *
 * @example
 * ```ts
 * const column = new NumberColumn();
 * column.push(7);
 * column.push(7);
 * column.count; // 2
 * ```
 */
export class NumberColumn {
  /** A plain array: it grows in place, where each typed array of another size would be one more outside the heap. */
  #values: number[] = [];
  #count = 0;
  #first = 0;
  /** Whether there are values, all of them `#first`: `#values` then holds none. */
  #isConstant = false;

  /** Values taken so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes the next value. */
  push(value: number): void {
    if (this.#isConstant && value === this.#first) this.#count += 1;
    else this.#pushOther(value);
  }

  /** Takes a value that is the first, or not what the column holds alone. */
  #pushOther(value: number): void {
    if (this.#count === 0) {
      this.#first = value;
      this.#isConstant = true;
      this.#count = 1;
      return;
    }
    if (this.#isConstant) this.#spread();
    this.#values[this.#count++] = value;
  }

  /** Takes a value so many times. */
  pushTimes(value: number, times: number): void {
    if (times === 0) return;
    this.push(value);
    if (this.#isConstant) this.#count += times - 1;
    else for (let time = 1; time < times; time++) this.#values[this.#count++] = value;
  }

  /** Takes values up to the first that is no safe integer, or -0; says how many. */
  pushIntegers(values: ArrayLike<unknown>): number {
    let place = 0;
    let value = values[place];
    while ((this.#isConstant || this.#count === 0) && place < values.length && isInteger(value)) {
      this.push(value);
      value = values[++place];
    }
    const room = this.#values;
    let count = this.#count;
    for (; place < values.length && isInteger(value); value = values[++place]) room[count++] = value;
    this.#count = count;
    return place;
  }

  /** The value at a place. */
  at(place: number): number {
    return this.#isConstant ? this.#first : this.#values[place];
  }

  /** Puts the one value into as many places as it has. */
  #spread(): void {
    for (let place = 0; place < this.#count; place++) this.#values[place] = this.#first;
    this.#isConstant = false;
  }

  /** Takes back all values but the first `count`. */
  truncate(count: number): void {
    this.#count = count;
    if (!this.#isConstant) this.#isConstant = this.#values.slice(0, count).every((value) => value === this.#first);
    if (count === 0) this.#isConstant = false;
  }

  /** Takes back all values. Room far beyond what they took is let go, so that kept columns stay in proportion. */
  clear(): void {
    if (this.#values.length > Math.max(LEAST_ROOM, this.#count * KEPT_TIMES)) this.#values = [];
    this.#count = 0;
    this.#isConstant = false;
  }

  /** Writes a column of small non-negative integers (tags, string numbers): plain, or one value when all are the same. */
  encodeSmall(writer: ByteWriter): void {
    if (this.#count === 0) return;
    writer.u8(this.#isConstant ? MODE.constant : MODE.plain);
    if (this.#isConstant) writer.varint(this.#first);
    else writer.varints(this.#values, this.#count);
  }

  /** Writes a column of any safe integers, as `writeIntegers` does. */
  encodeIntegers(writer: ByteWriter): void {
    if (!this.#isConstant) {
      writeIntegers(writer, this.#values, this.#count);
      return;
    }
    writer.u8(MODE.constant);
    writer.signed(this.#first);
  }
}

/**
 * Whether a value is a safe integer and has no sign of its own where it is 0.
 *
 * @example
 * ```ts
 * [7, -0, 0.5].map(isInteger); // [true, false, false]
 * ```
 */
export function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0);
}
