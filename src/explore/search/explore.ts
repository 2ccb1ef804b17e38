/** Exploring a model: one entry for all strategies. */
import { GranuleError } from '../../errors.ts';
import type { Model, Property } from '../model.ts';
import { boundPreemptions } from './bounded.ts';
import { BreadthFirst } from './breadthFirst.ts';
import { DepthFirst } from './depthFirst.ts';
import { PREEMPTIONS_DEFAULT, STATES_MAX, TRANSITIONS_BETWEEN_LOOKS } from './limits.ts';
import { SAVED_SEARCH_VERSION, type SavedSearch } from './saved.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress } from './types.ts';
import { Reduced } from './reduced.ts';
import { Walks } from './walks.ts';

/**
 * The properties that a search looks at.
 *
 * @throws GranuleError EXPLORE_PROPERTY_UNKNOWN
 * @example
 * ```ts
 * propertiesOf(classic('lost-update'), {}).map((property) => property.name); // ['nothing-lost']
 * ```
 */
export function propertiesOf<S, A>(model: Model<S, A>, options: ExploreOptions): readonly Property<S>[] {
  const { properties: names } = options;
  if (names === undefined) return model.properties;
  return names.map((name) => {
    const property = model.properties.find((candidate) => candidate.name === name);
    if (property !== undefined) return property;
    const known = model.properties.map((candidate) => candidate.name).join(', ');
    throw new GranuleError('EXPLORE_PROPERTY_UNKNOWN', `${model.name} has no property ${name}`, `it has: ${known}`);
  });
}

/** @throws GranuleError EXPLORE_LIMIT */
function checkBudget(options: ExploreOptions): void {
  const { maxStates = 0, seed = 0 } = options;
  if (maxStates > STATES_MAX / 2) {
    throw new GranuleError('EXPLORE_LIMIT', `a search holds at most ${STATES_MAX / 2} states, not ${maxStates}`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new GranuleError('USAGE', `a seed is a whole number from 0, not ${seed}`);
  }
}

/**
 * Begins a search of a model. It does nothing by itself: `advance` goes on, `runExploration` goes on to the end.
 *
 * @throws GranuleError EXPLORE_LIMIT, EXPLORE_PROPERTY_UNKNOWN, USAGE
 * @example
 * ```ts
 * const search = explore(classic('lost-update'), { strategy: 'depth-first' });
 * search.advance(5); // true
 * search.progress().transitions; // 5
 * const result = runExploration(search);
 * result.discoveries[0]?.property; // 'nothing-lost'
 * explore(classic('lost-update'), { properties: ['none'] }); // throws EXPLORE_PROPERTY_UNKNOWN
 * ```
 */
export function explore<S, A>(model: Model<S, A>, options: ExploreOptions = {}): Exploration {
  checkBudget(options);
  return begin(model, options, propertiesOf(model, options));
}

function begin<S, A>(model: Model<S, A>, options: ExploreOptions, properties: readonly Property<S>[]): Exploration {
  const { strategy = 'breadth-first' } = options;
  if (strategy === 'random' || strategy === 'pct') return new Walks(model, options, properties);
  if (strategy === 'depth-first') return new DepthFirst(model, options, properties);
  if (strategy === 'reduced') return new Reduced(model, options, properties);
  if (strategy === 'breadth-first') return new BreadthFirst(model, options, properties);
  const bounded = boundPreemptions(model, options.preemptions ?? PREEMPTIONS_DEFAULT);
  return new BreadthFirst(bounded, options, propertiesOf(bounded, options));
}

/** Budgets that a search laid aside may be given anew. */
export type Budget = Pick<ExploreOptions, 'maxStates' | 'maxTransitions' | 'walks' | 'stopAtFirst'>;

/**
 * Goes on with a search that was laid aside, on the model that it was of.
 *
 * @throws GranuleError EXPLORE_SAVED_UNFIT when it is of another model or another version
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const search = explore(model);
 * search.advance(3);
 * runExploration(resumeSearch(model, search.save())).states === runExploration(explore(model)).states; // true
 * resumeSearch(classic('missed-wake-up'), search.save()); // throws EXPLORE_SAVED_UNFIT
 * ```
 */
export function resumeSearch<S, A>(model: Model<S, A>, saved: SavedSearch, budget: Budget = {}): Exploration {
  if (saved.version !== SAVED_SEARCH_VERSION || saved.model !== model.name) {
    const what = `the search laid aside is of ${saved.model}, version ${saved.version}`;
    throw new GranuleError(
      'EXPLORE_SAVED_UNFIT',
      what,
      `the model is ${model.name}, the version ${SAVED_SEARCH_VERSION}`,
    );
  }
  const options = { ...saved.options, ...budget };
  checkBudget(options);
  const properties = propertiesOf(model, options);
  if (saved.kind === 'walks') return new Walks(model, options, properties, saved);
  if (saved.kind === 'depth-first') return new DepthFirst(model, options, properties, saved);
  if (saved.kind === 'reduced') return new Reduced(model, options, properties, saved);
  if (options.strategy !== 'bounded') return new BreadthFirst(model, options, properties, saved);
  const bounded = boundPreemptions(model, options.preemptions ?? PREEMPTIONS_DEFAULT);
  return new BreadthFirst(bounded, options, propertiesOf(bounded, options), saved);
}

/** What a caller does while a search runs. */
export interface RunHooks {
  /** Transitions between two calls. */
  readonly every?: number;
  readonly onProgress?: (progress: SearchProgress) => void;
  /** Asked as often: a caller with a clock ends the search by it. */
  readonly shouldStop?: () => boolean;
}

/**
 * A search in steps: says where it is every so many transitions, and in the end what came of it.
 *
 * @example
 * ```ts
 * const steps = stepsOf(explore(classic('lost-update')), 4);
 * steps.next().done; // false
 * ```
 */
export function* stepsOf(
  search: Exploration,
  every: number = TRANSITIONS_BETWEEN_LOOKS,
): Generator<SearchProgress, ExplorationResult> {
  while (search.advance(every)) yield search.progress();
  return search.result();
}

/**
 * Goes on with a search to its end, or until the caller has enough.
 *
 * @example
 * ```ts
 * runExploration(explore(classic('lost-update'))).complete; // true
 * runExploration(explore(classic('lost-update')), { every: 1, shouldStop: () => true }).stoppedBy; // 'caller'
 * ```
 */
export function runExploration(search: Exploration, hooks: RunHooks = {}): ExplorationResult {
  for (const progress of stepsOf(search, hooks.every)) {
    hooks.onProgress?.(progress);
    if (hooks.shouldStop?.() === true) break;
  }
  return search.result();
}

/**
 * Explores a model to its end: for small ones.
 *
 * @example
 * ```ts
 * exploreAll(classic('lost-update')).discoveries.length; // 1
 * exploreAll(classic('lost-update-mended')).discoveries.length; // 0
 * ```
 */
export function exploreAll<S, A>(model: Model<S, A>, options: ExploreOptions = {}): ExplorationResult {
  return runExploration(explore(model, options));
}
