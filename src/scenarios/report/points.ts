/** A series at evenly spaced moments. */
import type { Series } from '../steps/step.ts';

/**
 * The values of a series at so many moments from 0 to `lastCycles`: each is the last one known by then. Null before the series begins
 * and after it ends.
 *
 * @example
 * ```ts
 * pointsOf({ timeCycles: [0, 50], values: [1, 3] }, 100, 5); // [1, 1, 3, null, null]
 * ```
 */
export function pointsOf({ timeCycles, values }: Series, lastCycles: number, count: number): (number | null)[] {
  const end = timeCycles[timeCycles.length - 1] ?? -1;
  let at = -1;
  return Array.from({ length: count }, (_, column) => {
    const cycles = (lastCycles * column) / Math.max(1, count - 1);
    while (at + 1 < timeCycles.length && timeCycles[at + 1] <= cycles) at += 1;
    return at < 0 || cycles > end ? null : values[at];
  });
}
