/**
 * Verified replay on several threads: given the log, actors do not depend on each other. Each thread folds its share of them
 * from their own records, and tells this one what they received and sent; this one holds it all together (`LoopCheck`), and
 * where there is more than one share, folds one of them itself.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { GranuleError, invariant } from '../errors.ts';
import { faultPlanOf } from '../topology/lifecycle.ts';
import { catalogueOfRegistry } from '../topology/definitions/catalogue.ts';
import type { LogReader } from '../log/logReader.ts';
import type { RunSource } from '../mm/runs.ts';
import type { StandIn } from '../runtime/standIn.ts';
import { openMeta } from '../topology/meta.ts';
import type { FoldOrder, FoldPost } from './foldWorker.node.ts';
import { editsOf } from './edits.ts';
import { handOver } from './handedOver.node.ts';
import { type PlainState, plainState, RecordedRun } from './recordedRun.ts';
import { replay, type Replayed, type ReplayOptions } from './replay.ts';
import { isAsWritten, isDividedAsWritten } from './replayedHash.ts';
import { looksIntoAnswers } from './ruleWords.ts';
import { ShareMerge } from './shareMerge.ts';
import { type Share, ShareFold } from './shareFold.ts';
import { type Misfit, REPORTS_HELD } from './shareReport.ts';
import { sharesOf } from './shares.ts';
import { startThread } from './sourceThread.node.ts';

/** What a parallel replay may be told. */
export interface ParallelReplayOptions extends Pick<ReplayOptions, 'onProgress'> {
  /**
   * Threads that fold. From two on this one is among them, since holding reports together is a small part of what folding is:
   * a thread more would compile all code once more, and want a core.
   */
  readonly workers: number;
  /** Heap that each of those beside this one may take; Node's own limit by default. */
  readonly heapMiB?: number;
}

/** What came of it: as of `replay`, but that there is no system. */
export interface ParallelReplayed extends Omit<Replayed, 'system'> {
  /** Threads that folded. */
  readonly workers: number;
  /** Why the log was replayed in one thread after all, so that what is said here is what that found; null otherwise. */
  readonly oneThreadBecause: string | null;
  /** The state of every actor at the end, in the order of creation. */
  readonly states: readonly EndState[];
}

/** An actor's state at the end, and what it stands in for if it does. */
interface EndState {
  readonly actor: string;
  readonly state: PlainState;
  readonly standIn: StandIn | undefined;
}

/** What the threads came to. */
interface Folded {
  readonly merge: ShareMerge;
  readonly states: ReadonlyMap<string, PlainState>;
}

/** How a fold is ended: by what came of it, or by what went wrong. */
interface Settle {
  readonly resolve: (answer: Folded | Misfit) => void;
  readonly reject: (error: unknown) => void;
}

/** The threads of one replay, until all have posted their states or something does not fit. */
class Threads {
  readonly #run: RecordedRun;
  readonly #shares: readonly (readonly string[])[];
  readonly #options: ParallelReplayOptions;
  readonly #merge: ShareMerge;
  readonly #states = new Map<string, PlainState>();
  readonly #threads: Worker[] = [];
  /** Threads that have posted their last. */
  readonly #ready = new Set<number>();
  /** Lets this thread go on where it waits for what others post. */
  #wake: () => void = () => undefined;
  #isOver = false;
  readonly #checked = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  constructor(run: RecordedRun, options: ParallelReplayOptions) {
    this.#run = run;
    this.#options = options;
    this.#shares = sharesOf(run.reader, run.actors, Math.min(options.workers, run.actors.length));
    this.#merge = new ShareMerge(run, this.#shares.length);
  }

  /** @throws GranuleError WORKER_DIED */
  async fold(): Promise<Folded | Misfit> {
    const { reader, traces } = this.#run;
    const { misfit } = this.#merge;
    if (misfit !== null) return misfit;
    const handedOver = handOver(reader, traces);
    const count = this.#shares.length;
    const [first, ...others] = this.#shares.map((actors, index): Share => ({ actors, index, count }));
    const beside = others.length === 0 ? [first] : others;
    try {
      return await new Promise((resolve, reject) => {
        const settle = { resolve, reject };
        for (const share of beside) this.#start({ handedOver, share, checked: this.#checked }, settle);
        if (others.length === 0) return;
        this.#foldHere(first, settle).catch((error: unknown) => {
          if (error instanceof GranuleError) this.#take(first.index, { failed: error.format() }, settle);
          else reject(error);
        });
      });
    } finally {
      this.#isOver = true;
      this.#wake();
      await Promise.all(this.#threads.map((thread) => thread.terminate()));
    }
  }

  /** Folds a share in this thread, which takes what the others post between one segment and the next. */
  async #foldHere(share: Share, settle: Settle): Promise<void> {
    const own = new ShareFold(this.#run, share);
    for (const segment of this.#run.reader.directory.segments.keys()) {
      await turnOfTheLoop();
      while (!this.#isOver && segment - this.#merge.segments >= REPORTS_HELD) await this.#posted();
      if (this.#isOver) return;
      const report = own.segment(segment);
      this.#take(share.index, { reports: [report] }, settle);
      if (report.misfit !== null || report.thrown !== null) break;
    }
    this.#take(share.index, { states: own.states() }, settle);
  }

  /** Comes when another thread has posted something, or all is over. */
  #posted(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #start(order: FoldOrder, settle: Settle): void {
    const { heapMiB } = this.#options;
    const { index } = order.share;
    const limits = heapMiB === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMiB } };
    const thread = startThread(import.meta.url, 'foldWorker.node', { workerData: order, ...limits });
    this.#threads.push(thread);
    const died = (what: string): void => settle.reject(new GranuleError('WORKER_DIED', what, `worker ${index + 1}`));
    thread.on('message', (post: FoldPost) => {
      this.#take(index, post, settle);
      this.#wake();
    });
    thread.on('error', (error) => died(error.message));
    thread.on('exit', (code) => {
      if (!this.#ready.has(index)) died(`it ended with code ${code} before its actors were folded`);
    });
  }

  /** Takes what a share came to. */
  #take(index: number, post: FoldPost, { resolve, reject }: Settle): void {
    try {
      const answer = this.#answerTo(index, post);
      if (answer !== null) resolve(answer);
    } catch (error) {
      reject(error);
    }
  }

  /** Null while there is more to come. */
  #answerTo(index: number, post: FoldPost): Folded | Misfit | null {
    const merge = this.#merge;
    if ('failed' in post) return { seq: this.#run.reader.firstSeq, what: post.failed };
    if ('states' in post) {
      for (const { actor, state } of post.states) this.#states.set(actor, state);
      this.#ready.add(index);
    } else {
      const before = merge.segments;
      for (const report of post.reports) merge.add(index, report);
      if (merge.segments > before) this.#progressed();
    }
    if (merge.misfit !== null) return merge.misfit;
    return this.#ready.size === this.#shares.length ? { merge, states: this.#states } : null;
  }

  #progressed(): void {
    const { segments, loop } = this.#merge;
    Atomics.store(this.#checked, 0, segments);
    Atomics.notify(this.#checked, 0);
    const { records: total } = this.#run.reader;
    this.#options.onProgress?.({ records: loop.records, total, nowCycles: loop.nowCycles });
  }
}

