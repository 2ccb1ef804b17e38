/**
 * Collapsing the pages of one huge page, in the mm that has them (`mm/khugepaged.c:collapse_huge_page`): for khugepaged, which has scanned
 * them and allocated a folio, and for MADV_COLLAPSE. The entries are looked at anew under the lock; then all of them are exchanged for
 * those of the new folio in one operation of the MMU. What rmap changed meanwhile is missed, and everything goes back to what it was.
 *
 * @models S-34 S-17
 */
import { largeFlag } from '../../src/mm/contpte.ts';
import { invariant } from '../../src/errors.ts';
import type { Effect } from '../../src/mm/calls/plan.ts';
import { collapseErrno, type ScannedFolio, scanPmd, type ScanResult } from '../../src/mm/thp/collapse.ts';
import { isCollapsible } from '../../src/mm/thp/eligible.ts';
import { hasFlags, PTE } from '../../src/mm/pte.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, MessageOf, PteChange, PteRun } from '../messages.ts';
import { type CallJob, type CallOf, type CallStep, tableDone, waits } from '../mmCallJob.ts';
import { account, isZeroFrame, noteFallback, putEntries } from '../mmEntries.ts';
import { freshFlags } from '../mmFaultParts.ts';
import { failPlan, nextEffect } from '../mmPlan.ts';
import { ask, costsOf, type MmContext, processOrder } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import { reviseJob } from '../reviseWork.ts';
import type { Send } from '../support.ts';

type Collapse = Extract<Effect, { do: 'collapse' }>;
type StepHandler = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

function effectOf(job: CallJob): Collapse {
  const [effect] = job.effects;
  invariant(effect?.do === 'collapse', 'a call that collapses has such an effect under way');
  return effect;
}

/**
 * khugepaged's request as the call that the mm makes of it.
 *
 * @example
 * ```ts
 * const wish = { startVa: 0, hugeBytes: 2 ** 21, pfn: 512, limits: null };
 * collapseCall({ type: 'COLLAPSE', sender: 'khugepaged', request: 1, ...wish }).op; // 'collapse'
 * ```
 */
export function collapseCall(event: MessageOf<'COLLAPSE'>): CallOf<'collapse'> {
  const { sender, startVa, hugeBytes, pfn, limits } = event;
  return { op: 'collapse', sender, startVa, hugeBytes, pfn, limits };
}

/** The huge page is done with: khugepaged hears of it, or the next one of the advice is looked at. */
function finish(context: MmContext, job: CallJob, result: ScanResult, send: Send): CallStep {
  const { call } = job;
  if (call.op === 'collapse') {
    send(call.sender, { type: 'COLLAPSED', request: job.request, pid: context.pid, result });
    return nextEffect(context, job, send);
  }
  const done = result === 'succeed' || result === 'pmd-mapped';
  if (done) return nextEffect(context, job, send);
  // madvise_collapse goes on behind what cannot be had now, and gives up where memory is short.
  const errno = collapseErrno(result);
  const noted = reviseJob(job, (draft) => {
    draft.data = [errno];
  });
  return result === 'no-huge-page' ? endCollapse(context, noted, send) : nextEffect(context, noted, send);
}

/**
 * Begins to collapse one huge page: the area is looked at again, then the table is read.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const wish = { startVa: 0, hugeBytes: 2 ** 21, pfn: null, limits: null };
 * const job = callJob(1, { op: 'collapse', sender: 'khugepaged', ...wish });
 * const effect = { do: 'collapse' as const, ...wish };
 * const sent: unknown[] = [];
 * beginCollapse(mm, { ...job, effects: [effect] }, effect, (_to, message) => sent.push(message)).done?.errno; // 0
 * sent; // [{ type: 'COLLAPSED', request: 1, pid: 1, result: 'vma-check' }]
 * ```
 */
export function beginCollapse(context: MmContext, job: CallJob, effect: Collapse, send: Send): CallStep {
  const { startVa, hugeBytes } = effect;
  const vma = context.vmas.find(startVa);
  if (vma === null || !isCollapsible(vma, startVa, hugeBytes)) return finish(context, job, 'vma-check', send);
  const ranges = [{ startVa, endVa: startVa + hugeBytes }];
  const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waits(ask(context, job, 'collapseRead', mmuOf(context.pid), read, send, costsOf(context).vmaOperation));
}

/**
 * The frame of each process page of some entries: one of each has to be looked up.
 *
 * @example
 * ```ts
 * framesToLookUp([{ va: 0x10000, pfn: 16, nr: 32, flags: 1 }], 65536, 4096); // [16, 32]
 * ```
 */
