/** The effects of a call that other actors take part in: what is asked of them, and what their answers lead to. */
import { invariant } from '../src/errors.ts';
import { ERRNO, FALLOC } from '../src/mm/abi/numbers.ts';
import type { Effect } from '../src/mm/calls/plan.ts';
import { isShmem } from '../src/mm/calls/shmem.ts';
import { isPresent } from '../src/mm/pte.ts';
import { protectedFor } from '../src/mm/softDirty.ts';
import { mmOf, mmuOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import { beginHugeEffect, tellHugeUnmapped } from './hugetlb/mmHugetlb.ts';
import { beginCollapse, endCollapse } from './khugepaged/mmCollapse.ts';
import type { FaultEnd } from './mmFaultParts.ts';
import type { Message, MessageOf } from './messages.ts';
import {
  type CallJob,
  type CallStep,
  mapFiles,
  returns,
  tableDone,
  tellDirty,
  tellUnmapped,
  waits,
  zap,
} from './mmCallJob.ts';
import { type EffectOf, effectOf, fileWindow } from './mmEffectParts.ts';
import { account, isZeroFrame, noteFallback, noteMapped, putEntries, splitsFolios } from './mmEntries.ts';
import { failPlan, nextEffect } from './mmPlan.ts';
import { beginPopulate } from './mmPopulate.ts';
import { beginLazyFree, beginPageOut } from './mmReclaim.ts';
import { residencySteps } from './mmResidencySteps.ts';
import { ask, costsOf, type MmContext, SIGNAL } from './mmState.ts';
import { insertEnded } from './objects/mmInsert.ts';
import type { Send } from './support.ts';
import { beginSoftClean } from './softDirty/mmSoftDirty.ts';
import { beginFill } from './userfaultfd/mmFill.ts';
import { beginUserMove, beginUserProtect, wakeWaiting } from './userfaultfd/mmProtect.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';
import { unitsInSwap } from './swap/mmSwap.ts';

type StepHandler = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;
type Starter<D extends Effect['do']> = (context: MmContext, job: CallJob, effect: EffectOf<D>, send: Send) => CallStep;

/** Effects that are messages; others change the mm alone. */
type SharedEffect = Exclude<Effect['do'], 'vmas' | 'create' | 'brk' | 'lockFuture' | 'resetPeak' | 'pattern' | 'goOn'>;

function askMmu(
  context: MmContext,
  job: CallJob,
  step: string,
  message: (request: number) => Message,
  send: Send,
): CallStep {
  return waits(ask(context, job, step, mmuOf(context.pid), message, send, costsOf(context).vmaOperation));
}

const starters: { [D in SharedEffect]: Starter<D> } = {
  clear: (context, job, { ranges, freeWithin }, send) => askMmu(context, job, 'cleared', zap(ranges, freeWithin), send),
  protect: (context, job, effect, send) => {
    const { softClean } = context;
    const ranges = softClean === undefined ? effect.ranges : protectedFor(effect.ranges, softClean);
    return askMmu(context, job, 'tableChanged', (request) => ({ type: 'PROTECT_PTES', request, ranges }), send);
  },
  move: (context, job, { fromVa, toVa, lengthBytes }, send) =>
    askMmu(context, job, 'moved', (request) => ({ type: 'MOVE_PTES', request, fromVa, toVa, lengthBytes }), send),
  populate: (context, job, { startVa, endVa, access }, send) =>
    beginPopulate(context, job, { va: startVa, endVa, access }, send),
  cold: (context, job, { startVa, endVa }, send) => {
    const split = splitsFolios(context, { startVa, endVa }) ? { split: true } : {};
    const age = { type: 'AGE_PTES' as const, startVa, endVa, young: true, dirty: false, ...split };
    return askMmu(context, job, 'tableChanged', (request) => ({ ...age, request }), send);
  },
  lazyFree: (context, job, effect, send) => beginLazyFree(context, job, effect, send),
  pageOut: (context, job, effect, send) => beginPageOut(context, job, effect, send),
  swapAhead: (context, job, { startVa, endVa }, send) => {
    const read = { type: 'READ_PTES' as const, ranges: [{ startVa, endVa }] };
    return askMmu(context, job, 'swapAheadRead', (request) => ({ ...read, request }), send);
  },
  readAhead: (context, job, effect, send) => {
    // shmem would be read from swap, of which there is none (`madvise_willneed`).
    if (!isShmem(effect.file)) send(actorOfFile(effect.file), { type: 'READ_AHEAD', ...fileWindow(context, effect) });
    return nextEffect(context, job, send);
  },
  punch: (context, job, { file, offsetBytes, lengthBytes }, send) => {
    const sender = mmOf(context.pid);
    const type = 'ALLOCATE_FILE';
    const mode = FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE;
    const message = (request: number): Message => ({ type, file, sender, request, mode, offsetBytes, lengthBytes });
    return waits(ask(context, job, 'fileDone', actorOfFile(file), message, send));
  },
  sync: (context, job, { file, startVa, endVa }, send) => {
    // What lives in memory alone is never written back (`mm/shmem.c:shmem_file_operations` with noop_fsync).
    if (!context.writeNotify.includes(file)) return nextEffect(context, job, send);
    // Write-back cleans the entries, write-protects them and leaves their age (`mm/rmap.c:page_vma_mkclean_one`).
    const age = { type: 'AGE_PTES' as const, startVa, endVa, young: false, dirty: true, writeProtect: true };
    return askMmu(context, job, 'synced', (request) => ({ ...age, request }), send);
  },
  residency: (context, job, { startVa, endVa }, send) => {
    const read = { type: 'READ_PTES' as const, ranges: [{ startVa, endVa }] };
    return askMmu(context, job, 'residencyRead', (request) => ({ ...read, request }), send);
  },
  softClean: (context, job, _effect, send) => beginSoftClean(context, job, send),
  userFill: beginFill,
  userProtect: beginUserProtect,
  userMove: beginUserMove,
  userWake: (context, job, effect, send) => nextEffect(wakeWaiting(context, effect, send), job, send),
  collapse: (context, job, effect, send) => beginCollapse(context, job, effect, send),
  collapsed: (context, job, _effect, send) => endCollapse(context, job, send),
  hugeReserve: (context, job, effect, send) => beginHugeEffect(context, job, effect, send),
  hugeUnshare: (context, job, effect, send) => beginHugeEffect(context, job, effect, send),
  node: (context, job, { va }, send) => {
    const startVa = va - (va % context.pageBytes);
    const read = { type: 'READ_PTES' as const, ranges: [{ startVa, endVa: startVa + context.pageBytes }] };
    return askMmu(context, job, 'nodeRead', (request) => ({ ...read, request }), send);
  },
};

/**
 * Begins an effect that others take part in.
 *
 * @returns null for an effect that is none of those
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'munmap', addr: 0x10000, lengthBytes: 4096 });
 * const effect = { do: 'cold' as const, startVa: 0x10000, endVa: 0x11000 };
 * startEffect(mm, job, effect, () => {})?.context.job?.step; // 'tableChanged'
 * ```
 */
export function startEffect(context: MmContext, job: CallJob, effect: Effect, send: Send): CallStep | null {
  const starter = starters[effect.do as SharedEffect] as Starter<SharedEffect> | undefined;
  return starter === undefined ? null : starter(context, job, effect as never, send);
}

/**
 * What every clearing of entries leads to: dirty pages told, references given back, the resident set counted. The areas
 * are still there: dirty pages are told by them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const cleared = [{ va: 0x10000, pfn: 64, nr: 1, flags: PTE.VALID | PTE.ANON }];
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared, rejected: [], fallback: '' };
 * settle({ ...mm, rssAnonPages: 1 }, done, mm.vmas, () => {}).rssAnonPages; // 0
 * ```
 */
export function settle(
  context: MmContext,
  event: MessageOf<'TABLE_DONE'>,
  vmas: MmContext['vmas'],
  send: Send,
): MmContext {
  const { cleared, fallback } = event;
  tellDirty(context, cleared, vmas, send);
  if (context.resources.facilities.hugetlb !== undefined) tellHugeUnmapped(context, cleared, vmas, send);
  putEntries(context, cleared, send);
  return noteFallback(account(context, [], cleared), fallback);
}

/** The status of an address in move_pages (`do_pages_stat_array`): node 0, or why there is no page. */
function nodeStatus(context: MmContext, va: number, { set }: MessageOf<'TABLE_DONE'>): number {
  if (context.vmas.find(va) === null) return -ERRNO.EFAULT;
  const kernelPage = va - (va % context.kernelPageBytes);
  const run = set.find((each) => kernelPage >= each.va && kernelPage < each.va + each.nr * context.kernelPageBytes);
  if (run === undefined || !isPresent(run.flags)) return -ERRNO.ENOENT;
  return isZeroFrame(context, run.pfn) ? -ERRNO.EFAULT : 0;
}

/** `mmap_file` fails: the new area goes again, and what was there before it stays gone (`__mmap_region`). */
function refuseMapping(context: MmContext, job: CallJob, errno: number, send: Send): CallStep {
  const { call, result } = job;
  if (call.op !== 'mmap') return failPlan(context, job, errno);
  const state = reviseMm(context, (draft) => {
    draft.vmas = context.vmas.remove(result, result + call.lengthBytes).set;
  });
  tellUnmapped(state, context.vmas, send);
  return failPlan(state, job, errno);
}

/** The steps that answers take an effect through, by the name that the job waits under. */
export const effectSteps: Partial<Record<string, StepHandler>> = {
  fileMapped: (context, job, event, send) => {
    invariant(event.type === 'MAPPED', 'a file answers a mapping with MAPPED');
    if (event.errno !== 0) return refuseMapping(context, job, event.errno, send);
    const state = noteMapped(context, event);
    const asked = mapFiles(state, job, 'fileMapped', send);
    return asked === null ? nextEffect(state, job, send) : waits(asked);
  },

  cleared: (context, job, event, send) => {
    return nextEffect(settle(context, tableDone(event), context.vmas, send), job, send);
  },

  tableChanged: (context, job, event, send) => {
    return nextEffect(noteFallback(context, tableDone(event).fallback), job, send);
  },

  moved: (context, job, event, send) => {
    const { fallback } = tableDone(event);
    if (fallback !== 'no-memory') return nextEffect(noteFallback(context, fallback), job, send);
    // No memory for tables at the target: everything is as it was (`move_vma` moves back what it had moved).
    const undone = reviseMm(context, (draft) => {
      draft.vmas = effectOf(job, 'move').undo;
    });
    tellUnmapped(undone, context.vmas, send);
    return failPlan(undone, job, ERRNO.ENOMEM);
  },

  /** The job goes on page by page: the mm machine sees that there is a range to populate. */
  populateRead: (context, job, event) => {
    const { populate } = job;
    invariant(populate !== null, 'a table that is read is read for populating');
    return waits(
      reviseMm(context, (mmDraft) => {
        mmDraft.job = reviseJob(job, (draft) => {
          draft.populate = { ...populate, present: tableDone(event).set };
        });
      }),
    );
  },

  synced: (context, job, event, send) => {
    tellDirty(context, tableDone(event).cleared, context.vmas, send);
    const { file } = effectOf(job, 'sync');
    const sender = mmOf(context.pid);
    const message = (request: number): Message => ({ type: 'SYNC_FILE', file, sender, request });
    return waits(ask(context, job, 'fileDone', actorOfFile(file), message, send));
  },

  fileDone: (context, job, event, send) => {
    invariant(event.type === 'FILE_DONE', 'a file answers with FILE_DONE');
    return event.errno === 0 ? nextEffect(context, job, send) : failPlan(context, job, event.errno);
  },

  ...residencySteps,

  /** MADV_WILLNEED: nobody waits for what comes into the swap cache. */
  swapAheadRead: (context, job, event, send) => {
    for (const slots of unitsInSwap(context, tableDone(event).set)) send('swap', { type: 'SWAP_AHEAD', slots });
    return nextEffect(context, job, send);
  },

  nodeRead: (context, job, event, send) => {
    const status = nodeStatus(context, effectOf(job, 'node').va, tableDone(event));
    return nextEffect(
      context,
      reviseJob(job, (draft) => {
        draft.data = [...job.data, status];
      }),
      send,
    );
  },
};

/**
 * Layer 3 refuses an effect that it cannot translate (`design.untranslatable`): the tables are as they were, the areas go
 * back to fit them, and the call fails with what it did before.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * refuseEffect(mm, callJob(1, { op: 'munlockall' }), () => {}).done?.errno; // 22
 * ```
 */
export function refuseEffect(context: MmContext, job: CallJob, send: Send): CallStep {
  const [effect] = job.effects;
  const undo = effect !== undefined && 'undo' in effect ? effect.undo : context.vmas;
  const undone = reviseMm(context, (draft) => {
    draft.vmas = undo;
  });
  tellUnmapped(undone, context.vmas, send);
  return failPlan(undone, job, ERRNO.EINVAL);
}

/** The first address of the page that could not be had. */
function reachOf(context: MmContext, job: CallJob): number {
  return (job.populate?.va ?? 0) - context.pageBytes;
}

function addressOf({ call }: CallJob): number {
  return 'addr' in call ? call.addr : 0;
}

/** `__mlock_posix_error_return` for mlock, `madvise_populate` for madvise. */
function populateErrno(errors: 'mlock' | 'madvise', { signal }: FaultEnd): number {
  if (errors === 'mlock') return signal === SIGNAL.KILL ? ERRNO.EAGAIN : ERRNO.ENOMEM;
  return signal === SIGNAL.KILL ? ERRNO.ENOMEM : ERRNO.EFAULT;
}

/**
 * A range is populated, or a page of it could not be had: mmap and mprotect have succeeded whatever became of that and go
 * on (`mm_populate`), mlock and MADV_POPULATE_* fail.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'mlock', addr: 0x10000, lengthBytes: 4096 });
 * const effect: Effect = { do: 'populate', startVa: 0x10000, endVa: 0x11000, access: 'lock', errors: 'mlock' };
 * populateEnded(mm, { ...job, effects: [effect] }, { signal: SIGNAL.KILL, code: 0 }, () => {}).done?.errno; // 11
 * ```
 */
export function populateEnded(context: MmContext, job: CallJob, end: FaultEnd, send: Send): CallStep {
  const { errors } = effectOf(job, 'populate');
  const next = reviseJob(job, (draft) => {
    draft.populate = null;
    draft.fault = null;
  });
  if (errors === 'insert') return insertEnded(context, next, end, send);
  if (end.signal === 0 || errors === 'ignore') return nextEffect(context, next, send);
  // The page that failed is the one before the next to populate.
  if (errors === 'remote') return returns(context, Math.max(0, reachOf(context, job) - addressOf(job)));
  return failPlan(context, next, populateErrno(errors, end));
}
