/**
 * Faults on pages of files: `do_read_fault`, `do_cow_fault` and `do_shared_fault` of mm/memory.c.
 *
 * @models D-08
 */
import { pageSizeLimits } from '../src/arch/granule.ts';
import { largeFlag } from '../src/mm/contpte.ts';
import { invariant } from '../src/errors.ts';
import { faultAround } from '../src/mm/faultAround.ts';
import { protectionFlags, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { mmOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import { pageIndex } from './mmEntries.ts';
import type { MessageOf, PteRun } from './messages.ts';
import {
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  allocateCopy,
  ends,
  leastPages,
  prepareAnon,
  setRuns,
  vmaOf,
  waitsOn,
  workOf,
} from './mmFaultParts.ts';
import { ask, costsOf, type MmContext, SIGNAL } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

/** mmap makes the entries of an object itself: it is no fault. */
function isInserting(job: FaultJob): boolean {
  const [effect] = job.kind === 'call' ? job.effects : [];
  return effect?.do === 'populate' && effect.errors === 'insert';
}

/**
 * `do_fault`: asks the page cache for the page, and on a read for those around it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x15000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: 'a', offsetBytes: 0 };
 * fileFault({ ...mm, pageBytes: 4096 }, job, vma, () => {}).context.job?.step; // 'paged'
 * ```
 */
export function fileFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { va, access } = workOf(job);
  const { kernelPageBytes } = context;
  const file = vma.file as string;
  const nr = leastPages(context);
  const unitBytes = nr * kernelPageBytes;
  const startVa = va - (va % unitBytes);
  const around = access === 'write' ? { startVa, endVa: startVa + unitBytes } : faultAround(va, vma, unitBytes);
  const shared = (vma.flags & VM.SHARED) !== 0;
  // do_cow_fault prepares before it asks for the page, which may turn out to lie behind the end of the file.
  const prepared = access === 'write' && !shared ? prepareAnon(context, va) : context;
  const get = (request: number): MessageOf<'GET_PAGES'> => {
    const wish: MessageOf<'GET_PAGES'> = {
      type: 'GET_PAGES',
      request,
      file,
      mm: mmOf(context.pid),
      index: pageIndex(vma, va, kernelPageBytes),
      firstIndex: pageIndex(vma, around.startVa, kernelPageBytes),
      endIndex: pageIndex(vma, around.endVa, kernelPageBytes),
      orderPages: Math.log2(nr),
      write: access === 'write' && shared,
      // should_fault_around: a window of one page is none.
      around: access !== 'write' && pageSizeLimits(unitBytes).faultAroundPages > 1,
      vmFlags: vma.flags,
    };
    if (isInserting(job)) wish.insert = true;
    return wish;
  };
  return waitsOn(ask(prepared, job, 'paged', actorOfFile(file), get, send, costsOf(context).faultHandlerBase));
}

/** The page cache has answered: the pages are entered, or the one that is written to privately is copied. */
const paged: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'PAGES', 'a request for pages is answered with pages');
  const work = workOf(job);
  const state =
    event.rereadPages === 0
      ? context
      : reviseMm(context, (draft) => {
          draft.rereadPages = context.rereadPages + event.rereadPages;
        });
  if (event.eof && event.runs.length === 0) return ends(state, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  if (event.failed) return ends(state, SIGNAL.KILL, 0);
  const vma = vmaOf(state, job);
  const fault = event.major ? { ...work, major: true } : work;
  const shared = (vma.flags & VM.SHARED) !== 0;
  if (work.access === 'write' && !shared) {
    // do_cow_fault: one process page to copy the page of the file to; never more, whatever the settings.
    const orderPages = Math.log2(leastPages(state));
    return waitsOn(
      allocateCopy(
        state,
        reviseJob(job, (draft) => {
          draft.fault = { ...fault, pages: event.runs };
        }),
        orderPages,
        false,
        send,
      ),
    );
  }
  // vma_wants_writenotify: where the file system wants to hear of the first write, a read maps read-only.
  const writes = shared && (work.access === 'write' || !event.writeNotify);
  const flags = protectionFlags(vma.prot, writes);
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
      flags:
        largeFlag(run.orderPages ?? 0, state.kernelPageBytes) |
        (run.pteFlags ?? 0) |
        (dirty ? (aged | PTE.DIRTY) & ~PTE.READONLY : aged),
    };
  });
  // map_pages ran before the page itself was refused: what lies around it before the end of the file is mapped all the same.
  return waitsOn(
    setRuns(
      state,
      fault === work
        ? job
        : reviseJob(job, (draft) => {
            draft.fault = fault;
          }),
      runs,
      send,
      event.eof ? 'pastEnd' : 'set',
    ),
  );
};

/** The steps of faults on files, by the name that a job waits under. */
export const fileSteps: Record<'paged', FaultStepHandler> = { paged };
