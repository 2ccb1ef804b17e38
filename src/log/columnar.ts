import { ByteReader, ByteWriter } from './bytes.ts';
import { ColumnReader } from './columnarReader.ts';
import { ColumnWriter } from './columnarWriter.ts';
import { decodeStrings, StringTable } from './stringTable.ts';

/**
 * Encodes lists of values one after the other in the same memory. What comes out does not depend on the lists before.
 *
 * @throws GranuleError INVARIANT from `encode` when a value is no plain data (see ColumnWriter)
 * @example
 * ```ts
 * const encoder = new ValuesEncoder();
 * decodeValues(encoder.encode([{ page: 7 }, null])); // [ { page: 7 }, null ]
 * ```
 */
export class ValuesEncoder {
  readonly #strings = new StringTable();
  readonly #column = new ColumnWriter(this.#strings);
  readonly #columns = new ByteWriter();

  /** String table, count, columns. The same values always give the same bytes. */
  encode(values: readonly unknown[]): Uint8Array {
    // Before, not after: a value that was refused left something behind.
    this.#strings.clear();
    this.#column.clear();
    this.#columns.clear();
    for (const value of values) this.#column.push(value);
    this.#column.encode(this.#columns);
    const table = this.#strings.encode();
    const writer = new ByteWriter();
    writer.varint(table.length);
    writer.raw(table);
    writer.varint(values.length);
    writer.raw(this.#columns.since(0));
    return writer.finish();
  }
}

/**
 * Encodes a list of values on its own: string table, count, columns. The same values always give the same bytes.
 *
 * @throws GranuleError INVARIANT when a value is no plain data (see ColumnWriter)
 * @example
 * ```ts
 * decodeValues(encodeValues([{ page: 7 }, null])); // [ { page: 7 }, null ]
 * ```
 */
export function encodeValues(values: readonly unknown[]): Uint8Array {
  return new ValuesEncoder().encode(values);
}

/**
 * Decodes what `encodeValues` wrote.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * decodeValues(encodeValues([1, 'two'])); // [ 1, 'two' ]
 * ```
 */
export function decodeValues(bytes: Uint8Array): unknown[] {
  const { column, count } = openValues(bytes);
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push(column.next());
  return values;
}

/**
 * What `encodeValues` wrote, to be read value by value.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * openValues(encodeValues([1, 'two'])).column.matches(1); // true
 * ```
 */
export function openValues(bytes: Uint8Array): { readonly column: ColumnReader; readonly count: number } {
  const reader = new ByteReader(bytes);
  const strings = decodeStrings(reader.raw(reader.varintUpTo(reader.left, 'the length of the string table')));
  const count = reader.varint();
  const column = new ColumnReader(reader, count, strings);
  reader.end();
  return { column, count };
}
