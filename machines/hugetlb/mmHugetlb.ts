/**
 * Huge pages in the mm that maps them: the fault (`mm/hugetlb.c:hugetlb_fault`, `hugetlb_wp`), promises before an area is there, and what
 * hugetlb has to hear when entries and areas go. A huge page is entered, written to and taken away as a whole, in every table.
 *
 * @models S-28
 */
import { largeFlag } from '../../src/mm/contpte.ts';
import { invariant } from '../../src/errors.ts';
import { lostRanges } from '../../src/mm/hugetlb/areas.ts';
import { hugeBytesOf } from '../../src/mm/hugetlb/names.ts';
import type { Effect } from '../../src/mm/calls/plan.ts';
import { hasFlags, PROT, protectionFlags, PTE } from '../../src/mm/pte.ts';
import { VM, type Vma } from '../../src/mm/vma.ts';
import type { VmaSet } from '../../src/mm/vmaSet.ts';
import { mmOf } from '../addresses.ts';
import type { Message, MessageOf, PteRun } from '../messages.ts';
import { type CallJob, type CallStep, waits } from '../mmCallJob.ts';
import {
  ends,
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  overwrite,
  prepareAnon,
  setRuns,
  vmaOf,
  waitsOn,
  workOf,
} from '../mmFaultParts.ts';
import { failPlan, nextEffect } from '../mmPlan.ts';
import { ask, costsOf, type MmContext, SIGNAL } from '../mmState.ts';
import type { Send } from '../support.ts';

/** The huge page around a fault. */
interface Unit {
  hugeBytes: number;
  startVa: number;
  nr: number;
  index: number;
  /** The first frame that is mapped there now. */
  pfn: number;
}

function unitOf(context: MmContext, job: FaultJob, vma: Vma): Unit {
  const { va, ptePfn } = workOf(job);
  const hugeBytes = hugeBytesOf(vma);
  invariant(hugeBytes !== null, 'a huge fault is in an area of huge pages');
  const startVa = va - (va % hugeBytes);
  return {
    hugeBytes,
    startVa,
    nr: hugeBytes / context.kernelPageBytes,
    index: (startVa - vma.startVa + vma.offsetBytes) / hugeBytes,
    pfn: ptePfn - Math.floor((va - startVa) / context.kernelPageBytes),
  };
}

/** The entries of a huge page (`make_huge_pte`); `own` and `write` decide whether it may be written. */
function flagsFor(context: MmContext, vma: Vma, unit: Unit, how: { own: boolean; write: boolean }): number {
  const shared = (vma.flags & VM.SHARED) !== 0;
  const writes = (shared || how.write) && (vma.prot & PROT.WRITE) !== 0;
  const order = Math.log2(unit.nr);
  const base = protectionFlags(vma.prot, writes) | PTE.YOUNG | largeFlag(order, context.kernelPageBytes);
  const kind = how.own ? PTE.ANON | PTE.EXCLUSIVE : 0;
  return writes ? ((base | PTE.WRITE | PTE.DIRTY) & ~PTE.READONLY) | kind : base | kind;
}

/** The page that is there becomes writable, all of it. */
function reuse(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const unit = unitOf(context, job, vma);
  const { startVa, nr, pfn } = unit;
  const own = (vma.flags & VM.SHARED) === 0;
  const flags = flagsFor(context, vma, unit, { own, write: true });
  return waitsOn(overwrite(context, job, { step: 'reused', startVa, pfn, nr, flags, expects: pfn }, send));
}

/**
 * Begins a fault in an area of huge pages.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 2 ** 21 + 5, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: VM.HUGETLB | VM.SHARED, file: 'hugetlb:2048kB:1', offsetBytes: 0 };
 * const sent: { index: number }[] = [];
 * hugetlbFault(mm, job, vma, (_to, message) => sent.push(message)).context.job?.step; // 'hugePaged'
 * sent[0]?.index; // 1
 * ```
 */
export function hugetlbFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { access, pteFlags } = workOf(job);
  const shared = (vma.flags & VM.SHARED) !== 0;
  const present = hasFlags(pteFlags, PTE.VALID);
  if (present && (shared || hasFlags(pteFlags, PTE.EXCLUSIVE))) return reuse(context, job, vma, send);
  const { startVa: va, index } = unitOf(context, job, vma);
  const { startVa, endVa, flags, prot, offsetBytes } = vma;
  const wish = {
    sender: mmOf(context.pid),
    file: vma.file ?? '',
    index,
    va,
    area: { startVa, endVa, flags, prot, offsetBytes },
    pageBytes: context.pageBytes,
    write: access === 'write',
    shared,
    wrote: present && hasFlags(pteFlags, PTE.ANON),
  };
  const prepared = shared ? context : prepareAnon(context, workOf(job).va);
  const message = (request: number): MessageOf<'HUGE_FAULT'> => ({ type: 'HUGE_FAULT', request, ...wish });
  return waitsOn(ask(prepared, job, 'hugePaged', 'hugetlb', message, send, costsOf(context).faultHandlerBase));
}

