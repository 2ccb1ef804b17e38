/**
 * UFFDIO_COPY, ZEROPAGE, CONTINUE and POISON in an mm (`mm/userfaultfd.c:mfill_atomic`): what the table and the page cache hold
 * says how many pages can be filled, and those are entered one unit after the other.
 *
 * @models L-08 X-05
 */
import { invariant } from '../../src/errors.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { Effect } from '../../src/mm/calls/plan.ts';
import { isMarker, MARKER, NON_PRESENT } from '../../src/mm/nonPresent.ts';
import { protectionFlags, PTE } from '../../src/mm/pte.ts';
import { isShmemArea } from '../../src/mm/userfaultfd/areas.ts';
import { pageErrno, type PageState, progressOf, resultOf } from '../../src/mm/userfaultfd/fill.ts';
import { VM, type Vma } from '../../src/mm/vma.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import { actorOfFile } from '../fileState.ts';
import type { Message, MessageOf, PteRun } from '../messages.ts';
import { type CallJob, type CallStep, tableDone, waits } from '../mmCallJob.ts';
import { account, noteFallback, pageIndex, putEntries } from '../mmEntries.ts';
import { freshFlags, prepareAnon } from '../mmFaultParts.ts';
import { nextEffect } from '../mmPlan.ts';
import { ask, costsOf, type MmContext } from '../mmState.ts';
import { reviseJob } from '../reviseWork.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';

type FillEffect = Extract<Effect, { do: 'userFill' }>;
type Step = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

function effectOf(job: CallJob): FillEffect {
  const [effect] = job.effects;
  invariant(effect?.do === 'userFill', 'a call that fills pages in has them as its effect');
  return effect;
}

function vmaOf(context: MmContext, { fill }: FillEffect): Vma {
  const vma = context.vmas.find(fill.addr);
  invariant(vma !== null, 'the area that is filled stays while it is');
  return vma;
}

const isShared = (vma: Vma): boolean => (vma.flags & VM.SHARED) !== 0;

function unitRange({ fill }: FillEffect, unit: number) {
  const startVa = fill.addr + unit * fill.unitBytes;
  return { startVa, endVa: startVa + fill.unitBytes };
}

/**
 * Begins to fill: first the table is read.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const range = { fd: 'u', addr: 0x10000, lengthBytes: 4096, unitBytes: 4096 };
 * const fill = { op: 'uffd_fill' as const, kind: 'copy' as const, ...range, writeProtect: false, wake: true, readableBytes: 4096 };
 * const effect = { do: 'userFill' as const, fill, doneUnits: 0, wantedUnits: 0 };
 * beginFill(mm, { ...callJob(1, fill), effects: [effect] }, effect, () => {}).context.job?.step; // 'fillRead'
 * ```
 */
export function beginFill(context: MmContext, job: CallJob, { fill }: FillEffect, send: Send): CallStep {
  const ranges = [{ startVa: fill.addr, endVa: fill.addr + fill.lengthBytes }];
  const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waits(ask(context, job, 'fillRead', mmuOf(context.pid), read, send, costsOf(context).faultHandlerBase));
}

/** What a unit holds: any entry that is not a marker of write protection is in the way. */
function entryOf(runs: readonly PteRun[], range: { startVa: number; endVa: number }, pageBytes: number) {
  const inside = runs.filter(({ va, nr }) => va < range.endVa && va + nr * pageBytes > range.startVa);
  if (inside.length === 0) return 'none';
  const marks = (run: PteRun): boolean => isMarker(run, MARKER.UFFD_WP);
  return inside.every(marks) ? 'wp-marker' : 'any';
}

/** Decides how far the call gets, and begins with the first unit. */
function decide(
  context: MmContext,
  job: CallJob,
  runs: readonly PteRun[],
  cache: MessageOf<'RESIDENT_PAGES'> | null,
  send: Send,
): CallStep {
  const effect = effectOf(job);
  const { fill } = effect;
  const vma = vmaOf(context, effect);
  const units = fill.lengthBytes / fill.unitBytes;
  const page = context.kernelPageBytes;
  const errnos = Array.from({ length: units }, (_, unit) => {
    const range = unitRange(effect, unit);
    const index = pageIndex(vma, range.startVa, page);
    const state: PageState = {
      entry: entryOf(runs, range, page),
      cached: cache?.runs.some((run) => index >= run.index && index < run.index + run.nr) ?? false,
      beyond: cache !== null && index >= (cache.fileEndIndex ?? 0),
      readable: (unit + 1) * fill.unitBytes <= fill.readableBytes,
    };
    return pageErrno(fill.kind, isShared(vma), state);
  });
  const progress = progressOf(errnos);
  const next = reviseJob(job, (draft) => {
    draft.effects = [{ ...effect, wantedUnits: progress.units }, ...job.effects.slice(1)];
    draft.errno = progress.errno;
    draft.runs = [...runs];
  });
  const state = isShared(vma) ? context : prepareAnon(context, fill.addr);
  return fillNext(state, next, send);
}

