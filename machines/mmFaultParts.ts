/** What the ways of handling a fault share: how a step ends, the unit of memory that is handed out, and entering pages. */
import { invariant } from '../src/errors.ts';
import { isMarker, MARKER, NON_PRESENT } from '../src/mm/nonPresent.ts';
import { PROT, protectionFlags, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { mmOf, mmuOf } from './addresses.ts';
import type { Message, MessageOf, PteRun } from './messages.ts';
import { ask, costsOf, type FaultWork, type Job, type MmContext, processPages, SIGNAL } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseMm } from './revise.ts';

/** How a fault ends: handled, with a signal, or with the process asleep, to be taken again when it is woken. */
export type FaultEnd = { signal: number; code: number; sleeps?: boolean };

/** The end of a fault that was handled. */
export const HANDLED: FaultEnd = { signal: 0, code: 0 };

/** The end of a fault that a userfaultfd is to resolve. */
export const ASLEEP: FaultEnd = { signal: 0, code: 0, sleeps: true };

/** The end of a fault that changed nothing: the access is done again, and nothing is counted. */
export const RETRIED: FaultEnd = { signal: 0, code: -1 };

/** What a step gives: the context, and the end of the fault where it came to one. */
export interface FaultStep {
  context: MmContext;
  end: FaultEnd | null;
}

/** A job that a fault is part of: one of hardware, or of a call that populates a range. */
export type FaultJob = Extract<Job, { kind: 'fault' | 'call' }>;

/** The answers that take a fault on. */
export type FaultAnswer = MessageOf<
  'FRAMES' | 'NO_MEMORY' | 'REUSE' | 'PAGES' | 'TABLE_DONE' | 'RESIDENT_PAGES' | 'SWAPPED_IN' | 'HUGE_PAGE'
>;

/** A step that an answer takes a fault through. */
export type FaultStepHandler = (context: MmContext, job: FaultJob, event: FaultAnswer, send: Send) => FaultStep;

/**
 * The fault waits for an answer.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * waitsOn(mm).end; // null
 * ```
 */
export function waitsOn(context: MmContext): FaultStep {
  return { context, end: null };
}

/**
 * The fault ends in a signal.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * ends(mm, SIGNAL.BUS, SIGNAL.BUS_ADRERR).end; // { signal: 7, code: 2 }
 * ```
 */
export function ends(context: MmContext, signal: number, code: number): FaultStep {
  return { context, end: { signal, code } };
}

/**
 * No memory for the page. A slow path may say what becomes of the fault; of a call that populates, its errno follows.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x5000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * outOfMemory(mm, job, { type: 'NO_MEMORY', request: 1 }).end; // { signal: 9, code: 0 }
 * outOfMemory(mm, job, { type: 'NO_MEMORY', request: 1, failure: 'sigbus' }).end; // { signal: 7, code: 2 }
 * ```
 */
