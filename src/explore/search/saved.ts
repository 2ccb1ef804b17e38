/** A search laid aside: plain data and typed arrays, which threads take as they are, and `packSearch` makes into bytes. */
import type { Discovery } from '../model.ts';
import type { SavedGraph } from './graph.ts';
import type { SavedTally } from './tally.ts';
import type { ExploreOptions } from './types.ts';
import type { VisitedColumns } from './visited.ts';

/** Raised whenever what is saved changes its form. */
export const SAVED_SEARCH_VERSION = 1;

/** What every strategy saves. */
interface SavedCommon {
  readonly version: number;
  /** The name of the model. */
  readonly model: string;
  readonly options: ExploreOptions;
  readonly tally: SavedTally;
  readonly discoveries: readonly Discovery[];
  /** The states seen; of walks, for the count alone. */
  readonly visited: VisitedColumns;
}

/** A breadth-first search: the states whose ids lie from `next` on wait, and those from `levelEnd` on are a level deeper. */
export interface SavedBreadthFirst extends SavedCommon {
  readonly kind: 'breadth-first';
  readonly next: number;
  readonly levelEnd: number;
  readonly depth: number;
  readonly lastLevels: readonly number[];
  readonly graph: SavedGraph | null;
}

/** A depth-first search: the initial states still to begin from, and the way it is on. */
export interface SavedDepthFirst extends SavedCommon {
  readonly kind: 'depth-first';
  readonly nextInitial: number;
  /** Index of the initial state of the way. */
  readonly initial: number;
  /** For each state of the way, how many of its actions were taken; the last of them led to the next state. */
  readonly taken: Int32Array;
  readonly graph: SavedGraph | null;
}

/** Walks: the next one has a seed of its own, so that its number says all. */
export interface SavedWalks extends SavedCommon {
  readonly kind: 'walks';
  readonly nextWalk: number;
  /** Actions of the first walk, by which change points of `pct` are laid; 0 before it was made. */
  readonly lengthHint: number;
}

/** A reduced search: how far it went on the way that it goes each time. */
export interface SavedReduced extends Omit<SavedCommon, 'visited'> {
  readonly kind: 'reduced';
}

/** A search laid aside. */
export type SavedSearch = SavedBreadthFirst | SavedDepthFirst | SavedWalks | SavedReduced;
