/** Typed arrays that grow: no object for each state or transition. */

const FIRST_LENGTH = 1024;

/**
 * Whole numbers of 32 bits by index; 0 where nothing was set.
 *
 * @example
 * ```ts
 * const column = new GrowingInts();
 * column.set(5000, 7);
 * column.push(8); // 5001
 * column.at(5000); // 7
 * ```
 */
export class GrowingInts {
  #values = new Int32Array(FIRST_LENGTH);
  #length = 0;

  static of(values: Int32Array): GrowingInts {
    const column = new GrowingInts();
    column.#values = new Int32Array(Math.max(FIRST_LENGTH, values.length));
    column.#values.set(values);
    column.#length = values.length;
    return column;
  }

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return index < this.#length ? (this.#values[index] ?? 0) : 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) this.#grow(index);
    this.#values[index] = value;
    if (index >= this.#length) this.#length = index + 1;
  }

  /** Its index. */
  push(value: number): number {
    this.set(this.#length, value);
    return this.#length - 1;
  }

  truncate(length: number): void {
    this.#values.fill(0, length, this.#length);
    this.#length = length;
  }

  copy(): Int32Array {
    return this.#values.slice(0, this.#length);
  }

  #grow(index: number): void {
    let length = this.#values.length * 2;
    while (length <= index) length *= 2;
    const values = new Int32Array(length);
    values.set(this.#values);
    this.#values = values;
  }
}

/**
 * Numbers for strings, from 0 in the order in which they come.
 *
 * @example
 * ```ts
 * const names = new Interned();
 * names.numberOf('a'); // 0
 * names.numberOf('b'); // 1
 * names.numberOf('a'); // 0
 * names.nameOf(1); // 'b'
 * ```
 */
export class Interned {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  constructor(names: readonly string[] = []) {
    for (const name of names) this.numberOf(name);
  }

  get size(): number {
    return this.#names.length;
  }

  numberOf(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.length;
      this.#numbers.set(name, number);
      this.#names.push(name);
    }
    return number;
  }

  nameOf(number: number): string {
    return this.#names[number] ?? '';
  }

  names(): readonly string[] {
    return [...this.#names];
  }
}
