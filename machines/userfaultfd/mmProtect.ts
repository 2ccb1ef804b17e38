/**
 * UFFDIO_WRITEPROTECT and UFFDIO_MOVE in an mm: entries are read, and exchanged for protected ones or moved.
 *
 * @models L-08 D-07
 */
import { invariant } from '../../src/errors.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { Effect } from '../../src/mm/calls/plan.ts';
import { isMarker, MARKER, NON_PRESENT } from '../../src/mm/nonPresent.ts';
import { hasFlags, isDirty, isPresent, PROT, PTE } from '../../src/mm/pte.ts';
import { armingOf } from '../../src/mm/userfaultfd/areas.ts';
import { type MovedPage, movedErrno, progressOf, resultOf } from '../../src/mm/userfaultfd/fill.ts';
import { UFFD_FEATURE } from '../../src/mm/userfaultfd/numbers.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { mmuOf, uffdOf } from '../addresses.ts';
import type { Message, PteRun } from '../messages.ts';
import { type CallJob, type CallStep, tableDone, waits } from '../mmCallJob.ts';
import { isZeroFrame, noteFallback } from '../mmEntries.ts';
import { nextEffect } from '../mmPlan.ts';
import { ask, costsOf, type MmContext } from '../mmState.ts';
import { reviseJob } from '../reviseWork.ts';
import type { Send } from '../support.ts';
import type { PteChange } from '../walkers/messages.ts';

type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;
type Step = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

function effectOf<D extends 'userProtect' | 'userMove'>(job: CallJob, kind: D): EffectOf<D> {
  const [effect] = job.effects;
  invariant(effect?.do === kind, `a call that waits for a ${kind} does one`);
  return effect as EffectOf<D>;
}

function read(
  context: MmContext,
  job: CallJob,
  step: string,
  ranges: { startVa: number; endVa: number }[],
  send: Send,
): CallStep {
  const message = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waits(ask(context, job, step, mmuOf(context.pid), message, send, costsOf(context).vmaOperation));
}

/**
 * Begins to protect a range, or to give its permissions back (`uffd_wp_range`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const effect = { do: 'userProtect' as const, startVa: 0x10000, endVa: 0x11000, protect: true };
 * const call = { op: 'uffd_wake' as const, fd: 'u', addr: 0, lengthBytes: 0 };
 * beginUserProtect(mm, { ...callJob(1, call), effects: [effect] }, effect, () => {}).context.job?.step; // 'userProtectRead'
 * ```
 */
export function beginUserProtect(
  context: MmContext,
  job: CallJob,
  { startVa, endVa }: EffectOf<'userProtect'>,
  send: Send,
): CallStep {
  return read(context, job, 'userProtectRead', [{ startVa, endVa }], send);
}

/** The flags of a present entry once its protection is lifted; exclusive memory may be written at once. */
function lifted(flags: number, vma: Vma): number {
  const bare = flags & ~PTE.UFFD_WP;
  // `can_change_private_writable`; what is shared meets the write fault that it wants to hear of.
  if ((vma.prot & PROT.WRITE) === 0 || !hasFlags(flags, PTE.EXCLUSIVE)) return bare;
  return isDirty(flags) ? (bare | PTE.WRITE) & ~PTE.READONLY : bare | PTE.WRITE;
}

/** Stretches of a range without any entry. */
function gaps(
  runs: readonly PteRun[],
  startVa: number,
  endVa: number,
  pageBytes: number,
): { va: number; nr: number }[] {
  const found: { va: number; nr: number }[] = [];
  let at = startVa;
  for (const { va, nr } of runs.toSorted((a, b) => a.va - b.va)) {
    if (va > at) found.push({ va: at, nr: (va - at) / pageBytes });
    at = va + nr * pageBytes;
  }
  if (at < endVa) found.push({ va: at, nr: (endVa - at) / pageBytes });
  return found;
}

