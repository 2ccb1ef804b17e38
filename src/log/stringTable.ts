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
