/** From what a search found to the smallest that shows it: first the topology, then the way. */
import { GranuleError } from '../../errors.ts';
import type { Discovery } from '../model.ts';
import type { ExploreOptions } from '../search/types.ts';
import type { PlainTopology } from '../shrink/reducers/plain.ts';
import { type ShrunkPath, shrinkPath } from '../shrink/shrinkPath.ts';
import { shrinkTopology } from '../shrink/shrinkTopology.ts';
import type { World } from '../world/world.ts';
import { type PlainSearch, searchPlain, type Surroundings, type Wanted } from './searching.node.ts';

/**
 * A smaller topology has fewer states: one is searched for twice as many as the last one took, and some more, since another order of
 * states may come first in it.
 */
const SEARCH_MORE = 2;
const SEARCH_LEAST = 2000;

/** What is to be refined. */
export interface RefineRequest {
  readonly form: PlainTopology;
  readonly surroundings: Surroundings;
  readonly wanted: Wanted;
  readonly search: ExploreOptions;
  /**
   * The mended design, as settings of parameters. A smaller topology counts only if it is not broken with it: else the shrinking might
   * come to something that is broken for another reason.
   */
  readonly mended?: readonly string[];
  /** Searches of smaller topologies at most; 0 leaves the topology as it is. */
  readonly topologyTries?: number;
  readonly pathTries?: number;
  /** Called before each search of a smaller topology, with how many there were. */
  readonly onSearch?: (searches: number) => void;
}

/** What was found, at its smallest. */
export interface Refined {
  readonly form: PlainTopology;
  /** The search of the smallest topology, by the options that were asked for. */
  readonly search: PlainSearch & { readonly discovery: Discovery };
  /** How long that search took. */
  readonly seconds: number;
  readonly path: ShrunkPath<World>;
  /** Deliveries of the way that was found first, in the topology as it was. */
  readonly foundLength: number;
  readonly taken: readonly string[];
  readonly topologyIsMinimal: boolean;
  readonly searches: number;
}

type Found = PlainSearch & { readonly discovery: Discovery };

function foundOf(search: PlainSearch): Found | null {
  const { discovery } = search;
  return discovery === null ? null : { ...search, discovery };
}

/** What of a fault stays where there are fewer actors and other addresses: the words before the particulars, without numbers. */
function headOf(fault: string): string {
  return (fault.split(': ', 1)[0] ?? '').replaceAll(/0x[0-9a-f]+|\d+/g, '#');
}

/** Whether a way is longer than another; of searches that find the nearest first, since walks find ways of any length. */
function isLonger({ strategy = 'breadth-first' }: ExploreOptions, found: Found, than: Found): boolean {
  if (strategy !== 'breadth-first' && strategy !== 'bounded') return false;
  return found.discovery.path.keys.length > than.discovery.path.keys.length;
}

/** The same search, no further than a smaller topology needs. */
function closer(search: ExploreOptions, { result }: PlainSearch): ExploreOptions {
  const most = SEARCH_MORE * result.states + SEARCH_LEAST;
  return { ...search, maxStates: Math.min(search.maxStates ?? most, most) };
}

/**
 * Searches a topology, takes away of it what is not needed, and shrinks the way that is found in what is left.
 *
 * @throws GranuleError USAGE where the search does not find what is wanted
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '4K', program: [{ op: 'load', addr: '0x500000' }] };
 * const surroundings = { file: '/tmp/one.json', catalogue: builtIns };
 * const wanted = { property: 'accounting-conserved', kind: 'always' } as const;
 * refine({ form: { name: 'one', processes: [process] }, surroundings, wanted, search: { maxStates: 9 } }); // throws USAGE
 * ```
 */
export function refine(request: RefineRequest): Refined {
  const { form, surroundings, wanted, search, mended = [], topologyTries, pathTries, onSearch } = request;
  const first = foundOf(searchPlain(form, surroundings, wanted, search));
  if (first === null) {
    const what = `this search does not find that ${wanted.property} is broken`;
    throw new GranuleError('USAGE', what, String(form['name']), 'Give it a larger budget, or another strategy.');
  }
  let latest = first;
  let searches = 1;
  const shrunk = shrinkTopology<Found>(form, {
    begin: first,
    ...(topologyTries === undefined ? {} : { tries: topologyTries }),
    breaks: (smaller) => {
      searches += 1;
      onSearch?.(searches);
      const near = closer(search, latest);
      const found = foundOf(searchPlain(smaller, surroundings, wanted, near));
      if (found === null || isLonger(search, found, latest)) return null;
      if (headOf(found.discovery.fault) !== headOf(first.discovery.fault)) return null;
      if (mended.length > 0 && searchPlain(smaller, surroundings, wanted, near, mended).discovery !== null) return null;
      latest = found;
      return found;
    },
  });
  // By the options that are kept: the closer budget was for the shrinking alone.
  const began = performance.now();
  const again = foundOf(searchPlain(shrunk.topology, surroundings, wanted, search)) ?? shrunk.found;
  const seconds = (performance.now() - began) / 1000;
  return {
    form: shrunk.topology,
    search: again,
    seconds,
    path: shrinkPath(again.model, again.discovery, pathTries === undefined ? {} : { tries: pathTries }),
    foundLength: first.discovery.path.keys.length,
    taken: shrunk.taken,
    topologyIsMinimal: shrunk.isMinimal,
    searches,
  };
}