/** hugetlb has answered: all entries of the page are written, over those of the page that was copied. */
const hugePaged: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'HUGE_PAGE', 'a huge fault is answered with a huge page');
  if (event.errno !== 0) return ends(context, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  const vma = vmaOf(context, job);
  if (event.reuse) return reuse(context, job, vma, send);
  const { access, pteFlags } = workOf(job);
  const unit = unitOf(context, job, vma);
  const { startVa, nr } = unit;
  const flags = flagsFor(context, vma, unit, { own: event.own, write: event.own && access === 'write' });
  const { pfn } = event;
  if (!hasFlags(pteFlags, PTE.VALID)) return waitsOn(setRuns(context, job, [{ va: startVa, pfn, nr, flags }], send));
  return waitsOn(overwrite(context, job, { step: 'set', startVa, pfn, nr, flags, expects: unit.pfn }, send));
};

/** The step of a huge fault, by the name that a job waits under. */
export const hugeSteps: Record<'hugePaged', FaultStepHandler> = { hugePaged };

/**
 * hugetlb hears of own pages whose entries are gone; the areas are still there.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: VM.HUGETLB, file: 'hugetlb:2048kB:1', offsetBytes: 0 };
 * const gone = [{ va: 2 ** 21, pfn: 512, nr: 512, flags: PTE.VALID | PTE.ANON }];
 * const sent: unknown[] = [];
 * tellHugeUnmapped(mm, gone, VmaSet.empty(4096).insert(vma), (_to, message) => sent.push(message));
 * sent; // [{ type: 'HUGE_UNMAPPED', file: 'hugetlb:2048kB:1', mm: 'mm:1', indexes: [1] }]
 * ```
 */
export function tellHugeUnmapped(context: MmContext, cleared: readonly PteRun[], vmas: VmaSet, send: Send): void {
  const byFile = new Map<string, Set<number>>();
  for (const { va, nr, flags } of cleared) {
    if (!hasFlags(flags, PTE.ANON)) continue;
    const vma = vmas.find(va);
    const hugeBytes = vma === null ? null : hugeBytesOf(vma);
    if (vma === null || hugeBytes === null || vma.file === null) continue;
    const indexes = byFile.get(vma.file) ?? new Set();
    const indexAt = (at: number): number => Math.floor((at - vma.startVa + vma.offsetBytes) / hugeBytes);
    const last = indexAt(va + (nr - 1) * context.kernelPageBytes);
    for (let index = indexAt(va); index <= last; index++) indexes.add(index);
    byFile.set(vma.file, indexes);
  }
  const mm = mmOf(context.pid);
  for (const [file, indexes] of byFile) send('hugetlb', { type: 'HUGE_UNMAPPED', file, mm, indexes: [...indexes] });
}

/**
 * hugetlb hears of the parts of private areas that are gone: what was promised for them is not any more.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * tellHugeReleased(mm, mm.vmas, () => {});
 * ```
 */
export function tellHugeReleased(context: MmContext, before: VmaSet, send: Send): void {
  const { hugetlb } = context.resources.facilities;
  if (hugetlb === undefined || context.vmas === before) return;
  const mm = mmOf(context.pid);
  for (const range of lostRanges(before, context.vmas)) send('hugetlb', { type: 'HUGE_RELEASE', mm, ...range });
}

/**
 * Begins the effects that hugetlb takes part in: promises before an area is there, and the end of shared tables.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const job = callJob(1, { op: 'munmap', addr: 0, lengthBytes: 2 ** 21 });
 * const effect = { do: 'hugeUnshare' as const, file: 'hugetlb:2048kB:1' };
 * beginHugeEffect(mm, { ...job, effects: [effect] }, effect, () => {}).done?.errno; // 0
 * ```
 */
export function beginHugeEffect(
  context: MmContext,
  job: CallJob,
  effect: Extract<Effect, { do: 'hugeReserve' | 'hugeUnshare' }>,
  send: Send,
): CallStep {
  const sender = mmOf(context.pid);
  if (effect.do === 'hugeReserve') {
    const { do: _effect, ...wish } = effect;
    const message = (request: number): Message => ({ type: 'RESERVE_HUGE', sender, request, ...wish });
    return waits(ask(context, job, 'hugeReserved', 'hugetlb', message, send));
  }
  const { hugetlb } = context.resources.facilities;
  if (hugetlb === undefined || hugetlb.pmdSharing === 'none') return nextEffect(context, job, send);
  const { file } = effect;
  const message = (request: number): Message => ({ type: 'HUGE_UNSHARE', sender, request, file });
  return waits(ask(context, job, 'hugeUnshared', 'hugetlb', message, send));
}

type StepHandler = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

/** The steps of these effects, by the name that a job waits under. */
export const hugeEffectSteps: Partial<Record<string, StepHandler>> = {
  hugeReserved: (context, job, event, send) => {
    invariant(event.type === 'HUGE_RESERVED', 'hugetlb answers a promise');
    return event.errno === 0 ? nextEffect(context, job, send) : failPlan(context, job, event.errno);
  },
  hugeUnshared: (context, job, _event, send) => nextEffect(context, job, send),
};
