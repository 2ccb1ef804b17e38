/** How many states a second a search sees on one core. */
import { join } from 'node:path';
import { explore } from '../explore/search/explore.ts';
import type { Strategy } from '../explore/search/types.ts';
import { topologyModel } from '../explore/world/topologyModel.ts';
import { atLeast, median, millisecondsOf, NO_REACH, type Yardstick } from '../report/yardstick.ts';
import { fixturesFolder } from '../topology/fixtures.node.ts';
import { loadTopology, loadTraces } from '../topology/load.node.ts';

/** States of each search of `npm run bench -- --explore`: enough that what is compiled and remembered first does not count. */
export const EXPLORED_STATES = 500_000;
/** States a second on one core. */
const REACH = 100_000;
const REPEATS = 3;

function model() {
  const topology = loadTopology(join(fixturesFolder('exploration'), 'two-processes.json'));
  return topologyModel({ topology, traces: loadTraces(topology, { folders: [] }) });
}

/** States a second of a search of a model of its own, with all properties. */
function statesPerSecond(strategy: Strategy, states: number): number {
  const search = explore(model(), { strategy, maxStates: states });
  const milliseconds = millisecondsOf(() => {
    while (search.advance(states));
  });
  return (1000 * search.progress().states) / milliseconds;
}

/** Steps a second of so many walks: they come by the same states again and again, so that new ones say little. */
function stepsPerSecond(walks: number): number {
  const search = explore(model(), { strategy: 'random', seed: 1, walks });
  const milliseconds = millisecondsOf(() => {
    while (search.advance(walks));
  });
  return (1000 * search.progress().transitions) / milliseconds;
}

/** A first search is for the engine, which compiles what runs often. */
function measured(rateOf: () => number): number {
  rateOf();
  return Math.round(median(Array.from({ length: REPEATS }, rateOf)));
}

/**
 * What a search of the two-process topology does in a second, properties on, by strategy.
 *
 * @example
 * ```ts
 * exploreYardsticks(100).map(({ unit }) => unit); // ['states/s', 'states/s', 'steps/s']
 * ```
 */
export function exploreYardsticks(states: number): Yardstick[] {
  const searches = (['breadth-first', 'depth-first'] as const).map((strategy) => {
    const value = measured(() => statesPerSecond(strategy, states));
    return { name: `search of two processes, ${strategy}`, value, unit: 'states/s', ...atLeast(value, REACH) };
  });
  const value = measured(() => stepsPerSecond(Math.ceil(states / STEPS_OF_A_WALK)));
  return [...searches, { name: 'walks through two processes', value, unit: 'steps/s', ...NO_REACH }];
}

/** A walk through the two processes has so many steps. */
const STEPS_OF_A_WALK = 200;