export function framesToLookUp(runs: readonly PteRun[], pageBytes: number, kernelPageBytes: number): number[] {
  const step = pageBytes / kernelPageBytes;
  return runs.flatMap(({ pfn, nr }) => Array.from({ length: Math.ceil(nr / step) }, (_, index) => pfn + index * step));
}

/**
 * Finds the folio of a frame among those that the zone answered.
 *
 * @example
 * ```ts
 * const folio = { pfn: 16, order: 4, refs: 16, pins: 0, kind: 'anon', large: null };
 * folioLookup([folio, null])(31)?.pfn; // 16
 * folioLookup([folio, null])(32); // null
 * ```
 */
export function folioLookup(folios: readonly (ScannedFolio | null)[]): (pfn: number) => ScannedFolio | null {
  const known = new Map<number, ScannedFolio>();
  const orders = new Set<number>();
  for (const folio of folios) {
    if (folio === null) continue;
    known.set(folio.pfn, folio);
    orders.add(folio.order);
  }
  return (pfn) => {
    for (const order of orders) {
      const folio = known.get(pfn - (pfn % 2 ** order));
      if (folio !== undefined && folio.order === order) return folio;
    }
    return null;
  };
}

/** What the new entries replace: every entry that is there, and every gap between them. */
function changesOf(runs: readonly PteRun[], effect: Collapse, kernelPageBytes: number, flags: number): PteChange[] {
  const changes: PteChange[] = [];
  const to = (va: number) => ({ pfn: (effect.pfn ?? 0) + (va - effect.startVa) / kernelPageBytes, flags });
  let reach = effect.startVa;
  const gap = (endVa: number): void => {
    if (endVa <= reach) return;
    changes.push({ va: reach, nr: (endVa - reach) / kernelPageBytes, expects: null, to: to(reach) });
  };
  for (const run of [...runs].sort((a, b) => a.va - b.va)) {
    gap(run.va);
    changes.push({ va: run.va, nr: run.nr, expects: { pfn: run.pfn, flags: run.flags }, to: to(run.va) });
    reach = run.va + run.nr * kernelPageBytes;
  }
  gap(effect.startVa + effect.hugeBytes);
  return changes;
}

/** Exchanges the entries; the copy is made before them, so its time comes first. */
function exchange(context: MmContext, job: CallJob, send: Send): CallStep {
  const effect = effectOf(job);
  const { kernelPageBytes } = context;
  const vma = context.vmas.find(effect.startVa);
  invariant(vma !== null, 'the area stays under the lock');
  const orderPages = Math.log2(effect.hugeBytes / kernelPageBytes);
  const flags = freshFlags(vma) | largeFlag(orderPages, kernelPageBytes);
  const changes = changesOf(job.runs, effect, kernelPageBytes, flags);
  const copied = copiedBytesOf(context, job.runs);
  const { copyPerKb, zeroPerKb } = costsOf(context);
  const delay = Math.ceil((copyPerKb * copied + zeroPerKb * (effect.hugeBytes - copied)) / 1024);
  // khugepaged is a kernel thread; the process itself flushes with the granule that it runs on.
  const issuerPageBytes = effect.limits === null ? context.pageBytes : kernelPageBytes;
  const message = (request: number): Message => {
    return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes } };
  };
  return waits(ask(context, job, 'collapseExchanged', mmuOf(context.pid), message, send, delay));
}

function copiedBytesOf(context: MmContext, runs: readonly PteRun[]): number {
  const pages = runs.filter(({ pfn }) => !isZeroFrame(context, pfn)).reduce((sum, { nr }) => sum + nr, 0);
  return pages * context.kernelPageBytes;
}

function withPfn(job: CallJob, pfn: number): CallJob {
  const effect = { ...effectOf(job), pfn };
  return reviseJob(job, (draft) => {
    draft.effects = [effect, ...job.effects.slice(1)];
  });
}

/** The folio that this call allocated goes back; khugepaged keeps its own. */
function giveUp(context: MmContext, job: CallJob, result: ScanResult, send: Send): CallStep {
  const { pfn, hugeBytes } = effectOf(job);
  if (job.call.op !== 'collapse' && pfn !== null) {
    send('zone', { type: 'PUT', runs: [{ pfn, nr: hugeBytes / context.kernelPageBytes }] });
  }
  return finish(context, job, result, send);
}

