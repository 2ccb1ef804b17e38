/**
 * The way of one memory error (`mm/memory-failure.c:memory_failure`, `soft_offline_page`): which folio is it, who maps it, what goes
 * in the place of the entries, who hears of it, and what is kept out of use.
 *
 * @models D-18 D-07
 */
import { invariant } from '../../src/errors.ts';
import {
  actionFor,
  containedRange,
  type FailedPage,
  type FailureAction,
  signalFor,
  softOfflineOf,
} from '../../src/mm/hwpoison/decide.ts';
import { NON_PRESENT } from '../../src/mm/nonPresent.ts';
import { isDirty, isPresent, PTE } from '../../src/mm/pte.ts';
import { mmOf, mmuOf, processOf } from '../addresses.ts';
import { actorOfFile } from '../fileState.ts';
import type { Message, PteRun } from '../messages.ts';
import type { Send } from '../support.ts';
import type { PteChange } from '../walkers/messages.ts';
import {
  askAbout,
  type PoisonContext,
  type PoisonJob,
  poisonJob,
  type PoisonMapper,
  type PoisonOutcome,
} from './state.ts';

type Step = (context: PoisonContext, job: PoisonJob, event: Message, send: Send) => PoisonContext;

const SENDER = 'hwpoison';
const VA_END = 2 ** 48;

/**
 * Begins with the next error that waits.
 *
 * @example
 * ```ts
 * const settings = { containment: 'process-page' as const, retirement: 'frame' as const, earlyKill: false };
 * const poison = initialPoison({ resources: null, kernelPageBytes: 4096, settings, pids: [1] });
 * const request = { how: 'failure' as const, place: { pfn: 77 }, consumed: false };
 * beginNext({ ...poison, queue: [request] }, () => {}).job?.step; // 'identified'
 * ```
 */
export function beginNext(context: PoisonContext, send: Send): PoisonContext {
  const [request, ...queue] = context.queue;
  if (request === undefined || context.job !== null) return context;
  const job = poisonJob(request, context.pids);
  const state = { ...context, queue };
  const { pid, va } = request.place;
  if (pid === undefined || va === undefined) return identify(state, job, send);
  const startVa = va - (va % context.kernelPageBytes);
  const range = { startVa, endVa: startVa + context.kernelPageBytes };
  const walk = (number: number): Message => ({ type: 'PAGEWALK', sender: SENDER, request: number, ...range });
  return askAbout(state, job, 'located', mmuOf(pid), walk, send);
}

/** The error is dealt with. */
function end(context: PoisonContext, job: PoisonJob, outcome: Partial<PoisonOutcome>, send: Send): PoisonContext {
  const outcomes = [...context.outcomes, { ...job.outcome, ...outcome }];
  return beginNext({ ...context, job: null, outcomes }, send);
}

function identify(context: PoisonContext, job: PoisonJob, send: Send): PoisonContext {
  const { pfn } = job;
  if (context.poisoned.includes(pfn))
    return end(context, job, { outcome: 'already', message: 'poisoned before' }, send);
  const query = (request: number): Message => ({ type: 'FOLIO_QUERY', sender: SENDER, request, pfns: [pfn] });
  return askAbout(context, job, 'identified', 'zone', query, send);
}

function marked(context: PoisonContext, pfn: number): PoisonContext {
  return context.poisoned.includes(pfn) ? context : { ...context, poisoned: [...context.poisoned, pfn] };
}

/** Nothing else is to be done but to keep the frame out of use. */
function retire(context: PoisonContext, job: PoisonJob, send: Send): PoisonContext {
  const { pfn } = job;
  const { retirement } = context.settings;
  const message = (request: number): Message => ({ type: 'QUARANTINE', sender: SENDER, request, pfn, retirement });
  return askAbout(marked(context, pfn), job, 'quarantined', 'zone', message, send);
}

/** Gives up, with the reference. */
function leave(context: PoisonContext, job: PoisonJob, outcome: Partial<PoisonOutcome>, send: Send): PoisonContext {
  if (job.holds) send('zone', { type: 'PUT', runs: [{ pfn: job.pfn, nr: 1 }] });
  return end(context, job, outcome, send);
}

