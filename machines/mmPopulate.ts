/**
 * Faulting a range in beforehand: mlock, MAP_POPULATE, MAP_LOCKED and MADV_POPULATE_*
 * (`mm/gup.c:populate_vma_page_range`). Pages that are there and allow the access cost no fault.
 */
import { followsEntry, isCowMapping, mustUnshare, type PinWish } from '../src/mm/gup/rules.ts';
import { hasFlags, PROT, PTE } from '../src/mm/pte.ts';
import { VM } from '../src/mm/vma.ts';
import { mmuOf } from './addresses.ts';
import type { Access, PteRun } from './messages.ts';
import type { CallJob, CallStep } from './mmCallJob.ts';
import { ask, type MmContext, type Populate } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseJob } from './reviseWork.ts';

/**
 * Begins to populate a range: first the table is read, as `follow_page_mask` would page by page.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mlock' as const, addr: 0x10000, lengthBytes: 4096 };
 * const job = callJob(1, call);
 * const range = { va: 0x10000, endVa: 0x11000, access: 'lock' as const };
 * beginPopulate({ ...mm, pageBytes: 4096 }, job, range, () => {}).context.job?.step; // 'populateRead'
 * ```
 */
export function beginPopulate(
  context: MmContext,
  job: CallJob,
  range: Omit<Populate, 'present'>,
  send: Send,
): CallStep {
  const ranges = [{ startVa: range.va, endVa: range.endVa }];
  const read = (request: number) => ({ type: 'READ_PTES' as const, request, ranges });
  const populate: Populate = { ...range, present: null };
  return {
    context: ask(
      context,
      reviseJob(job, (draft) => {
        draft.populate = populate;
      }),
      'populateRead',
      mmuOf(context.pid),
      read,
      send,
    ),
    done: null,
  };
}

/** The access that a page is populated for; a `lock` writes where that breaks COW and dirties no file. */
function accessAt(context: MmContext, range: Populate): Access {
  if (range.access !== 'lock') return range.access;
  const vma = context.vmas.find(range.va);
  const breaksCow = vma !== null && (vma.flags & VM.SHARED) === 0 && (vma.prot & PROT.WRITE) !== 0;
  return breaksCow ? 'write' : 'read';
}

function entryAt(present: readonly PteRun[], va: number, pageBytes: number): { ptePfn: number; pteFlags: number } {
  const run = present.findLast((each) => va >= each.va && va < each.va + each.nr * pageBytes);
  if (run === undefined) return { ptePfn: 0, pteFlags: 0 };
  return { ptePfn: run.pfn + (va - run.va) / pageBytes, pteFlags: run.flags };
}

function suffices(flags: number, access: Access): boolean {
  return hasFlags(flags, PTE.VALID) && (access !== 'write' || hasFlags(flags, PTE.WRITE));
}

/**
 * The next page that may not be pinned as it is, page by page of the kernel, as `follow_page_mask` goes. It stays the next: it is
 * looked at again when its fault is handled.
 */
function nextToPin(context: MmContext, job: CallJob, range: Populate, wish: PinWish): CallJob {
  const present = range.present ?? [];
  for (let { va } = range; va < range.endVa; va += context.kernelPageBytes) {
    const vma = context.vmas.find(va);
    const cow = vma !== null && isCowMapping(vma);
    const entry = entryAt(present, va, context.kernelPageBytes);
    if (followsEntry(entry.pteFlags, wish, cow)) continue;
    const unshare = hasFlags(entry.pteFlags, PTE.VALID) && mustUnshare(entry.pteFlags, wish, cow);
    const access = wish.write ? ('write' as const) : ('read' as const);
    const how = { ...(wish.force ? { force: true as const } : {}), ...(unshare ? { unshare: true as const } : {}) };
    const fault = { va, access, ...entry, major: false, pages: [], truncated: false, ...how };
    return reviseJob(job, (draft) => {
      draft.fault = fault;
      draft.populate = { ...range, va };
    });
  }
  return reviseJob(job, (draft) => {
    draft.fault = null;
    draft.populate = { ...range, va: range.endVa };
  });
}

/**
 * The job with its next page to fault in as `fault`, which is null at the end of the range.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mlock' as const, addr: 0x10000, lengthBytes: 4096 };
 * const job = callJob(1, call);
 * const present = [{ va: 0x10000, pfn: 9, nr: 1, flags: PTE.VALID }];
 * const populate = { va: 0x10000, endVa: 0x12000, access: 'read' as const, present };
 * nextToPopulate({ ...mm, pageBytes: 4096 }, { ...job, populate }).fault?.va; // 69632
 * ```
 */
export function nextToPopulate(context: MmContext, job: CallJob): CallJob {
  const { pageBytes, kernelPageBytes } = context;
  const range = job.populate as Populate;
  if (range.wish !== undefined) return nextToPin(context, job, range, range.wish);
  const present = range.present ?? [];
  for (let { va } = range; va < range.endVa; va += pageBytes) {
    const access = accessAt(context, { ...range, va });
    const entry = entryAt(present, va, kernelPageBytes);
    if (suffices(entry.pteFlags, access)) continue;
    const left = present.filter((run) => run.va + run.nr * kernelPageBytes > va + pageBytes);
    const fault = { va, access, ...entry, major: false, pages: [], truncated: false };
    return reviseJob(job, (draft) => {
      draft.fault = fault;
      draft.populate = { ...range, va: va + pageBytes, present: left };
    });
  }
  return reviseJob(job, (draft) => {
    draft.fault = null;
    draft.populate = { ...range, va: range.endVa };
  });
}
