/**
 * What an mm does for those who pin its pages: it tells `write_protect_seq`, and under its lock it faults pages in and pins
 * them (`mm/gup.c:__get_user_pages`, `follow_page_pte`). The second look at the entries stands for the page-table lock, which
 * the kernel holds from the look at an entry until the reference is taken.
 *
 * @models S-08
 */
import { invariant } from '../../src/errors.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { Effect } from '../../src/mm/calls/plan.ts';
import type { PinCall } from '../../src/mm/calls/pin.ts';
import { followsEntry, isCowMapping } from '../../src/mm/gup/rules.ts';
import { hasFlags, PTE } from '../../src/mm/pte.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, PteRun } from '../messages.ts';
import { type CallJob, type CallStep, fails, returns, tableDone, waits } from '../mmCallJob.ts';
import { isZeroFrame } from '../mmEntries.ts';
import { ask, type MmContext, SIGNAL } from '../mmState.ts';
import { beginMove, moveStep } from './mmMovePins.ts';
import { reviseMm } from '../revise.ts';
import { reviseJob } from '../reviseWork.ts';
import { assertType, type Send } from '../support.ts';

/** What an mm keeps once somebody has pinned pages of it (MMF_HAS_PINNED). */
export interface Pinning {
  /** Forks that have copied its tables since (`write_protect_seq`, which is twice that while no fork does). */
  forks: number;
}

/** Steps of fork during which `write_protect_seq` is odd (`mm/memory.c:copy_page_range`). */
const COPYING: ReadonlySet<string> = new Set(['forkRead', 'forkFolios', 'forkCopied', 'copiedTables']);

/** And of a long-term pin, while a folio is moved (`mmMovePins.ts`). */
const MOVING = 'pinMove';

/**
 * The mm has pinned pages from now on (`mm_set_has_pinned_flag`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * hasPinned(mm).pinning; // { forks: 0 }
 * ```
 */
export function hasPinned(context: MmContext): MmContext {
  if (context.pinning !== undefined) return context;
  return reviseMm(context, (draft) => {
    draft.pinning = { forks: 0 };
  });
}

/**
 * Answers READ_PROTECT_SEQ. It is read without any lock.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const sent: unknown[] = [];
 * readSequence(mm, { type: 'READ_PROTECT_SEQ', sender: 'gup:a', request: 1 }, (_to, message) => sent.push(message));
 * sent; // [{ type: 'PROTECT_SEQ', request: 1, seq: 0 }]
 * ```
 */
export function readSequence(before: MmContext, event: Message, send: Send): MmContext {
  assertType(event, 'READ_PROTECT_SEQ');
  const context = hasPinned(before);
  const { job, pinning } = context;
  const copies = job?.kind === 'call' && (COPYING.has(job.step) || job.step.startsWith(MOVING));
  const seq = 2 * (pinning?.forks ?? 0) + (copies ? 1 : 0);
  send(event.sender, { type: 'PROTECT_SEQ', request: event.request, seq });
  return context;
}

/**
 * A fork has copied the tables: `write_protect_seq` is even again, and another one.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * forkCopied(mm) === mm; // true
 * forkCopied(hasPinned(mm)).pinning; // { forks: 1 }
 * ```
 */
export function forkCopied(context: MmContext): MmContext {
  const { pinning } = context;
  if (pinning === undefined) return context;
  return reviseMm(context, (draft) => {
    draft.pinning = { ...pinning, forks: pinning.forks + 1 };
  });
}

type PinEffect = Extract<Effect, { do: 'pin' }>;

function effectOf(job: CallJob): PinEffect {
  const [effect] = job.effects;
  invariant(effect?.do === 'pin', 'a call that pins has come to its pins');
  return effect;
}

function readTable(context: MmContext, job: CallJob, step: string, send: Send): CallStep {
  const { startVa, endVa } = effectOf(job);
  const ranges = [{ startVa, endVa }];
  const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waits(ask(context, job, step, mmuOf(context.pid), read, send));
}

/**
 * Begins to pin what has been populated.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const wish = { write: false, longterm: false, force: false };
 * const call = { op: 'pin_user_pages' as const, sender: 'gup:a', addr: 0x10000, lengthBytes: 4096, ...wish };
 * const job = { ...callJob(1, call), effects: [{ do: 'pin' as const, startVa: 0x10000, endVa: 0x11000, wish }] };
 * beginPin(mm, job, () => {}).context.job?.step; // 'pinRead'
 * ```
 */
export function beginPin(context: MmContext, job: CallJob, send: Send): CallStep {
  return readTable(hasPinned(context), job, 'pinRead', send);
}

/**
 * A page of the range cannot be had: what comes before it is pinned all the same, and where that is nothing the call fails.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const wish = { write: false, longterm: false, force: false };
 * const call = { op: 'pin_user_pages' as const, sender: 'gup:a', addr: 0x10000, lengthBytes: 4096, ...wish };
 * const job = { ...callJob(1, call), effects: [{ do: 'pin' as const, startVa: 0x10000, endVa: 0x11000, wish }] };
 * pinUpTo(mm, job, 0x10000, SIGNAL.KILL, () => {}).done?.errno; // 12
 * ```
 */
