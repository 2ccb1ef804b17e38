/**
 * ksmd goes through the areas that may be merged, address space by address space, some pages at a time
 * (`mm/ksm.c:ksm_do_scan`, `scan_get_next_rmap_item`).
 *
 * @models S-48
 */
import { invariant } from '../../src/errors.ts';
import { withItem, withoutUnseen, mmIn } from '../../src/mm/ksm/trees.ts';
import { hasFlags, protectionFlags, PTE } from '../../src/mm/pte.ts';
import { VM, type Vma } from '../../src/mm/vma.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, PteRun } from '../messages.ts';
import { type Send, ZERO_BYTES } from '../support.ts';
import { compareUnit } from './merge.ts';
import { askFor, type KsmContext, type KsmJob, type KsmUnit, pruned } from './state.ts';

/**
 * Begins a batch, unless there is nothing to do.
 *
 * @example
 * ```ts
 * const ksm = initialKsm({ resources: null, kernelPageBytes: 4096, zeroPfn: 0, settings: ksmSchema.parse({}) });
 * beginBatch(ksm, () => {}).job; // null
 * ```
 */
export function beginBatch(context: KsmContext, send: Send): KsmContext {
  const { settings, trees } = context;
  if (context.job !== null || !settings.run || trees.mms.length === 0) return context;
  const job: KsmJob = {
    awaits: -1,
    step: '',
    left: settings.pagesToScan,
    pid: 0,
    ranges: [],
    pageBytes: 0,
    units: [],
    merge: null,
  };
  return nextMm(context, job, send);
}

/** The batch is over: ksmd sleeps. */
function sleep(context: KsmContext, send: Send): KsmContext {
  send('ksmd', { type: 'KSM_SCAN' }, context.settings.sleepCycles);
  return { ...context, job: null, armed: true };
}

/** Asks the address space at the cursor for its areas; behind the last one a pass is over. */
function nextMm(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const mm = context.trees.mms[context.cursor.at];
  if (mm === undefined) {
    const trees = { ...context.trees, unstable: {}, pass: context.trees.pass + 1 };
    return sleep({ ...context, trees, cursor: { at: 0, va: 0 }, fullScans: context.fullScans + 1 }, send);
  }
  const query = (request: number): Message => ({ type: 'MM_QUERY', sender: 'ksmd', request });
  return askFor(context, { ...job, pid: mm.pid, units: [], ranges: [] }, 'areas', mmOf(mm.pid), query, send);
}

/** `vma_ksm_compatible` has been asked when the flag was set; shared memory has none. */
function isMergeable({ flags }: Vma): boolean {
  return (flags & VM.MERGEABLE) !== 0 && (flags & VM.SHARED) === 0;
}

/** The areas are known: those from the cursor on are walked. */
function areas(context: KsmContext, job: KsmJob, event: Message, send: Send): KsmContext {
  invariant(event.type === 'MM_STATE', 'an mm answers with its areas');
  const { vmas, pageBytes } = event.state;
  const leftAlone = context.settings.unit === 'off' && pageBytes > context.kernelPageBytes;
  const mergeable = leftAlone ? [] : vmas.filter((vma) => isMergeable(vma) && vma.endVa > context.cursor.va);
  const ranges = mergeable.map(({ startVa, endVa, prot }) => {
    return { startVa: Math.max(startVa, context.cursor.va), endVa, protection: protectionFlags(prot, false) };
  });
  return nextRange(context, { ...job, ranges, pageBytes }, send);
}

function nextRange(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const [range] = job.ranges;
  if (range !== undefined) {
    const { startVa, endVa } = range;
    const walk = (request: number): Message => ({ type: 'PAGEWALK', sender: 'ksmd', request, startVa, endVa });
    return askFor(context, job, 'walked', mmuOf(job.pid), walk, send);
  }
  const state = pruned(context, withoutUnseen(context.trees, job.pid), send);
  const next = { ...state, cursor: { at: state.cursor.at + 1, va: 0 } };
  return job.left > 0 ? nextMm(next, job, send) : sleep(next, send);
}

/** Kernel pages that are compared and merged at once for a process of this page size. */
function unitPages({ settings, kernelPageBytes }: KsmContext, pageBytes: number): number {
  return settings.unit === 'kernel-page' ? 1 : Math.max(1, pageBytes / kernelPageBytes);
}

