import { GranuleError } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';

/**
 * Numbers strings in the order they are first met, so that columns can hold small numbers instead.
 *
 * @example
 * ```ts
 * const table = new StringTable();
 * table.indexOf('mm:1'); // 0
 * ```
 */
export class StringTable {
  readonly #indexes = new Map<string, number>();

  /** The string's number, given out now if it has none. */
  indexOf(value: string): number {
    const known = this.#indexes.get(value);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    this.#indexes.set(value, index);
    return index;
  }

  /** Strings numbered so far. */
  get size(): number {
    return this.#indexes.size;
  }

  /** The strings in the order of their numbers. */
  names(): string[] {
    return [...this.#indexes.keys()];
  }

  /** Takes back all numbers from `size` on. */
  truncate(size: number): void {
    for (const value of this.names().slice(size)) this.#indexes.delete(value);
  }

  /** Takes back all numbers. */
  clear(): void {
    this.#indexes.clear();
  }

  /** The table as bytes: count, then the strings. */
  encode(): Uint8Array {
    const writer = new ByteWriter();
    writer.varint(this.#indexes.size);
    for (const value of this.#indexes.keys()) writer.string(value);
    return writer.finish();
  }
}

/**
 * Reads a string table.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * decodeStrings(new StringTable().encode()); // []
 * ```
 */
export function decodeStrings(bytes: Uint8Array): string[] {
  const reader = new ByteReader(bytes);
  const count = reader.varintUpTo(bytes.length, 'the number of strings');
  const strings: string[] = [];
  for (let i = 0; i < count; i++) strings.push(reader.string());
  reader.end();
  return strings;
}

/**
 * The string with the given number.
 *
 * @throws GranuleError LOG_DAMAGED when the table has no such number
 * @example
 * ```ts
 * stringAt(['mm:1'], 0); // 'mm:1'
 * ```
 */
export function stringAt(strings: readonly string[], index: number): string {
  const value = strings[index];
  if (value === undefined) throw new GranuleError('LOG_DAMAGED', `there is no string ${index}`);
  return value;
}
