/**
 * Anonymous faults (`mm/memory.c:do_anonymous_page`, `mm/huge_memory.c:do_huge_pmd_anonymous_page`): the zero page for
 * reads, and for writes one folio, as large as the settings of transparent huge pages allow and never less than a process page.
 */
import { largeFlag } from '../src/mm/contpte.ts';
import { invariant } from '../src/errors.ts';
import {
  allowableOrders,
  emptyOrders,
  fallingOrders,
  highestOrder,
  rangeOf,
  suitableOrders,
} from '../src/mm/anonOrders.ts';
import { hasFlags, protectionFlags, PTE } from '../src/mm/pte.ts';
import { isCovered } from '../src/mm/thpCoverage.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { mmOf, mmuOf } from './addresses.ts';
import { beginHugeZero, hugeZeroSteps } from './khugepaged/hugeZero.ts';
import { thpOf } from './khugepaged/mmSettings.ts';
import type { MessageOf, PteRun } from './messages.ts';
import {
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  copyFlags,
  HANDLED,
  outOfMemory,
  leastPages,
  overwrite,
  prepareAnon,
  setRuns,
  unitPages,
  vmaOf,
  waitsOn,
  workOf,
} from './mmFaultParts.ts';
import { ask, costsOf, type MmContext } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

/** Orders above the least that this fault may use, by settings and by the mapping. */
function ordersOf(context: MmContext, vma: Vma, va: number): number {
  const { kernelPageBytes, pageBytes } = context;
  // `alloc_anon_folio`: where a userfaultfd watches, no folio is larger than a page.
  if (vma.uffd !== undefined) return 0;
  const { minimumOrder } = context.resources.design;
  const thp = thpOf(context);
  const leastBytes = minimumOrder === 'process-page' ? pageBytes : kernelPageBytes;
  const orders = allowableOrders({ thp, vma, pageBytes: leastBytes, kernelPageBytes });
  return orders === 0 || !isCovered(thp, va) ? 0 : suitableOrders(orders, va, vma, kernelPageBytes);
}

/** The shared zero page, as many frames of it as the process page has. */
function zeroPage(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const nr = unitPages(context, vma);
  const { va } = workOf(job);
  // Linux marks the zero page special; a native entry may be anything but special, and it is told by its frame here.
  const flags = protectionFlags(vma.prot, false) | PTE.YOUNG | (nr === 1 ? PTE.SPECIAL : 0);
  const run: PteRun = { va: va - (va % (nr * context.kernelPageBytes)), pfn: context.zeroPfn, nr, flags };
  return waitsOn(setRuns(context, job, [run], send));
}

/**
 * `do_anonymous_page`: a read gets the shared zero page, as many frames of it as the process page has. One frame would do
 * for Linux, but a native entry of 64K needs 64K of consecutive frames behind it, so zero memory is as large as that.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x15000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * anonymousFault({ ...mm, pageBytes: 4096 }, job, vma, () => {}).context.job?.step; // 'set'
 * ```
 */
export function anonymousFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { va, access } = workOf(job);
  const nr = unitPages(context, vma);
  const leastOrder = Math.log2(nr);
  // Shared anonymous memory without a file of its own: no folio but the least, and no zero page.
  if ((vma.flags & VM.SHARED) !== 0) return waitsOn(allocate(context, job, [leastOrder], send));
  const reads = access !== 'write' && context.resources.design.zeroPage === 'process-page';
  const orders = ordersOf(context, vma, va);
  if (reads) return beginHugeZero(context, job, orders, send) ?? zeroPage(context, job, vma, send);
  const prepared = prepareAnon(context, va);
  if (orders === 0) return waitsOn(allocate(prepared, job, [leastOrder], send));
  const ranges = [rangeOf(va, highestOrder(orders), context.kernelPageBytes)];
  const read = (request: number) => ({ type: 'READ_PTES' as const, request, ranges });
  return waitsOn(ask(prepared, job, 'rangeRead', mmuOf(prepared.pid), read, send));
}

