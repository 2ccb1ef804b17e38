/**
 * The fault handler of an mm (`mm/memory.c:handle_mm_fault` and below), in steps: each asks another actor for something
 * and goes on when the answer comes. Memory is handed out in whole process pages (layer 2): where Linux would take one
 * page, a 16K or 64K process takes 2 ** order of them, in one folio, or fails.
 */
import { pageSizeLimits } from '../src/arch/granule.ts';
import { invariant } from '../src/errors.ts';
import { PROT, protectionFlags, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import type { MessageOf, PteRun } from './messages.ts';
import { account, noteFallback, pageIndex, putEntries } from './mmEntries.ts';
import {
  ask,
  costsOf,
  type FaultWork,
  fileActor,
  hasFlagBits,
  type Job,
  type MmContext,
  mmuOf,
  processOrder,
  processPages,
  SIGNAL,
} from './mmState.ts';
import type { Send } from './support.ts';

/** How a fault ends: handled, or with a signal. */
export type FaultEnd = { signal: number; code: number };

/** The end of a fault that was handled. */
export const HANDLED: FaultEnd = { signal: 0, code: 0 };

/** What a step gives: the context, and the end of the fault where it came to one. */
export interface FaultStep {
  context: MmContext;
  end: FaultEnd | null;
}

type FaultJob = Extract<Job, { kind: 'fault' | 'call' }>;

function waitsOn(context: MmContext): FaultStep {
  return { context, end: null };
}

function ends(context: MmContext, signal: number, code: number): FaultStep {
  return { context, end: { signal, code } };
}

function workOf(job: FaultJob): FaultWork {
  invariant(job.fault !== null, 'a fault step has a fault');
  return job.fault;
}

/** The first address of the process page of a fault. */
function pageStart(context: MmContext, va: number): number {
  return va - (va % context.pageBytes);
}

/** The VMA at an address, the stack grown to it where it may (`mm/mmap.c:expand_stack`). */
function vmaAt(context: MmContext, va: number): { context: MmContext; vma: Vma | null } {
  const vma = context.vmas.find(va);
  if (vma !== null) return { context, vma };
  const above = context.vmas.atOrAfter(va);
  if (above === null || (above.flags & VM.GROWSDOWN) === 0) return { context, vma: null };
  const startVa = pageStart(context, va);
  if (above.endVa - startVa > context.stackLimitBytes) return { context, vma: null };
  const below = context.vmas.endingBefore(startVa + 1);
  // stack_guard_gap is 256 pages (`mm/mmap.c`), here of the process; memory that nobody may touch needs no gap.
  const guarded = below !== null && below.prot !== PROT.NONE && (below.flags & VM.GROWSDOWN) === 0;
  if (guarded && startVa - below.endVa < 256 * context.pageBytes) return { context, vma: null };
  const grown = { ...above, startVa };
  return { context: { ...context, vmas: context.vmas.map(grown) }, vma: grown };
}

function allowed(vma: Vma, access: FaultWork['access']): boolean {
  if (access === 'fetch') return (vma.prot & PROT.EXEC) !== 0;
  if (access === 'write') return (vma.prot & PROT.WRITE) !== 0;
  return (vma.prot & (PROT.READ | PROT.WRITE | PROT.EXEC)) !== 0;
}

/**
 * Begins a fault: checks the VMA, and takes the way that entry and VMA call for (`handle_pte_fault`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x5000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const base = { awaits: -1, step: '', asleep: false, ptesWritten: 0 };
 * beginFault({ ...mm, pageBytes: 4096 }, { ...base, kind: 'fault', walk: 1, cpu: 0, fault }, () => {}).end; // { signal: 11, code: 1 }
 * ```
 */
export function beginFault(before: MmContext, job: FaultJob, send: Send): FaultStep {
  const work = workOf(job);
  const { context, vma } = vmaAt(before, work.va);
  if (vma === null) return ends(context, SIGNAL.SEGV, SIGNAL.SEGV_MAPERR);
  if (!allowed(vma, work.access)) return ends(context, SIGNAL.SEGV, SIGNAL.SEGV_ACCERR);
  if (hasFlagBits(work.pteFlags, PTE.VALID)) {
    const write = work.access === 'write' && !hasFlagBits(work.pteFlags, PTE.WRITE);
    // Another fault or a fold brought the entry meanwhile: nothing to do but to try again.
    if (!write) return { context, end: HANDLED };
    return writeProtectFault(context, job, vma, send);
  }
  if (vma.file === null) return anonymousFault(context, job, vma, send);
  return fileFault(context, job, vma, send);
}

/** `do_wp_page`: a write to a page that is mapped read-only. */
function writeProtectFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { va, ptePfn, pteFlags } = workOf(job);
  if ((vma.flags & VM.SHARED) !== 0) {
    // mprotect gave the write permission back: the entry follows (`wp_page_shared`, `wp_page_reuse`).
    return waitsOn(reuse(context, job, pteFlags, send));
  }
  if (!hasFlagBits(pteFlags, PTE.ANON)) return allocate(context, job, send);
  const nr = processPages(context);
  const pfn = ptePfn - offsetInPage(context, va);
  const sender = `mm:${context.pid}`;
  const orderPages = processOrder(context);
  return waitsOn(
    ask(
      context,
      job,
      'copied',
      'zone',
      (request) => ({ type: 'COPY_ON_WRITE', sender, request, pfn, nr, orderPages }),
      send,
    ),
  );
}

