/** The matrix of procfs and its neighbours as tables of docs/procfs.md. */
import { type MatrixRow, procfsMatrix, toolReads, toolWorks, type Verdict, verdictOf } from './matrix.ts';
import { tableConsumers } from './tableConsumers.ts';

function fileOf({ scope, name }: MatrixRow): string {
  if (scope === 'process') return `\`/proc/PID/${name}\``;
  return scope === 'sysfs' ? `\`/sys/kernel/mm/${name}\`` : `\`/proc/${name}\``;
}

function words(verdict: Verdict): string {
  return verdict === 'hidden' ? 'hidden (ENOENT)' : verdict;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/**
 * The matrix: a row a file, a column for each reader beside its target.
 *
 * @example
 * ```ts
 * matrixTable().includes('| `/proc/PID/pagemap` | entries | value | value | EOPNOTSUPP | hidden (ENOENT) |'); // true
 * ```
 */
export function matrixTable(): string {
  const head = ['file', 'counts', 'same size', 'smaller reader', 'larger reader', 'larger, `defeature`', 'remark'];
  const rows = procfsMatrix.map((row) => [
    fileOf(row),
    row.unit,
    words(row.same),
    words(row.smaller),
    words(row.larger),
    words(verdictOf(row, 'larger', 'defeature')),
    row.says,
  ]);
  return table(head, rows);
}

/**
 * What becomes of common tools.
 *
 * @example
 * ```ts
 * toolTable().includes('| ps, top | stat, statm, status | works | works | fails |'); // true
 * ```
 */
export function toolTable(): string {
  const say = (works: boolean): string => (works ? 'works' : 'fails');
  const rows = toolReads.map(({ tool, reads }) => [
    tool,
    reads.join(', '),
    say(toolWorks(reads, 'smaller', 'translate')),
    say(toolWorks(reads, 'larger', 'translate')),
    say(toolWorks(reads, 'larger', 'defeature')),
  ]);
  return table(['tool', 'reads', '4K tool, 64K target', '64K tool, 4K target', 'the same, `defeature`'], rows);
}

/**
 * Who else walks the tables.
 *
 * @example
 * ```ts
 * consumerTable().split('\n').length > 5; // true
 * ```
 */
export function consumerTable(): string {
  const rows = tableConsumers.map(({ consumer, source, table: which, follows }) => [
    consumer,
    `\`${source}\``,
    which,
    follows,
  ]);
  return table(['consumer', 'source', 'right table', 'what follows'], rows);
}
