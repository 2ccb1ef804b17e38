/**
 * mmap of an object whose entries could not all be made: the area goes again, with what was entered
 * (`mm/mmap.c:mmap_region`, `unmap_and_free_vma`).
 *
 * @models S-29 S-47
 */
import { ERRNO } from '../../src/mm/abiRules.ts';
import { unmapping } from '../../src/mm/calls/unmap.ts';
import type { CallJob, CallStep } from '../mmCallJob.ts';
import type { FaultEnd } from '../mmFaultParts.ts';
import { failPlan, nextEffect } from '../mmPlan.ts';
import { type MmContext, SIGNAL } from '../mmState.ts';
import type { Send } from '../support.ts';
import { reviseJob } from '../reviseWork.ts';

/** How a page ends that a call enters and layer 3 refuses (`design.untranslatable`): no hardware ever sees this code. */
export const UNTRANSLATABLE = -1;

/**
 * Ends the making of entries by mmap. A hole is no failure: io_uring maps what there is.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mmap' as const, addr: 0, lengthBytes: 4096, prot: 3, flags: 1, file: 'object:0', offsetBytes: 0 };
 * insertEnded(mm, callJob(1, call), { signal: SIGNAL.BUS, code: 2 }, () => {}).done?.errno; // 0
 * insertEnded(mm, callJob(1, call), { signal: SIGNAL.KILL, code: 0 }, () => {}).done?.errno; // 12
 * ```
 */
export function insertEnded(context: MmContext, job: CallJob, end: FaultEnd, send: Send): CallStep {
  const isRefused = end.code === UNTRANSLATABLE;
  if (end.signal !== SIGNAL.KILL && !isRefused) return nextEffect(context, job, send);
  const errno = isRefused ? ERRNO.EINVAL : ERRNO.ENOMEM;
  const { call, result } = job;
  if (call.op !== 'mmap') return failPlan(context, job, errno);
  const { vmas, effects } = unmapping(context.vmas, context.limits, result, result + call.lengthBytes);
  const undone = reviseJob(job, (draft) => {
    // The effect that is under way stands first.
    draft.effects = [...job.effects.slice(0, 1), ...effects, { do: 'vmas', vmas }];
    draft.errno = errno;
  });
  return nextEffect(context, undone, send);
}
