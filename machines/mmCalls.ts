/**
 * The calls on an address space. Those that change or ask about memory are planned (`src/mm/calls`) and their effects are
 * run one by one; fork, execve and exit have steps of their own. Arguments are in whole process pages already; the ABI
 * adapter has seen to that.
 */
import { invariant } from '../src/errors.ts';
import { ERRNO } from '../src/mm/abiRules.ts';
import { isPlanned } from '../src/mm/calls/index.ts';
import { pinStep } from './gup/mmPins.ts';
import { hugeEffectSteps } from './hugetlb/mmHugetlb.ts';
import { collapseSteps } from './khugepaged/mmCollapse.ts';
import type { Message } from './messages.ts';
import { type CallJob, type CallOf, type CallStep, fails } from './mmCallJob.ts';
import { effectSteps } from './mmEffects.ts';
import { beginPlan, runPlan } from './mmPlan.ts';
import { reclaimSteps } from './mmReclaim.ts';
import type { MmContext } from './mmState.ts';
import { beginTask, taskSteps } from './mmTasks.ts';
import { reviseJob } from './reviseWork.ts';
import type { Send } from './support.ts';
import { softDirtySteps } from './softDirty/mmSoftDirty.ts';
import { fillSteps } from './userfaultfd/mmFill.ts';
import { protectSteps } from './userfaultfd/mmProtect.ts';

/** The steps of what userfaultfd and clear_refs ask for. */
const userfaultSteps = { ...fillSteps, ...protectSteps, ...softDirtySteps };

/**
 * Begins a call.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'munmap' as const, addr: 0x10000, lengthBytes: 0x1000 };
 * const job = callJob(1, call);
 * beginCall({ ...mm, pageBytes: 4096 }, job, () => {}).done?.result; // 0
 * ```
 */
export function beginCall(context: MmContext, job: CallJob, send: Send): CallStep {
  const { call } = job;
  if (isPlanned(call)) return beginPlan(context, job, call, send);
  if (call.op === 'fork' || call.op === 'execve' || call.op === 'exit') return beginTask(context, job, call, send);
  if (call.op === 'collapse') return collapse(context, job, call, send);
  return fails(context, ERRNO.ENOSYS);
}

/** khugepaged's request is one effect, without a plan: what is to be done was decided by its scan. */
function collapse(context: MmContext, job: CallJob, call: CallOf<'collapse'>, send: Send): CallStep {
  const { startVa, hugeBytes, pfn, limits } = call;
  const planned = reviseJob(job, (draft) => {
    draft.effects = [{ do: 'collapse', startVa, hugeBytes, pfn, limits }];
  });
  return runPlan(context, planned, send);
}

/**
 * Takes a call one step on with the answer that it waited for.
 *
 * @throws GranuleError INVARIANT for an answer that no step takes
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = { ...callJob(1, { op: 'exit', status: 0 }), step: 'released' };
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '' };
 * continueCall(mm, job, done, () => {}).done?.result; // 0
 * ```
 */
export function continueCall(context: MmContext, job: CallJob, event: Message, send: Send): CallStep {
  if (job.call.op === 'pin_user_pages' && job.step.startsWith('pin'))
    return pinStep(context, job, event, beginPlan, send);
  const step =
    effectSteps[job.step] ??
    reclaimSteps[job.step] ??
    taskSteps[job.step] ??
    collapseSteps[job.step] ??
    hugeEffectSteps[job.step] ??
    userfaultSteps[job.step];
  if (step === undefined) invariant(false, `there is a step ${job.step}`);
  return step(context, job, event, send);
}