/** Kernel pages from the start of the process page to the one of an address. */
function offsetInPage(context: MmContext, va: number): number {
  return Math.floor((va % context.pageBytes) / context.kernelPageBytes);
}

/** `do_anonymous_page`: a read gets the shared zero page, as many frames of it as the process page has. */
function anonymousFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { va, access } = workOf(job);
  if (access === 'write' || (vma.flags & VM.SHARED) !== 0) return allocate(context, job, send);
  const nr = processPages(context);
  // Linux marks the zero page special; a native entry may be anything but special, and it is told by its frame here.
  const flags = protectionFlags(vma.prot, false) | PTE.YOUNG | (nr === 1 ? PTE.SPECIAL : 0);
  const run: PteRun = { va: pageStart(context, va), pfn: context.zeroPfn, nr, flags };
  return waitsOn(setRuns(context, job, [run], send));
}

/** Whether the new page is filled from another: one of the page cache, for a private mapping (`do_cow_fault`). */
function copiesPage(context: MmContext, job: FaultJob): boolean {
  return typeof context.vmas.find(workOf(job).va)?.file === 'string';
}

/** Allocates one folio of the process order (`alloc_anon_folio` with a hard minimum). */
function allocate(context: MmContext, job: FaultJob, send: Send): FaultStep {
  const sender = `mm:${context.pid}`;
  const orderPages = processOrder(context);
  const { faultHandlerBase, copyPerKb } = costsOf(context);
  const copies = copiesPage(context, job);
  const copyCycles = copies ? Math.ceil((copyPerKb * context.pageBytes) / 1024) : 0;
  return waitsOn(
    ask(
      context,
      job,
      'allocated',
      'zone',
      (request) => ({ type: 'ALLOC', sender, request, orderPages, count: 1, purpose: 'anon', zero: !copies }),
      send,
      faultHandlerBase + copyCycles,
    ),
  );
}

