/** A comparison as CSV: one row a trace and design. */
import { csvField } from '../csvField.ts';
import type { DesignComparison } from './comparison.ts';
import { DESIGN_MEASURES } from './measures.ts';

const HEAD = ['trace', 'traceHash', 'core', 'design', 'kernelPageBytes', 'processPageBytes', 'coveragePercent', 'end'];

/**
 * The rows of any number of comparisons, as RFC 4180 has it; an empty cell is no value.
 *
 * @example
 * ```ts
 * comparisonsCsv([]).split(',')[0]; // 'trace'
 * ```
 */
export function comparisonsCsv(comparisons: readonly DesignComparison[]): string {
  const rows = comparisons.flatMap(({ trace, setting, columns }) =>
    columns.map((column) => {
      const { design, figures } = column;
      const { name, kernelPageBytes, processPageBytes, coveragePercent } = design;
      const facts = [trace.name, trace.hash, setting.core, name, kernelPageBytes, processPageBytes, coveragePercent];
      const values = DESIGN_MEASURES.map((measure) => measure.value(column));
      return [...facts, figures.end, ...values].map((cell) => csvField(cell === null ? '' : String(cell)));
    }),
  );
  const head = [...HEAD, ...DESIGN_MEASURES.map(({ id }) => id)];
  return [head, ...rows].map((row) => `${row.join(',')}\n`).join('');
}
