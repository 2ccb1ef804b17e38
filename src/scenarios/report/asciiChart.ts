/** A chart of series in plain ASCII, as wide as a line of a mail. */
import { formatCount } from '../../report/format.ts';
import { MAIL_COLUMNS } from '../../report/wrapText.ts';
import type { Chart } from '../judge.ts';
import { pointsOf } from './points.ts';

const ROWS = 12;
/** A letter for each line of the chart: they can be told apart without colours. */
const LETTERS = 'abcdefgh';

/**
 * The chart: a letter for each line, an asterisk where several meet.
 *
 * @example
 * ```ts
 * const lines = [{ name: 'naive', timeCycles: [0, 100], values: [0, 9] }];
 * asciiChart({ title: 'Drops', unit: 'pages', lines }).split('\n')[0]; // 'Drops (pages)'
 * ```
 */
export function asciiChart({ title, unit, lines }: Chart): string {
  const most = Math.max(1, ...lines.flatMap(({ values }) => values));
  const lastCycles = Math.max(1, ...lines.map(({ timeCycles }) => timeCycles[timeCycles.length - 1] ?? 0));
  const scale = formatCount(Math.round(most));
  const width = MAIL_COLUMNS - scale.length - 2;
  const grid = Array.from({ length: ROWS }, () => Array.from({ length: width }, () => ' '));
  for (const [at, line] of lines.entries()) {
    const letter = LETTERS[at % LETTERS.length];
    for (const [column, value] of pointsOf(line, lastCycles, width).entries()) {
      if (value === null) continue;
      const row = grid[ROWS - 1 - Math.round((value / most) * (ROWS - 1))];
      row[column] = row[column] === ' ' || row[column] === letter ? letter : '*';
    }
  }
  const body = grid.map((row, at) => {
    const label = at === 0 ? scale : at === ROWS - 1 ? '0' : '';
    return `${label.padStart(scale.length)} |${row.join('')}`.trimEnd();
  });
  const axis = `${' '.repeat(scale.length)} +${'-'.repeat(width)}`;
  const span = `0 to ${formatCount(lastCycles)} cycles`;
  const legend = lines.map(({ name, values }, at) => {
    return `  ${LETTERS[at % LETTERS.length]}  ${name}: ${formatCount(Math.round(values[values.length - 1] ?? 0))} at the end`;
  });
  return `${[`${title} (${unit})`, ...body, axis, span.padStart(MAIL_COLUMNS), ...legend, '  *  several'].join('\n')}\n`;
}