function askNextMm(context: PoisonContext, job: PoisonJob, send: Send): PoisonContext {
  const [pid] = job.pids;
  if (pid === undefined) return mapped(context, job, send);
  const query = (request: number): Message => ({ type: 'MM_QUERY', sender: SENDER, request });
  return askAbout(context, job, 'mmKnown', mmOf(pid), query, send);
}

function isMappedDirty({ mappers }: PoisonJob): boolean {
  return mappers.some(({ runs }) => runs.some(({ flags }) => isPresent(flags) && isDirty(flags)));
}

/** Everybody who maps the page is known. */
function mapped(context: PoisonContext, job: PoisonJob, send: Send): PoisonContext {
  const { folio, pfn, request } = job;
  invariant(folio !== null, 'a page that is mapped lies in a folio');
  const soft = request.how === 'soft-offline';
  if (folio.kind === 'file') {
    const dirty = isMappedDirty(job);
    const file = folio.owner.startsWith('file:') ? folio.owner.slice('file:'.length) : null;
    if (file === null) {
      // Shared memory and the memory of objects and devices has nothing to read again from.
      const page = { kind: 'file' as const, dirty: true, inMemory: true };
      return soft ? leave(context, job, { outcome: 'busy' }, send) : act(context, job, actionFor(page), send);
    }
    const wish = { file, sender: SENDER, pfn, dirty, keepDirty: soft };
    const fail = (number: number): Message => ({ type: 'FAIL_PAGE', request: number, ...wish });
    return askAbout(context, job, 'pageFailed', actorOfFile(file), fail, send);
  }
  if (soft) return migrate(context, job, send);
  return act(context, job, actionFor({ kind: folio.kind, dirty: true, inMemory: false }), send);
}

/** `hwpoison_user_mappings`: the entries of all who map the page, and the signals. */
function act(context: PoisonContext, job: PoisonJob, action: FailureAction, send: Send): PoisonContext {
  const poisoned = marked(context, job.pfn);
  const outcome = { ...job.outcome, outcome: action.outcome, message: action.message };
  const signalled: number[] = [];
  for (const { pid, range } of job.mappers) {
    const consumed = job.request.consumed && job.request.place.pid === pid;
    const code = signalFor(action, { earlyKill: context.settings.earlyKill, consumed });
    if (code === 0) continue;
    send(processOf(pid), { type: 'MCE_SIGNAL', code, va: range.badVa });
    signalled.push(pid);
  }
  const told = { ...job, outcome: { ...outcome, signalled } };
  return unmapNext(poisoned, told, action.entries === 'hwpoison', send);
}

function changesOf({ runs }: PoisonMapper, poison: boolean): PteChange[] {
  return runs.map(({ va, pfn, nr, flags }) => {
    const to = poison ? { pfn, flags: NON_PRESENT.hwpoison | (flags & PTE.ANON) } : null;
    return { va, nr, expects: { pfn, flags }, to };
  });
}

function unmapNext(context: PoisonContext, job: PoisonJob, poison: boolean, send: Send): PoisonContext {
  const [mapper] = job.mappers;
  if (mapper === undefined) return retire(context, job, send);
  const changes = changesOf(mapper, poison);
  const message = (request: number): Message => ({ type: 'REPLACE_PTES', sender: SENDER, request, changes });
  return askAbout(context, job, poison ? 'poisoned' : 'unmapped', mmOf(mapper.pid), message, send);
}

/** Entries of one process are gone: their references are given back. An entry that changed meanwhile is looked for again. */
function unmapped(context: PoisonContext, job: PoisonJob, event: Message, poison: boolean, send: Send): PoisonContext {
  invariant(event.type === 'REPLACED', 'an exchange of entries is answered with what was there');
  const present = event.replaced.filter(({ flags }) => isPresent(flags)).map(({ pfn, nr }) => ({ pfn, nr }));
  if (present.length > 0) send('zone', { type: 'PUT', runs: present });
  const pages = present.reduce((sum, { nr }) => sum + nr, 0);
  const outcome = { ...job.outcome, unmappedPages: job.outcome.unmappedPages + pages };
  const fallbacks = context.fallbacks + (event.fallback === '' ? 0 : 1);
  const missed = event.missed.length > 0;
  const rest = { ...job, outcome, mappers: job.mappers.slice(1) };
  if (!missed) return unmapNext({ ...context, fallbacks }, rest, poison, send);
  return end(
    { ...context, fallbacks },
    { ...rest, outcome },
    { outcome: 'failed', message: 'the mapping changed' },
    send,
  );
}

