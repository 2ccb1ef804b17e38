/** What a search is asked, what it says on its way, and what it comes to. */
import type { Discovery, Path } from '../model.ts';
import type { SavedSearch } from './saved.ts';

/** How the states of a model are gone through; docs/search.md says what each promises. */
export type Strategy =
  /** Every state, nearest first: the ways found are the shortest. */
  | 'breadth-first'
  /** Every state, each way to its end first. */
  | 'depth-first'
  /** One order for each set of orders that differ only in independent actions. */
  | 'reduced'
  /** Every state that is reached with at most so many preemptions, nearest first. */
  | 'bounded'
  /** Seeded walks: each action that is possible is as likely as the next. */
  | 'random'
  /** Seeded walks by priorities of owners with a few change points: finds a fault of depth d with a known probability. */
  | 'pct';

/** All strategies, in the order in which documents list them. */
export const STRATEGIES: readonly Strategy[] = ['breadth-first', 'depth-first', 'reduced', 'bounded', 'random', 'pct'];

/** What a search may be told. */
export interface ExploreOptions {
  /** `breadth-first` by default. */
  readonly strategy?: Strategy;
  /** Names of the properties to look at; all of the model's by default. */
  readonly properties?: readonly string[];
  /** Whether to end at the first fault rather than to go on for the other properties. */
  readonly stopAtFirst?: boolean;
  readonly maxStates?: number;
  readonly maxTransitions?: number;
  /** Actions on a way from an initial state. A depth-first search under it may miss states that a nearer way reaches. */
  readonly maxDepth?: number;
  /** For `random` and `pct`: a whole number from 0. */
  readonly seed?: number;
  /** For `random` and `pct`: how many walks, and which is the first. */
  readonly walks?: number;
  readonly firstWalk?: number;
  /** For `bounded`. */
  readonly preemptions?: number;
  /** For `pct`: how often in a walk the order of priorities changes; finds faults of a depth of one more than this. */
  readonly changePoints?: number;
  /** Whether to look for livelocks where the model has `progress`; true by default. Costs 20 bytes a transition. */
  readonly livelocks?: boolean;
}

/** What is left, as far as a search can tell; docs/search.md says how each is made. */
export interface Estimate {
  /**
   * `frontier-trend`: the last levels shrink by a steady factor. `weighted-backtrack`: how much of the tree of ways is behind.
   * `walks`: how many of those asked for. `unknown`: nothing can be said yet.
   */
  readonly kind: 'frontier-trend' | 'weighted-backtrack' | 'walks' | 'unknown';
  /** 0 to 1: how much is done; null where nothing can be said. */
  readonly doneShare: number | null;
}

/** Where a search is. Rates are for the caller to make: a search has no clock. */
export interface SearchProgress {
  readonly strategy: Strategy;
  /** Different states seen. */
  readonly states: number;
  /** Actions taken. */
  readonly transitions: number;
  /** Actions from an initial state to where it is now. */
  readonly depth: number;
  readonly maxDepth: number;
  /** States seen and not yet gone on from; for walks, walks to come. */
  readonly frontier: number;
  readonly discoveries: number;
  readonly estimate: Estimate;
}

/** Why a search ended before everything was seen. */
export type Stopped = 'states' | 'transitions' | 'depth' | 'discovery' | 'caller';

/** How often the actions of an owner were taken: what was never taken was never tried. */
export interface OwnerCoverage {
  readonly owner: string;
  readonly transitions: number;
}

/** What a search came to. */
export interface ExplorationResult {
  readonly strategy: Strategy;
  readonly states: number;
  readonly transitions: number;
  readonly maxDepth: number;
  /** States in which nothing more can happen. */
  readonly ends: number;
  /** Whether everything that the strategy promises to see was seen. Walks are never complete. */
  readonly complete: boolean;
  /** Null for a search that is complete, and for walks that were all made. */
  readonly stoppedBy: Stopped | null;
  /** At most one for each property, and one for livelock, in the order in which they were found. */
  readonly discoveries: readonly Discovery[];
  /** Names of the properties `sometimes` that held in no state seen. In a complete search each of them is a fault. */
  readonly unmet: readonly string[];
  /** Names of the properties that the strategy does not judge, `livelock` among them where the model has `progress`. */
  readonly unjudged: readonly string[];
  /** Sorted by owner. */
  readonly coverage: readonly OwnerCoverage[];
}

/** A search under way. */
export interface Exploration {
  /** Goes on for about so many transitions; whether there is more to do. */
  readonly advance: (transitions: number) => boolean;
  readonly progress: () => SearchProgress;
  /** What has come of it so far; `stoppedBy` is `caller` where there is more to do. */
  readonly result: () => ExplorationResult;
  /** All that is needed to go on in another process, by `resumeSearch` on the same model. */
  readonly save: () => SavedSearch;
}

/** Whether a discovery is of a fault, and not of a property `sometimes` that holds as it should.
 *
 * @example
 * ```ts
 * isFault({ property: 'ends', kind: 'sometimes', path: { initial: 0, keys: [] }, fault: '' }); // false
 * ```
 */
export function isFault(discovery: Discovery): boolean {
  return discovery.kind !== 'sometimes';
}

/** Makes the way to a state, once somebody wants it. */
export type WayTo = () => Path;
