/**
 * Fork of an mm that has pinned pages (`mm/memory.c:copy_present_page`): anonymous memory that may be pinned is not shared. The
 * parent keeps it as it is, exclusive and writable, so that a device and the parent go on seeing one page; the child gets a
 * copy at once.
 *
 * @models S-08 S-09
 */
import { defaultPinChoices } from '../../src/arch/pinChoices.ts';
import { invariant } from '../../src/errors.ts';
import type { Folio } from '../../src/mm/frames.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { hasFlags, PTE } from '../../src/mm/pte.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, MessageOf, PteRun } from '../messages.ts';
import { type CallJob, type CallOf, type CallStep, tableDone, waits } from '../mmCallJob.ts';
import { freshFlags } from '../mmFaultParts.ts';
import { ask, type MmContext, processOrder } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import { reviseJob } from '../reviseWork.ts';
import type { Send } from '../support.ts';

/** A range of COPY_PTES. */
export type CopyRange = MessageOf<'COPY_PTES'>['ranges'][number];

/** A copy for the child that has no frame yet. */
const NO_FRAME = -1;

/**
 * The entries that may belong to pinned pages: anonymous and exclusive, as every pinned page is.
 *
 * @example
 * ```ts
 * maybePinned([{ va: 0, pfn: 5, nr: 2, flags: PTE.VALID | PTE.ANON }]); // []
 * ```
 */
export function maybePinned(set: readonly PteRun[]): PteRun[] {
  return set.filter(({ flags }) => hasFlags(flags, PTE.ANON) && hasFlags(flags, PTE.EXCLUSIVE));
}

/**
 * What the child gets instead of pinned pages: copies of whole process pages where those are pinned folios, single pages
 * elsewhere, and everywhere in an unmodified kernel. A pin counts for all of its folio (`folio_maybe_dma_pinned`).
 *
 * @param folios the folio of each page of the runs, in their order
 * @example
 * ```ts
 * const run = { va: 0x10000, pfn: 16, nr: 16, flags: PTE.VALID | PTE.ANON | PTE.EXCLUSIVE };
 * const folio: Folio = { pfn: 16, order: 4, refs: 17, pins: 1, owner: 'mm:1', kind: 'anon', lazyFree: false, large: null };
 * const folios = Array.from({ length: 16 }, () => folio);
 * copiesFor([run], folios, { pagesEach: 16, kernelPageBytes: 4096 }).length; // 1
 * copiesFor([run], folios, { pagesEach: 1, kernelPageBytes: 4096 }).length; // 16
 * ```
 */
export function copiesFor(
  runs: readonly PteRun[],
  folios: readonly (Folio | null)[],
  unit: { pagesEach: number; kernelPageBytes: number },
): PteRun[] {
  const { pagesEach, kernelPageBytes } = unit;
  const pages: { va: number; flags: number }[] = [];
  let at = 0;
  for (const { va, nr, flags } of runs) {
    for (let page = 0; page < nr; page++, at++) {
      if ((folios[at]?.pins ?? 0) > 0) pages.push({ va: va + page * kernelPageBytes, flags });
    }
  }
  const pinned = new Set(pages.map(({ va }) => va));
  const unitBytes = pagesEach * kernelPageBytes;
  const isWhole = (va: number): boolean => {
    const startVa = va - (va % unitBytes);
    for (let each = startVa; each < startVa + unitBytes; each += kernelPageBytes) if (!pinned.has(each)) return false;
    return true;
  };
  return pages.flatMap(({ va, flags }) => {
    if (!isWhole(va)) return [{ va, pfn: NO_FRAME, nr: 1, flags }];
    return va % unitBytes === 0 ? [{ va, pfn: NO_FRAME, nr: pagesEach, flags }] : [];
  });
}

/**
 * Ranges without some of their pages.
 *
 * @example
 * ```ts
 * const ranges = [{ startVa: 0, endVa: 0x3000, always: true }];
 * withoutPages(ranges, [{ va: 0x1000, pfn: 5, nr: 1, flags: 1 }], 4096).length; // 2
 * ```
 */
export function withoutPages(
  ranges: readonly CopyRange[],
  holes: readonly PteRun[],
  kernelPageBytes: number,
): CopyRange[] {
  return ranges.flatMap(({ startVa, endVa, always }) => {
    const parts: CopyRange[] = [];
    let from = startVa;
    for (const { va, nr } of holes) {
      if (va < startVa || va >= endVa) continue;
      if (va > from) parts.push({ startVa: from, endVa: va, always });
      from = va + nr * kernelPageBytes;
    }
    if (from < endVa) parts.push({ startVa: from, endVa, always });
    return parts;
  });
}

/**
 * Begins the copy of an mm with pins: the table is read first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * beginForkPins(mm, callJob(1, { op: 'fork', childPid: 2 }), [], () => {}).context.job?.step; // 'forkRead'
 * ```
 */