/** Soft offline of anonymous memory: a folio of the same order takes its place. */
function migrate(context: PoisonContext, job: PoisonJob, send: Send): PoisonContext {
  const orderPages = job.folio?.order ?? 0;
  const wish = { sender: SENDER, orderPages, leastOrder: orderPages, count: 1, purpose: 'anon' as const, zero: false };
  const message = (request: number): Message => ({ type: 'ALLOC', request, ...wish });
  return askAbout(context, job, 'allocated', 'zone', message, send);
}

function migrateNext(context: PoisonContext, job: PoisonJob, send: Send): PoisonContext {
  const [mapper] = job.mappers;
  const { folio, newPfn } = job;
  invariant(folio !== null, 'what migrates is a folio');
  if (mapper === undefined) {
    // The references that the new folio began with are those of its entries by now.
    send('zone', { type: 'PUT', runs: [{ pfn: newPfn, nr: 2 ** folio.order }] });
    return retire(context, job, send);
  }
  const changes = mapper.runs.map((run): PteChange => {
    const to = { pfn: newPfn + (run.pfn - folio.pfn), flags: run.flags };
    return { va: run.va, nr: run.nr, expects: { pfn: run.pfn, flags: run.flags }, to, keepAge: true };
  });
  const runs = changes.map(({ to, nr }) => ({ pfn: to?.pfn ?? 0, nr }));
  send('zone', { type: 'GET', sender: SENDER, request: 0, runs });
  const message = (request: number): Message => ({ type: 'REPLACE_PTES', sender: SENDER, request, changes });
  return askAbout(context, job, 'migrated', mmOf(mapper.pid), message, send);
}

/** Entries that lie in a stretch, cut to it. */
function within(runs: readonly PteRun[], startVa: number, endVa: number, page: number): PteRun[] {
  return runs
    .filter((run) => run.va < endVa && run.va + run.nr * page > startVa)
    .map((run): PteRun => {
      const va = Math.max(run.va, startVa);
      const to = Math.min(run.va + run.nr * page, endVa);
      return { va, pfn: run.pfn + (va - run.va) / page, nr: (to - va) / page, flags: run.flags };
    });
}

/** Where one process maps the page: every place of it. */
function mappersIn(context: PoisonContext, job: PoisonJob, pid: number, runs: readonly PteRun[]): PoisonMapper[] {
  const page = context.kernelPageBytes;
  const { pfn, folio, request, pageBytes } = job;
  invariant(folio !== null, 'a page that is looked for lies in a folio');
  const present = runs.filter(({ flags }) => isPresent(flags));
  const { containment } = context.settings;
  return present
    .filter((run) => pfn >= run.pfn && pfn < run.pfn + run.nr)
    .map((run) => {
      const badVa = run.va + (pfn - run.pfn) * page;
      if (request.how === 'soft-offline') {
        // The whole folio moves, wherever this process maps it.
        const own = present.filter(({ pfn: at, nr }) => at < folio.pfn + 2 ** folio.order && at + nr > folio.pfn);
        const cut = own.flatMap((each) => {
          const from = Math.max(each.pfn, folio.pfn);
          const to = Math.min(each.pfn + each.nr, folio.pfn + 2 ** folio.order);
          const startVa = each.va + (from - each.pfn) * page;
          return within([each], startVa, startVa + (to - from) * page, page);
        });
        return { pid, range: { va: badVa, nr: 1, badVa }, runs: cut };
      }
      const range = containedRange(badVa, pageBytes, page, containment);
      return { pid, range, runs: within(present, range.va, range.va + range.nr * page, page) };
    })
    .filter((_, at) => request.how === 'failure' || at === 0);
}

