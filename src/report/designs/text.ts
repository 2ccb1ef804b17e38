/** A comparison as text: the table, the terms of the gains, break-even, and bars. */
import { formatCount } from '../format.ts';
import { formatColumns, formatTable } from '../table.ts';
import { GAIN_TERMS, pointsOneWay } from './attribution.ts';
import type { BreakEven } from './breakEven.ts';
import type { DesignBreakEven, DesignColumn, DesignComparison, DesignGain } from './comparison.ts';
import { type Bounded, BOUNDS } from './estimate.ts';
import { DESIGN_MEASURES, measureText } from './measures.ts';

const BAR_CHARACTERS = 40;
const TERM_NAMES = {
  tlbReach: 'TLB reach',
  levels: 'levels',
  walkCacheReach: 'walk-cache reach',
  tableFootprint: 'table footprint',
  faults: 'faults',
  total: 'together',
} as const;

const cycles = (value: number): string => formatCount(Math.round(value));

function bounds({ low, mid, high }: Bounded): string {
  return `${cycles(mid)} (${cycles(low)} to ${cycles(high)})`;
}

function gainTable(gains: readonly DesignGain[]): string {
  const terms = [...GAIN_TERMS, 'total'] as const;
  const head = ['from', 'to', ...terms.map((term) => TERM_NAMES[term])];
  const rows = gains.map(({ from, to, terms: found }) => [
    from,
    to,
    ...terms.map((term) => `${cycles(found[term].mid)}${pointsOneWay(found[term]) ? '' : ' ?'}`),
  ]);
  return formatTable([head, ...rows], { align: ['left', 'left'] });
}

function meetingText(meeting: BreakEven): string {
  if (meeting.kind === 'at') return `${meeting.coveragePercent.toFixed(0)}%`;
  const at = `${meeting.atCoveragePercent}%`;
  return meeting.kind === 'none-design-wins' ? `none: wins at ${at} too` : `none: loses at ${at} too`;
}

function breakEvenTable(breakEvens: readonly DesignBreakEven[]): string {
  const head = ['break-even coverage of mTHP against', 'counting', ...BOUNDS];
  const rows = breakEvens.flatMap(({ against, total, translation }) => [
    [against, 'translation', ...BOUNDS.map((bound) => meetingText(translation[bound]))],
    ['', 'and faults', ...BOUNDS.map((bound) => meetingText(total[bound]))],
  ]);
  return formatTable([head, ...rows], { align: ['left', 'left', 'left', 'left', 'left'] });
}

/** A bar for the middle, and a line on to the most. */
function bar({ mid, high }: Bounded, most: number): string {
  const length = (value: number): number => (most === 0 ? 0 : Math.round((value / most) * BAR_CHARACTERS));
  return '#'.repeat(length(mid)) + '-'.repeat(Math.max(0, length(high) - length(mid)));
}

function bars(columns: readonly DesignColumn[], part: 'translation' | 'total'): string {
  const most = Math.max(...columns.map(({ estimate }) => estimate[part].high));
  const title = part === 'total' ? 'translation and faults, cycles' : 'translation, cycles';
  const rows = columns.map(({ design, estimate }) => [design.name, bar(estimate[part], most), bounds(estimate[part])]);
  return formatTable([[title, '# middle, - to the most', 'middle (least to most)'], ...rows], {
    align: ['left', 'left', 'left'],
  });
}

function costTable({ costs }: DesignComparison): string {
  const rows = Object.entries(costs).map(([name, { low, mid, high, source }]) => [
    name,
    String(low),
    String(mid),
    String(high),
    source,
  ]);
  return formatTable([['cycles', 'low', 'mid', 'high', 'from'], ...rows], {
    align: ['left', 'right', 'right', 'right', 'left'],
  });
}

/**
 * All of a comparison.
 *
 * @example
 * ```ts
 * const trace = { name: 'made', hash: '', command: '', references: 0 };
 * const setting = { core: 'cortex-a76', memoryBytes: 2 ** 28, kernelPageEvery: null, cache: 'cold' as const };
 * comparisonText(compareDesigns(trace, setting, []), 100).startsWith('made'); // true
 * ```
 */
export function comparisonText(comparison: DesignComparison, widthCharacters: number): string {
  const { trace, setting, columns, gains, breakEvens } = comparison;
  const head = `${trace.name}: ${formatCount(trace.references)} references on ${setting.core}, page cache ${setting.cache}\n`;
  if (columns.length === 0) return head;
  const measures = ['', ...DESIGN_MEASURES.filter(({ unit }) => unit !== 'cycles').map(({ label }) => label), 'end'];
  const subjects = columns.map((column) => [
    column.design.name,
    ...DESIGN_MEASURES.filter(({ unit }) => unit !== 'cycles').map((measure) =>
      measureText(measure, measure.value(column)),
    ),
    column.figures.end,
  ]);
  return [
    head + formatColumns(measures, subjects, widthCharacters),
    bars(columns, 'translation'),
    bars(columns, 'total'),
    ...(gains.length === 0
      ? []
      : [`cycles saved, middle; ? where the bounds do not agree on the sign\n${gainTable(gains)}`]),
    ...(breakEvens.length === 0 ? [] : [breakEvenTable(breakEvens)]),
    costTable(comparison),
  ].join('\n');
}
