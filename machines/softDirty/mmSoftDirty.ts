/**
 * What an mm does for /proc/PID/clear_refs: memory is made soft-clean, and a write makes the page around it soft-dirty again
 * (`fs/proc/task_mmu.c:clear_refs_write`, `clear_soft_dirty`).
 *
 * @models D-07
 */
import { isDirty, isPresent, PTE } from '../../src/mm/pte.ts';
import type { VaRange } from '../../src/mm/tableWork.ts';
import type { VmaSet } from '../../src/mm/vmaSet.ts';
import { mmuOf } from '../addresses.ts';
import type { Message, PteRun } from '../messages.ts';
import { type CallJob, type CallStep, tableDone, waits } from '../mmCallJob.ts';
import { noteFallback } from '../mmEntries.ts';
import { nextEffect } from '../mmPlan.ts';
import { ask, type MmContext } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';
import type { PteChange } from '../walkers/messages.ts';

type Step = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

const rangesOf = (vmas: VmaSet): VaRange[] => vmas.list().map(({ startVa, endVa }) => ({ startVa, endVa }));

/**
 * Begins to make all memory soft-clean; nothing where the kernel does not track it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = { ...callJob(1, { op: 'munlockall' }), effects: [{ do: 'softClean' as const }] };
 * beginSoftClean(mm, job, () => {}).done?.errno; // 0
 * ```
 */
export function beginSoftClean(context: MmContext, job: CallJob, send: Send): CallStep {
  if (context.resources.design.softDirty !== true) return nextEffect(context, job, send);
  const ranges = rangesOf(context.vmas);
  const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waits(ask(context, job, 'softRead', mmuOf(context.pid), read, send));
}

function protecting({ va, pfn, nr, flags }: PteRun): PteChange[] {
  if (!isPresent(flags) || (flags & PTE.WRITE) === 0) return [];
  const to = (flags & ~PTE.WRITE) | PTE.READONLY | (isDirty(flags) ? PTE.DIRTY : 0);
  return [{ va, nr, expects: { pfn, flags }, to: { pfn, flags: to }, keepAge: true }];
}

/** The steps, by the name that the job waits under. */
export const softDirtySteps: Partial<Record<string, Step>> = {
  softRead: (context, job, event, send) => {
    const changes = tableDone(event).set.flatMap(protecting);
    const page = context.kernelPageBytes;
    const message = (request: number): Message => {
      return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes: page } };
    };
    return waits(ask(context, job, 'softCleaned', mmuOf(context.pid), message, send));
  },

  /** Entries that changed meanwhile are looked at again. */
  softCleaned: (context, job, event, send) => {
    const { rejected, fallback } = tableDone(event);
    const state = noteFallback(context, fallback);
    if (rejected.length > 0) return beginSoftClean(state, job, send);
    const softClean = rangesOf(context.vmas);
    return nextEffect(
      reviseMm(state, (draft) => {
        draft.softClean = softClean;
      }),
      job,
      send,
    );
  },
};
