/**
 * Faults in areas that a userfaultfd watches: what the kernel would do is left to the monitor, and the process sleeps until the
 * range is woken (`fs/userfaultfd.c:handle_userfault`, called from `do_anonymous_page`, `do_wp_page` and `shmem_get_folio`).
 *
 * @models L-08 X-05 D-07
 */
import { invariant } from '../../src/errors.ts';
import { isMarker, MARKER } from '../../src/mm/nonPresent.ts';
import { hasFlags, PTE } from '../../src/mm/pte.ts';
import { armingOf, isArmed, isShmemArea, releaseAreas } from '../../src/mm/userfaultfd/areas.ts';
import { UFFD, UFFD_FEATURE } from '../../src/mm/userfaultfd/numbers.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { mmOf, uffdOf } from '../addresses.ts';
import { actorOfFile } from '../fileState.ts';
import { fileFault } from '../mmFaultFile.ts';
import { pageIndex } from '../mmEntries.ts';
import {
  ASLEEP,
  ends,
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  leastPages,
  vmaOf,
  waitsOn,
  workOf,
} from '../mmFaultParts.ts';
import { ask, type FaultWork, type MmContext, SIGNAL } from '../mmState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';

/**
 * `handle_userfault`. What is faulted in for the kernel's own use, when a range is populated or another process looks at it,
 * does not wait here and fails as with UFFD_FEATURE_SIGBUS.
 */
function userfault(context: MmContext, job: FaultJob, vma: Vma, reason: number, send: Send): FaultStep {
  const arming = armingOf(vma);
  invariant(arming !== null, 'a userfault is in an area that is watched');
  const { va, access } = workOf(job);
  if (job.kind !== 'fault' || (arming.features & UFFD_FEATURE.SIGBUS) !== 0) {
    return ends(context, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  }
  const flags = reason | (access === 'write' ? UFFD.PAGEFAULT_WRITE : 0);
  const { fd } = arming;
  send(uffdOf(fd), { type: 'USERFAULT', fd, pid: context.pid, va, flags });
  return { context, end: ASLEEP };
}

function isMissing({ ptePfn, pteFlags }: FaultWork): boolean {
  // A marker of write protection is as good as nothing (`pte_none_mostly`).
  return pteFlags === 0 || isMarker({ pfn: ptePfn, flags: pteFlags }, MARKER.UFFD_WP);
}

/**
 * What a fault in an area that is watched comes to; null where the kernel handles it as any other.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x15000, access: 'write' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0, uffd: '1 0 monitor' };
 * const sent: string[] = [];
 * watchedFault(mm, job, vma, (to, message) => sent.push(`${to} ${message.type}`))?.end; // { signal: 0, code: 0, sleeps: true }
 * sent; // ['uffd:monitor USERFAULT']
 * ```
 */
export function watchedFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep | null {
  const work = workOf(job);
  const { pteFlags, access } = work;
  if (hasFlags(pteFlags, PTE.VALID)) {
    const writes = access === 'write' && !hasFlags(pteFlags, PTE.WRITE) && hasFlags(pteFlags, PTE.UFFD_WP);
    if (!writes || !isArmed(vma, UFFD.REGISTER_WP)) return null;
    // WP_ASYNC resolves it at once: the page becomes writable as any other.
    if (((armingOf(vma)?.features ?? 0) & UFFD_FEATURE.WP_ASYNC) !== 0) return null;
    return userfault(context, job, vma, UFFD.PAGEFAULT_WP, send);
  }
  if (!isMissing(work)) return null;
  if (!isShmemArea(context, vma)) {
    return isArmed(vma, UFFD.REGISTER_MISSING) ? userfault(context, job, vma, 0, send) : null;
  }
  if (!isArmed(vma, UFFD.REGISTER_MISSING | UFFD.REGISTER_MINOR)) return null;
  return waitsOn(askResident(context, job, vma, send));
}

/** Is the page in the page cache, and does the file reach as far (`mm/shmem.c:shmem_get_folio_gfp`)? */
function askResident(context: MmContext, job: FaultJob, vma: Vma, send: Send): MmContext {
  const file = vma.file as string;
  const firstIndex = pageIndex(vma, workOf(job).va, context.kernelPageBytes);
  const orderPages = Math.log2(leastPages(context));
  const range = { file, mm: mmOf(context.pid), firstIndex, endIndex: firstIndex + 1, orderPages };
  const message = (request: number): Message => ({ type: 'RESIDENT', request, ...range });
  return ask(context, job, 'watchedResident', actorOfFile(file), message, send);
}

const watchedResident: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'RESIDENT_PAGES', 'a file answers with the pages that are there');
  const vma = vmaOf(context, job);
  const index = pageIndex(vma, workOf(job).va, context.kernelPageBytes);
  const resident = event.runs.some((run) => index >= run.index && index < run.index + run.nr);
  if (resident && isArmed(vma, UFFD.REGISTER_MINOR)) return userfault(context, job, vma, UFFD.PAGEFAULT_MINOR, send);
  const inside = index < (event.fileEndIndex ?? 0);
  if (!resident && inside && isArmed(vma, UFFD.REGISTER_MISSING)) return userfault(context, job, vma, 0, send);
  return fileFault(context, job, vma, send);
};

/**
 * `userfaultfd_release`: the descriptor is closed, and nothing of it is watched any more. What it had protected may be written:
 * the bit means nothing in an area that is not registered.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const area = { startVa: 0, endVa: 4096, prot: 3, flags: 0, file: null, offsetBytes: 0, uffd: '1 0 monitor' };
 * const watched = { ...mm, vmas: VmaSet.empty(4096).map(area) };
 * releaseUserfaults(watched, { type: 'UFFD_RELEASE', fd: 'monitor' }).vmas.find(0)?.uffd; // undefined
 * ```
 */
export function releaseUserfaults(context: MmContext, { fd }: MessageOf<'UFFD_RELEASE'>): MmContext {
  return reviseMm(context, (draft) => {
    draft.vmas = releaseAreas(context.vmas, fd).vmas;
  });
}

/** The step of faults in shared memory that is watched. */
export const watchedSteps: Record<'watchedResident', FaultStepHandler> = { watchedResident };
