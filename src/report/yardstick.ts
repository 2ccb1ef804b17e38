/** One measure, what it has to reach, and how times are taken. */
import { collectYoung } from './collectYoung.node.ts';
import type { PatternSize } from './patternTrace.ts';

/** A measured yardstick. */
export interface Yardstick {
  name: string;
  value: number;
  unit: string;
  /** What the value has to reach, in words; null where nothing was promised. */
  reach: string | null;
  /** Whether it does; null where nothing was promised. */
  holds: boolean | null;
}

/** How much is measured. */
export interface BenchSize {
  /** Times that quick measures are repeated; the median counts. */
  repeats: number;
  /** How long a measure of speed runs before it counts: an engine compiles what runs often, and only after a while. */
  warmUpMilliseconds: number;
  /** Traces that come with granule. */
  traces: readonly string[];
  /** Messages for each machine of the message measure. */
  messages: number;
  /** Events of the long log, at least. */
  events: number;
  /** Random jumps into the long log. */
  jumps: number;
  /** Accesses of the growth measures at their smaller size. */
  accesses: number;
  /** Copies of the trace text that is imported. */
  textCopies: number;
  /** The trace of random accesses. */
  hostile: PatternSize;
}

/** A yardstick that has nothing to reach. */
export const NO_REACH: Pick<Yardstick, 'reach' | 'holds'> = { reach: null, holds: null };

/**
 * What a value that should be large has to reach.
 *
 * @example
 * ```ts
 * atLeast(0.7, 0.5); // { reach: '>= 0.5', holds: true }
 * ```
 */
export function atLeast(value: number, reach: number): Pick<Yardstick, 'reach' | 'holds'> {
  return { reach: `>= ${reach}`, holds: value >= reach };
}

/**
 * What a value that should be small has to reach.
 *
 * @example
 * ```ts
 * atMost(70, 50); // { reach: '<= 50', holds: false }
 * ```
 */
export function atMost(value: number, reach: number): Pick<Yardstick, 'reach' | 'holds'> {
  return { reach: `<= ${reach}`, holds: value <= reach };
}

/**
 * The middle value; of an even number, the upper one of the two.
 *
 * @example
 * ```ts
 * median([3, 1, 2]); // 2
 * ```
 */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * The value that a share of all do not exceed.
 *
 * @example
 * ```ts
 * quantile([1, 2, 3, 4], 0.99); // 4
 * ```
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/**
 * How long some work takes, in milliseconds. It begins without young garbage, so that it is not charged for what came before it.
 *
 * @example
 * ```ts
 * millisecondsOf(() => 1) >= 0; // true
 * ```
 */
export function millisecondsOf(work: () => unknown): number {
  collectYoung();
  const started = performance.now();
  work();
  return performance.now() - started;
}

/**
 * The median of a ratio that is measured several times: both parts anew each time, one right after the other, so that a
 * machine that is busy with something else disturbs both alike. One round before is not counted, nor are those of the warm-up.
 *
 * @example
 * ```ts
 * medianRatio(3, () => [4, 2]); // 2
 * ```
 */
export function medianRatio(repeats: number, measure: () => readonly [number, number], warmUpMilliseconds = 0): number {
  const end = performance.now() + warmUpMilliseconds;
  do measure();
  while (performance.now() < end);
  const ratios = Array.from({ length: repeats }, () => {
    const [part, whole] = measure();
    return part / whole;
  });
  return median(ratios);
}
