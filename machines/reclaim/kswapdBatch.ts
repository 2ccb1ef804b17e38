/** The folios in hand, from the zone that gives them to the zone that gets them back: which answer leads to which step. */
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { goOn } from './kswapdScan.ts';
import { judge, putBack } from './kswapdJudge.ts';
import { type Batch, type BatchFolio, type KswapdContext, pagesOf, withBatch } from './kswapdState.ts';
import { entriesReplaced, findSlots, slotsFound, swapKeys } from './kswapdUnmap.ts';

/** The answers that take a batch on. */
type BatchAnswer = MessageOf<
  'ISOLATED' | 'REFERENCED' | 'SWAP_SLOTS' | 'REPLACED' | 'SWAP_WRITTEN' | 'FILE_SHRUNK' | 'SWAP_DROPPED'
>;

function newFolios(context: KswapdContext, event: MessageOf<'ISOLATED'>): BatchFolio[] {
  return event.folios.flatMap((folio): BatchFolio[] => {
    if (folio === null) return [];
    const referenced = context.lru.find(folio.pfn)?.referenced ?? false;
    const nothing = { mappings: [], verdict: 'undecided' as const, way: 'none' as const, slots: [] };
    return [{ folio, referenced, ...nothing, clean: false, dirty: false, unmapped: 0, mapped: 0, gone: false }];
  });
}

/** Those that may map any of the folios: of anonymous ones the family of whoever allocated it, else everybody. */
function mappersOf({ mms, families }: KswapdContext, folios: readonly BatchFolio[]): string[] {
  const asked = new Set<string>();
  for (const { folio } of folios) {
    const family = folio.kind === 'anon' ? families[folio.owner] : undefined;
    for (const mm of family ?? mms) asked.add(mm);
  }
  return mms.filter((mm) => asked.has(mm));
}

/** The zone has given the folios out; what is new joins the inactive lists (`folio_add_lru`). */
function isolated(context: KswapdContext, batch: Batch, event: MessageOf<'ISOLATED'>, send: Send): KswapdContext {
  let { lru } = context;
  for (const { pfn, pages, isFile } of event.added)
    lru = lru.add(isFile ? 'inactive-file' : 'inactive-anon', pfn, pages);
  for (const [at, pfn] of batch.pfns.entries())
    if (event.folios[at] === null && batch.from !== 'advice') lru = lru.remove(pfn);
  const { freePages, highPages } = event;
  const folios = newFolios({ ...context, lru }, event);
  const scannedPages = context.scannedPages + folios.reduce((sum, one) => sum + pagesOf(one), 0);
  const state = { ...context, lru, freePages, highPages, scannedPages };
  if (folios.length === 0) return finish(state, { ...batch, folios }, send);
  const mms = mappersOf(state, folios);
  const asked = withBatch(state, { ...batch, folios }, 'harvesting', mms.length);
  const frames = folios.map((one) => ({ pfn: one.folio.pfn, nr: pagesOf(one) }));
  const naive = context.accessed === 'linux-table-only' ? { linuxTableOnly: true } : {};
  const { request = 0 } = asked.batch ?? {};
  for (const mm of mms) send(mm, { type: 'FOLIO_REFERENCED', sender: 'kswapd', request, frames, ...naive });
  return asked;
}

function harvested(context: KswapdContext, batch: Batch, event: MessageOf<'REFERENCED'>, send: Send): KswapdContext {
  const { mm } = event;
  const folios = batch.folios.map((one): BatchFolio => {
    const end = one.folio.pfn + pagesOf(one);
    // A run may go on into the next folio.
    const own = event.mappings.flatMap((run) => {
      const from = Math.max(run.pfn, one.folio.pfn);
      const to = Math.min(run.pfn + run.nr, end);
      const va = run.va + (from - run.pfn) * context.kernelPageBytes;
      return from < to ? [{ ...run, mm, va, pfn: from, nr: to - from }] : [];
    });
    return own.length === 0 ? one : { ...one, mappings: [...one.mappings, ...own] };
  });
  const pending = batch.pending - 1;
  if (pending > 0) return { ...context, batch: { ...batch, folios, pending } };
  const judged = judge(context, { ...batch, folios, pending });
  return judged.folios.every(({ way }) => way === 'none')
    ? finish(context, judged, send)
    : unmappedSoFar(findSlots(context, judged, send), send);
}

/** Goes on to writing once no exchange is outstanding. */
function unmappedSoFar(context: KswapdContext, send: Send): KswapdContext {
  const { batch } = context;
  return batch?.phase === 'unmapping' && batch.pending === 0 ? write(context, batch, send) : context;
}

const isUnmapped = (one: BatchFolio): boolean => one.unmapped === one.mapped;

