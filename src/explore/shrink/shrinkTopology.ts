/** The smallest topology in which the same thing can still be found. */
import { GranuleError } from '../../errors.ts';
import { takeTry, type Tries } from './minimal.ts';
import type { PlainTopology, Reducer } from './reducers/plain.ts';
import { processReducers } from './reducers/programs.ts';
import { surroundingReducers } from './reducers/surroundings.ts';

/** Searches at most, each of a smaller topology, unless told otherwise. */
export const TOPOLOGY_TRIES = 300;

/**
 * Everything that makes a topology smaller, what takes most first.
 *
 * @example
 * ```ts
 * topologyReducers[0]?.name; // 'processes'
 * ```
 */
export const topologyReducers: readonly Reducer[] = [
  ...processReducers.slice(0, 1),
  ...surroundingReducers,
  ...processReducers.slice(1),
];

/** How a topology is shrunk. */
export interface TopologyShrinking<T> {
  /** What is found in the topology as it is. */
  readonly begin: T;
  /**
   * Searches a smaller topology, within a budget, for the same thing; null where it does not find it. An error that says that there
   * is no such topology counts as nothing found.
   */
  readonly breaks: (topology: PlainTopology) => T | null;
  readonly tries?: number;
  readonly reducers?: readonly Reducer[];
}

/** What came of it. */
export interface ShrunkTopology<T> {
  readonly topology: PlainTopology;
  /** What was found in it. */
  readonly found: T;
  /** What was taken away, in order. */
  readonly taken: readonly string[];
  readonly tries: number;
  /** Nothing that any reducer takes away can be taken any more. False where the tries ended before that was seen. */
  readonly isMinimal: boolean;
}

/** One shrinking of one topology. */
class Shrinking<T> {
  topology: PlainTopology;
  found: T;
  readonly taken: string[] = [];
  readonly tries: Tries;
  readonly #breaks: TopologyShrinking<T>['breaks'];
  /** Topologies that were searched in vain. */
  readonly #inVain = new Set<string>();

  constructor(topology: PlainTopology, { begin, breaks, tries = TOPOLOGY_TRIES }: TopologyShrinking<T>) {
    this.topology = topology;
    this.found = begin;
    this.tries = { left: tries };
    this.#breaks = breaks;
  }

  /** Takes one thing away; `ended` where there are no tries left. */
  take({ reductions }: Reducer): 'taken' | 'nothing' | 'ended' {
    for (const { says, topology } of reductions(this.topology)) {
      const name = JSON.stringify(topology);
      if (this.#inVain.has(name)) continue;
      if (!takeTry(this.tries)) return 'ended';
      const found = this.#search(topology);
      if (found === null) {
        this.#inVain.add(name);
        continue;
      }
      this.topology = topology;
      this.found = found;
      this.taken.push(says);
      return 'taken';
    }
    return 'nothing';
  }

  #search(topology: PlainTopology): T | null {
    try {
      return this.#breaks(topology);
    } catch (error) {
      if (error instanceof GranuleError) return null;
      throw error;
    }
  }
}

/**
 * Takes away of a topology what is not needed for something to be found in it: each smaller topology is searched again, and kept
 * where the same is found. The same topology and the same search give the same result.
 *
 * @example
 * ```ts
 * const topology = { name: 'two', cpus: 4, processes: [{ pid: 1, pageSize: '4K' }, { pid: 2, pageSize: '64K' }] };
 * const breaks = ({ processes }: PlainTopology) => (JSON.stringify(processes).includes('64K') ? 'found' : null);
 * shrinkTopology(topology, { begin: 'found', breaks }).taken; // ['process 1', 'cpus 4 to 1']
 * ```
 */
export function shrinkTopology<T>(topology: PlainTopology, shrinking: TopologyShrinking<T>): ShrunkTopology<T> {
  const { reducers = topologyReducers, tries = TOPOLOGY_TRIES } = shrinking;
  const work = new Shrinking(topology, shrinking);
  let hasEnded = false;
  for (let before = -1; before !== work.taken.length && !hasEnded; ) {
    before = work.taken.length;
    for (const reducer of reducers) {
      let came = work.take(reducer);
      while (came === 'taken') came = work.take(reducer);
      if (came === 'ended') {
        hasEnded = true;
        break;
      }
    }
  }
  const { found, taken } = work;
  return { topology: work.topology, found, taken, tries: tries - work.tries.left, isMinimal: !hasEnded };
}