const WP_MARKER = { pfn: MARKER.UFFD_WP, flags: NON_PRESENT.marker };

/** `change_pte_range` with MM_CP_UFFD_WP, as exchanges of what was read. */
function protecting(
  vma: Vma,
  runs: readonly PteRun[],
  effect: EffectOf<'userProtect'>,
  pageBytes: number,
): PteChange[] {
  const changes: PteChange[] = [];
  for (const { va, pfn, nr, flags } of runs) {
    if (!isPresent(flags) || hasFlags(flags, PTE.UFFD_WP)) continue;
    const to = { pfn, flags: (flags & ~PTE.WRITE) | PTE.READONLY | PTE.UFFD_WP | (isDirty(flags) ? PTE.DIRTY : 0) };
    changes.push({ va, nr, expects: { pfn, flags }, to, keepAge: true });
  }
  // `userfaultfd_wp_use_markers`: what is not there yet is remembered for shmem, and for anonymous memory on request.
  const unpopulated = ((armingOf(vma)?.features ?? 0) & UFFD_FEATURE.WP_UNPOPULATED) !== 0;
  if (vma.file === null && !unpopulated) return changes;
  for (const { va, nr } of gaps(runs, effect.startVa, effect.endVa, pageBytes)) {
    changes.push({ va, nr, expects: null, to: WP_MARKER, sameEntry: true });
  }
  return changes;
}

function lifting(vma: Vma, runs: readonly PteRun[], pageBytes: number): PteChange[] {
  return runs.flatMap(({ va, pfn, nr, flags }): PteChange[] => {
    if (isMarker({ pfn, flags }, MARKER.UFFD_WP)) {
      return Array.from({ length: nr }, (_, at) => ({ va: va + at * pageBytes, nr: 1, expects: WP_MARKER, to: null }));
    }
    if (!isPresent(flags) || !hasFlags(flags, PTE.UFFD_WP)) return [];
    return [{ va, nr, expects: { pfn, flags }, to: { pfn, flags: lifted(flags, vma) }, keepAge: true }];
  });
}

/** What stands at each page of a move. */
function movedPages(context: MmContext, job: CallJob, runs: readonly PteRun[]): MovedPage[] {
  const { move } = effectOf(job, 'userMove');
  const at = (va: number): PteRun | undefined =>
    runs.find((run) => va >= run.va && va < run.va + run.nr * context.kernelPageBytes);
  const sourceOf = (va: number): MovedPage['source'] => {
    const run = at(va);
    if (run === undefined) return 'none';
    if (!isPresent(run.flags)) return 'marker';
    if (isZeroFrame(context, run.pfn)) return 'zero-page';
    return hasFlags(run.flags, PTE.EXCLUSIVE) ? 'exclusive' : 'shared';
  };
  return Array.from({ length: move.lengthBytes / move.unitBytes }, (_, unit) => {
    const offset = unit * move.unitBytes;
    return { targetFree: at(move.addr + offset) === undefined, source: sourceOf(move.fromVa + offset) };
  });
}

/**
 * Begins to move pages.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const range = { fd: 'u', addr: 0x10000, fromVa: 0x20000, lengthBytes: 4096, unitBytes: 4096 };
 * const move = { op: 'uffd_move' as const, ...range, allowHoles: false, wake: true };
 * const effect = { do: 'userMove' as const, move };
 * beginUserMove(mm, { ...callJob(1, move), effects: [effect] }, effect, () => {}).context.job?.step; // 'userMoveRead'
 * ```
 */
export function beginUserMove(context: MmContext, job: CallJob, { move }: EffectOf<'userMove'>, send: Send): CallStep {
  const { addr, fromVa, lengthBytes } = move;
  const ranges = [addr, fromVa].map((startVa) => ({ startVa, endVa: startVa + lengthBytes }));
  return read(context, job, 'userMoveRead', ranges, send);
}