/** `do_read_fault`, `do_cow_fault` and `do_shared_fault`: ask the page cache. */
function fileFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { va, access } = workOf(job);
  const { kernelPageBytes } = context;
  const start = pageStart(context, va);
  let windowStart = start;
  let windowEnd = start + context.pageBytes;
  if (access !== 'write') {
    // do_fault_around: a window of 64K, clamped to the VMA; larger pages than that switch it off.
    const windowBytes = pageSizeLimits(kernelPageBytes).faultAroundPages * kernelPageBytes;
    if (windowBytes > context.pageBytes) {
      const aligned = va - (va % windowBytes);
      windowStart = Math.max(aligned, vma.startVa);
      windowEnd = Math.min(aligned + windowBytes, vma.endVa);
    }
  }
  const index = pageIndex(vma, va, kernelPageBytes);
  const firstIndex = pageIndex(vma, windowStart, kernelPageBytes);
  const endIndex = firstIndex + (windowEnd - windowStart) / kernelPageBytes;
  const write = access === 'write' && (vma.flags & VM.SHARED) !== 0;
  const mm = `mm:${context.pid}`;
  const file = vma.file as string;
  const orderPages = processOrder(context);
  return waitsOn(
    ask(
      context,
      job,
      'paged',
      fileActor(file),
      (request) => ({ type: 'GET_PAGES', file, mm, request, index, firstIndex, endIndex, orderPages, write }),
      send,
      costsOf(context).faultHandlerBase,
    ),
  );
}

/** Enters pages where nothing is yet; what somebody else entered meanwhile stays (`pte_none` under the lock). */
function setRuns(context: MmContext, job: FaultJob, runs: PteRun[], send: Send): MmContext {
  const set = (request: number) => ({ type: 'SET_PTES' as const, request, runs, expects: -1 });
  return ask(context, job, 'set', mmuOf(context), set, send);
}

/**
 * Writes the entries of the whole process page over those the walk found, provided they are still there: a file may have
 * unmapped them meanwhile (`vmf_pte_changed`).
 */
function setPages(context: MmContext, job: FaultJob, step: string, pfn: number, flags: number, send: Send): MmContext {
  const { va, ptePfn } = workOf(job);
  const writable = (flags | PTE.YOUNG | PTE.DIRTY) & ~(PTE.READONLY | PTE.SPECIAL);
  const runs = [{ va: pageStart(context, va), pfn, nr: processPages(context), flags: writable }];
  const expects = ptePfn - offsetInPage(context, va);
  const set = (request: number) => ({ type: 'SET_PTES' as const, request, runs, expects });
  return ask(context, job, step, mmuOf(context), set, send);
}

/** `wp_page_reuse`: the page itself becomes writable. */
function reuse(context: MmContext, job: FaultJob, flags: number, send: Send): MmContext {
  const { va, ptePfn } = workOf(job);
  return setPages(context, job, 'reused', ptePfn - offsetInPage(context, va), flags | PTE.WRITE, send);
}

/** The flags of a page of its own for a private or shared anonymous mapping, or a copy (`mk_pte`, `maybe_mkwrite`). */
function freshFlags(vma: Vma): number {
  const shared = (vma.flags & VM.SHARED) !== 0;
  const flags = protectionFlags(vma.prot, shared) | PTE.YOUNG | (shared && vma.file === null ? 0 : PTE.ANON);
  return (vma.prot & PROT.WRITE) === 0 ? flags : (flags | PTE.WRITE | PTE.DIRTY) & ~PTE.READONLY;
}

/** What an entry or the lack of it leads to once a table operation is done. */
function entered(context: MmContext, event: MessageOf<'TABLE_DONE'>, send: Send): FaultStep {
  putEntries(context, event.cleared, send);
  const state = account(context, event.set, event.cleared);
  if (event.fallback === 'no-memory') return ends(state, SIGNAL.KILL, 0);
  const { job: now } = state;
  const present = now?.kind === 'call' ? now.populate?.present : null;
  const known =
    now?.kind === 'call' && now.populate !== null && Array.isArray(present)
      ? { ...state, job: { ...now, populate: { ...now.populate, present: [...present, ...event.set] } } }
      : state;
  return { context: noteFallback(known, event.fallback), end: HANDLED };
}

/** The steps that answers take a fault through. */
export const faultSteps: Record<
  string,
  (
    context: MmContext,
    job: FaultJob,
    event: MessageOf<'FRAMES' | 'NO_MEMORY' | 'REUSE' | 'PAGES' | 'TABLE_DONE'>,
    send: Send,
  ) => FaultStep
