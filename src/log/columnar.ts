import { ByteReader, ByteWriter } from './bytes.ts';
import { ColumnReader } from './columnarReader.ts';
import { ColumnWriter } from './columnarWriter.ts';
import { decodeStrings, StringTable } from './stringTable.ts';

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
  const strings = new StringTable();
  const column = new ColumnWriter(strings);
  for (const value of values) column.push(value);
  const columns = new ByteWriter();
  column.encode(columns);
  const table = strings.encode();
  const writer = new ByteWriter();
  writer.varint(table.length);
  writer.raw(table);
  writer.varint(values.length);
  writer.raw(columns.finish());
  return writer.finish();
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