/** Why a log cannot be verified by its own bytes and so has to be encoded anew, which one thread does; null when it can. */
function whyOneThread(reader: LogReader): string | null {
  if (reader.parent !== null) return 'it goes on from the log of its parent';
  if (editsOf(openMeta(reader.meta)).length > 0) return 'it changes what waits or what is set in the middle of the run';
  if (!isAsWritten(reader)) return 'its messages are of older versions';
  if (looksIntoAnswers(faultPlanOf(openMeta(reader.meta).topology)))
    return 'its fault plan looks into what it answers itself';
  const { definitions, modules } = catalogueOfRegistry(reader.registry);
  if (definitions.length > 0 && modules.length === 0) return 'its definitions are of no module that threads could load';
  return isDividedAsWritten(reader) ? null : 'its segments are not divided as granule divides them';
}

function inOneThread(run: RecordedRun, options: ParallelReplayOptions, because: string): ParallelReplayed {
  const { onProgress } = options;
  const replayed = replay(run.reader, run.traces, onProgress === undefined ? {} : { onProgress });
  const { system, ...rest } = replayed;
  const states = [...system.snapshots()].map(([actor, snapshot]) => {
    return { actor, state: plainState(snapshot), standIn: run.standIn(actor) };
  });
  return { ...rest, workers: 0, oneThreadBecause: because, states };
}

/**
 * Replays a log on several threads, and verifies all that `replay` does: every record, every checkpoint, the hash chain.
 * Payloads that were sent are held against those received by hashes of 53 bits. Where something does not fit, and where a log
 * cannot be verified so, the log is replayed in one thread, and what that finds is the answer.
 *
 * @throws GranuleError USAGE for a number of workers below 1; WORKER_DIED; what `replay` throws
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const replayed = await parallelReplay(reader, traces, { workers: 2 });
 * replayed.divergence; // null
 * replayed.oneThreadBecause; // null
 * replayed.headHash === reader.headHash; // true
 * ```
 */
export async function parallelReplay(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  options: ParallelReplayOptions,
): Promise<ParallelReplayed> {
  const { workers } = options;
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw new GranuleError('USAGE', `${workers} is no number of workers`);
  const run = new RecordedRun(reader, traces);
  const reason = whyOneThread(reader);
  if (reason !== null) return inOneThread(run, options, reason);
  const folded = await new Threads(run, options).fold();
  if ('what' in folded) return inOneThread(run, options, `at seq ${folded.seq}: ${folded.what}`);
  const { merge, states } = folded;
  const { segments } = reader.directory;
  invariant(
    merge.segments === segments.length && states.size === run.actors.length,
    'every share was folded to its end',
  );
  const { loop, failure } = merge;
  return {
    records: loop.records,
    headHash: reader.headHash,
    recordedHeadHash: reader.headHash,
    checkpoints: loop.checkpoints,
    timeCycles: loop.nowCycles,
    divergence: null,
    failure,
    pending: loop.pending,
    workers: merge.shares,
    oneThreadBecause: null,
    states: run.actors.flatMap((actor) => {
      const state = states.get(actor);
      return state === undefined ? [] : [{ actor, state, standIn: run.standIn(actor) }];
    }),
  };
}
