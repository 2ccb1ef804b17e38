/**
 * The state of memory failure's worker, and the small steps that its work is made of.
 *
 * @models D-18
 */
import type { Folio } from '../../src/mm/frames.ts';
import type { ContainedRange } from '../../src/mm/hwpoison/decide.ts';
import type { Message, PteRun } from '../messages.ts';
import type { ResourceHolder, Send } from '../support.ts';
import type { ErrorPlace, PoisonSettings } from './messages.ts';

/** What the worker is built with. */
export interface PoisonInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  settings: PoisonSettings;
  /** The processes that may map a frame. */
  pids: number[];
}

/** One error to handle. */
export interface PoisonRequest {
  how: 'failure' | 'soft-offline';
  place: ErrorPlace;
  consumed: boolean;
}

/** Where a process maps the page: what goes with it, and the entries of that. */
export interface PoisonMapper {
  pid: number;
  range: ContainedRange;
  runs: PteRun[];
}

/** What came of an error. */
export interface PoisonOutcome {
  pfn: number;
  how: PoisonRequest['how'];
  outcome: 'recovered' | 'delayed' | 'ignored' | 'busy' | 'failed' | 'already' | 'not-mapped';
  message: string;
  /** Kernel pages that lost their mapping, over all processes. */
  unmappedPages: number;
  /** Frames that are never used again. */
  lostFrames: number;
  /** Processes that got a signal. */
  signalled: number[];
}

/** The error in hand. */
export interface PoisonJob {
  awaits: number;
  step: string;
  request: PoisonRequest;
  pfn: number;
  folio: Folio | null;
  /** A reference to the frame is held (`get_hwpoison_page`). */
  holds: boolean;
  /** Processes that are still to be asked, the one that is asked now first. */
  pids: number[];
  mappers: PoisonMapper[];
  pageBytes: number;
  /** Of soft offline: where the folio has moved to. */
  newPfn: number;
  outcome: PoisonOutcome;
}

/** The worker's state. */
export interface PoisonContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  settings: PoisonSettings;
  pids: readonly number[];
  queue: readonly PoisonRequest[];
  job: PoisonJob | null;
  nextRequest: number;
  /** Frames with PG_hwpoison. */
  poisoned: readonly number[];
  outcomes: readonly PoisonOutcome[];
  /** Native tables that were given up for it. */
  fallbacks: number;
}

/**
 * The worker before the first error.
 *
 * @example
 * ```ts
 * const settings = { containment: 'process-page' as const, retirement: 'frame' as const, earlyKill: false };
 * initialPoison({ resources: null, kernelPageBytes: 4096, settings, pids: [1] }).poisoned; // []
 * ```
 */
export function initialPoison({ resources, kernelPageBytes, settings, pids }: PoisonInput): PoisonContext {
  return {
    resources,
    kernelPageBytes,
    settings,
    pids,
    queue: [],
    job: null,
    nextRequest: 1,
    poisoned: [],
    outcomes: [],
    fallbacks: 0,
  };
}

/**
 * An error as the worker begins with it.
 *
 * @example
 * ```ts
 * poisonJob({ how: 'failure', place: { pfn: 77 }, consumed: false }, [1]).pfn; // 77
 * ```
 */
export function poisonJob(request: PoisonRequest, pids: readonly number[]): PoisonJob {
  const pfn = request.place.pfn ?? -1;
  const outcome = { pfn, how: request.how, message: '', unmappedPages: 0, lostFrames: 0, signalled: [] };
  return {
    awaits: -1,
    step: '',
    request,
    pfn,
    folio: null,
    holds: false,
    pids: [...pids],
    mappers: [],
    pageBytes: 0,
    newPfn: -1,
    outcome: { ...outcome, outcome: 'recovered' },
  };
}

/**
 * Sends a request and makes the worker wait for its answer at a step.
 *
 * @example
 * ```ts
 * const settings = { containment: 'process-page' as const, retirement: 'frame' as const, earlyKill: false };
 * const poison = initialPoison({ resources: null, kernelPageBytes: 4096, settings, pids: [1] });
 * const job = poisonJob({ how: 'failure', place: { pfn: 77 }, consumed: false }, [1]);
 * const query = (request: number) => ({ type: 'FOLIO_QUERY' as const, sender: 'hwpoison', request, pfns: [77] });
 * askAbout(poison, job, 'identified', 'zone', query, () => {}).job?.step; // 'identified'
 * ```
 */
export function askAbout(
  context: PoisonContext,
  job: PoisonJob,
  step: string,
  to: string,
  message: (request: number) => Message,
  send: Send,
): PoisonContext {
  const request = context.nextRequest;
  send(to, message(request));
  return { ...context, nextRequest: request + 1, job: { ...job, awaits: request, step } };
}
