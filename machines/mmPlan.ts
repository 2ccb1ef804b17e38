/** Runs the plan of a call: effects in their order, each a message to another actor or a change of the mm itself. */
import { planCall, type PlannedCall } from '../src/mm/calls/index.ts';
import type { Effect, Space } from '../src/mm/calls/plan.ts';
import { hugeFile } from '../src/mm/hugetlb/names.ts';
import { defaultHugeBytes } from '../src/mm/hugetlb/sizes.ts';
import { collapseBytes } from '../src/mm/thp/facility.ts';
import { type CallJob, type CallStep, fails, mapFiles, returns, tellUnmapped, waits } from './mmCallJob.ts';
import { enterKsm, tellPattern } from './ksm/mmKsm.ts';
import { tellHugeReleased } from './hugetlb/mmHugetlb.ts';
import { startEffect } from './mmEffects.ts';
import { filesBeside } from './mmEntries.ts';
import { type MmContext, stackGuardBytesOf } from './mmState.ts';
import type { Send } from './support.ts';
import { mappedAnew } from './softDirty/mmWritten.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

/** What a plan is decided on. */
function spaceOf(context: MmContext): Space {
  const { vmas, pageBytes, startBrk, brk, lockFuture, limits, writeNotify } = context;
  const { thp, hugetlb } = context.resources.facilities;
  const nextShmem = `shmem:${context.pid}.${context.shmems}`;
  const stackGuardBytes = stackGuardBytesOf(context);
  const space: Space = { vmas, pageBytes, startBrk, brk, lockFuture, limits, writeNotify, nextShmem, stackGuardBytes };
  if (context.swap !== undefined) space.swap = true;
  if (thp !== undefined) space.collapseBytes = collapseBytes(thp.collapseSize, pageBytes, context.kernelPageBytes);
  if (hugetlb !== undefined) {
    space.hugetlb = {
      defaultBytes: defaultHugeBytes(pageBytes, context.kernelPageBytes, hugetlb.defaultSize),
      nextFile: (hugeBytes: number) => hugeFile(hugeBytes, `${context.pid}.${context.shmems}`),
    };
  }
  return space;
}

/**
 * Plans a call and runs its effects until one has to wait.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mmap' as const, addr: 0x10000, lengthBytes: 0x10000, prot: 3, flags: 0x32, file: null, offsetBytes: 0 };
 * beginPlan({ ...mm, pageBytes: 4096 }, callJob(1, call), call, () => {}).done?.result; // 65536
 * ```
 */
export function beginPlan(context: MmContext, job: CallJob, call: PlannedCall, send: Send): CallStep {
  const { effects, result, errno } = planCall(spaceOf(context), call);
  return runPlan(
    context,
    reviseJob(job, (draft) => {
      draft.effects = effects;
      draft.result = result;
      draft.errno = errno;
    }),
    send,
  );
}

/** The new areas, and the files that are mapped no more or for the first time. */
function commit(context: MmContext, job: CallJob, vmas: MmContext['vmas'], send: Send): CallStep {
  const changed = reviseMm(mappedAnew(context, vmas), (draft) => {
    draft.vmas = vmas;
  });
  const state = enterKsm(changed, 0, send);
  tellUnmapped(state, context.vmas, send);
  tellHugeReleased(state, context.vmas, send);
  const files = filesBeside(vmas, context.vmas);
  if (files.length === 0) return nextEffect(state, job, send);
  const told = reviseJob(job, (draft) => {
    draft.files = files;
  });
  const asked = mapFiles(state, told, 'fileMapped', send);
  return asked === null ? nextEffect(state, job, send) : waits(asked);
}

/** A change of the mm itself, null for an effect that others take part in. */
function changeSelf(context: MmContext, effect: Effect): MmContext | null {
  switch (effect.do) {
    case 'brk':
      return reviseMm(context, (draft) => {
        draft.startBrk = effect.startBrk;
        draft.brk = effect.brk;
      });
    case 'resetPeak':
      return reviseMm(context, (draft) => {
        draft.rssPeakPages = context.rssAnonPages + context.rssFilePages;
      });
    case 'lockFuture':
      return reviseMm(context, (draft) => {
        draft.lockFuture = effect.flags;
      });
    default:
      return null;
  }
}

/**
 * Runs the effects that are left until one has to wait, and ends the call after the last.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'munlockall' });
 * runPlan(mm, { ...job, effects: [{ do: 'lockFuture', flags: 0 }] }, () => {}).done?.errno; // 0
 * ```
 */
export function runPlan(context: MmContext, job: CallJob, send: Send): CallStep {
  const [effect] = job.effects;
  if (effect === undefined) {
    return job.errno === 0 ? returns(context, job.result, job.data) : fails(context, job.errno, job.data);
  }
  const changed = changeSelf(context, effect);
  if (changed !== null) return nextEffect(changed, job, send);
  if (effect.do === 'create') {
    const { file, sizeBytes } = effect;
    return nextEffect(
      reviseMm(context, (draft) => {
        draft.shmems = context.shmems + 1;
      }),
      reviseJob(job, (draft) => {
        draft.created = { file, sizeBytes };
      }),
      send,
    );
  }
  if (effect.do === 'pattern') return nextEffect(tellPattern(context, effect, send), job, send);
  if (effect.do === 'vmas') return commit(context, job, effect.vmas, send);
  if (effect.do === 'goOn') return beginPlan(context, job, effect.call, send);
  return startEffect(context, job, effect, send) ?? nextEffect(context, job, send);
}

/**
 * The effect that was under way is done: the next one.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'munlockall' });
 * nextEffect(mm, { ...job, effects: [{ do: 'lockFuture', flags: 0 }] }, () => {}).done?.errno; // 0
 * ```
 */
export function nextEffect(context: MmContext, job: CallJob, send: Send): CallStep {
  return runPlan(
    context,
    reviseJob(job, (draft) => {
      draft.effects = job.effects.slice(1);
    }),
    send,
  );
}

/**
 * The effect that was under way failed: the call ends with what it has done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * failPlan(mm, callJob(1, { op: 'munlockall' }), 12).done?.errno; // 12
 * ```
 */
export function failPlan(context: MmContext, job: CallJob, errno: number): CallStep {
  return fails(context, errno, job.data);
}
