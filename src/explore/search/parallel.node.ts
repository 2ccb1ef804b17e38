/**
 * A search on several threads. Walks are handed out by number. A depth-first search, bounded or not, has one table of states in
 * shared memory; a thread that has nothing to do gets half of what another has left at the state of its way that is nearest to the
 * beginning. Which thread sees a state first is chance, so that another way may be found each time; what is found is not.
 */
import type { Worker } from 'node:worker_threads';
import { GranuleError } from '../../errors.ts';
import { startThread } from '../../timeline/sourceThread.node.ts';
import type { Discovery } from '../model.ts';
import { explore, propertiesOf, runExploration } from './explore.ts';
import { STATES_DEFAULT, WALKS_A_TASK, WALKS_DEFAULT } from './limits.ts';
import { modelOf, type ModelSource, type UnknownModel } from './modelSource.node.ts';
import type { SearchOrder, SearchPost, SearchTask, ThreadCounts } from './searchWorker.node.ts';
import { SharedTable } from './sharedTable.ts';
import { Tally } from './tally.ts';
import { type ExplorationResult, type ExploreOptions, isFault, type SearchProgress, type Stopped } from './types.ts';
import { LIVELOCK } from './watch.ts';

/** How a parallel search is watched. */
export interface ParallelHooks {
  /** Threads beside this one. */
  readonly workers: number;
  /** Called as threads say where they are. */
  readonly onProgress?: (progress: SearchProgress) => void;
  /** Asked as often. */
  readonly shouldStop?: () => boolean;
}

const SHARED: ReadonlySet<string> = new Set(['depth-first', 'bounded', 'random', 'pct']);

function* tasksOf(model: UnknownModel, options: ExploreOptions): Generator<SearchTask> {
  if (options.strategy === 'random' || options.strategy === 'pct') {
    const first = options.firstWalk ?? 0;
    const end = first + (options.walks ?? WALKS_DEFAULT);
    for (let at = first; at < end; at += WALKS_A_TASK) {
      yield { kind: 'walks', firstWalk: at, walks: Math.min(WALKS_A_TASK, end - at) };
    }
    return;
  }
  for (const initial of model.initial().keys()) {
    yield { kind: 'branch', branch: { initial, indices: [], actions: null } };
  }
}

/** The threads of one search. */
class ParallelSearch {
  readonly #model: UnknownModel;
  readonly #options: ExploreOptions;
  readonly #hooks: ParallelHooks;
  readonly #table: SharedTable;
  readonly #tasks: SearchTask[];
  readonly #threads: Worker[] = [];
  /** Threads that wait for a task. */
  readonly #waiting: Worker[] = [];
  readonly #counts = new Map<Worker, ThreadCounts>();
  readonly #discoveries = new Map<string, Discovery>();
  #stoppedBy: Stopped | null = null;

  constructor(model: UnknownModel, options: ExploreOptions, hooks: ParallelHooks) {
    this.#model = model;
    this.#options = options;
    this.#hooks = hooks;
    this.#table = SharedTable.forStates(options.maxStates ?? STATES_DEFAULT);
    this.#tasks = [...tasksOf(model, options)];
  }

  async run(order: Omit<SearchOrder, 'table'>): Promise<ExplorationResult> {
    const workerData: SearchOrder = { ...order, table: this.#table.buffer };
    try {
      await new Promise<void>((resolve, reject) => {
        for (let count = 0; count < this.#hooks.workers; count++) this.#start(workerData, resolve, reject);
        this.#handOut();
      });
    } finally {
      await Promise.all(this.#threads.map((thread) => thread.terminate()));
    }
    return this.#result();
  }

  #start(workerData: SearchOrder, resolve: () => void, reject: (error: unknown) => void): void {
    const thread = startThread(import.meta.url, 'searchWorker.node', { workerData });
    this.#threads.push(thread);
    this.#waiting.push(thread);
    const died = (what: string): void => reject(new GranuleError('WORKER_DIED', what));
    thread.on('error', (error) => died(error.message));
    thread.on('exit', (code) => died(`it ended with status ${code} before the search did`));
    thread.on('message', (message: SearchPost) => {
      try {
        if (this.#take(thread, message)) resolve();
      } catch (error) {
        reject(error);
      }
    });
  }

  /** Whether all is done. */
  #take(thread: Worker, message: SearchPost): boolean {
    if (message.kind === 'failed') throw new GranuleError(message.code, message.what, message.where);
    if (message.kind === 'counts') {
      this.#counts.set(thread, message.counts);
      for (const discovery of message.counts.discoveries) this.#keep(discovery);
      this.#look();
    } else {
      if (message.kind === 'gives') this.#tasks.unshift({ kind: 'branch', branch: message.branch });
      else this.#waiting.push(thread);
      this.#handOut();
    }
    const hasWork = this.#tasks.length > 0 && !this.#table.isStopped;
    return !hasWork && this.#waiting.length === this.#threads.length;
  }

  /** The shorter of two ways, so that chance shows less. */
  #keep(discovery: Discovery): void {
    const known = this.#discoveries.get(discovery.property);
    if (known !== undefined && known.path.keys.length <= discovery.path.keys.length) return;
    this.#discoveries.set(discovery.property, discovery);
  }

  #handOut(): void {
    while (this.#waiting.length > 0 && this.#tasks.length > 0 && !this.#table.isStopped) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#waiting.pop()?.postMessage(this.#tasks.shift());
    }
    this.#table.idle = this.#waiting.length;
  }