> = {
  copied: (context, job, event, send) => {
    const { pteFlags } = workOf(job);
    if (event.type === 'NO_MEMORY') return ends(context, SIGNAL.KILL, 0);
    if (event.type === 'REUSE') return waitsOn(reuse(context, job, pteFlags, send));
    invariant(event.type === 'FRAMES', 'a copy-on-write is answered with frames or reuse');
    const copied = { ...context, copiedBytes: context.copiedBytes + context.pageBytes };
    return waitsOn(setPages(copied, job, 'set', event.pfns[0], pteFlags | PTE.WRITE, send));
  },

  allocated: (context, job, event, send) => {
    const { va, pages, pteFlags, truncated } = workOf(job);
    // The page that is copied came with a reference of its own: the copy, or the failure to make one, ends it.
    if (pages.length > 0) send('zone', { type: 'PUT', runs: pages.map(({ pfn, nr }) => ({ pfn, nr })) });
    if (event.type === 'NO_MEMORY') return ends(context, SIGNAL.KILL, 0);
    invariant(event.type === 'FRAMES', 'an allocation is answered with frames');
    const pfn = event.pfns[0];
    if (truncated) {
      send('zone', { type: 'PUT', runs: [{ pfn, nr: processPages(context) }] });
      return { context, end: HANDLED };
    }
    const vma = context.vmas.find(va);
    invariant(vma !== null, 'the VMA of a fault stays while it is handled');
    const counted = copiesPage(context, job)
      ? { ...context, copiedBytes: context.copiedBytes + context.pageBytes }
      : { ...context, zeroedBytes: context.zeroedBytes + context.pageBytes };
    const next = { ...job, fault: { ...workOf(job), pages: [] } } as FaultJob;
    const flags = freshFlags(vma);
    if (hasFlagBits(pteFlags, PTE.VALID)) return waitsOn(setPages(counted, next, 'set', pfn, flags, send));
    const run: PteRun = { va: pageStart(context, va), pfn, nr: processPages(context), flags };
    return waitsOn(setRuns(counted, next, [run], send));
  },

  paged: (context, job, event, send) => {
    invariant(event.type === 'PAGES', 'a request for pages is answered with pages');
    const work = workOf(job);
    const state = { ...context, rereadPages: context.rereadPages + event.rereadPages };
    if (event.eof) return ends(state, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
    if (event.failed) return ends(state, SIGNAL.KILL, 0);
    const vma = state.vmas.find(work.va);
    invariant(vma !== null, 'the VMA of a fault stays while it is handled');
    const fault = { ...work, major: work.major || event.major };
    const shared = (vma.flags & VM.SHARED) !== 0;
    if (work.access === 'write' && !shared) {
      return allocate(state, { ...job, fault: { ...fault, pages: event.runs } }, send);
    }
    const flags = protectionFlags(vma.prot, shared);
    const index = pageIndex(vma, work.va, state.kernelPageBytes);
    const runs = event.runs.map((run): PteRun => {
      const here = index >= run.index && index < run.index + run.nr;
      const dirty = here && work.access === 'write';
      // arch_wants_old_prefaulted_pte: what is mapped around the fault starts old (`set_pte_range`).
      const aged = here ? flags | PTE.YOUNG : flags;
      return {
        va: vma.startVa + run.index * state.kernelPageBytes - vma.offsetBytes,
        pfn: run.pfn,
        nr: run.nr,
        flags: dirty ? (aged | PTE.DIRTY) & ~PTE.READONLY : aged,
      };
    });
    return waitsOn(setRuns(state, { ...job, fault }, runs, send));
  },

  set: (context, _job, event, send) => {
    invariant(event.type === 'TABLE_DONE', 'a table operation is answered when it is done');
    putEntries(context, event.rejected, send);
    return entered(context, event, send);
  },

  /** The page was there already, with its reference: nothing new is given back where the entry has gone. */
  reused: (context, _job, event, send) => {
    invariant(event.type === 'TABLE_DONE', 'a table operation is answered when it is done');
    return entered(context, event, send);
  },
};