export function beginForkPins(context: MmContext, job: CallJob, ranges: readonly CopyRange[], send: Send): CallStep {
  const read = (request: number): Message => ({
    type: 'READ_PTES',
    request,
    ranges: ranges.map(({ startVa, endVa }) => ({ startVa, endVa })),
  });
  return waits(ask(context, job, 'forkRead', mmuOf(context.pid), read, send));
}

/** Asks for the frames of the next order that copies lack; null where none does. */
function askCopies(context: MmContext, job: CallJob, send: Send): CallStep | null {
  const next = job.runs.find(({ pfn }) => pfn === NO_FRAME);
  if (next === undefined) return null;
  const count = job.runs.filter(({ pfn, nr }) => pfn === NO_FRAME && nr === next.nr).length;
  const orderPages = Math.log2(next.nr);
  const wish = { sender: mmOf(context.pid), orderPages, leastOrder: orderPages, count, zero: false };
  const alloc = (request: number): Message => ({ type: 'ALLOC', request, ...wish, purpose: 'anon' });
  const kib = (count * next.nr * context.kernelPageBytes) / 1024;
  const delay = Math.ceil(context.resources.costs.copyPerKb * kib);
  return waits(ask(context, job, 'forkCopied', 'zone', alloc, send, delay));
}

function copyTables(context: MmContext, job: CallJob, ranges: readonly CopyRange[], send: Send): CallStep {
  const left = withoutPages(ranges, job.runs, context.kernelPageBytes);
  const copy = (request: number): Message => ({ type: 'COPY_PTES', request, ranges: left });
  return waits(ask(context, job, 'copiedTables', mmuOf(context.pid), copy, send));
}

/** No memory for the copies: the child hears that there is nothing to take over, and fork fails with it. */
function fail(context: MmContext, job: CallJob, send: Send): CallStep {
  const runs = job.runs.filter(({ pfn }) => pfn !== NO_FRAME).map(({ pfn, nr }) => ({ pfn, nr }));
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  const { childPid } = job.call as CallOf<'fork'>;
  const none = reviseJob(job, (draft) => {
    draft.runs = [];
  });
  const message = (request: number): Message => ({ type: 'FORKED', request, runs: [], errno: ERRNO.ENOMEM });
  return waits(ask(context, none, 'forkReady', mmOf(childPid), message, send));
}

function withFrames(context: MmContext, job: CallJob, event: MessageOf<'FRAMES'>): CallJob {
  let at = 0;
  const runs = job.runs.map((run) => {
    if (run.pfn !== NO_FRAME || run.nr !== 2 ** event.orderPages) return run;
    const vma = context.vmas.find(run.va);
    invariant(vma !== null, 'an entry lies in an area');
    return { ...run, pfn: event.pfns[at++], flags: freshFlags(vma) };
  });
  return reviseJob(job, (draft) => {
    draft.runs = runs;
  });
}

/**
 * Takes a fork of an mm with pins one step on, up to the copy of the tables without what is pinned.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = { ...callJob(1, { op: 'fork', childPid: 2 }), step: 'forkRead' };
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
 * forkPinStep(mm, job, done, [], () => {}).context.job?.step; // 'copiedTables'
 * ```
 */
export function forkPinStep(
  context: MmContext,
  job: CallJob,
  event: Message,
  ranges: readonly CopyRange[],
  send: Send,
): CallStep {
  if (job.step === 'forkRead') {
    const runs = maybePinned(tableDone(event).set);
    if (runs.length === 0) return copyTables(context, job, ranges, send);
    const pfns = runs.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, at) => pfn + at));
    const known = reviseJob(job, (draft) => {
      draft.runs = runs;
    });
    const sender = mmOf(context.pid);
    const query = (request: number): Message => ({ type: 'FOLIO_QUERY', sender, request, pfns });
    return waits(ask(context, known, 'forkFolios', 'zone', query, send));
  }
  if (job.step === 'forkFolios') {
    invariant(event.type === 'FOLIOS', 'a question about folios is answered');
    const { forkCopy } = context.resources.design.pins ?? defaultPinChoices;
    const pagesEach = forkCopy === 'process-page' ? 2 ** processOrder(context) : 1;
    const unit = { pagesEach, kernelPageBytes: context.kernelPageBytes };
    const copies = copiesFor(job.runs, event.folios, unit);
    const wanted = reviseJob(job, (draft) => {
      draft.runs = copies;
    });
    return askCopies(context, wanted, send) ?? copyTables(context, wanted, ranges, send);
  }
  if (event.type === 'NO_MEMORY') return fail(context, job, send);
  invariant(event.type === 'FRAMES', 'copies are made in frames');
  const copied = reviseMm(context, (draft) => {
    draft.copiedBytes = context.copiedBytes + event.pfns.length * 2 ** event.orderPages * context.kernelPageBytes;
  });
  const filled = withFrames(context, job, event);
  return askCopies(copied, filled, send) ?? copyTables(copied, filled, ranges, send);
}