export function pinUpTo(context: MmContext, job: CallJob, reachVa: number, signal: number, send: Send): CallStep {
  const pin = job.effects.at(-1);
  invariant(pin?.do === 'pin', 'what is populated for pins is pinned at the end');
  if (reachVa <= pin.startVa) return fails(context, signal === SIGNAL.KILL ? ERRNO.ENOMEM : ERRNO.EFAULT);
  const cut = reviseJob(job, (draft) => {
    draft.effects = [{ ...pin, endVa: reachVa }];
  });
  return beginPin(context, cut, send);
}

/** The entries of a range that may be pinned, without those of the zero page; null where any page of it may not be. */
function pinnable(context: MmContext, { startVa, endVa, wish }: PinEffect, set: readonly PteRun[]): PteRun[] | null {
  const page = context.kernelPageBytes;
  const runs: PteRun[] = [];
  let reach = startVa;
  for (const run of set) {
    const vma = context.vmas.find(run.va);
    if (run.va !== reach || vma === null || !followsEntry(run.flags, wish, isCowMapping(vma))) return null;
    reach = run.va + run.nr * page;
    if (!isZeroFrame(context, run.pfn)) runs.push(run);
  }
  return reach >= endVa ? runs : null;
}

function sameFrames(a: readonly PteRun[], b: readonly PteRun[]): boolean {
  const pages = (runs: readonly PteRun[]): string =>
    runs.flatMap(({ va, pfn, nr }) => Array.from({ length: nr }, (_, at) => `${va}+${at}:${pfn + at}`)).join();
  return a.length === b.length
    ? a.every((run, at) => run.va === b[at].va && run.pfn === b[at].pfn && run.nr === b[at].nr)
    : pages(a) === pages(b);
}

/** What the holder gets: address, frame, pages, and 1 where they are anonymous. */
function pinData(runs: readonly PteRun[]): number[] {
  return runs.flatMap(({ va, pfn, nr, flags }) => [va, pfn, nr, hasFlags(flags, PTE.ANON) ? 1 : 0]);
}

function pinned(context: MmContext, job: CallJob): CallStep {
  const { startVa, endVa } = effectOf(job);
  return returns(context, (endVa - startVa) / context.kernelPageBytes, pinData(job.runs));
}

/** From the beginning, as `__get_user_pages` goes round: something took a page away that had been faulted in. */
function again(context: MmContext, job: CallJob, replan: Replan, send: Send): CallStep {
  const clean = reviseJob(job, (draft) => {
    draft.effects = [];
    draft.runs = [];
    delete draft.moving;
  });
  return replan(context, clean, job.call as PinCall, send);
}

/** Plans a call anew (`machines/mmPlan.ts:beginPlan`), given by who knows it: plans and effects know each other already. */
export type Replan = (context: MmContext, job: CallJob, call: PinCall, send: Send) => CallStep;

/**
 * Takes a pinning call one step on.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const wish = { write: false, longterm: false, force: false };
 * const call = { op: 'pin_user_pages' as const, sender: 'gup:a', addr: 0x10000, lengthBytes: 4096, ...wish };
 * const effects = [{ do: 'pin' as const, startVa: 0x10000, endVa: 0x11000, wish }];
 * const job = { ...callJob(1, call), step: 'pinGrabbed', effects };
 * const grabbed = { type: 'GRABBED' as const, request: 1, ok: true, kind: 'anon', owner: 'mm:1' };
 * pinStep(mm, job, grabbed, () => ({ context: mm, done: null }), () => {}).context.job?.step; // 'pinChecked'
 * ```
 */
export function pinStep(context: MmContext, job: CallJob, event: Message, replan: Replan, send: Send): CallStep {
  const sender = mmOf(context.pid);
  if (job.step.startsWith(MOVING)) {
    const { step, done } = moveStep(context, job, event, send);
    return done ? again(step.context, job, replan, send) : step;
  }
  switch (job.step) {
    case 'pinRead': {
      const runs = pinnable(context, effectOf(job), tableDone(event).set);
      if (runs === null) return again(context, job, replan, send);
      const next = reviseJob(job, (draft) => {
        draft.runs = runs;
      });
      if (runs.length === 0) return pinned(context, next);
      const frames = runs.map(({ pfn, nr }) => ({ pfn, nr }));
      const longterm = effectOf(job).wish.longterm ? { longterm: true as const } : {};
      const grab = (request: number): Message => ({ type: 'TRY_GRAB', sender, request, runs: frames, ...longterm });
      return waits(ask(context, next, 'pinGrabbed', 'zone', grab, send));
    }
    case 'pinGrabbed':
      invariant(event.type === 'GRABBED', 'the zone answers a grab');
      if (event.unpinnable !== undefined) return beginMove(context, job, event.unpinnable, send);
      return event.ok ? readTable(context, job, 'pinChecked', send) : again(context, job, replan, send);
    case 'pinChecked': {
      const runs = pinnable(context, effectOf(job), tableDone(event).set);
      if (runs !== null && sameFrames(runs, job.runs)) return pinned(context, job);
      const frames = job.runs.map(({ pfn, nr }) => ({ pfn, nr }));
      const unpin = (request: number): Message => ({ type: 'UNPIN', sender, request, runs: frames });
      return waits(ask(context, job, 'pinDropped', 'zone', unpin, send));
    }
    default:
      return again(context, job, replan, send);
  }
}
