/** A search that a command runs: with progress on a terminal, a limit of time, and an end by Ctrl-C. */
import { explore } from '../explore/search/explore.ts';
import { exploreInParallel } from '../explore/search/parallel.node.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress } from '../explore/search/types.ts';
import { type ModelRequest, type SomeModel, sourceOf } from '../explore/world/openModel.node.ts';
import { formatCount, formatRate } from '../report/format.ts';
import type { Cli } from './cli.ts';
import type { SearchBudget } from './exploreBudget.ts';
import { Interruption } from './interruption.ts';

/** Transitions between two looks at the clock: some milliseconds of work, where a state costs ten microseconds. */
const STEP_TRANSITIONS = 1000;

/** A search that came to an end, or was ended. */
export interface SearchRun {
  readonly result: ExplorationResult;
  /** Null where threads have searched: their search cannot be laid aside. */
  readonly search: Exploration | null;
  readonly seconds: number;
  /** Ctrl-C ended it. */
  readonly interrupted: boolean;
}

/** What is searched, and how long. */
export interface SearchRequest {
  readonly model: SomeModel;
  /** What threads make the model of. */
  readonly request: ModelRequest;
  readonly options: ExploreOptions;
  readonly budget: SearchBudget;
  /** Threads beside this one; 1: this one alone. */
  readonly workers: number;
  /** Shown before the figures: which of several it is. */
  readonly label: string;
  /** A search that was laid aside; absent: one that begins. */
  readonly search?: Exploration;
}

/**
 * The figures of a search under way, in one line.
 *
 * @example
 * ```ts
 * const search = explore(classic('lost-update'));
 * progressText(search.progress(), 100).startsWith('1 states, 0 steps'); // true
 * ```
 */
export function progressText(at: SearchProgress, seconds: number, before = 0): string {
  const { states, transitions, depth, frontier, estimate } = at;
  const { doneShare } = estimate;
  const share = doneShare === null ? '' : `, about ${Math.floor(100 * doneShare)} % seen`;
  const rate = formatRate((states - before) / Math.max(seconds, 1e-3), 'states');
  const counts = `${formatCount(states)} states, ${formatCount(transitions)} steps`;
  return `${counts}, depth ${formatCount(depth)}, ${formatCount(frontier)} waiting, ${rate}${share}`;
}

/**
 * Searches until all is seen, the budget is used up, or Ctrl-C.
 *
 * @throws GranuleError what `explore` and `exploreInParallel` throw
 * @example
 * ```ts
 * const request = { what: 'classic:lost-update', cwd: '/' };
 * const model = await modelOfRequest(request);
 * const budget = { seconds: null, states: 100 };
 * const cli = new Cli(textIo('/'));
 * const run = await searchShown(cli, { model, request, options: {}, budget, workers: 1, label: '' });
 * run.result.discoveries.length; // 1
 * ```
 */
export async function searchShown(cli: Cli, request: SearchRequest): Promise<SearchRun> {
  const progress = cli.progress();
  const interruption = new Interruption();
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { budget, label, search } = request;
  const before = search?.progress().states ?? 0;
  const watch = {
    shouldStop: () => interruption.asked || (budget.seconds !== null && seconds() >= budget.seconds),
    onProgress: (at: SearchProgress) => {
      if (progress.wanted) progress.report({ done: 0, text: `${label}${progressText(at, seconds(), before)}` });
    },
  };
  try {
    if (request.workers > 1) {
      const source = sourceOf(request.request);
      const result = await exploreInParallel(source, request.options, { workers: request.workers, ...watch });
      return { result, search: null, seconds: seconds(), interrupted: interruption.asked };
    }
    const own = search ?? explore(request.model, request.options);
    while (own.advance(STEP_TRANSITIONS)) {
      watch.onProgress(own.progress());
      await interruption.pause();
      if (watch.shouldStop()) break;
    }
    return { result: own.result(), search: own, seconds: seconds(), interrupted: interruption.asked };
  } finally {
    progress.end();
    interruption.end();
  }
}