/** The units that can be filled are: the result, and whoever waits in them is woken. */
function filled(context: MmContext, job: CallJob, send: Send): CallStep {
  const effect = effectOf(job);
  const { fill, doneUnits } = effect;
  const units = fill.lengthBytes / fill.unitBytes;
  const { doneBytes, errno } = resultOf({ units: doneUnits, errno: job.errno }, units, fill.unitBytes);
  const wakes = fill.wake && doneBytes > 0;
  const range = { startVa: fill.addr, endVa: fill.addr + Math.max(0, doneBytes) };
  const rest: Effect[] = wakes ? [{ do: 'userWake', fd: fill.fd, ...range }] : [];
  const next = reviseJob(job, (draft) => {
    draft.effects = [effect, ...rest, ...job.effects.slice(1)];
    draft.errno = errno;
    draft.data = [doneBytes];
    draft.runs = [];
  });
  return nextEffect(context, next, send);
}

/** The flags of a page that is filled in: writable where the area is, unless it comes protected. */
function flagsOf(effect: FillEffect, vma: Vma, entry: string): number {
  const fresh = freshFlags(vma) & ~PTE.YOUNG;
  const anon = isShared(vma) ? 0 : PTE.ANON | PTE.EXCLUSIVE;
  const flags = isShared(vma) ? (fresh & ~(PTE.ANON | PTE.EXCLUSIVE)) | anon : fresh;
  const protects = effect.fill.writeProtect || entry === 'wp-marker';
  return protects ? (flags & ~PTE.WRITE) | PTE.READONLY | PTE.UFFD_WP : flags;
}

/** Enters one unit, over nothing or over markers (`mfill_atomic_install_pte`). */
function enter(context: MmContext, job: CallJob, runs: readonly PteRun[], send: Send): CallStep {
  const page = context.kernelPageBytes;
  const effect = effectOf(job);
  const marked = entryOf(job.runs, unitRange(effect, effect.doneUnits), page) === 'wp-marker';
  const expects = marked ? { pfn: MARKER.UFFD_WP, flags: NON_PRESENT.marker } : null;
  const changes = runs.flatMap(({ va, pfn, nr, flags }) => {
    const single = Array.from({ length: nr }, (_, at) => {
      return { va: va + at * page, nr: 1, expects, to: { pfn: pfn + at, flags } };
    });
    return marked ? single : [{ va, nr, expects, to: { pfn, flags } }];
  });
  const message = (request: number): Message => {
    return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes: page } };
  };
  return waits(ask(context, job, 'fillEntered', mmuOf(context.pid), message, send));
}

function fillNext(context: MmContext, job: CallJob, send: Send): CallStep {
  const effect = effectOf(job);
  const { fill, doneUnits, wantedUnits } = effect;
  if (doneUnits >= wantedUnits) return filled(context, job, send);
  const vma = vmaOf(context, effect);
  const { startVa } = unitRange(effect, doneUnits);
  const page = context.kernelPageBytes;
  const nr = fill.unitBytes / page;
  if (fill.kind === 'poison') {
    const changes = [
      {
        va: startVa,
        nr,
        expects: null,
        to: { pfn: MARKER.POISONED, flags: NON_PRESENT.marker },
        sameEntry: true,
      },
    ];
    const poison = (request: number): Message => {
      return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes: page } };
    };
    return waits(ask(context, job, 'fillEntered', mmuOf(context.pid), poison, send));
  }
  if (isShared(vma) || fill.kind === 'continue') return waits(getPage(context, job, startVa, send));
  if (fill.kind === 'zeropage') {
    const special = nr === 1 ? PTE.SPECIAL : 0;
    const flags = protectionFlags(vma.prot, false) | special;
    return enter(context, job, [{ va: startVa, pfn: context.zeroPfn, nr, flags }], send);
  }
  const orderPages = Math.log2(nr);
  const sender = mmOf(context.pid);
  const copyCycles = Math.ceil((costsOf(context).copyPerKb * fill.unitBytes) / 1024);
  const wish = { sender, orderPages, leastOrder: orderPages, count: 1, purpose: 'anon' as const, zero: false };
  const message = (request: number): Message => ({ type: 'ALLOC', request, ...wish });
  return waits(ask(context, job, 'fillAllocated', 'zone', message, send, copyCycles));
}

