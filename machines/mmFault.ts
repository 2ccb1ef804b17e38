/**
 * The fault handler of an mm (`mm/memory.c:handle_mm_fault` and below), in steps: each asks another actor for something
 * and goes on when the answer comes. Memory is handed out in whole process pages (layer 2): where Linux would take one
 * page, a 16K or 64K process takes 2 ** order of them, in one folio, or fails.
 */
import { invariant } from '../src/errors.ts';
import { isPoisoned, kindOfEntry, MARKER } from '../src/mm/nonPresent.ts';
import { hasFlags, PROT, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { mmuOf } from './addresses.ts';
import { hugeSteps, hugetlbFault } from './hugetlb/mmHugetlb.ts';
import { putEntries } from './mmEntries.ts';
import { anonSteps, anonymousFault } from './mmFaultAnon.ts';
import { entered } from './mmFaultEntered.ts';
import { fileFault, fileSteps } from './mmFaultFile.ts';
import {
  ends,
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  HANDLED,
  pageStart,
  prepareAnon,
  workOf,
} from './mmFaultParts.ts';
import { writeProtectFault, writeSteps } from './mmFaultWrite.ts';
import { ask, type FaultWork, type MmContext, SIGNAL, stackGuardBytesOf } from './mmState.ts';
import type { Send } from './support.ts';
import { watchedFault, watchedSteps } from './userfaultfd/mmFault.ts';
import { nonPresentFault, swapSteps } from './swap/mmSwap.ts';
import { reviseMm } from './revise.ts';

export { type FaultEnd, type FaultStep, HANDLED, RETRIED } from './mmFaultParts.ts';

/** The VMA at an address, the stack grown to it where it may (`mm/mmap.c:expand_stack`). */
function vmaAt(context: MmContext, va: number): { context: MmContext; vma: Vma | null } {
  const vma = context.vmas.find(va);
  if (vma !== null) return { context, vma };
  const above = context.vmas.atOrAfter(va);
  if (above === null || (above.flags & VM.GROWSDOWN) === 0) return { context, vma: null };
  const startVa = pageStart(context, va);
  if (above.endVa - startVa > context.stackLimitBytes) return { context, vma: null };
  const below = context.vmas.endingBefore(startVa + 1);
  // Memory that nobody may touch needs no gap.
  const guarded = below !== null && below.prot !== PROT.NONE && (below.flags & VM.GROWSDOWN) === 0;
  if (guarded && startVa - below.endVa < stackGuardBytesOf(context)) return { context, vma: null };
  const prepared = prepareAnon(context, above.startVa);
  const vmas = prepared.vmas.growDown(prepared.vmas.find(above.startVa) ?? above, startVa);
  return {
    context: reviseMm(prepared, (draft) => {
      draft.vmas = vmas;
    }),
    vma: vmas.find(startVa),
  };
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
  if (work.force !== true && !allowed(vma, work.access)) return ends(context, SIGNAL.SEGV, SIGNAL.SEGV_ACCERR);
  if (isPoisoned({ pfn: work.ptePfn, flags: work.pteFlags })) return ends(context, SIGNAL.BUS, SIGNAL.BUS_MCEERR_AR);
  const watched = vma.uffd === undefined ? null : watchedFault(context, job, vma, send);
  if (watched !== null) return watched;
  if (hasFlags(work.pteFlags, PTE.VALID)) {
    const write = work.unshare === true || (work.access === 'write' && !hasFlags(work.pteFlags, PTE.WRITE));
    // Another fault or a fold brought the entry meanwhile: nothing to do but to try again.
    if (!write) return present(context, job, send);
    if ((vma.flags & VM.HUGETLB) !== 0) return hugetlbFault(context, job, vma, send);
    return writeProtectFault(context, job, vma, send);
  }
  if ((vma.flags & VM.HUGETLB) !== 0) return hugetlbFault(context, job, vma, send);
  // A marker of write protection is as good as nothing: the page that comes is entered in its place.
  const kind = kindOfEntry(work.pteFlags);
  const isPlainMarker = kind === 'marker' && work.ptePfn === MARKER.UFFD_WP;
  if (kind !== null && !isPlainMarker) return nonPresentFault(context, job, send);
  if (vma.file === null) return anonymousFault(context, job, vma, send);
  return fileFault(context, job, vma, send);
}

/** The Linux entry is there. A lazy native table has none for it yet: `update_mmu_cache` writes it. */
function present(context: MmContext, job: FaultJob, send: Send): FaultStep {
  const { resources, pageBytes, kernelPageBytes, nativeTables } = context;
  const lazy = resources.design.nativeFill === 'lazy' && nativeTables && pageBytes > kernelPageBytes;
  if (!lazy) return { context, end: HANDLED };
  const startVa = pageStart(context, workOf(job).va);
  const ranges = [{ startVa, endVa: startVa + pageBytes }];
  const fill = (request: number) => ({ type: 'FILL_NATIVE' as const, request, ranges });
  return { context: ask(context, job, 'set', mmuOf(context.pid), fill, send), end: null };
}

/** The steps that answers take a fault through. */
export const faultSteps: Record<string, FaultStepHandler> = {
  ...anonSteps,
  ...fileSteps,
  ...writeSteps,
  ...watchedSteps,
  ...hugeSteps,
  ...swapSteps,

  set: (context, _job, event, send) => {
    invariant(event.type === 'TABLE_DONE', 'a table operation is answered when it is done');
    putEntries(context, event.rejected, send);
    return entered(context, event, send);
  },

  /** What lies before the end of the file is entered; the page of the fault lies behind it. */
  pastEnd: (context, _job, event, send) => {
    invariant(event.type === 'TABLE_DONE', 'a table operation is answered when it is done');
    putEntries(context, event.rejected, send);
    return ends(entered(context, event, send).context, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  },

  /** The page was there already, with its reference: nothing new is given back where the entry has gone. */
  reused: (context, _job, event, send) => {
    invariant(event.type === 'TABLE_DONE', 'a table operation is answered when it is done');
    return entered(context, event, send);
  },
};
