/** The measures of a comparison, in the order of tables and CSV columns: name, unit, value. */
import { formatBytes, formatCount } from '../format.ts';
import { BOUNDS } from './estimate.ts';
import type { DesignColumn } from './comparison.ts';

/** One of them. */
export interface DesignMeasure {
  /** Column of CSV and JSON. */
  id: string;
  /** Row of the table. */
  label: string;
  /** Whether it is a size. */
  unit: 'count' | 'bytes' | 'cycles';
  value: (column: DesignColumn) => number | null;
}

type Figure = Exclude<keyof DesignColumn['figures'], 'end'>;

function figure(id: Figure, label: string, unit: DesignMeasure['unit'] = 'count'): DesignMeasure {
  return { id, label, unit, value: ({ figures }) => figures[id] };
}

const ESTIMATES: readonly DesignMeasure[] = (['translation', 'faults', 'total'] as const).flatMap((part) =>
  BOUNDS.map((bound): DesignMeasure => {
    const id = `${part}Cycles${bound.charAt(0).toUpperCase()}${bound.slice(1)}`;
    const label = `${part === 'total' ? 'both' : part}, cycles, ${bound}`;
    return { id, label, unit: 'cycles', value: ({ estimate }) => Math.round(estimate[part][bound]) };
  }),
);

/** All of them. */
export const DESIGN_MEASURES: readonly DesignMeasure[] = [
  figure('references', 'references'),
  figure('l1iMisses', 'L1I misses'),
  figure('l1dMisses', 'L1D misses'),
  figure('walks', 'L2 misses (walks)'),
  figure('walkReads', 'walk steps'),
  figure('walkLines', 'their cache lines'),
  figure('walkLineMisses', 'lines not near'),
  figure('minorFaults', 'minor faults'),
  figure('majorFaults', 'major faults'),
  figure('zeroedBytes', 'zeroed', 'bytes'),
  figure('copiedBytes', 'copied', 'bytes'),
  figure('residentPeakBytes', 'resident, peak', 'bytes'),
  figure('anonPeakBytes', 'of it anonymous', 'bytes'),
  {
    id: 'fragmentationBytes',
    label: 'fragmentation',
    unit: 'bytes',
    value: ({ fragmentationBytes }) => fragmentationBytes,
  },
  figure('pageCacheBytes', 'page cache', 'bytes'),
  figure('linuxTableBytes', 'Linux tables', 'bytes'),
  figure('nativeTableBytes', 'native tables', 'bytes'),
  figure('droppedBytes', 'dropped', 'bytes'),
  figure('rereadBytes', 're-read', 'bytes'),
  figure('tlbiInstructions', 'TLBI'),
  figure('compactionStalls', 'compaction stalls'),
  figure('compactionMovedBytes', 'compaction moved', 'bytes'),
  figure('allocationFailures', 'failed allocations'),
  figure('fallbacks', 'fallbacks'),
  ...ESTIMATES,
];

/**
 * A value as a table shows it.
 *
 * @example
 * ```ts
 * measureText(DESIGN_MEASURES[0], 1234567); // '1,234,567'
 * ```
 */
export function measureText({ unit }: DesignMeasure, value: number | null): string {
  if (value === null) return '-';
  if (unit !== 'bytes') return formatCount(value);
  return value < 0 ? `-${formatBytes(-value)}` : formatBytes(value);
}