export function outOfMemory(
  context: MmContext,
  { kind }: Pick<FaultJob, 'kind'>,
  { failure }: MessageOf<'NO_MEMORY'>,
): FaultStep {
  if (kind === 'fault' && failure === 'sigbus') return ends(context, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  // pagefault_out_of_memory: the access is done again, and is no fault that was completed.
  if (kind === 'fault' && failure === 'retry') return { context, end: RETRIED };
  return ends(context, SIGNAL.KILL, 0);
}

/**
 * The page that a job is faulting in.
 *
 * @throws GranuleError INVARIANT for a job that faults nothing in
 * @example
 * ```ts
 * const fault = { va: 0x5000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const base = { awaits: -1, step: '', asleep: false, ptesWritten: 0 };
 * workOf({ ...base, kind: 'fault', walk: 1, cpu: 0, fault }).va; // 20480
 * ```
 */
export function workOf(job: FaultJob): FaultWork {
  invariant(job.fault !== null, 'a fault step has a fault');
  return job.fault;
}

/**
 * The VMA that a job is faulting in: it stays while the fault is handled.
 *
 * @throws GranuleError INVARIANT where there is none
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x12345, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * vmaOf({ ...mm, vmas: VmaSet.empty(4096).insert(vma) }, job).startVa; // 65536
 * ```
 */
export function vmaOf(context: MmContext, job: FaultJob): Vma {
  const vma = context.vmas.find(workOf(job).va);
  invariant(vma !== null, 'the VMA of a fault stays while it is handled');
  return vma;
}

/**
 * Kernel pages that are handed out and mapped at the least: those of a process page (layer 2), or one where the design
 * asks nothing of the allocator (layer 1 alone).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * leastPages({ ...mm, pageBytes: 65536 }); // 16
 * ```
 */
export function leastPages(context: MmContext): number {
  return context.resources.design.minimumOrder === 'process-page' ? processPages(context) : 1;
}

/**
 * Kernel pages that a fault in an area handles at once: what is handed out at the least, or one where a userfaultfd watches
 * and works in kernel pages.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * unitPages({ ...mm, pageBytes: 65536 }, { uffd: '1 0 monitor' }); // 16
 * ```
 */
export function unitPages(context: MmContext, { uffd }: Pick<Vma, 'uffd'>): number {
  const naive = uffd !== undefined && context.resources.userfaultfd.granularity === 'kernel-page';
  return naive ? 1 : leastPages(context);
}

/**
 * The first address of the least unit around an address.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * pageStart({ ...mm, pageBytes: 65536 }, 0x12345); // 65536
 * ```
 */
export function pageStart(context: MmContext, va: number): number {
  return va - (va % (leastPages(context) * context.kernelPageBytes));
}

/**
 * Makes sure that the VMA has an `anon_vma`, before it gets its first anonymous page (`mm/memory.c:vmf_anon_prepare`).
 * A fault that fails later on has prepared it all the same.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * prepareAnon({ ...mm, vmas: VmaSet.empty(4096).insert(vma) }, 0x12345).vmas.find(0x12345)?.anonVma; // 1
 * ```
 */
export function prepareAnon(context: MmContext, va: number): MmContext {
  const vmas = context.vmas.prepareAnonVma(va);
  return vmas === context.vmas
    ? context
    : reviseMm(context, (draft) => {
        draft.vmas = vmas;
      });
}

/**
 * Enters pages where nothing is yet; what somebody else entered meanwhile stays (`pte_none` under the lock).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x5000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const base = { awaits: -1, step: '', asleep: false, ptesWritten: 0 };
 * setRuns(mm, { ...base, kind: 'fault', walk: 1, cpu: 0, fault }, [], () => {}).job?.step; // 'set'
 * ```
 */
export function setRuns(context: MmContext, job: FaultJob, runs: PteRun[], send: Send, step = 'set'): MmContext {
  const { ptePfn, pteFlags } = workOf(job);
  const overMarker = isMarker({ pfn: ptePfn, flags: pteFlags }, MARKER.UFFD_WP);
  const set = (request: number): Message =>
    overMarker
      ? enterProtected(request, runs, context.kernelPageBytes)
      : { type: 'SET_PTES', request, runs, expects: -1 };
  return ask(context, job, step, mmuOf(context.pid), set, send);
}

/** Pages in the place of markers: they come as protected as the markers say (`vmf_orig_pte_uffd_wp`). */
function enterProtected(request: number, runs: readonly PteRun[], pageBytes: number): MessageOf<'EXCHANGE_PTES'> {
  const expects = { pfn: MARKER.UFFD_WP, flags: NON_PRESENT.marker };
  const changes = runs.flatMap(({ va, pfn, nr, flags }) =>
    Array.from({ length: nr }, (_, page) => {
      const to = { pfn: pfn + page, flags: (flags & ~PTE.WRITE) | PTE.READONLY | PTE.UFFD_WP };
      return { va: va + page * pageBytes, nr: 1, expects, to };
    }),
  );
  return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes: pageBytes } };
}