/** Dirty pages are written, whoever mapped them again meanwhile; clean ones go as they are (`pageout`). */
function write(context: KswapdContext, before: Batch, send: Send): KswapdContext {
  // MADV_FREE: what was dirtied again is ordinary memory from now on.
  const revived = before.folios
    .filter((one) => one.way === 'discard' && !isUnmapped(one))
    .map(({ folio }) => folio.pfn);
  if (revived.length > 0) send('zone', { type: 'SET_SWAPBACKED', pfns: revived });
  const folios = before.folios.map((one): BatchFolio => {
    return one.way === 'discard' ? { ...one, gone: isUnmapped(one) } : one;
  });
  const discarded = folios.filter(({ gone }) => gone).map((one) => ({ pfn: one.folio.pfn, nr: pagesOf(one) }));
  if (discarded.length > 0 && context.swapSlots > 0) send('swap', { type: 'FREE_SWAP_CACHE', runs: discarded });
  const batch = { ...before, folios };
  const toWrite = folios.filter(({ way, dirty, clean }) => way === 'swap' && (dirty || !clean));
  const files = new Map<string, BatchFolio[]>();
  for (const one of folios) {
    if (one.way === 'file') files.set(one.folio.owner, [...(files.get(one.folio.owner) ?? []), one]);
  }
  const pages = (some: readonly BatchFolio[]): number => some.reduce((sum, one) => sum + pagesOf(one), 0);
  const swapped = folios.filter(({ way }) => way === 'swap');
  const counted = {
    ...context,
    writtenPages: context.writtenPages + pages(toWrite),
    cleanPages: context.cleanPages + pages(swapped) - pages(toWrite),
    discardedPages: context.discardedPages + pages(folios.filter(({ gone }) => gone)),
  };
  const state = withBatch(counted, batch, 'writing', files.size + (toWrite.length > 0 ? 1 : 0));
  const { request = 0 } = state.batch ?? {};
  if (toWrite.length > 0) {
    const pfns = toWrite.flatMap((one) => swapKeys(context, one).map(({ pfn }) => pfn));
    send('swap', { type: 'SWAP_WRITE', sender: 'kswapd', request, pfns });
  }
  for (const [owner, own] of files) {
    const file = owner.slice('file:'.length);
    const frames = own.filter(isUnmapped).map((one) => ({ pfn: one.folio.pfn, nr: pagesOf(one) }));
    const dirty = own.filter((one) => one.dirty).map(({ folio }) => folio.pfn);
    send(owner, { type: 'SHRINK_FILE', file, sender: 'kswapd', request, frames, dirty });
  }
  return state.batch?.pending === 0 ? drop(state, state.batch, send) : state;
}

/** What is on the device leaves the swap cache, unless it is in use again. */
function drop(context: KswapdContext, batch: Batch, send: Send): KswapdContext {
  const leaving = batch.folios.filter((one) => (one.way === 'swap' && isUnmapped(one)) || one.way === 'uncache');
  if (leaving.length === 0) return finish(context, batch, send);
  const state = withBatch(context, batch, 'dropping', 1);
  const pfns = leaving.flatMap((one) => swapKeys(context, one).map(({ pfn }) => pfn));
  send('swap', { type: 'SWAP_DROP', sender: 'kswapd', request: state.batch?.request ?? 0, pfns });
  return state;
}

function dropped(context: KswapdContext, batch: Batch, event: MessageOf<'SWAP_DROPPED'>, send: Send): KswapdContext {
  const freed = new Set(event.freed);
  const folios = batch.folios.map((one): BatchFolio => {
    if (one.way !== 'swap' && one.way !== 'uncache') return one;
    return { ...one, gone: swapKeys(context, one).every(({ pfn }) => freed.has(pfn)) };
  });
  return finish({ ...context, freeSlots: event.freeSlots }, { ...batch, folios }, send);
}

/** Our references go, which frees what nobody else has; and on with the next. */
function finish(context: KswapdContext, batch: Batch, send: Send): KswapdContext {
  const runs = batch.folios.map((one) => ({ pfn: one.folio.pfn, nr: pagesOf(one) }));
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  const pages = batch.folios.reduce((sum, one) => sum + (one.gone ? pagesOf(one) : 0), 0);
  const { answer } = batch;
  if (answer !== null) send(answer.sender, { type: 'RECLAIMED', request: answer.request, pages });
  const state = putBack({ ...context, batch: null }, batch);
  const { pass } = state;
  return goOn(
    {
      ...state,
      freePages: state.freePages + pages,
      stolenPages: state.stolenPages + pages,
      reclaimedPages: state.reclaimedPages + (state.awake ? pages : 0),
      pass: pass === null ? null : { ...pass, reclaimed: pass.reclaimed + pages },
    },
    send,
  );
}

/**
 * Takes the folios in hand a step on; an answer to another question is nothing to them.
 *
 * @example
 * ```ts
 * const late = { type: 'SWAP_WRITTEN' as const, request: 1 };
 * answered({ batch: null } as KswapdContext, late, () => {}).batch; // null
 * ```
 */
export function answered(context: KswapdContext, event: BatchAnswer, send: Send): KswapdContext {
  const { batch } = context;
  if (batch === null || batch.request !== event.request) return context;
  switch (event.type) {
    case 'ISOLATED':
      return isolated(context, batch, event, send);
    case 'REFERENCED':
      return harvested(context, batch, event, send);
    case 'SWAP_SLOTS':
      return unmappedSoFar(slotsFound(context, batch, event, send), send);
    case 'REPLACED':
      return unmappedSoFar(entriesReplaced(context, batch, event, send), send);
    case 'SWAP_DROPPED':
      return dropped(context, batch, event, send);
    default: {
      const gone = new Set(event.type === 'FILE_SHRUNK' ? event.freed : []);
      const folios = batch.folios.map((one) => (gone.has(one.folio.pfn) ? { ...one, gone: true } : one));
      const pending = batch.pending - 1;
      const next = { ...batch, folios, pending };
      return pending > 0 ? { ...context, batch: next } : drop(context, next, send);
    }
  }
}
