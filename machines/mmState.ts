/** The state of an mm, and the small steps that all its jobs share. */
import type { CostModel } from '../src/arch/costs.ts';
import type { ThpSettings } from '../src/arch/design.ts';
import { STACK_GUARD_GAP_PAGES } from '../src/arch/granule.ts';
import { type Limits, rootLimits } from '../src/mm/calls/limits.ts';
import type { Effect, VaRange } from '../src/mm/calls/plan.ts';
import type { KernelObjects } from '../src/mm/objects/mapping.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { Access, FileRun, Message, MmCall, PteRun } from './messages.ts';
import { ResourceHolder, type Send } from './support.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

/** What an mm is built with. */
export interface MmInput {
  resources: ResourceHolder;
  pid: number;
  kernelPageBytes: number;
  /** Layer 3 is there: processes of a larger page size get a native table. */
  nativeTables: boolean;
  /** The frame of the shared zero page. */
  zeroPfn: number;
  /** RLIMIT_STACK: how far the stack may grow, in bytes. */
  stackLimitBytes: number;
  /** Resource limits and capabilities; those of root unless given. */
  limits?: Limits;
  /** Programs have vvar and vDSO, in pages of the process or of the kernel; absent: they have none. */
  kernelMaps?: KernelObjects;
  /** There is swap, and pages go to it by this unit. */
  swap?: SwapUnit;
}

/** What is swapped at once: whole process pages, or kernel pages one by one, which tears process pages. */
export type SwapUnit = 'process-page' | 'kernel-page';

/** What an mm keeps where there is swap. */
export interface MmSwap {
  unit: SwapUnit;
  /** Entries that name a slot (`MM_SWAPENTS`), in kernel pages. */
  entries: number;
}

/** A page that is being faulted in: by hardware, or by populating a range. */
export interface FaultWork {
  va: number;
  access: Access;
  /** What the Linux table holds there, 0 and 0 for nothing. */
  ptePfn: number;
  pteFlags: number;
  major: boolean;
  /** File pages that came with a reference each. */
  pages: FileRun[];
  /** The file was cut short below the page while it was being copied: the copy is not mapped. */
  truncated: boolean;
  /** Entries whose pages are being brought back from swap. */
  swapped?: PteRun[];
}

/** A range that is being populated (`mm/gup.c:populate_vma_page_range`). */
export interface Populate {
  va: number;
  endVa: number;
  /** `lock`: write where that breaks COW beforehand, read elsewhere, as mlock and MAP_POPULATE do. */
  access: 'read' | 'write' | 'lock';
  /** What the table holds from `va` on; null until it has been read. */
  present: PteRun[] | null;
}

/** What the mm is doing under its lock. */
export type Job = {
  /** The request whose answer takes the job on, and the step that takes it. */
  awaits: number;
  step: string;
  /** IO_WAIT came: the process sleeps. */
  asleep: boolean;
  /** Entries that were written for it so far: its time under the lock. */
  ptesWritten: number;
} & (
  | { kind: 'fault'; walk: number; cpu: number; fault: FaultWork }
  | {
      kind: 'call';
      request: number;
      call: MmCall;
      /** What the call still does, the effect that is under way first; and what it then returns. */
      effects: Effect[];
      result: number;
      data: number[];
      /** Files still to be told of their mapping, and the inode that this call makes, if any. */
      files: string[];
      created: { file: string; sizeBytes: number } | null;
      /** Populating: what is left, and the page that is being faulted in. */
      populate: Populate | null;
      fault: FaultWork | null;
      errno: number;
      /** fork: the entries for the child, each with a reference once the zone has answered. */
      runs: PteRun[];
    }
  | {
      kind: 'forked';
      parent: string;
      request: number;
      runs: PteRun[];
      files: string[];
      /** Pages that files unmapped since this mm is among their mappers: entries of them must not be taken over. */
      unmapped: UnmappedArea[];
    }
);

/** An area that maps pages of a file which the file asked to unmap. */
export interface UnmappedArea {
  startVa: number;
  endVa: number;
  /** Page of the file at `startVa`. */
  firstIndex: number;
  evenCows: boolean;
}

/** A file asked for some of its pages to be unmapped; this goes on beside the job, as rmap does. */
export interface UnmapWork {
  tableRequest: number;
  file: string;
  request: number;
  /** Where the pages were mapped when the request came: VMAs may move before the answer. */
  areas: UnmappedArea[];
}

/** Somebody asked for entries to be exchanged; this too goes on beside the job. */
export interface ReplaceWork {
  tableRequest: number;
  sender: string;
  request: number;
  /** Pages whose entries are to name slots of swap afterwards. */
  swapPages?: number;
}

/** Reclaim asked whether frames were used. */
export interface HarvestWork {
  tableRequest: number;
  sender: string;
  request: number;
  harvest: true;
}

/** What rmap is doing to this mm. */
export type RmapWork = UnmapWork | ReplaceWork | HarvestWork;

