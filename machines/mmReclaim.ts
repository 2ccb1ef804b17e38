/**
 * MADV_FREE and MADV_PAGEOUT (`mm/madvise.c:madvise_free_pte_range`, `madvise_cold_or_pageout_pte_range`): the table is
 * read, the zone decides folio by folio, and what it agrees to is cleaned, or taken away. Without swap, MADV_PAGEOUT
 * discards only what MADV_FREE gave up before and nobody wrote to since; pages of files go to their page cache. Where there is
 * swap, reclaim does it (`mm/vmscan.c:reclaim_pages`).
 */
import { invariant } from '../src/errors.ts';
import { kindOfEntry } from '../src/mm/nonPresent.ts';
import { hasFlags, isPresent, PTE } from '../src/mm/pte.ts';
import { mmOf, mmuOf } from './addresses.ts';
import type { Message, PteRun } from './messages.ts';
import { type CallJob, type CallStep, tableDone, waits, zap } from './mmCallJob.ts';
import { settle } from './mmEffects.ts';
import { isZeroFrame, noteFallback, splitsFolios } from './mmEntries.ts';
import { nextEffect } from './mmPlan.ts';
import { ask, type MmContext } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseJob } from './reviseWork.ts';

/** Addresses that an advice is for, in one VMA. */
interface AdvisedRange {
  startVa: number;
  endVa: number;
}

function readRange(context: MmContext, job: CallJob, step: string, range: AdvisedRange, send: Send): CallStep {
  const ranges = [range];
  const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waits(ask(context, job, step, mmuOf(context.pid), read, send));
}

/**
 * Begins MADV_FREE of anonymous memory; done when the entries are clean.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'madvise', addr: 0x10000, lengthBytes: 4096, advice: ADVICE.FREE });
 * beginLazyFree(mm, job, { startVa: 0x10000, endVa: 0x11000 }, () => {}).context.job?.step; // 'lazyFreeRead'
 * ```
 */
export function beginLazyFree(context: MmContext, job: CallJob, range: AdvisedRange, send: Send): CallStep {
  return readRange(context, job, 'lazyFreeRead', range, send);
}

/**
 * Begins MADV_PAGEOUT; done when what can go has gone.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'madvise', addr: 0x10000, lengthBytes: 4096, advice: ADVICE.PAGEOUT });
 * beginPageOut(mm, job, { startVa: 0x10000, endVa: 0x11000 }, () => {}).context.job?.step; // 'pageOutRead'
 * ```
 */
export function beginPageOut(context: MmContext, job: CallJob, range: AdvisedRange, send: Send): CallStep {
  return readRange(context, job, 'pageOutRead', range, send);
}

function shrunk(event: Message): PteRun[] {
  invariant(event.type === 'SHRUNK', 'the zone answers advice with what it is true of');
  return event.runs;
}

/** `vm_normal_folio`: present, and not special. */
function normalRuns(context: MmContext, set: readonly PteRun[]): PteRun[] {
  return set.filter(({ pfn, flags }) => {
    return isPresent(flags) && !hasFlags(flags, PTE.SPECIAL) && !isZeroFrame(context, pfn);
  });
}

/** Asks the zone about the pages that were read; there is nothing to ask about zero pages. */
function askZone(
  context: MmContext,
  job: CallJob,
  set: readonly PteRun[],
  how: 'lazy-free' | 'page-out',
  send: Send,
): CallStep {
  const runs = normalRuns(context, set);
  if (runs.length === 0) return nextEffect(context, job, send);
  const sender = mmOf(context.pid);
  const message = (request: number): Message => ({ type: 'SHRINK', sender, request, how, runs });
  return waits(ask(context, job, how === 'lazy-free' ? 'lazyFreeMarked' : 'pageOutChosen', 'zone', message, send));
}

/** Runs as ranges of addresses, neighbours as one. */
function rangesOf(runs: readonly PteRun[], pageBytes: number): AdvisedRange[] {
  const ranges: AdvisedRange[] = [];
  for (const { va, nr } of [...runs].sort((a, b) => a.va - b.va)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.endVa === va) last.endVa += nr * pageBytes;
    else ranges.push({ startVa: va, endVa: va + nr * pageBytes });
  }
  return ranges;
}