/**
 * Asks for a zeroed folio of the first order that can be had (`alloc_anon_folio`); the last is the least there is.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x15000, access: 'write' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * allocate({ ...mm, pageBytes: 4096 }, job, [4, 0], () => {}).job?.step; // 'allocated'
 * ```
 */
export function allocate(context: MmContext, job: FaultJob, orders: readonly number[], send: Send): MmContext {
  const sender = mmOf(context.pid);
  const [orderPages] = orders;
  const fallbackOrders = orders.slice(1);
  const leastOrder = orders[orders.length - 1];
  const message = (request: number): MessageOf<'ALLOC'> => {
    return {
      type: 'ALLOC',
      sender,
      request,
      orderPages,
      fallbackOrders,
      leastOrder,
      count: 1,
      purpose: 'anon',
      zero: true,
    };
  };
  return ask(context, job, 'allocated', 'zone', message, send, costsOf(context).faultHandlerBase);
}

/** What is in the range of the highest order: the orders that are left are tried. */
const rangeRead: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'TABLE_DONE', 'a table is read before a large folio is chosen');
  const { va } = workOf(job);
  const vma = vmaOf(context, job);
  const { kernelPageBytes } = context;
  const orders = emptyOrders(ordersOf(context, vma, va), va, event.set, kernelPageBytes);
  return waitsOn(allocate(context, job, fallingOrders(orders, Math.log2(leastPages(context))), send));
};

/** The folio is there: it is entered over its whole range, or over the pages that the walk found. */
const allocated: FaultStepHandler = (context, job, event, send) => {
  const { va, pages, ptePfn, pteFlags, truncated } = workOf(job);
  // The page that is copied came with a reference of its own: the copy, or the failure to make one, ends it.
  if (pages.length > 0) send('zone', { type: 'PUT', runs: pages.map(({ pfn, nr }) => ({ pfn, nr })) });
  if (event.type === 'NO_MEMORY') return outOfMemory(context, job, event);
  invariant(event.type === 'FRAMES', 'an allocation is answered with frames');
  const pfn = event.pfns[0];
  const nr = 1 << event.orderPages;
  if (truncated) {
    send('zone', { type: 'PUT', runs: [{ pfn, nr }] });
    return { context, end: HANDLED };
  }
  const vma = vmaOf(context, job);
  const bytes = nr * context.kernelPageBytes;
  const counted =
    vma.file === null
      ? reviseMm(context, (draft) => {
          draft.zeroedBytes = context.zeroedBytes + bytes;
        })
      : reviseMm(context, (draft) => {
          draft.copiedBytes = context.copiedBytes + bytes;
        });
  const next =
    pages.length === 0
      ? job
      : reviseJob<FaultJob>(job, (draft) => {
          draft.fault = { ...workOf(job), pages: [] };
        });
  const flags = copyFlags(workOf(job), vma) | largeFlag(event.orderPages, context.kernelPageBytes);
  const startVa = va - (va % bytes);
  if (!hasFlags(pteFlags, PTE.VALID)) return waitsOn(setRuns(counted, next, [{ va: startVa, pfn, nr, flags }], send));
  const expects = ptePfn - Math.floor((va - startVa) / context.kernelPageBytes);
  return waitsOn(overwrite(counted, next, { step: 'set', startVa, pfn, nr, flags, expects }, send));
};

/** The steps of anonymous faults, by the name that a job waits under. */
export const anonSteps: Record<'rangeRead' | 'allocated' | keyof ReturnType<typeof hugeZeroSteps>, FaultStepHandler> = {
  rangeRead,
  allocated,
  ...hugeZeroSteps({
    single: zeroPage,
    allocate,
    ordersOf,
    leastOrder: (context) => Math.log2(leastPages(context)),
  }),
};
