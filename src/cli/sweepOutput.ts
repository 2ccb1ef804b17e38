/** Where the table of a sweep goes: into files, each in its format, or to the terminal. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { GranuleError } from '../errors.ts';
import { formatBytes, formatCount, formatPageSize } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { Cell, Column } from '../sweep/resultTable.ts';
import { TABLE_FORMATS, type TableFormat } from '../sweep/tableFormats.ts';
import { writingTo } from '../sweep/wholeFile.node.ts';

/** A file that the table goes to. */
export interface TableOutput {
  path: string;
  format: TableFormat;
}

/** Characters of a head hash that tell the points of a sweep apart; the files have it whole. */
const HASH_SHOWN = 8;

type Shown = readonly [column: string, head: string, show: (cell: Scalar) => string];
type Scalar = NonNullable<Cell>;

const count = (cell: Scalar): string => formatCount(Number(cell));
const bytes = (cell: Scalar): string => formatBytes(Number(cell));

/** How the name of a column of sizes ends. */
const BYTES = /_bytes$/;

/** Left out where they are 0 in every row: most runs have none of it, and a terminal has little room. */
const SELDOM: ReadonlySet<string> = new Set(['native_tables_peak_bytes', 'cache_reread_pages', 'fallbacks']);

/** What a terminal has room for. */
const SHOWN: readonly Shown[] = [
  ['pid', 'pid', String],
  ['page_size_bytes', 'page', (cell) => formatPageSize(Number(cell))],
  ['virtual_time_cycles', 'cycles', count],
  ['l2_misses', 'L2 misses', count],
  ['minor_faults', 'minor', count],
  ['major_faults', 'major', count],
  ['resident_peak_bytes', 'resident', bytes],
  ['native_tables_peak_bytes', 'native', bytes],
  ['cache_reread_pages', 're-read', count],
  ['fallbacks', 'fallbacks', count],
  ['host_time_seconds', 'seconds', (cell) => Number(cell).toFixed(2)],
  ['head_hash', 'head hash', (cell) => String(cell).slice(0, HASH_SHOWN)],
  ['error_code', 'error', String],
];

/**
 * The files that a table goes to. A format that is not given is that of the name's ending.
 *
 * @throws GranuleError USAGE for an ending that says nothing, OUTPUT_UNWRITABLE for a folder that cannot be written to
 * @example
 * ```ts
 * outputsOf(['/tmp/a.csv', '/tmp/a.parquet']).map(({ format }) => format); // ['csv', 'parquet']
 * outputsOf(['/tmp/a.xls']); // throws USAGE
 * ```
 */
export function outputsOf(paths: readonly string[], format?: TableFormat): TableOutput[] {
  return paths.map((path) => {
    const named = TABLE_FORMATS.find((name) => `.${name}` === extname(path).toLowerCase());
    const chosen = format ?? named;
    if (chosen === undefined) {
      const next = 'Name it .csv, .json or .parquet, or give --format.';
      throw new GranuleError('USAGE', `the ending of "${path}" is that of no table`, '--out', next);
    }
    // Found out now rather than after hours of work.
    writingTo(path, () => accessSync(dirname(path), constants.W_OK));
    return { path, format: chosen };
  });
}

/**
 * Where finished points are kept: beside the first output that is a file. Null where there is none, as with /dev/null alone.
 *
 * @example
 * ```ts
 * journalPathOf(outputsOf(['/dev/null', '/tmp/a.csv'], 'csv')); // '/tmp/a.csv.journal'
 * ```
 */
export function journalPathOf(outputs: readonly TableOutput[]): string | null {
  const file = outputs.find(({ path }) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? true);
  return file === undefined ? null : `${file.path}.journal`;
}

/**
 * The table as a terminal has room for it: the varied keys, the figures that are looked at first, and errors where there are
 * any.
 *
 * @example
 * ```ts
 * shownTable([{ name: 'seed', type: 'integer', cells: [1] }, { name: 'minor_faults', type: 'integer', cells: [1234] }], 1);
 * // 'seed  minor\n----  -----\n1     1,234\n'
 * ```
 */
export function shownTable(columns: readonly Column[], keys: number): string {
  const varied = columns
    .slice(0, keys)
    .map(({ name, cells }) => [
      name.replace(BYTES, ''),
      ...cells.map((cell) => (typeof cell === 'number' && BYTES.test(name) ? formatBytes(cell) : String(cell))),
    ]);
  const figures = SHOWN.flatMap(([name, head, show]) => {
    const found = columns.slice(keys).find((column) => column.name === name);
    if (found === undefined || found.cells.every((cell) => cell === null || (cell === 0 && SELDOM.has(name))))
      return [];
    return [[head, ...found.cells.map((cell) => (cell === null ? '' : show(cell)))]];
  });
  const all = [...varied, ...figures];
  const rows = Array.from({ length: all[0]?.length ?? 0 }, (_, row) => all.map((column) => column[row] ?? ''));
  return formatTable(rows, { align: varied.map(() => 'left') });
}