/** The entries of one unit, or null where it is not all there, or not one block. */
function unitAt(entries: readonly PteRun[], va: number, nr: number, pageBytes: number): PteRun[] | null {
  const endVa = va + nr * pageBytes;
  const runs = entries
    .filter((run) => run.va < endVa && run.va + run.nr * pageBytes > va)
    .map((run): PteRun => {
      const from = Math.max(run.va, va);
      const to = Math.min(run.va + run.nr * pageBytes, endVa);
      return { va: from, pfn: run.pfn + (from - run.va) / pageBytes, nr: (to - from) / pageBytes, flags: run.flags };
    });
  const [first] = runs;
  if (first === undefined || runs.reduce((sum, run) => sum + run.nr, 0) !== nr) return null;
  const usable = runs.every(({ va: at, pfn, flags }) => {
    const isAnonymous = hasFlags(flags, PTE.VALID) && hasFlags(flags, PTE.ANON) && !hasFlags(flags, PTE.SPECIAL);
    return isAnonymous && pfn === first.pfn + (at - va) / pageBytes;
  });
  return usable && first.pfn % nr === 0 ? runs : null;
}

/** Whether entries are of the shared zero memory. */
function isZero({ zeroPfn, kernelPageBytes }: KsmContext, pfn: number): boolean {
  return pfn >= zeroPfn && pfn < zeroPfn + ZERO_BYTES / kernelPageBytes;
}

/** Units that the zero page took the place of are met, too: they stay what they are. */
function meetZero(context: KsmContext, pid: number, entries: readonly PteRun[]): KsmContext {
  const mm = mmIn(context.trees, pid);
  let { trees } = context;
  for (const item of Object.values(mm?.items ?? {})) {
    const size = context.kernelPageBytes;
    const run = entries.find(({ va, nr }) => item.va >= va && item.va < va + nr * size);
    if (item.tree !== 'zero' || run === undefined || !isZero(context, run.pfn)) continue;
    trees = withItem(trees, pid, { ...item, seen: trees.pass });
  }
  return { ...context, trees };
}

/** A range is read: the units in it, as many as the batch may look at. */
function walked(context: KsmContext, job: KsmJob, event: Message, send: Send): KsmContext {
  invariant(event.type === 'WALKED', 'an MMU answers with the entries');
  const [range, ...ranges] = job.ranges;
  invariant(range !== undefined, 'the range that was walked is the first');
  const page = context.kernelPageBytes;
  const nr = unitPages(context, job.pageBytes);
  const state = meetZero(context, job.pid, event.runs);
  const units: KsmUnit[] = [];
  let { torn } = state;
  let va = Math.ceil(range.startVa / (nr * page)) * nr * page;
  for (; va + nr * page <= range.endVa && units.length * nr < job.left; va += nr * page) {
    const runs = unitAt(event.runs, va, nr, page);
    const any = event.runs.find((run) => run.va < va + nr * page && run.va + run.nr * page > va);
    if (runs === null) torn += nr > 1 && any !== undefined && !isZero(context, any.pfn) ? 1 : 0;
    else if (!isZero(context, runs[0].pfn)) {
      units.push({ pid: job.pid, va, nr, pfn: runs[0].pfn, runs, protection: range.protection });
    }
  }
  const whole = va + nr * page > range.endVa;
  const rest = whole ? ranges : [{ ...range, startVa: va }, ...ranges];
  const cursor = { at: state.cursor.at, va: whole ? range.endVa : va };
  return nextUnit({ ...state, torn, cursor }, { ...job, ranges: rest, units }, send);
}

/**
 * Looks at the next unit; behind the last one the batch goes on with the next range, or is over.
 *
 * @example
 * ```ts
 * const ksm = initialKsm({ resources: null, kernelPageBytes: 4096, zeroPfn: 0, settings: ksmSchema.parse({}) });
 * const job = { awaits: 0, step: '', left: 0, pid: 7, ranges: [], pageBytes: 4096, units: [], merge: null };
 * const over = { ...job, ranges: [{ startVa: 0, endVa: 4096, protection: 1 }] };
 * nextUnit(ksm, over, () => {}).armed; // true
 * ```
 */
export function nextUnit(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const [unit, ...units] = job.units;
  if (unit === undefined) {
    if (job.left <= 0 && job.ranges.length > 0) return sleep(context, send);
    return nextRange(context, job, send);
  }
  const next = { ...job, units, left: job.left - unit.nr, merge: null };
  return compareUnit({ ...context, pagesScanned: context.pagesScanned + unit.nr }, next, unit, send);
}

/** The steps of a scan, by the name that the batch waits under. */
export const scanSteps: Record<string, (context: KsmContext, job: KsmJob, event: Message, send: Send) => KsmContext> = {
  areas,
  walked,
};
