/**
 * Long-term pins of memory that must stay movable (ZONE_MOVABLE, CMA): the folio is migrated out first
 * (`mm/gup.c:migrate_longterm_unpinnable_folios`). While it moves `write_protect_seq` is odd, so that a fast walk beside it is
 * undone; in the kernel it finds the frozen reference count (`folio_ref_freeze`) and gives up as well.
 *
 * @models S-08
 */
import { invariant } from '../../src/errors.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { isPresent } from '../../src/mm/pte.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, MessageOf } from '../messages.ts';
import { type CallJob, type CallStep, fails, tableDone, waits } from '../mmCallJob.ts';
import { account, noteFallback, putEntries } from '../mmEntries.ts';
import { ask, type MmContext, processOrder } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import { reviseJob } from '../reviseWork.ts';
import type { Send } from '../support.ts';

/** The folio that is in the way: its first frame and order, and the frames that it moves to. */
export interface MovingFolio {
  pfn: number;
  orderPages: number;
  toPfn: number;
}

function movingOf({ moving }: CallJob): MovingFolio {
  if (moving === undefined) invariant(false, 'a call that migrates has a folio to');
  return moving;
}

/** The addresses that the folio would be mapped at as a whole, from an entry of one of its pages. */
function spanOf(context: MmContext, job: CallJob): { startVa: number; endVa: number } {
  const { pfn, orderPages } = movingOf(job);
  const page = context.kernelPageBytes;
  const run = job.runs.find((each) => each.pfn < pfn + 2 ** orderPages && each.pfn + each.nr > pfn);
  if (run === undefined) invariant(false, 'a page of the folio was to be pinned');
  const startVa = run.va - (run.pfn - pfn) * page;
  return { startVa, endVa: startVa + 2 ** orderPages * page };
}

/**
 * Begins to move a folio that may not be pinned for long: frames elsewhere first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const wish = { write: true, longterm: true, force: false };
 * const call = { op: 'pin_user_pages' as const, sender: 'gup:a', addr: 0x10000, lengthBytes: 4096, ...wish };
 * const moved = beginMove({ ...mm, pageBytes: 4096 }, callJob(1, call), { pfn: 64, orderPages: 0 }, () => {});
 * moved.context.job?.step; // 'pinMoveTarget'
 * ```
 */
export function beginMove(
  context: MmContext,
  job: CallJob,
  folio: { pfn: number; orderPages: number },
  send: Send,
): CallStep {
  const next = reviseJob(job, (draft) => {
    draft.moving = { ...folio, toPfn: -1 };
  });
  const { orderPages } = folio;
  const sender = mmOf(context.pid);
  const leastOrder = Math.min(orderPages, processOrder(context));
  const alloc = (request: number): Message => ({ type: 'ALLOC_PINNABLE', sender, request, orderPages, leastOrder });
  return waits(ask(context, next, 'pinMoveTarget', 'zone', alloc, send));
}

/** It cannot be moved: the call fails, as `__gup_longterm_locked` does. */
function giveUp(context: MmContext, job: CallJob, send: Send): CallStep {
  const { toPfn, orderPages } = movingOf(job);
  if (toPfn >= 0) send('zone', { type: 'PUT', runs: [{ pfn: toPfn, nr: 2 ** orderPages }] });
  return fails(context, ERRNO.ENOMEM);
}

/** Whether the entries are all that refers to the folio: then they can be replaced under the lock. */
function isAlone(job: CallJob, event: MessageOf<'FOLIOS'>): boolean {
  const folio = event.folios[0] ?? null;
  const mapped = job.runs.reduce((sum, { nr }) => sum + nr, 0);
  return folio !== null && folio.kind === 'anon' && folio.pins === 0 && folio.refs === mapped;
}