/** Cleans the next stretch of entries (`clear_young_dirty_ptes`). */
function cleanNext(context: MmContext, job: CallJob, send: Send): CallStep {
  const [range] = rangesOf(job.runs, context.kernelPageBytes);
  if (range === undefined)
    return nextEffect(
      context,
      reviseJob(job, (draft) => {
        draft.runs = [];
      }),
      send,
    );
  const { startVa, endVa } = range;
  const runs = job.runs.filter(({ va }) => va < startVa || va >= endVa);
  const split = splitsFolios(context, range) ? { split: true } : {};
  const how = { young: true, dirty: true, ...split };
  const age = (request: number): Message => ({ type: 'AGE_PTES', request, startVa, endVa, ...how });
  return waits(
    ask(
      context,
      reviseJob(job, (draft) => {
        draft.runs = runs;
      }),
      'lazyFreeAged',
      mmuOf(context.pid),
      age,
      send,
    ),
  );
}

/** The steps that answers take the two calls through, by the name that a job waits under. */
export const reclaimSteps: Partial<
  Record<string, (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep>
> = {
  /** What is in swap is given up at once (`free_swap_and_cache_nr`). */
  lazyFreeRead: (context, job, event, send) => {
    const { set } = tableDone(event);
    const swapped = set.filter(({ flags }) => kindOfEntry(flags) === 'swap');
    if (swapped.length === 0) return askZone(context, job, set, 'lazy-free', send);
    const changes = swapped.map(({ va, pfn, nr, flags }) => ({ va, nr, expects: { pfn, flags }, to: null }));
    const rmap = { issuerPageBytes: context.pageBytes };
    const clear = (request: number): Message => ({ type: 'EXCHANGE_PTES', request, changes, rmap });
    const next = reviseJob(job, (draft) => {
      draft.runs = set;
    });
    return waits(ask(context, next, 'lazyFreeSwapped', mmuOf(context.pid), clear, send));
  },

  lazyFreeSwapped: (context, job, event, send) => {
    return askZone(settle(context, tableDone(event), context.vmas, send), job, job.runs, 'lazy-free', send);
  },

  lazyFreeMarked: (context, job, event, send) => {
    const runs = shrunk(event);
    // folio_free_swap: a page that may be discarded needs no copy on the device.
    if (context.swap !== undefined && runs.length > 0) {
      send('swap', { type: 'FREE_SWAP_CACHE', runs: runs.map(({ pfn, nr }) => ({ pfn, nr })) });
    }
    const next = reviseJob(job, (draft) => {
      draft.runs = runs;
    });
    return cleanNext(context, next, send);
  },

  lazyFreeAged: (context, job, event, send) => cleanNext(noteFallback(context, tableDone(event).fallback), job, send),

  pageOutRead: (context, job, event, send) => {
    const { set } = tableDone(event);
    if (context.swap === undefined) return askZone(context, job, set, 'page-out', send);
    const frames = normalRuns(context, set).map(({ pfn, nr }) => ({ pfn, nr }));
    if (frames.length === 0) return nextEffect(context, job, send);
    const sender = mmOf(context.pid);
    const message = (request: number): Message => ({ type: 'RECLAIM_FOLIOS', sender, request, frames });
    return waits(ask(context, job, 'pageOutReclaimed', 'kswapd', message, send));
  },

  pageOutReclaimed: (context, job, _event, send) => nextEffect(context, job, send),

  pageOutChosen: (context, job, event, send) => {
    const ranges = rangesOf(shrunk(event), context.kernelPageBytes);
    if (ranges.length === 0) return nextEffect(context, job, send);
    return waits(ask(context, job, 'pageOutCleared', mmuOf(context.pid), zap(ranges, null), send));
  },

  /** Dirt goes to the files first: a page that was written to stays in the page cache. */
  pageOutCleared: (context, job, event, send) => {
    return nextEffect(settle(context, tableDone(event), context.vmas, send), job, send);
  },
};
