/** An mm's part in aging: which of its entries map given frames, and were they used since the last time. */
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, MessageOf, PteRun } from '../messages.ts';
import type { HarvestWork, Job, MmContext } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';
import type { Mapping } from './messages.ts';

/**
 * Whether the mm is in the middle of copying its entries for a child: Linux holds the page-table lock until each has its
 * reference (`copy_present_ptes`), so nobody may take a page away meanwhile.
 *
 * @example
 * ```ts
 * isCopyingEntries(null); // false
 * ```
 */
export function isCopyingEntries(job: Job | null): boolean {
  if (job?.kind !== 'call' || job.call.op !== 'fork') return false;
  return job.step === 'copiedTables' || job.step === 'slotsDuplicated' || job.step === 'gotRefs';
}

/**
 * Hands the question to the MMU: it takes the page-table lock and no other.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const asked = { type: 'FOLIO_REFERENCED' as const, sender: 'kswapd', request: 4, frames: [{ pfn: 64, nr: 16 }] };
 * beginReferenced(mm, asked, () => {}).rmap.length; // 1
 * ```
 */
export function beginReferenced(context: MmContext, event: MessageOf<'FOLIO_REFERENCED'>, send: Send): MmContext {
  const { sender, request, frames, linuxTableOnly } = event;
  const tableRequest = context.nextRequest;
  const naive = linuxTableOnly === true ? { linuxTableOnly } : {};
  const harvest: Message = { type: 'HARVEST_PTES', request: tableRequest, frames, ...naive };
  send(mmuOf(context.pid), harvest, context.resources.costs.scanPage * frames.length);
  const work: HarvestWork = { tableRequest, sender, request, harvest: true };
  return reviseMm(context, (draft) => {
    draft.nextRequest = tableRequest + 1;
    draft.rmap = [...context.rmap, work];
  });
}

/** Runs cut at the borders of areas, each with the flags of its area. */
function mappingsOf({ vmas, kernelPageBytes }: MmContext, runs: readonly PteRun[]): Mapping[] {
  const mappings: Mapping[] = [];
  for (const run of runs) {
    for (let at = 0; at < run.nr; ) {
      const va = run.va + at * kernelPageBytes;
      const vma = vmas.find(va);
      const end = vma === null ? run.nr : Math.min(run.nr, (vma.endVa - run.va) / kernelPageBytes);
      const { flags: vmFlags = 0, prot = 0 } = vma ?? {};
      mappings.push({ va, pfn: run.pfn + at, nr: end - at, flags: run.flags, vmFlags, prot });
      at = end;
    }
  }
  return mappings;
}

/**
 * The entries are found, and old now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const work = { tableRequest: 1, sender: 'kswapd', request: 9, harvest: true as const };
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
 * endReferenced({ ...mm, rmap: [work] }, work, done, () => {}).rmap; // []
 * ```
 */
export function endReferenced(
  context: MmContext,
  work: HarvestWork,
  event: MessageOf<'TABLE_DONE'>,
  send: Send,
): MmContext {
  const { request, sender } = work;
  send(sender, { type: 'REFERENCED', request, mm: mmOf(context.pid), mappings: mappingsOf(context, event.set) });
  return reviseMm(context, (draft) => {
    draft.rmap = context.rmap.filter((other) => other !== work);
  });
}
