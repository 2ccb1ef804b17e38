/** What every search of one thread says that it came to. */
import type { Tally } from './tally.ts';
import type { ExplorationResult, Strategy } from './types.ts';
import type { Watch } from './watch.ts';

/** A search, as far as its result is concerned. */
export interface Outcome {
  readonly strategy: Strategy;
  readonly tally: Tally;
  readonly watch: Pick<Watch<never>, 'discoveries' | 'unmet'>;
  /** Different states seen. */
  readonly states: number;
  /** Whether nothing is left to do. */
  readonly isDone: boolean;
  /** Whether the strategy sees everything where nothing stops it; walks do not. */
  readonly isWhole: boolean;
  readonly unjudged: readonly string[];
}

/**
 * What a search has come to so far.
 *
 * @example
 * ```ts
 * const search = { tally: new Tally({}), watch: new Watch([]), states: 1, isDone: true, unjudged: [] };
 * resultOf({ ...search, strategy: 'random', isWhole: false }).complete; // false
 * resultOf({ ...search, strategy: 'depth-first', isWhole: true }).complete; // true
 * ```
 */
export function resultOf(outcome: Outcome): ExplorationResult {
  const { strategy, tally, watch, states, isDone, isWhole, unjudged } = outcome;
  const cut = isWhole && tally.isDepthCut ? 'depth' : null;
  const stoppedBy = tally.stoppedBy ?? (isDone ? cut : 'caller');
  return {
    strategy,
    states,
    transitions: tally.transitions,
    maxDepth: tally.maxDepth,
    ends: tally.ends,
    complete: isWhole && stoppedBy === null,
    stoppedBy,
    discoveries: [...watch.discoveries],
    unmet: watch.unmet,
    unjudged,
    coverage: tally.coverage(),
  };
}
