/** A search that a command runs: with progress on a terminal, a limit of time, and an end by Ctrl-C. */
import { explore, type RunHooks } from '../explore/search/explore.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress } from '../explore/search/types.ts';
import type { SomeModel } from '../explore/world/openModel.node.ts';
import { formatCount, formatRate } from '../report/format.ts';
import type { Cli } from './cli.ts';
import type { SearchBudget } from './exploreBudget.ts';
import { Interruption } from './interruption.ts';

/** Transitions between two looks at the clock: some milliseconds of work, where a state costs ten microseconds. */
const STEP_TRANSITIONS = 1000;

/** A search that came to an end, or was ended. */
export interface SearchRun {
  readonly result: ExplorationResult;
  readonly search: Exploration;
  readonly seconds: number;
  /** Ctrl-C ended it. */
  readonly interrupted: boolean;
}

/** What is searched, and how long. */
export interface SearchRequest {
  readonly model: SomeModel;
  readonly options: ExploreOptions;
  readonly budget: SearchBudget;
  /** Shown before the figures: which of several it is. */
  readonly label: string;
  /** A search that was laid aside; absent: one that begins. */
  readonly search?: Exploration;
}

function lineOf({ states, transitions, depth, frontier, estimate }: SearchProgress, perSecond: number): string {
  const { doneShare } = estimate;
  const share = doneShare === null ? '' : `, about ${Math.floor(100 * doneShare)} % seen`;
  const rate = formatRate(perSecond, 'states');
  return `${formatCount(states)} states, ${formatCount(transitions)} steps, depth ${depth}, ${formatCount(frontier)} waiting, ${rate}${share}`;
}

/**
 * Searches until all is seen, the budget is used up, or Ctrl-C.
 *
 * @throws GranuleError what `explore` throws
 * @example
 * ```ts
 * const { model } = await openModel({ what: 'classic:lost-update', cwd: '/' });
 * const budget = { seconds: null, states: 100 };
 * const run = await searchShown(new Cli(textIo('/')), { model, options: {}, budget, label: '' });
 * run.result.discoveries.length; // 1
 * ```
 */
export async function searchShown(cli: Cli, request: SearchRequest): Promise<SearchRun> {
  const { model, options, budget, label } = request;
  const search = request.search ?? explore(model, options);
  const progress = cli.progress();
  const interruption = new Interruption();
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const before = search.progress().states;
  const hooks: RunHooks = {
    shouldStop: () => interruption.asked || (budget.seconds !== null && seconds() >= budget.seconds),
  };
  try {
    while (search.advance(STEP_TRANSITIONS)) {
      if (progress.wanted) {
        const at = search.progress();
        progress.report({ done: 0, text: `${label}${lineOf(at, (at.states - before) / seconds())}` });
      }
      await interruption.pause();
      if (hooks.shouldStop?.() === true) break;
    }
    return { result: search.result(), search, seconds: seconds(), interrupted: interruption.asked };
  } finally {
    progress.end();
    interruption.end();
  }
}
