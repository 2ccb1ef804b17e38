/** How much of a search is done, as far as can be told while it runs. */
import type { Estimate } from './types.ts';

/** Nothing can be said. */
export const UNKNOWN: Estimate = { kind: 'unknown', doneShare: null };

/**
 * Of a breadth-first search: once levels shrink, they are taken to go on to shrink by the last factor, and what is left is the sum
 * of that series. While they grow nothing is said. A level that grows again later proves it wrong; it is a trend, no bound.
 *
 * @example
 * ```ts
 * frontierTrend([10, 20, 40], 70, 110).doneShare; // null
 * frontierTrend([80, 40, 20], 300, 320).doneShare; // 0.8823529411764706
 * ```
 */
export function frontierTrend(levels: readonly number[], done: number, seen: number): Estimate {
  const [last = 0, before = 0] = [levels.at(-1), levels.at(-2)];
  if (last === 0 || last >= before) return UNKNOWN;
  const factor = last / before;
  const left = seen - done + (last * factor) / (1 - factor);
  return { kind: 'frontier-trend', doneShare: done / (done + left) };
}

/**
 * Of a depth-first search: the share of the tree of ways that is behind it, if each action of a state had as much behind it as the
 * next (the weighted backtrack estimator: Kilby, Slaney, Thiebaux and Walsh, AAAI 2006). Since a state seen before is not gone on
 * from, the first actions have more behind them than the last, and the share is too small at first.
 *
 * @example
 * ```ts
 * // One of two actions done, and of the second one the first of four.
 * weightedBacktrack([{ taken: 1, of: 2 }, { taken: 1, of: 4 }]).doneShare; // 0.625
 * ```
 */
export function weightedBacktrack(way: Iterable<{ readonly taken: number; readonly of: number }>): Estimate {
  let weight = 1;
  let done = 0;
  for (const { taken, of } of way) {
    if (of === 0) break;
    done += (weight * Math.min(taken, of)) / of;
    weight /= of;
  }
  return { kind: 'weighted-backtrack', doneShare: Math.min(1, done) };
}