/**
 * Wakes whoever waits in a range; the mm passes faults on in the same order.
 *
 * @example
 * ```ts
 * const sent: unknown[] = [];
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * wakeWaiting(mm, { do: 'userWake', fd: 'u', startVa: 0x10000, endVa: 0x11000 }, (_to, message) => sent.push(message));
 * sent; // [{ type: 'UFFD_WAKE', fd: 'u', startVa: 0x10000, lengthBytes: 4096 }]
 * ```
 */
export function wakeWaiting(context: MmContext, { fd, startVa, endVa }: EffectOf<'userWake'>, send: Send): MmContext {
  send(uffdOf(fd), { type: 'UFFD_WAKE', fd, startVa, lengthBytes: endVa - startVa });
  return context;
}

function moveEnds(context: MmContext, job: CallJob, units: number, send: Send): CallStep {
  const effect = effectOf(job, 'userMove');
  const { move } = effect;
  const wanted = move.lengthBytes / move.unitBytes;
  const { doneBytes, errno } = resultOf({ units, errno: job.errno }, wanted, move.unitBytes);
  const wakes = move.wake && doneBytes > 0;
  const rest: Effect[] = wakes
    ? [{ do: 'userWake', fd: move.fd, startVa: move.addr, endVa: move.addr + doneBytes }]
    : [];
  const next = reviseJob(job, (draft) => {
    draft.effects = [effect, ...rest, ...job.effects.slice(1)];
    draft.errno = errno;
    draft.data = [doneBytes];
  });
  return nextEffect(context, next, send);
}

/** The steps of both, by the name that the job waits under. */
export const protectSteps: Partial<Record<string, Step>> = {
  userProtectRead: (context, job, event, send) => {
    const effect = effectOf(job, 'userProtect');
    const vma = context.vmas.find(effect.startVa);
    invariant(vma !== null, 'the area that is protected stays while it is');
    const runs = tableDone(event).set;
    const page = context.kernelPageBytes;
    const changes = effect.protect ? protecting(vma, runs, effect, page) : lifting(vma, runs, page);
    if (changes.length === 0) return nextEffect(context, job, send);
    const message = (request: number): Message => {
      return { type: 'EXCHANGE_PTES', request, changes, rmap: { issuerPageBytes: page } };
    };
    return waits(ask(context, job, 'userProtected', mmuOf(context.pid), message, send));
  },

  /** Entries that changed between the look and the exchange are looked at again. */
  userProtected: (context, job, event, send) => {
    const { rejected, fallback } = tableDone(event);
    const state = noteFallback(context, fallback);
    const missed = rejected.length > 0 && fallback !== 'no-memory';
    return missed ? beginUserProtect(state, job, effectOf(job, 'userProtect'), send) : nextEffect(state, job, send);
  },

  userMoveRead: (context, job, event, send) => {
    const { move } = effectOf(job, 'userMove');
    const pages = movedPages(context, job, tableDone(event).set);
    const { units, errno } = progressOf(pages.map((page) => movedErrno(page, move.allowHoles)));
    const next = reviseJob(job, (draft) => {
      draft.errno = errno;
      draft.result = units;
    });
    if (units === 0) return moveEnds(context, next, 0, send);
    const lengthBytes = units * move.unitBytes;
    const message = (request: number): Message => {
      return { type: 'MOVE_PTES', request, fromVa: move.fromVa, toVa: move.addr, lengthBytes };
    };
    return waits(ask(context, next, 'userMoved', mmuOf(context.pid), message, send));
  },

  userMoved: (context, job, event, send) => {
    const { fallback } = tableDone(event);
    const noMemory = fallback === 'no-memory';
    const units = noMemory ? 0 : job.result;
    const next = reviseJob(job, (draft) => {
      draft.result = 0;
      if (noMemory) draft.errno = ERRNO.ENOMEM;
    });
    return moveEnds(noteFallback(context, fallback), next, units, send);
  },
};