/** The steps, by the name that the worker waits under. */
export const poisonSteps: Record<string, Step> = {
  located: (context, job, event, send) => {
    invariant(event.type === 'WALKED', 'an MMU answers with the entries');
    const run = event.runs.find(({ flags }) => isPresent(flags));
    if (run === undefined) return end(context, job, { outcome: 'not-mapped', message: 'no page there' }, send);
    const { pfn } = run;
    return identify(context, { ...job, pfn, outcome: { ...job.outcome, pfn } }, send);
  },

  identified: (context, job, event, send) => {
    invariant(event.type === 'FOLIOS', 'the zone answers with folios');
    const [folio] = event.folios;
    const page: FailedPage = { kind: folio?.kind ?? 'free', dirty: false, inMemory: false };
    const action = actionFor(page);
    if (folio === null) return retire(context, { ...job, outcome: { ...job.outcome, message: action.message } }, send);
    if (action.outcome === 'ignored') {
      return end(marked(context, job.pfn), job, { outcome: 'ignored', message: action.message }, send);
    }
    if (job.request.how === 'soft-offline' && softOfflineOf(page, folio.pins) === 'busy') {
      return end(context, job, { outcome: 'busy', message: 'pinned' }, send);
    }
    const runs = [{ pfn: job.pfn, nr: 1 }];
    const tryGet = (request: number): Message => ({ type: 'TRY_GET', sender: SENDER, request, runs });
    return askAbout(context, { ...job, folio }, 'held', 'zone', tryGet, send);
  },

  held: (context, job, event, send) => {
    invariant(event.type === 'GET_TRIED', 'the zone says whether it gave a reference');
    // Freed meanwhile: it is looked at once more.
    return event.got ? askNextMm(context, { ...job, holds: true }, send) : identify(context, job, send);
  },

  mmKnown: (context, job, event, send) => {
    invariant(event.type === 'MM_STATE', 'an mm answers with its areas');
    const { pageBytes } = event.state;
    const walk = (request: number): Message => {
      return { type: 'PAGEWALK', sender: SENDER, request, startVa: 0, endVa: VA_END };
    };
    return askAbout(context, { ...job, pageBytes }, 'mmWalked', mmuOf(job.pids[0]), walk, send);
  },

  mmWalked: (context, job, event, send) => {
    invariant(event.type === 'WALKED', 'an MMU answers with the entries');
    const [pid, ...pids] = job.pids;
    const found = mappersIn(context, job, pid, event.runs);
    return askNextMm(context, { ...job, pids, mappers: [...job.mappers, ...found] }, send);
  },

  pageFailed: (context, job, event, send) => {
    invariant(event.type === 'PAGE_FAILED', 'a file answers what it has done with the page');
    const { dirty, inMemory, busy, dropped } = event;
    if (busy) return leave(context, job, { outcome: 'failed', message: 'the file is busy' }, send);
    const soft = job.request.how === 'soft-offline';
    if (soft && (dirty || inMemory || !dropped))
      return leave(context, job, { outcome: 'busy', message: 'dirty' }, send);
    return act(context, job, actionFor({ kind: 'file', dirty, inMemory }), send);
  },

  poisoned: (context, job, event, send) => unmapped(context, job, event, true, send),

  unmapped: (context, job, event, send) => unmapped(context, job, event, false, send),

  allocated: (context, job, event, send) => {
    if (event.type === 'NO_MEMORY') return leave(context, job, { outcome: 'failed', message: 'no memory' }, send);
    invariant(event.type === 'FRAMES', 'an allocation is answered with frames');
    return migrateNext(context, { ...job, newPfn: event.pfns[0] }, send);
  },

  migrated: (context, job, event, send) => {
    invariant(event.type === 'REPLACED', 'an exchange of entries is answered with what was there');
    const old = event.replaced.map(({ pfn, nr }) => ({ pfn, nr }));
    const unused = event.missed.map(({ pfn, nr }) => ({ pfn, nr }));
    if (old.length + unused.length > 0) send('zone', { type: 'PUT', runs: [...old, ...unused] });
    const pages = old.reduce((sum, { nr }) => sum + nr, 0);
    const outcome = { ...job.outcome, unmappedPages: job.outcome.unmappedPages + pages, message: 'migrated' };
    const fallbacks = context.fallbacks + (event.fallback === '' ? 0 : 1);
    return migrateNext({ ...context, fallbacks }, { ...job, outcome, mappers: job.mappers.slice(1) }, send);
  },

  quarantined: (context, job, event, send) => {
    invariant(event.type === 'QUARANTINED', 'the zone says what is lost');
    const delayed = event.frames === 0 ? { outcome: 'delayed' as const } : {};
    return end(context, job, { lostFrames: event.frames, ...delayed }, send);
  },
};
