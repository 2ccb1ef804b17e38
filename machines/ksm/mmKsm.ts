/**
 * What an mm tells ksmd: that it has memory which may be merged, what its program has filled it with, and which pages are gone
 * (`mm/ksm.c:ksm_madvise`, `ksm_fork`, `ksm_exit`). Where there is no ksmd it tells nobody.
 *
 * @models S-48
 */
import { VM } from '../../src/mm/vma.ts';
import type { PteRun } from '../messages.ts';
import type { MmContext } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';

/** `__ksm_enter`, once. */
function enter(context: MmContext, parentPid: number, send: Send): MmContext {
  if (context.ksm === true || !context.resources.ksm) return context;
  send('ksmd', { type: 'KSM_ENTER', pid: context.pid, parentPid });
  return reviseMm(context, (draft) => {
    draft.ksm = true;
  });
}

/**
 * The areas have changed: with the first that may be merged the mm enters. A child is its parent's heir.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts, facilities: { ksm: true } });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * enterKsm(mm, 0, () => {}).ksm; // undefined
 * const area = { startVa: 0, endVa: 4096, prot: 3, flags: VM.MERGEABLE, file: null, offsetBytes: 0 };
 * enterKsm({ ...mm, vmas: VmaSet.empty(4096).map(area) }, 0, () => {}).ksm; // true
 * ```
 */
export function enterKsm(context: MmContext, parentPid: number, send: Send): MmContext {
  if (context.ksm === true || !context.resources.ksm) return context;
  const mergeable = context.vmas.list().some(({ flags }) => (flags & VM.MERGEABLE) !== 0);
  return mergeable ? enter(context, parentPid, send) : context;
}

/**
 * The program has filled a range.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts, facilities: { ksm: true } });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * tellPattern(mm, { startVa: 0, endVa: 4096, value: 7 }, () => {}).ksm; // true
 * ```
 */
export function tellPattern(
  context: MmContext,
  { startVa, endVa, value }: { startVa: number; endVa: number; value: number },
  send: Send,
): MmContext {
  const known = enter(context, 0, send);
  send('ksmd', { type: 'KSM_PATTERN', pid: context.pid, startVa, endVa, value });
  return known;
}

/**
 * Pages have gone, or have been written: what they held is not there any more.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts, facilities: { ksm: true } });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const sent: string[] = [];
 * tellGone({ ...mm, ksm: true }, [{ va: 0, pfn: 9, nr: 1, flags: 1 }], (to) => sent.push(to));
 * sent; // ['ksmd']
 * ```
 */
export function tellGone(context: MmContext, gone: readonly Pick<PteRun, 'va' | 'nr'>[], send: Send): void {
  if (context.ksm !== true || gone.length === 0) return;
  send('ksmd', { type: 'KSM_GONE', pid: context.pid, runs: gone.map(({ va, nr }) => ({ va, nr })) });
}

/**
 * The address space is torn down, at exit or execve.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts, facilities: { ksm: true } });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * leaveKsm({ ...mm, ksm: true }, () => {}).ksm; // false
 * ```
 */
export function leaveKsm(context: MmContext, send: Send): MmContext {
  if (context.ksm !== true) return context;
  send('ksmd', { type: 'KSM_EXIT', pid: context.pid });
  return reviseMm(context, (draft) => {
    draft.ksm = false;
  });
}
