/**
 * Faults on entries that are not present (`mm/memory.c:do_swap_page`): a page that was swapped out comes back, one that is being
 * moved is waited for, one that memory failure took away is an error.
 *
 * @models D-07 S-10
 */
import { largeFlag } from '../../src/mm/contpte.ts';
import { invariant } from '../../src/errors.ts';
import { kindOfEntry } from '../../src/mm/nonPresent.ts';
import { hasFlags, isPresent, PROT, protectionFlags, PTE } from '../../src/mm/pte.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import { account, putEntries } from '../mmEntries.ts';
import { entered } from '../mmFaultEntered.ts';
import {
  ends,
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  HANDLED,
  leastPages,
  pageStart,
  vmaOf,
  waitsOn,
  workOf,
} from '../mmFaultParts.ts';
import { writeProtectFault } from '../mmFaultWrite.ts';
import type { MessageOf, PteRun } from '../messages.ts';
import { ask, costsOf, type MmContext, SIGNAL } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import { reviseJob } from '../reviseWork.ts';
import type { Send } from '../support.ts';
import type { PteChange } from '../walkers/messages.ts';

/** si_code of a page that memory failure took away [include/uapi/asm-generic/siginfo.h]. */
const BUS_MCEERR_AR = 4;

/**
 * Begins: the table is read, since the entry may be another by now, and for its neighbours of the process page.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x5000, access: 'read' as const, ptePfn: 9, pteFlags: PTE.SWAP, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * nonPresentFault({ ...mm, pageBytes: 4096 }, job, () => {}).context.job?.step; // 'nonPresentRead'
 * ```
 */
export function nonPresentFault(context: MmContext, job: FaultJob, send: Send): FaultStep {
  const startVa = pageStart(context, workOf(job).va);
  const ranges = [{ startVa, endVa: startVa + leastPages(context) * context.kernelPageBytes }];
  const read = (request: number) => ({ type: 'READ_PTES' as const, request, ranges });
  return waitsOn(ask(context, job, 'nonPresentRead', mmuOf(context.pid), read, send));
}

/** The part of runs that lies in [startVa, endVa). */
function cut(runs: readonly PteRun[], startVa: number, endVa: number, pageBytes: number): PteRun[] {
  return runs.flatMap((run) => {
    const from = Math.max(startVa, run.va);
    const to = Math.min(endVa, run.va + run.nr * pageBytes);
    if (from >= to) return [];
    return [{ ...run, va: from, pfn: run.pfn + (from - run.va) / pageBytes, nr: (to - from) / pageBytes }];
  });
}

const nonPresentRead: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'TABLE_DONE', 'a table is read before a page comes back');
  const { va } = workOf(job);
  const { kernelPageBytes } = context;
  const page = va - (va % kernelPageBytes);
  const [entry] = cut(event.set, page, page + kernelPageBytes, kernelPageBytes);
  // It is there again, or gone: the walk is tried anew (`pte_same`).
  if (entry === undefined || isPresent(entry.flags)) return { context, end: HANDLED };
  const kind = kindOfEntry(entry.flags);
  if (kind === 'hwpoison') return ends(context, SIGNAL.BUS, BUS_MCEERR_AR);
  // migration_entry_wait: whoever moves the page exchanges the entry, and that ends the wait (`mm.ts`).
  if (kind === 'migration') return waitsOn(waiting(context, job));
  // A marker that nobody here knows is an error (`handle_pte_marker`).
  if (kind !== 'swap') return ends(context, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  const all = event.set.filter(({ flags }) => kindOfEntry(flags) === 'swap');
  const whole = context.swap?.unit !== 'kernel-page' && pagesOf(all) === leastPages(context);
  return waitsOn(swapIn(context, job, whole ? all : [entry], send));
};

function pagesOf(runs: readonly PteRun[]): number {
  return runs.reduce((sum, { nr }) => sum + nr, 0);
}

function waiting(context: MmContext, job: FaultJob): MmContext {
  return reviseMm(context, (draft) => {
    draft.job = reviseJob(job, (jobDraft) => {
      jobDraft.awaits = -1;
      jobDraft.step = 'migrationWait';
    });
  });
}

/**
 * Whether a job waits for a page that is being moved, and an exchange of entries may have ended that.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * migrationEnded(mm, [{ va: 0x5000, pfn: 1, nr: 1, flags: PTE.SWAP | PTE.SPECIAL }]); // null
 * ```
 */
export function migrationEnded(context: MmContext, replaced: readonly PteRun[]): FaultJob | null {
  const { job, kernelPageBytes } = context;
  if (job === null || job.kind === 'forked' || job.step !== 'migrationWait' || job.fault === null) return null;
  const { va } = job.fault;
  return cut(replaced, va - (va % kernelPageBytes), va + 1, kernelPageBytes).length > 0 ? job : null;
}

/**
 * The slots of each process page that is in swap as a whole, and of single pages else: what comes back in one folio.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const runs = [{ va: 0x4000, pfn: 8, nr: 5, flags: PTE.SWAP }];
 * unitsInSwap({ ...mm, pageBytes: 16384 }, runs); // [[8, 9, 10, 11], [12]]
 * ```
 */