/** What was exchanged before something was missed goes back to what it was: nobody has given a reference up yet. */
function undo(context: MmContext, job: CallJob, event: MessageOf<'TABLE_DONE'>, send: Send): CallStep {
  const { kernelPageBytes } = context;
  const before = event.cleared;
  const entryAt = (va: number): PteRun | undefined =>
    before.find((run) => va >= run.va && va < run.va + run.nr * kernelPageBytes);
  const changes = event.set.flatMap((run) =>
    Array.from({ length: run.nr }, (_, page): PteChange => {
      const va = run.va + page * kernelPageBytes;
      const old = entryAt(va);
      const to = old === undefined ? null : { pfn: old.pfn + (va - old.va) / kernelPageBytes, flags: old.flags };
      return { va, nr: 1, expects: { pfn: run.pfn + page, flags: run.flags }, to };
    }),
  );
  const message = (request: number): Message => {
    return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes: kernelPageBytes } };
  };
  return waits(ask(context, job, 'collapseUndone', mmuOf(context.pid), message, send));
}

/** The steps that answers take a collapse through, by the name that the job waits under. */
export const collapseSteps: Partial<Record<string, StepHandler>> = {
  collapseRead: (context, job, event, send) => {
    const runs = tableDone(event).set;
    if (runs.length === 0) return finish(context, job, 'pmd-none', send);
    const pfns = framesToLookUp(runs, context.pageBytes, context.kernelPageBytes);
    const sender = mmOf(context.pid);
    const message = (request: number): Message => ({ type: 'FOLIO_QUERY', sender, request, pfns });
    const next = reviseJob(job, (draft) => {
      draft.runs = runs;
    });
    return waits(ask(context, next, 'collapseFolios', 'zone', message, send));
  },

  collapseFolios: (context, job, event, send) => {
    invariant(event.type === 'FOLIOS', 'the zone answers with folios');
    const { startVa, hugeBytes, pfn, limits } = effectOf(job);
    const { pageBytes, kernelPageBytes } = context;
    const { result } = scanPmd({
      startVa,
      hugeBytes,
      pageBytes,
      kernelPageBytes,
      runs: job.runs,
      folioOf: folioLookup(event.folios),
      isZero: (frame) => isZeroFrame(context, frame),
      limits,
      uffdArmed: false,
    });
    if (result !== 'succeed') return finish(context, job, result, send);
    // What is in swap would have to be brought in first.
    if (job.runs.some(({ flags }) => hasFlags(flags, PTE.SWAP))) return finish(context, job, 'changed', send);
    if (pfn !== null) return exchange(context, job, send);
    const sender = mmOf(context.pid);
    const orderPages = Math.log2(hugeBytes / kernelPageBytes);
    const wish = { orderPages, leastOrder: processOrder(context), count: 1, purpose: 'anon' as const, zero: false };
    const message = (request: number): Message => ({ type: 'ALLOC', sender, request, ...wish });
    return waits(ask(context, job, 'collapseAllocated', 'zone', message, send));
  },

  collapseAllocated: (context, job, event, send) => {
    if (event.type === 'NO_MEMORY') return finish(context, job, 'no-huge-page', send);
    invariant(event.type === 'FRAMES', 'an allocation is answered with frames');
    return exchange(context, withPfn(job, event.pfns[0]), send);
  },

  collapseExchanged: (context, job, event, send) => {
    const done = tableDone(event);
    if (done.fallback === 'no-memory') return giveUp(context, job, 'no-huge-page', send);
    const state = noteFallback(context, done.fallback);
    if (done.rejected.length > 0) {
      return done.set.length === 0 ? giveUp(state, job, 'changed', send) : undo(state, job, done, send);
    }
    putEntries(state, done.cleared, send);
    const copied = copiedBytesOf(state, done.cleared);
    const { hugeBytes } = effectOf(job);
    const counted = reviseMm(account(state, done.set, done.cleared), (draft) => {
      draft.copiedBytes = state.copiedBytes + copied;
      draft.zeroedBytes = state.zeroedBytes + hugeBytes - copied;
    });
    return finish(counted, job, 'succeed', send);
  },

  collapseUndone: (context, job, event, send) => {
    return giveUp(noteFallback(context, tableDone(event).fallback), job, 'changed', send);
  },
};

/**
 * The end of MADV_COLLAPSE on one area: it failed if any of its huge pages did.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'madvise', addr: 0, lengthBytes: 2 ** 21, advice: ADVICE.COLLAPSE });
 * endCollapse(mm, { ...job, data: [22] }, () => {}).done?.errno; // 22
 * ```
 */
export function endCollapse(context: MmContext, job: CallJob, send: Send): CallStep {
  const [errno] = job.data;
  if (errno === undefined) return nextEffect(context, job, send);
  const without = reviseJob(job, (draft) => {
    draft.data = [];
  });
  return failPlan(context, without, errno);
}
