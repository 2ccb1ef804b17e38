/** A table of results as CSV, JSON or Parquet. */
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer';
import { csvField } from '../report/csvField.ts';
import { GRANULE_VERSION } from '../topology/meta.ts';
import type { Cell, CellType, Column } from './resultTable.ts';

/** The formats that a table can be written in. */
export const TABLE_FORMATS = ['csv', 'json', 'parquet'] as const;
/** One of them. */
export type TableFormat = (typeof TABLE_FORMATS)[number];

const PARQUET_TYPES: Readonly<Record<CellType, BasicType>> = {
  integer: 'INT64',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  text: 'STRING',
};

function rowCount(columns: readonly Column[]): number {
  return columns[0]?.cells.length ?? 0;
}

function csvCell(cell: Cell): string {
  return cell === null ? '' : csvField(String(cell));
}

/**
 * A table as CSV, quoted as RFC 4180 has it, with a line of names; lines end with a newline alone.
 *
 * @example
 * ```ts
 * csvOf([{ name: 'seed', type: 'integer', cells: [1, 2] }, { name: 'error_code', type: 'text', cells: [null, 'a,b'] }]);
 * // 'seed,error_code\n1,\n2,"a,b"\n'
 * ```
 */
export function csvOf(columns: readonly Column[]): string {
  const lines = [columns.map(({ name }) => csvCell(name))];
  for (let row = 0; row < rowCount(columns); row++) lines.push(columns.map(({ cells }) => csvCell(cells[row] ?? null)));
  return lines.map((line) => `${line.join(',')}\n`).join('');
}

/**
 * A table as a list of objects, one for each row.
 *
 * @example
 * ```ts
 * rowObjects([{ name: 'seed', type: 'integer', cells: [1, 2] }]); // [{ seed: 1 }, { seed: 2 }]
 * ```
 */
export function rowObjects(columns: readonly Column[]): Record<string, Cell>[] {
  return Array.from({ length: rowCount(columns) }, (_, row) =>
    Object.fromEntries(columns.map(({ name, cells }) => [name, cells[row] ?? null])),
  );
}

/**
 * A table as JSON: a list with one object a line.
 *
 * @example
 * ```ts
 * jsonOf([{ name: 'seed', type: 'integer', cells: [1, 2] }]); // '[\n{"seed":1},\n{"seed":2}\n]\n'
 * ```
 */
export function jsonOf(columns: readonly Column[]): string {
  return `[\n${rowObjects(columns)
    .map((row) => JSON.stringify(row))
    .join(',\n')}\n]\n`;
}

/**
 * A table as Parquet. Whole numbers are INT64: counts and cycles pass what 32 bits hold.
 *
 * @example
 * ```ts
 * new TextDecoder().decode(parquetOf([{ name: 'seed', type: 'integer', cells: [1, 2] }]).subarray(0, 4)); // 'PAR1'
 * ```
 */
export function parquetOf(columns: readonly Column[]): Uint8Array {
  const columnData = columns.map(({ name, type, cells }) => ({
    name,
    type: PARQUET_TYPES[type],
    data: type === 'integer' ? cells.map((cell) => (cell === null ? null : BigInt(cell))) : [...cells],
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: `granule version ${GRANULE_VERSION}` }));
}

/**
 * A table in the bytes of a format.
 *
 * @example
 * ```ts
 * bytesOf([{ name: 'seed', type: 'integer', cells: [7] }], 'csv').length; // 7
 * ```
 */
export function bytesOf(columns: readonly Column[], format: TableFormat): Uint8Array {
  if (format === 'parquet') return parquetOf(columns);
  return new TextEncoder().encode(format === 'csv' ? csvOf(columns) : jsonOf(columns));
}
