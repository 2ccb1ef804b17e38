/** The horizontal axis: by seq, where every event has the same room, or by virtual time. */
import type { SegmentsInfo } from '../../engine/requests.ts';

/** What the axis counts. */
export type AxisKind = 'seq' | 'time';

/** Where the axis begins and ends. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** Index of the first entry that is larger than `value`; the length where none is. */
function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The whole of a run on an axis. One more than the last seq, so that the last event has room; a run of one moment has a cycle.
 *
 * @example
 * ```ts
 * wholeOf({ firstSeq: [0], records: [10], minTimeCycles: [0], maxTimeCycles: [500] }, 'seq'); // { from: 0, to: 10 }
 * ```
 */
export function wholeOf(segments: SegmentsInfo, kind: AxisKind): Extent {
  const last = segments.firstSeq.length - 1;
  if (kind === 'seq') {
    const from = segments.firstSeq[0] ?? 0;
    return { from, to: Math.max(from + 1, (segments.firstSeq[last] ?? 0) + (segments.records[last] ?? 0)) };
  }
  const from = segments.minTimeCycles[0] ?? 0;
  return { from, to: Math.max(from + 1, segments.maxTimeCycles[last] ?? 0) };
}

/**
 * First and last segment that lie in a window; the last is before the first where none do.
 *
 * @example
 * ```ts
 * const segments = { firstSeq: [0, 4], records: [4, 4], minTimeCycles: [0, 9], maxTimeCycles: [8, 20] };
 * segmentsWithin(segments, 'seq', { from: 5, to: 6 }); // { first: 1, last: 1 }
 * ```
 */
export function segmentsWithin(
  segments: SegmentsInfo,
  kind: AxisKind,
  { from, to }: Extent,
): { first: number; last: number } {
  if (kind === 'seq') {
    return { first: Math.max(0, firstAbove(segments.firstSeq, from) - 1), last: firstAbove(segments.firstSeq, to) - 1 };
  }
  const first = firstAbove(segments.maxTimeCycles, from - 1);
  return { first, last: firstAbove(segments.minTimeCycles, to) - 1 };
}

/**
 * Where a segment lies on the axis.
 *
 * @example
 * ```ts
 * const segments = { firstSeq: [0, 4], records: [4, 4], minTimeCycles: [0, 9], maxTimeCycles: [8, 20] };
 * segmentExtent(segments, 'time', 1); // { from: 9, to: 20 }
 * ```
 */
export function segmentExtent(segments: SegmentsInfo, kind: AxisKind, at: number): Extent {
  if (kind === 'time') return { from: segments.minTimeCycles[at] ?? 0, to: segments.maxTimeCycles[at] ?? 0 };
  const from = segments.firstSeq[at] ?? 0;
  return { from, to: from + (segments.records[at] ?? 0) };
}

/** Steps between ticks, as multiples of a power of ten. */
const ROUND = [1, 2, 5, 10];

/**
 * Round numbers in a window, some `wanted` of them.
 *
 * @example
 * ```ts
 * ticksOf({ from: 0, to: 100 }, 5); // [ 0, 20, 40, 60, 80, 100 ]
 * ```
 */
export function ticksOf({ from, to }: Extent, wanted: number): number[] {
  const rough = Math.max(1, (to - from) / Math.max(1, wanted));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, (ROUND.find((factor) => factor * power >= rough) ?? 10) * power);
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) ticks.push(tick);
  return ticks;
}