/** A page of shared memory goes into the page cache first (`mm/shmem.c:shmem_mfill_atomic_pte`). */
function getPage(context: MmContext, job: CallJob, startVa: number, send: Send): MmContext {
  const effect = effectOf(job);
  const vma = vmaOf(context, effect);
  const firstIndex = pageIndex(vma, startVa, context.kernelPageBytes);
  const nr = effect.fill.unitBytes / context.kernelPageBytes;
  const range = { index: firstIndex, firstIndex, endIndex: firstIndex + nr, orderPages: Math.log2(nr) };
  const file = vma.file as string;
  const write = effect.fill.kind !== 'continue';
  const wish = { file, mm: mmOf(context.pid), ...range, write, around: false, vmFlags: vma.flags };
  const message = (request: number): Message => ({ type: 'GET_PAGES', request, ...wish });
  return ask(context, job, 'fillPaged', actorOfFile(file), message, send);
}

/** The call stops here with an error of this unit. */
function stopped(context: MmContext, job: CallJob, errno: number, send: Send): CallStep {
  const next = reviseJob(job, (draft) => {
    draft.errno = errno;
  });
  return filled(context, next, send);
}

/** The steps that answers take a fill through, by the name that the job waits under. */
export const fillSteps: Partial<Record<string, Step>> = {
  fillRead: (context, job, event, send) => {
    const runs = tableDone(event).set;
    const effect = effectOf(job);
    const vma = vmaOf(context, effect);
    if (!isShmemArea(context, vma)) return decide(context, job, runs, null, send);
    const page = context.kernelPageBytes;
    const firstIndex = pageIndex(vma, effect.fill.addr, page);
    const orderPages = Math.log2(effect.fill.unitBytes / page);
    const range = { firstIndex, endIndex: firstIndex + effect.fill.lengthBytes / page, orderPages };
    const file = vma.file as string;
    const message = (request: number): Message => ({
      type: 'RESIDENT',
      file,
      mm: mmOf(context.pid),
      request,
      ...range,
    });
    const next = reviseJob(job, (draft) => {
      draft.runs = runs;
    });
    return waits(ask(context, next, 'fillResident', actorOfFile(file), message, send));
  },

  fillResident: (context, job, event, send) => {
    invariant(event.type === 'RESIDENT_PAGES', 'a file answers with the pages that are there');
    return decide(context, job, job.runs, event, send);
  },

  fillAllocated: (context, job, event, send) => {
    if (event.type === 'NO_MEMORY') return stopped(context, job, ERRNO.ENOMEM, send);
    invariant(event.type === 'FRAMES', 'an allocation is answered with frames');
    const effect = effectOf(job);
    const range = unitRange(effect, effect.doneUnits);
    const flags = flagsOf(effect, vmaOf(context, effect), entryOf(job.runs, range, context.kernelPageBytes));
    const nr = 2 ** event.orderPages;
    const copied = reviseMm(context, (draft) => {
      draft.copiedBytes = context.copiedBytes + nr * context.kernelPageBytes;
    });
    return enter(copied, job, [{ va: range.startVa, pfn: event.pfns[0], nr, flags }], send);
  },

  fillPaged: (context, job, event, send) => {
    invariant(event.type === 'PAGES', 'a request for pages is answered with pages');
    if (event.failed) return stopped(context, job, ERRNO.ENOMEM, send);
    if (event.eof || event.runs.length === 0) return stopped(context, job, ERRNO.EFAULT, send);
    const effect = effectOf(job);
    const vma = vmaOf(context, effect);
    const range = unitRange(effect, effect.doneUnits);
    const page = context.kernelPageBytes;
    // A page of the cache in a private mapping is read-only (`mfill_atomic_install_pte`: page_in_cache && !vm_shared).
    const flags = isShared(vma)
      ? flagsOf(effect, vma, entryOf(job.runs, range, page))
      : protectionFlags(vma.prot, false);
    const runs = event.runs.map(({ index, pfn, nr }) => {
      return { va: vma.startVa + index * page - vma.offsetBytes, pfn, nr, flags };
    });
    return enter(context, job, runs, send);
  },

  fillEntered: (context, job, event, send) => {
    const done = tableDone(event);
    putEntries(context, done.rejected, send);
    const state = noteFallback(account(context, done.set, []), done.fallback);
    if (done.fallback === 'no-memory') return stopped(state, job, ERRNO.ENOMEM, send);
    if (done.rejected.length > 0) return stopped(state, job, ERRNO.EEXIST, send);
    const effect = effectOf(job);
    const next = reviseJob(job, (draft) => {
      draft.effects = [{ ...effect, doneUnits: effect.doneUnits + 1 }, ...job.effects.slice(1)];
    });
    return fillNext(state, next, send);
  },
};