/** The folio is copied; its entries are written over. */
function replace(context: MmContext, job: CallJob, send: Send): CallStep {
  const { pfn, toPfn, orderPages } = movingOf(job);
  const kib = (2 ** orderPages * context.kernelPageBytes) / 1024;
  const delay = Math.ceil(context.resources.costs.copyPerKb * kib);
  const runs = job.runs.map((run) => ({ ...run, pfn: run.pfn - pfn + toPfn }));
  const set = (request: number): Message => ({ type: 'SET_PTES', request, runs, expects: job.runs[0].pfn });
  return waits(ask(context, job, 'pinMoveSet', mmuOf(context.pid), set, send, delay));
}

/** The entries lead to the new frames, which have a reference for each page; those of the old ones go. */
function moved(context: MmContext, job: CallJob, event: MessageOf<'TABLE_DONE'>, send: Send): MmContext {
  const { toPfn, orderPages } = movingOf(job);
  putEntries(context, event.cleared, send);
  // What is mapped nowhere of the new folio has no user: pages of the process that were unmapped before.
  const used = new Set(event.set.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, at) => pfn + at)));
  for (let pfn = toPfn; pfn < toPfn + 2 ** orderPages; pfn++) {
    if (!used.has(pfn)) send('zone', { type: 'PUT', runs: [{ pfn, nr: 1 }] });
  }
  const counted = noteFallback(account(context, event.set, event.cleared), event.fallback);
  const { forks } = counted.pinning ?? { forks: 0 };
  return reviseMm(counted, (draft) => {
    draft.copiedBytes = counted.copiedBytes + 2 ** orderPages * counted.kernelPageBytes;
    draft.pinning = { forks: forks + 1 };
  });
}

/**
 * Takes the migration one step on; `done` where the pages may be pinned now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const wish = { write: true, longterm: true, force: false };
 * const call = { op: 'pin_user_pages' as const, sender: 'gup:a', addr: 0x10000, lengthBytes: 4096, ...wish };
 * const job = { ...callJob(1, call), step: 'pinMoveTarget', moving: { pfn: 64, orderPages: 0, toPfn: -1 } };
 * moveStep(mm, job, { type: 'NO_MEMORY', request: 1 }, () => {}).step.done?.errno; // 12
 * ```
 */
export function moveStep(
  context: MmContext,
  job: CallJob,
  event: Message,
  send: Send,
): { step: CallStep; done: boolean } {
  const going = (step: CallStep): { step: CallStep; done: boolean } => ({ step, done: false });
  switch (job.step) {
    case 'pinMoveTarget': {
      if (event.type === 'NO_MEMORY') return going(giveUp(context, job, send));
      invariant(event.type === 'FRAMES', 'frames come, or none');
      const ranges = [spanOf(context, job)];
      const next = reviseJob(job, (draft) => {
        draft.moving = { ...movingOf(job), toPfn: event.pfns[0] };
      });
      const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
      return going(waits(ask(context, next, 'pinMoveRead', mmuOf(context.pid), read, send)));
    }
    case 'pinMoveRead': {
      const { pfn, orderPages } = movingOf(job);
      const runs = tableDone(event).set.filter((run) => {
        return isPresent(run.flags) && run.pfn >= pfn && run.pfn + run.nr <= pfn + 2 ** orderPages;
      });
      const next = reviseJob(job, (draft) => {
        draft.runs = runs;
      });
      if (runs.length !== 1) return going(giveUp(context, next, send));
      const sender = mmOf(context.pid);
      const query = (request: number): Message => ({ type: 'FOLIO_QUERY', sender, request, pfns: [pfn] });
      return going(waits(ask(context, next, 'pinMoveAlone', 'zone', query, send)));
    }
    case 'pinMoveAlone':
      invariant(event.type === 'FOLIOS', 'a question about folios is answered');
      return going(isAlone(job, event) ? replace(context, job, send) : giveUp(context, job, send));
    default:
      return { step: waits(moved(context, job, tableDone(event), send)), done: true };
  }
}
