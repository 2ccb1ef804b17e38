/** Text in columns. */

/** Where a column's cells stand. */
export type Align = 'left' | 'right';

/** How a table is laid out. */
export interface TableOptions {
  /** One for each column; columns beyond the list are right-aligned, the first left-aligned. */
  align?: readonly Align[];
  /** Put before every line. */
  indent?: string;
  /** Rule under the first row. */
  header?: boolean;
}

const GAP = '  ';

/**
 * Lays rows out in columns, two blanks apart, without blanks at line ends. Short rows are filled up.
 *
 * @example
 * ```ts
 * formatTable([['page', 'faults'], ['4K', '1,024']]); // 'page  faults\n----  ------\n4K     1,024\n'
 * ```
 */
export function formatTable(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const { align = [], indent = '', header = true } = options;
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const widths = Array.from({ length: columns }, (_, column) =>
    rows.reduce((most, row) => Math.max(most, displayWidth(row[column] ?? '')), 0),
  );
  const lineOf = (row: readonly string[]): string => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      const blanks = ' '.repeat(width - displayWidth(cell));
      const side = align[column] ?? (column === 0 ? 'left' : 'right');
      return side === 'left' ? cell + blanks : blanks + cell;
    });
    return `${(indent + cells.join(GAP)).trimEnd()}\n`;
  };
  const [first, ...rest] = rows;
  if (first === undefined) return '';
  const rule = header ? lineOf(widths.map((width) => '-'.repeat(width))) : '';
  return lineOf(first) + rule + rest.map(lineOf).join('');
}

/** Characters that take up a place: colour codes take none. */
function displayWidth(cell: string): number {
  // oxlint-disable-next-line no-control-regex -- the escape that begins a colour code
  return cell.replaceAll(/\u001b\[[0-9;]*m/g, '').length;
}

/**
 * Rows for each measure and a column for each subject, cut into tables that fit a width: few subjects with many measures
 * read better downwards.
 *
 * @example
 * ```ts
 * formatColumns(['pid', 'faults'], [['1', '20'], ['2', '3']], 80); // 'pid      1  2\n------  --  -\nfaults  20  3\n'
 * ```
 */
export function formatColumns(
  measures: readonly string[],
  subjects: readonly (readonly string[])[],
  widthCharacters: number,
): string {
  const nameWidth = measures.reduce((most, name) => Math.max(most, name.length), 0);
  const tables: string[] = [];
  let chunk: (readonly string[])[] = [];
  let used = nameWidth;
  const flush = (): void => {
    if (chunk.length === 0) return;
    const shown = chunk;
    tables.push(formatTable(measures.map((name, row) => [name, ...shown.map((cells) => cells[row] ?? '')])));
    chunk = [];
    used = nameWidth;
  };
  for (const cells of subjects) {
    const width = cells.reduce((most, cell) => Math.max(most, displayWidth(cell)), 0) + GAP.length;
    if (used + width > widthCharacters) flush();
    chunk.push(cells);
    used += width;
  }
  flush();
  return tables.join('\n');
}