  #look(): void {
    const progress = this.#progress();
    this.#hooks.onProgress?.(progress);
    const isFound = this.#options.stopAtFirst === true && [...this.#discoveries.values()].some(isFault);
    this.#stoppedBy ??= isFound ? 'discovery' : null;
    this.#stoppedBy ??= this.#hooks.shouldStop?.() === true ? 'caller' : null;
    this.#stoppedBy ??= progress.states >= (this.#options.maxStates ?? STATES_DEFAULT) ? 'states' : null;
    const most = this.#options.maxTransitions ?? Number.MAX_SAFE_INTEGER;
    this.#stoppedBy ??= progress.transitions >= most ? 'transitions' : null;
    if (this.#stoppedBy !== null) this.#table.stop();
  }

  #progress(): SearchProgress {
    const counts = [...this.#counts.values()];
    return {
      strategy: this.#options.strategy ?? 'depth-first',
      states: this.#table.size,
      transitions: counts.reduce((sum, { tally }) => sum + tally.transitions, 0),
      depth: counts.reduce((most, { depth }) => Math.max(most, depth), 0),
      maxDepth: counts.reduce((most, { tally }) => Math.max(most, tally.maxDepth), 0),
      frontier: this.#tasks.length,
      discoveries: this.#discoveries.size,
      estimate: { kind: 'unknown', doneShare: null },
    };
  }

  #result(): ExplorationResult {
    const { strategy, states, transitions, maxDepth } = this.#progress();
    const tallies = [...this.#counts.values()].map(({ tally }) => tally);
    const isWalks = strategy === 'random' || strategy === 'pct';
    const isCut = tallies.some(({ isDepthCut }) => isDepthCut) && !isWalks;
    const stoppedBy = this.#stoppedBy ?? (isCut ? 'depth' : null);
    const properties = propertiesOf(this.#model, this.#options);
    const isFound = (name: string): boolean => this.#discoveries.has(name);
    const eventually = isWalks ? [] : properties.filter(({ kind }) => kind === 'eventually').map(({ name }) => name);
    return {
      strategy,
      states,
      transitions,
      maxDepth,
      ends: tallies.reduce((sum, { ends }) => sum + ends, 0),
      complete: stoppedBy === null && !isWalks,
      stoppedBy,
      discoveries: [...this.#discoveries.values()],
      unmet: properties.filter(({ kind, name }) => kind === 'sometimes' && !isFound(name)).map(({ name }) => name),
      unjudged: [...eventually, ...(this.#model.progress === undefined ? [] : [LIVELOCK])],
      coverage: Tally.joined(tallies).coverage(),
    };
  }
}

/**
 * Explores a model on several threads: `depth-first`, `bounded`, `random` and `pct`; circles are not judged then, and a bounded
 * search goes depth-first. The other strategies are of one thread: they run in this one.
 *
 * @throws GranuleError EXPLORE_LIMIT, EXPLORE_MODEL_UNKNOWN, EXPLORE_PROPERTY_UNKNOWN, WORKER_DIED
 * @example
 * ```ts
 * await exploreInParallel({ module: 'none.mjs', export: 'model' }, {}, { workers: 2 }); // throws EXPLORE_MODEL_UNKNOWN
 * ```
 */
export async function exploreInParallel(
  source: ModelSource,
  options: ExploreOptions,
  hooks: ParallelHooks,
): Promise<ExplorationResult> {
  const model = await modelOf(source);
  propertiesOf(model, options);
  if (!SHARED.has(options.strategy ?? 'breadth-first')) return runExploration(explore(model, options), hooks);
  return new ParallelSearch(model, options, hooks).run({ source, options });
}
