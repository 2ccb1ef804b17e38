/** What an mm does for those who look at it or exchange its entries from outside: beside its job, as rmap does. */
import { mmuOf } from '../addresses.ts';
import { kindOfEntry } from '../../src/mm/nonPresent.ts';
import { account, isZeroFrame, noteFallback, residentSet } from '../mmEntries.ts';
import type { MmContext, ReplaceWork } from '../mmState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';
import type { MmState } from './messages.ts';

/**
 * What can be seen of an mm.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * stateOfMm(mm).vmas; // []
 * ```
 */
export function stateOfMm(context: MmContext): MmState {
  const { pid, pageBytes, kernelPageBytes, startBrk, brk, rssPeakPages } = context;
  const { anonPages: rssAnonPages, filePages: rssFilePages } = residentSet(context);
  const { minorFaults, majorFaults, fallbacks } = context;
  const sizes = { pid, pageBytes, kernelPageBytes, vmas: context.vmas.list(), startBrk, brk };
  const tracked = context.softClean === undefined ? {} : { softClean: context.softClean };
  return { ...sizes, rssAnonPages, rssFilePages, rssPeakPages, minorFaults, majorFaults, fallbacks, ...tracked };
}

/**
 * Answers MM_QUERY; the mm does it when nothing else holds its lock.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const sent: string[] = [];
 * showMm(mm, { type: 'MM_QUERY', sender: 'procfs', request: 3 }, (to) => sent.push(to));
 * sent; // ['procfs']
 * ```
 */
export function showMm(context: MmContext, event: MessageOf<'MM_QUERY'>, send: Send): MmContext {
  send(event.sender, { type: 'MM_STATE', request: event.request, state: stateOfMm(context) });
  return context;
}

/** How many entries are to name slots of swap: the mm counts them (`MM_SWAPENTS`). */
function swapPagesOf(changes: MessageOf<'REPLACE_PTES'>['changes']): { swapPages?: number } {
  const swaps = changes.filter(({ to }) => to !== null && kindOfEntry(to.flags) === 'swap');
  return swaps.length === 0 ? {} : { swapPages: swaps.reduce((sum, { nr }) => sum + nr, 0) };
}

/**
 * Hands an exchange of entries to the MMU. It takes the page-table lock and no other.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * beginReplace(mm, { type: 'REPLACE_PTES', sender: 'ksmd', request: 1, changes: [] }, () => {}).rmap.length; // 1
 * ```
 */
export function beginReplace(context: MmContext, event: MessageOf<'REPLACE_PTES'>, send: Send): MmContext {
  const { sender, request, changes, issuerPageBytes = context.kernelPageBytes, linuxTableOnly } = event;
  const tableRequest = context.nextRequest;
  const naive = linuxTableOnly === true ? { linuxTableOnly } : {};
  const rmap = { issuerPageBytes };
  const exchange: Message = { type: 'EXCHANGE_PTES', request: tableRequest, changes, rmap, ...naive };
  send(mmuOf(context.pid), exchange);
  const work: ReplaceWork = { tableRequest, sender, request, ...swapPagesOf(changes) };
  return reviseMm(context, (draft) => {
    draft.nextRequest = tableRequest + 1;
    draft.rmap = [...context.rmap, work];
  });
}

/**
 * The entries are exchanged and flushed: whoever asked hears what was there. References are theirs to give back.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const work = { tableRequest: 1, sender: 'ksmd', request: 9 };
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
 * endReplace({ ...mm, rmap: [work] }, work, done, () => {}).rmap; // []
 * ```
 */
export function endReplace(
  context: MmContext,
  work: ReplaceWork,
  event: MessageOf<'TABLE_DONE'>,
  send: Send,
): MmContext {
  const { cleared: replaced, set, rejected: missed, fallback } = event;
  const entered = set.filter(({ pfn }) => !isZeroFrame(context, pfn)).map(({ pfn, nr }) => ({ pfn, nr }));
  const { pid } = context;
  send(work.sender, { type: 'REPLACED', request: work.request, pid, replaced, entered, missed, fallback });
  const rmap = context.rmap.filter((other) => other !== work);
  const counted = noteFallback(account(context, set, replaced), fallback);
  const { swap } = counted;
  if (swap === undefined || work.swapPages === undefined) return { ...counted, rmap };
  const lacking = missed.reduce((sum, { nr, flags }) => sum + (kindOfEntry(flags) === 'swap' ? nr : 0), 0);
  return { ...counted, rmap, swap: { unit: swap.unit, entries: swap.entries + work.swapPages - lacking } };
}
