/** madvise, as a call in steps (`mm/madvise.c:do_madvise`). */
import { ERRNO } from '../src/mm/abiRules.ts';
import type { Vma } from '../src/mm/vma.ts';
import { ADVICE, canAdvise, vmaFlagsOfAdvice } from './mmAdvice.ts';
import { type CallJob, type CallOf, type CallStep, fails, holes, returns, waits, zap } from './mmCallJob.ts';
import { beginPopulate } from './mmPopulate.ts';
import { ask, type MmContext, mmuOf } from './mmState.ts';
import type { Send } from './support.ts';

/**
 * Begins madvise: flags of areas, or something done to their pages.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'madvise' as const, addr: 0x10000, lengthBytes: 4096, advice: ADVICE.RANDOM };
 * advise({ ...mm, pageBytes: 4096 }, callJob(mm, 1, call), call, () => {}).done; // { result: -1, errno: 12 }
 * ```
 */
export function advise(context: MmContext, job: CallJob, call: CallOf<'madvise'>, send: Send): CallStep {
  const { addr, lengthBytes, advice } = call;
  const endVa = addr + lengthBytes;
  const flags = vmaFlagsOfAdvice(advice);
  const errno = holes(context, addr, endVa);
  if (flags !== null) {
    const change = (vma: Vma): Vma => ({ ...vma, flags: (vma.flags & ~flags.clear) | flags.set });
    const state = { ...context, vmas: context.vmas.change(addr, endVa, change) };
    return errno === 0 ? returns(state) : fails(state, errno);
  }
  return adviseOnPages(context, { ...job, errno }, call, send);
}

/** Advice that acts on pages; the first area that it is not for ends it (`madvise_walk_vmas`). */
function adviseOnPages(context: MmContext, job: CallJob, call: CallOf<'madvise'>, send: Send): CallStep {
  const { addr, advice } = call;
  const vmas = context.vmas.overlapping(addr, addr + call.lengthBytes);
  const { errno } = job;
  if (advice === ADVICE.POPULATE_READ || advice === ADVICE.POPULATE_WRITE) {
    if (errno !== 0) return fails(context, errno);
    const access = advice === ADVICE.POPULATE_WRITE ? 'write' : 'read';
    return beginPopulate(context, job, { va: addr, endVa: addr + call.lengthBytes, access }, send);
  }
  const refused = vmas.find((vma) => !canAdvise(vma, advice));
  const endVa = refused === undefined ? addr + call.lengthBytes : Math.max(addr, refused.startVa);
  const next = refused === undefined ? job : { ...job, errno: ERRNO.EINVAL };
  if (endVa === addr) return fails(context, ERRNO.EINVAL);
  if (advice === ADVICE.DONTNEED || advice === ADVICE.DONTNEED_LOCKED) {
    return waits(ask(context, next, 'zapped', mmuOf(context), zap([{ startVa: addr, endVa }], null), send));
  }
  if (advice === ADVICE.FREE || advice === ADVICE.COLD || advice === ADVICE.PAGEOUT) {
    const dirty = advice === ADVICE.FREE;
    const age = (request: number) => ({ type: 'AGE_PTES' as const, request, startVa: addr, endVa, young: true, dirty });
    return waits(ask(context, next, 'aged', mmuOf(context), age, send));
  }
  if (advice !== ADVICE.WILLNEED) return fails(context, ERRNO.EINVAL);
  return errno === 0 ? returns(context) : fails(context, errno);
}