export function unitsInSwap(context: MmContext, runs: readonly PteRun[]): number[][] {
  const { kernelPageBytes } = context;
  const bytes = leastPages(context) * kernelPageBytes;
  const units = new Map<number, number[]>();
  for (const { va, pfn, nr, flags } of runs) {
    for (let page = 0; page < nr && kindOfEntry(flags) === 'swap'; page++) {
      const startVa = pageStart(context, va + page * kernelPageBytes);
      units.set(startVa, [...(units.get(startVa) ?? []), pfn + page]);
    }
  }
  const isWhole = (slots: number[]): boolean => slots.length * kernelPageBytes === bytes;
  const single = context.swap?.unit === 'kernel-page';
  return [...units.values()].flatMap((slots) => (isWhole(slots) && !single ? [slots] : slots.map((slot) => [slot])));
}

/** Asks for the pages of so many slots, in one folio. */
function swapIn(context: MmContext, job: FaultJob, entries: readonly PteRun[], send: Send): MmContext {
  const sender = mmOf(context.pid);
  const slots = entries.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, at) => pfn + at));
  const next = reviseJob(job, (draft) => {
    draft.fault = { ...workOf(job), swapped: [...entries] };
  });
  const message = (request: number): MessageOf<'SWAP_IN'> => ({ type: 'SWAP_IN', sender, request, slots });
  return ask(context, next, 'swappedIn', 'swap', message, send, costsOf(context).faultHandlerBase);
}

/**
 * The flags of a page that came back: old protection is that of the area, and a page that was its mapper's own is so again, and
 * writable where the area is (`pte_swp_exclusive`). It is clean until it is written to: the device has a copy.
 */
function flagsBack(vma: Vma, exclusive: boolean, write: boolean): number {
  const flags = protectionFlags(vma.prot, false) | PTE.YOUNG | PTE.ANON | (exclusive ? PTE.EXCLUSIVE : 0);
  if (!exclusive || (vma.prot & PROT.WRITE) === 0) return flags;
  return write ? (flags | PTE.WRITE | PTE.DIRTY) & ~PTE.READONLY : flags | PTE.WRITE;
}

function isOwned(entries: readonly PteRun[]): boolean {
  return entries.every(({ flags }) => hasFlags(flags, PTE.EXCLUSIVE));
}

const swappedIn: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'SWAPPED_IN', 'swap answers with the pages');
  if (event.failed) return ends(context, SIGNAL.KILL, 0);
  const work = workOf(job);
  const entries = work.swapped ?? [];
  const nr = pagesOf(entries);
  const flags =
    flagsBack(vmaOf(context, job), isOwned(entries), work.access === 'write') |
    largeFlag(Math.log2(nr), context.kernelPageBytes);
  const startVa = entries[0]?.va ?? 0;
  const changes = entries.map(
    (entry): PteChange => ({
      va: entry.va,
      nr: entry.nr,
      expects: { pfn: entry.pfn, flags: entry.flags },
      to: { pfn: event.pfn + (entry.va - startVa) / context.kernelPageBytes, flags },
    }),
  );
  const issuerPageBytes = context.pageBytes;
  const exchange = (request: number): MessageOf<'EXCHANGE_PTES'> => {
    return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes }, byFault: true };
  };
  const next = reviseJob(job, (draft) => {
    draft.fault = { ...work, major: work.major || event.major };
  });
  return waitsOn(ask(context, next, 'swapEntered', mmuOf(context.pid), exchange, send));
};

/** The entries are in: their slots have one user less, and a write to a page that others have as well copies it. */
const swapEntered: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'TABLE_DONE', 'a table operation is answered when it is done');
  const work = workOf(job);
  putEntries(context, event.rejected, send);
  const slots = event.cleared.map(({ pfn, nr }) => ({ offset: pfn, nr }));
  const owned = work.access === 'write' && isOwned(work.swapped ?? []);
  if (slots.length > 0) send('swap', { type: 'SWAP_FREE', slots, mapped: { owned } });
  const counted = account(context, [], event.cleared);
  const { context: state, end } = entered(counted, { ...event, cleared: [] }, send);
  const vma = vmaOf(context, job);
  const page = work.va - (work.va % context.kernelPageBytes);
  const [here] = cut(event.set, page, page + context.kernelPageBytes, context.kernelPageBytes);
  const copies = work.access === 'write' && here !== undefined && !hasFlags(here.flags, PTE.WRITE);
  if (end?.signal !== 0 || !copies || state.job === null || state.job.kind === 'forked') return { context: state, end };
  const next = reviseJob(state.job, (draft) => {
    draft.fault = { ...work, ptePfn: here.pfn, pteFlags: here.flags };
  });
  return writeProtectFault({ ...state, job: next }, next, vma, send);
};

/** The steps of faults on what is not present, by the name that a job waits under. */
export const swapSteps: Record<'nonPresentRead' | 'swappedIn' | 'swapEntered', FaultStepHandler> = {
  nonPresentRead,
  swappedIn,
  swapEntered,
};