/** An mm's state. */
export interface MmContext {
  resources: ResourceHolder;
  pid: number;
  kernelPageBytes: number;
  nativeTables: boolean;
  zeroPfn: number;
  stackLimitBytes: number;
  /** Page size of the ABI, 0 before execve. */
  pageBytes: number;
  vmas: VmaSet;
  startBrk: number;
  brk: number;
  /** VM.LOCKED and VM.LOCKONFAULT of areas to come, by mlockall (`mm->def_flags`). */
  lockFuture: number;
  limits: Limits;
  /** Files it has mapped whose file system wants to hear of writes; those of memory alone do not. */
  writeNotify: readonly string[];
  /** Inodes of shared anonymous memory that it has made. */
  shmems: number;
  job: Job | null;
  rmap: RmapWork[];
  /** Messages that wait for the lock. */
  waiting: Message[];
  nextRequest: number;
  minorFaults: number;
  majorFaults: number;
  /** Kernel pages. */
  rssAnonPages: number;
  rssFilePages: number;
  rssPeakPages: number;
  /** What was resident when it called exit. */
  rssExitPages: number;
  /** Page-cache pages that were dropped because this mm mapped their file, and pages read anew after a drop. */
  droppedPages: number;
  rereadPages: number;
  zeroedBytes: number;
  copiedBytes: number;
  /** Untranslatable operations, with the reason of the first. */
  fallbacks: number;
  fallbackReason: string;
  /** Memory that has not been written since clear_refs; absent before the first time. */
  softClean?: readonly VaRange[];
  /** ksmd knows of it (MMF_VM_MERGEABLE); absent where it does not. */
  ksm?: boolean;
  kernelMaps?: KernelObjects;
  /** Settings of transparent huge pages that were written to sysfs; absent before the first. */
  thp?: { settings: ThpSettings; useZeroPage: boolean };
  /** The frames of the huge zero page; absent before it mapped it. */
  hugeZero?: { pfn: number; nr: number };
  /** Resident pages that are huge pages of hugetlb (`hugetlb_usage`): Linux does not count them in the resident set. */
  hugetlbPages?: { anon: number; file: number };
  swap?: MmSwap;
}

/**
 * An mm before execve: no memory, no page size.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * mm.vmas.count; // 0
 * ```
 */
export function initialMm(input: MmInput): MmContext {
  return {
    resources: input.resources,
    pid: input.pid,
    kernelPageBytes: input.kernelPageBytes,
    nativeTables: input.nativeTables,
    zeroPfn: input.zeroPfn,
    stackLimitBytes: input.stackLimitBytes,
    pageBytes: 0,
    vmas: VmaSet.empty(input.kernelPageBytes),
    startBrk: 0,
    brk: 0,
    lockFuture: 0,
    limits: input.limits ?? rootLimits,
    writeNotify: [],
    shmems: 0,
    job: null,
    rmap: [],
    waiting: [],
    nextRequest: 1,
    minorFaults: 0,
    majorFaults: 0,
    rssAnonPages: 0,
    rssFilePages: 0,
    rssPeakPages: 0,
    rssExitPages: 0,
    droppedPages: 0,
    rereadPages: 0,
    zeroedBytes: 0,
    copiedBytes: 0,
    fallbacks: 0,
    fallbackReason: '',
    ...(input.kernelMaps === undefined ? {} : { kernelMaps: input.kernelMaps }),
    ...(input.swap === undefined ? {} : { swap: { unit: input.swap, entries: 0 } }),
  };
}

/** Linux's signal numbers and si_codes that a fault can end in. */
export const SIGNAL = {
  KILL: 9,
  BUS: 7,
  SEGV: 11,
  SEGV_MAPERR: 1,
  SEGV_ACCERR: 2,
  BUS_ADRERR: 2,
  BUS_MCEERR_AR: 4,
} as const;

/**
 * Kernel pages in a process page.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * processPages({ ...mm, pageBytes: 65536 }); // 16
 * ```
 */
export function processPages(context: MmContext): number {
  return context.pageBytes / context.kernelPageBytes;
}

/**
 * The least folio order of this mm.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * processOrder({ ...mm, pageBytes: 65536 }); // 4
 * ```
 */
export function processOrder(context: MmContext): number {
  return Math.log2(processPages(context));
}

/**
 * The costs of the topology.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * costsOf(mm).walkStep; // 10
 * ```
 */
export function costsOf(context: MmContext): CostModel {
  return context.resources.costs;
}

/**
 * Sends a request and makes the job wait for its answer at a step.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const base = { awaits: -1, step: '', asleep: false, ptesWritten: 0 };
 * const job: Job = { ...base, kind: 'forked', parent: 'mm:2', request: 1, runs: [], files: [], unmapped: [] };
 * ask(mm, job, 'gotRefs', 'zone', (request) => ({ type: 'GET', sender: 'mm:1', request, runs: [] }), () => {}).job?.step; // 'gotRefs'
 * ```
 */
export function ask(
  context: MmContext,
  job: Job,
  step: string,
  to: string,
  message: (request: number) => Message,
  send: Send,
  delayCycles = 0,
): MmContext {
  const request = context.nextRequest;
  send(to, message(request), delayCycles);
  return reviseMm(context, (mmDraft) => {
    mmDraft.nextRequest = request + 1;
    mmDraft.job = reviseJob(job, (draft) => {
      draft.awaits = request;
      draft.step = step;
    });
  });
}

/**
 * What stays free below a stack, in bytes: `stack_guard_gap` (`mm/mmap.c`) in the pages that the design says.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * stackGuardBytesOf({ ...mm, pageBytes: 65536 }); // 2 ** 24
 * ```
 */
export function stackGuardBytesOf({ resources, pageBytes, kernelPageBytes }: MmContext): number {
  const { stackGuardGap } = resources.design;
  return STACK_GUARD_GAP_PAGES * (stackGuardGap === 'process-pages' ? pageBytes : kernelPageBytes);
}
