/** The module that a thread of a parallel search runs: branches or walks in, what came of them out. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, GranuleError } from '../../errors.ts';
import type { Discovery } from '../model.ts';
import { boundPreemptions } from './bounded.ts';
import { propertiesOf } from './explore.ts';
import { PREEMPTIONS_DEFAULT, TRANSITIONS_BETWEEN_GIFTS, TRANSITIONS_BETWEEN_LOOKS } from './limits.ts';
import { modelOf, type ModelSource, type UnknownModel } from './modelSource.node.ts';
import type { SavedWalks } from './saved.ts';
import { type Branch, Share } from './share.ts';
import { SharedTable } from './sharedTable.ts';
import type { SavedTally } from './tally.ts';
import type { ExploreOptions } from './types.ts';
import { Walks } from './walks.ts';

/** What a thread is started with. */
export interface SearchOrder {
  readonly source: ModelSource;
  readonly options: ExploreOptions;
  readonly table: SharedArrayBuffer;
}

/** What a thread is asked: a branch, or some walks. */
export type SearchTask =
  | { readonly kind: 'branch'; readonly branch: Branch }
  | { readonly kind: 'walks'; readonly firstWalk: number; readonly walks: number };

/** What a thread has counted and found in all its tasks. */
export interface ThreadCounts {
  readonly tally: SavedTally;
  readonly depth: number;
  readonly discoveries: readonly Discovery[];
}

/** What a thread says: where it is, work for another, that it is done with its task, or why it is not. */
export type SearchPost =
  | { readonly kind: 'counts'; readonly counts: ThreadCounts }
  | { readonly kind: 'gives'; readonly branch: Branch }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly what: string; readonly where: string };

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what ParallelSearch gave
const { source, options, table } = workerData as SearchOrder;
const seen = new SharedTable(table);

function post(message: SearchPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}

/** What one thread works with: the model, its share, which counts all branches that it had, and the walks that it has made. */
class Thread {
  readonly #model: UnknownModel;
  readonly #share: Share<unknown, unknown>;
  #walked: SavedWalks | undefined;

  constructor(model: UnknownModel) {
    this.#model = model;
    this.#share = new Share(model, options, propertiesOf(model, options), seen);
  }

  work(task: SearchTask): void {
    if (task.kind === 'branch') this.#goInto(task.branch);
    else this.#walk(task.firstWalk, task.walks);
    post({ kind: 'done' });
  }

  #goInto(branch: Branch): void {
    const share = this.#share;
    share.begin(branch);
    while (share.advance(TRANSITIONS_BETWEEN_GIFTS) && !seen.isStopped) {
      this.#tell();
      const given = seen.takeIdle() ? share.give() : null;
      if (given !== null) post({ kind: 'gives', branch: given });
    }
    this.#tell();
  }

  #tell(): void {
    const { tally, depth, watch } = this.#share;
    post({ kind: 'counts', counts: { tally: tally.save(), depth, discoveries: [...watch.discoveries] } });
  }

  #walk(firstWalk: number, walks: number): void {
    const own = { ...options, firstWalk, walks };
    const before = this.#walked === undefined ? undefined : { ...this.#walked, nextWalk: firstWalk };
    const search = new Walks(this.#model, own, propertiesOf(this.#model, options), before, seen);
    while (search.advance(TRANSITIONS_BETWEEN_LOOKS) && !seen.isStopped);
    this.#walked = search.save();
    const { tally, discoveries } = this.#walked;
    post({ kind: 'counts', counts: { tally, depth: tally.maxDepth, discoveries } });
  }
}

async function makeThread(): Promise<Thread> {
  const model = await modelOf(source);
  const bound = options.preemptions ?? PREEMPTIONS_DEFAULT;
  if (options.strategy !== 'bounded') return new Thread(model);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its states go to itself alone
  return new Thread(boundPreemptions(model, bound) as UnknownModel);
}

const thread = makeThread();

async function work(task: SearchTask): Promise<void> {
  try {
    (await thread).work(task);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const isOwn = error instanceof GranuleError;
    post({ kind: 'failed', code: isOwn ? error.code : 'WORKER_DIED', what, where: isOwn ? error.where : '' });
  }
}

parentPort?.on('message', (task: SearchTask) => {
  void work(task);
});
