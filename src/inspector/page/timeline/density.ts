/** Counting events into the columns of the screen: what is drawn where events are too many to be told apart. */
import type { LaneDensity, SegmentsInfo, Tile } from '../../engine/requests.ts';
import { type AxisKind, type Extent, segmentExtent } from './axis.ts';

/** Counts of lanes by columns, row by row. */
export interface Columns {
  readonly counts: Float32Array;
  readonly columns: number;
}

/**
 * Room for the counts of some lanes.
 *
 * @example
 * ```ts
 * emptyColumns(2, 100).counts.length; // 200
 * ```
 */
export function emptyColumns(rows: number, columns: number): Columns {
  return { counts: new Float32Array(rows * columns), columns };
}

/**
 * Adds what a lane received in each segment, spread evenly over the columns that the segment covers.
 *
 * @example
 * ```ts
 * const into = emptyColumns(1, 4);
 * const segments = { firstSeq: [0], records: [8], minTimeCycles: [0], maxTimeCycles: [9] };
 * const density = { segments: Uint32Array.of(0), counts: Uint32Array.of(8) };
 * addDensity(into, 0, density, { segments, axis: 'seq', window: { from: 0, to: 8 } });
 * into.counts; // Float32Array [ 2, 2, 2, 2 ]
 * ```
 */
export function addDensity(
  into: Columns,
  row: number,
  density: LaneDensity,
  view: { readonly segments: SegmentsInfo; readonly axis: AxisKind; readonly window: Extent },
): void {
  const { window, segments, axis } = view;
  const perUnit = into.columns / (window.to - window.from);
  for (let at = 0; at < density.segments.length; at++) {
    const { from, to } = segmentExtent(segments, axis, density.segments[at] ?? 0);
    if (to < window.from || from > window.to) continue;
    const begin = (from - window.from) * perUnit;
    const end = Math.max(begin + 1, (to - window.from) * perUnit);
    const each = (density.counts[at] ?? 0) / (end - begin);
    const last = Math.min(into.columns - 1, Math.ceil(end) - 1);
    for (let column = Math.max(0, Math.floor(begin)); column <= last; column++) {
      into.counts[row * into.columns + column] += each;
    }
  }
}

/**
 * Adds the events of a tile.
 *
 * @param rowOfLane row of each lane; -1 for one that is not shown
 * @example
 * ```ts
 * const into = emptyColumns(1, 2);
 * const [to, from, type] = [Uint32Array.of(0, 0), Int32Array.of(-1, -1), Uint16Array.of(0, 0)];
 * const tile = { segment: 0, firstSeq: 0, to, from, type, cause: Float64Array.of(-1, 0), timeCycles: Float64Array.of(0, 5) };
 * addTile(into, Int32Array.of(0), tile, { axis: 'seq', window: { from: 0, to: 2 } });
 * into.counts; // Float32Array [ 1, 1 ]
 * ```
 */
export function addTile(
  into: Columns,
  rowOfLane: Int32Array,
  tile: Tile,
  { axis, window }: { readonly axis: AxisKind; readonly window: Extent },
): void {
  const perUnit = into.columns / (window.to - window.from);
  const { begin, end } = stretchIn(tile, { axis, window });
  for (let at = begin; at < end; at++) {
    const x = axis === 'seq' ? tile.firstSeq + at : (tile.timeCycles[at] ?? 0);
    const column = Math.floor((x - window.from) * perUnit);
    const row = rowOfLane[tile.to[at] ?? 0] ?? -1;
    if (column >= 0 && column < into.columns && row >= 0) into.counts[row * into.columns + column] += 1;
  }
}

/**
 * First index of a tile's events that lie in a window, and the one behind the last; one event before the window is among them,
 * of which a part may be seen.
 *
 * @example
 * ```ts
 * const none = { segment: 0, to: new Uint32Array(9), from: new Int32Array(9), type: new Uint16Array(9), cause: new Float64Array(9) };
 * const tile = { ...none, firstSeq: 100, timeCycles: Float64Array.from({ length: 9 }, (_, at) => at * 10) };
 * stretchIn(tile, { axis: 'seq', window: { from: 102, to: 104 } }); // { begin: 1, end: 5 }
 * ```
 */
export function stretchIn(
  { firstSeq, timeCycles }: Tile,
  { axis, window: { from, to } }: { readonly axis: AxisKind; readonly window: Extent },
): { begin: number; end: number } {
  const { length } = timeCycles;
  const within = (at: number): number => Math.max(0, Math.min(length, at));
  if (axis === 'seq') {
    return { begin: within(Math.floor(from) - 1 - firstSeq), end: within(Math.floor(to) + 1 - firstSeq) };
  }
  return { begin: within(firstLater(timeCycles, from - 1) - 1), end: firstLater(timeCycles, to) };
}

/** Index of the first time above a value, in a list that never falls; its length where none is. */
function firstLater(times: Float64Array, value: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