/**
 * Asks for a folio to copy a page to; the time of the copy is in it (`mm/memory.c:wp_page_copy`, `do_cow_fault`).
 *
 * @param zero it is the zero page that would be copied: the folio is cleared instead
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x5000, access: 'write' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * allocateCopy(mm, job, 4, false, () => {}).job?.step; // 'allocated'
 * ```
 */
export function allocateCopy(
  context: MmContext,
  job: FaultJob,
  orderPages: number,
  zero: boolean,
  send: Send,
): MmContext {
  const sender = mmOf(context.pid);
  const { faultHandlerBase, copyPerKb } = costsOf(context);
  const kib = ((1 << orderPages) * context.kernelPageBytes) / 1024;
  const delay = faultHandlerBase + (zero ? 0 : Math.ceil(copyPerKb * kib));
  const message = (request: number): MessageOf<'ALLOC'> => {
    return { type: 'ALLOC', sender, request, orderPages, leastOrder: orderPages, count: 1, purpose: 'anon', zero };
  };
  return ask(context, job, 'allocated', 'zone', message, send, delay);
}

/**
 * The flags of a copy: those of a fresh page, and for FAULT_FLAG_UNSHARE of one that is not to be written to yet
 * (`mm/memory.c:wp_page_copy` with `unshare`).
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const fault = { va: 0x15000, access: 'read' as const, ptePfn: 9, pteFlags: 9, major: false, pages: [], truncated: false };
 * (copyFlags({ ...fault, unshare: true }, vma) & PTE.WRITE) === 0; // true
 * ```
 */
export function copyFlags({ unshare }: FaultWork, vma: Vma): number {
  if (unshare !== true) return freshFlags(vma);
  return protectionFlags(vma.prot, false) | PTE.YOUNG | PTE.ANON | PTE.EXCLUSIVE;
}

/** Pages to write over what the walk found. */
export interface Overwrite {
  step: string;
  startVa: number;
  pfn: number;
  nr: number;
  flags: number;
  /** The frame that must still be at `startVa`. */
  expects: number;
}

/**
 * Writes entries over those the walk found, provided they are still there: a file may have unmapped them meanwhile
 * (`vmf_pte_changed`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x5000, access: 'write' as const, ptePfn: 9, pteFlags: 9, major: false, pages: [], truncated: false };
 * const base = { awaits: -1, step: '', asleep: false, ptesWritten: 0 };
 * const over = { step: 'reused', startVa: 0x5000, pfn: 9, nr: 1, flags: PTE.VALID, expects: 9 };
 * overwrite(mm, { ...base, kind: 'fault', walk: 1, cpu: 0, fault }, over, () => {}).job?.step; // 'reused'
 * ```
 */
export function overwrite(context: MmContext, job: FaultJob, over: Overwrite, send: Send): MmContext {
  const { startVa, pfn, nr, expects } = over;
  const runs = [{ va: startVa, pfn, nr, flags: over.flags }];
  const set = (request: number) => ({ type: 'SET_PTES' as const, request, runs, expects });
  return ask(context, job, over.step, mmuOf(context.pid), set, send);
}

/**
 * The flags of a fresh page of a mapping's own: young, dirty and writable where the mapping is, and exclusive
 * (`mk_pte`, `maybe_mkwrite`, `folio_add_new_anon_rmap` with `RMAP_EXCLUSIVE`).
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * freshFlags(vma) === (PTE.VALID | PTE.YOUNG | PTE.WRITE | PTE.DIRTY | PTE.ANON | PTE.EXCLUSIVE); // true
 * ```
 */
export function freshFlags(vma: Vma): number {
  const shared = (vma.flags & VM.SHARED) !== 0;
  const anon = shared && vma.file === null ? 0 : PTE.ANON | PTE.EXCLUSIVE;
  const flags = protectionFlags(vma.prot, shared) | PTE.YOUNG | anon;
  return (vma.prot & PROT.WRITE) === 0 ? flags : (flags | PTE.WRITE | PTE.DIRTY) & ~PTE.READONLY;
}
