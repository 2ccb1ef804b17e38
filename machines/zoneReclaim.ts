/**
 * What the zone does to folios on advice and under pressure: MADV_FREE and MADV_PAGEOUT, and splitting large folios of
 * which only a part is mapped. There is no swap: anonymous memory that may not be discarded stays.
 */
import type { Folio, FolioTableEdit } from '../src/mm/frames.ts';
import { likelyShared } from '../src/mm/largeFolio.ts';
import { withMthp } from '../src/mm/mthpCounts.ts';
import { PersistentList } from '../src/mm/persistentList.ts';
import { isDirty } from '../src/mm/pte.ts';
import type { PteRun } from './messages.ts';
import { type ZoneContext } from './zone.ts';
import { unchargeFrom } from './cgroup/zoneCharge.ts';
import { reviseZone } from './revise.ts';

/** A part of a run that lies in one folio. */
interface Piece extends PteRun {
  head: number;
}

/** Runs cut at the borders of folios. */
function piecesOf(context: ZoneContext, runs: readonly PteRun[]): Piece[] {
  const pieces: Piece[] = [];
  for (const { va, pfn, nr, flags } of runs) {
    for (let at = 0; at < nr; ) {
      const folio = context.folios.find(pfn + at);
      const head = folio?.pfn ?? pfn + at;
      const end = Math.min(nr, head + 2 ** (folio?.order ?? 0) - pfn);
      pieces.push({ va: va + at * context.kernelPageBytes, pfn: pfn + at, nr: end - at, flags, head });
      at = end;
    }
  }
  return pieces;
}

/** Everything that the runs hold of each folio, by its first frame. */
function byFolio(pieces: readonly Piece[]): Map<number, Piece[]> {
  const groups = new Map<number, Piece[]>();
  for (const piece of pieces) {
    const group = groups.get(piece.head);
    if (group === undefined) groups.set(piece.head, [piece]);
    else group.push(piece);
  }
  return groups;
}

/** First frames of the folios that a large one is taken apart into (`lru_add_page_tail`). */
function partsOf({ pfn, order, large }: Folio): number[] {
  const span = 2 ** (large?.leastOrder ?? order);
  return Array.from({ length: 2 ** order / span }, (_, part) => pfn + part * span);
}

/** Takes one large folio apart; pages that nobody maps are freed. */
function splitOne(context: ZoneContext, pfn: number): ZoneContext {
  const folio = context.folios.find(pfn);
  if (folio === null || folio.large === null) return context;
  // can_split_folio: whoever has pinned it, or has it isolated, keeps it as it is.
  if (folio.refs > folio.large.pageRefs.reduce((sum, refs) => sum + refs, 0))
    return reviseZone(context, (draft) => {
      draft.mthp = withMthp(context.mthp, folio.order, 'splitFailed', 1);
    });
  const folios = context.folios.edit();
  const buddy = context.buddy.edit();
  const gone = folios.splitLarge(pfn);
  for (const unused of gone) buddy.free(unused.pfn, unused.order);
  const mthp = withMthp(context.mthp, folio.order, 'split', 1);
  const { reclaim } = context;
  return reviseZone(context, (draft) => {
    draft.folios = folios.done();
    if (reclaim !== undefined) draft.reclaim = { ...reclaim, added: reclaim.added.pushAll(partsOf(folio)) };
    draft.buddy = buddy.done();
    draft.mthp = mthp;
    for (const { order } of gone) unchargeFrom(draft, folio.owner, 2 ** order);
  });
}

/**
 * Splits every large folio that waits for it, oldest first (`mm/huge_memory.c:deferred_split_scan`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * splitDeferred(actor.getSnapshot().context).deferredSplits.length; // 0
 * ```
 */
export function splitDeferred(context: ZoneContext): ZoneContext {
  let state: ZoneContext = reviseZone(context, (draft) => {
    draft.deferredSplits = PersistentList.empty();
  });
  for (const pfn of context.deferredSplits) {
    // The folio may have gone, and another be in its place.
    if (state.folios.find(pfn)?.large?.partlyMapped === true) state = splitOne(state, pfn);
  }
  return state;
}

function pagesIn(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { nr }) => sum + nr, 0);
}

/**
 * A large folio that the advice does not cover as a whole is split, unless others have it as well
 * (`madvise_free_pte_range`, `madvise_cold_or_pageout_pte_range`). Answers false where it stays and is left alone.
 */
function coverable(context: ZoneContext, folio: Folio, covered: number): { state: ZoneContext; whole: boolean } {
  if (covered >= 2 ** folio.order) return { state: context, whole: true };
  if (folio.large === null || likelyShared(folio.large)) return { state: context, whole: false };
  const state = splitOne(context, folio.pfn);
  return { state, whole: state !== context && state.folios.find(folio.pfn)?.order !== folio.order };
}

/** MADV_FREE: every folio of the pieces is marked (`mm/swap.c:lru_lazyfree`). */
function markLazy(folios: FolioTableEdit, pieces: readonly Piece[]): void {
  for (const { pfn, nr } of pieces) {
    for (let at = pfn; at < pfn + nr; ) {
      const folio = folios.find(at);
      if (folio === null) break;
      if (folio.kind === 'anon' && !folio.lazyFree) folios.update(at, (before) => ({ ...before, lazyFree: true }));
      at = folio.pfn + 2 ** folio.order;
    }
  }
}

/** MADV_PAGEOUT of the pieces of one folio: those whose entries may go (`mm/vmscan.c:shrink_folio_list`). */
function pageOut(context: ZoneContext, folio: Folio, pieces: Piece[]): { state: ZoneContext; taken: Piece[] } {
  const none = { state: context, taken: [] };
  const nr = 2 ** folio.order;
  if (folio.kind === 'file') {
    // The page cache holds a reference to each page; one more for each page is this mapping alone.
    const mapped = folio.refs - nr - folio.pins;
    return mapped === nr ? { state: context, taken: pieces } : none;
  }
  if (folio.kind !== 'anon' || folio.refs - folio.pins !== nr) return none;
  // add_to_swap fails without swap; a large folio is split before that is found out.
  if (!folio.lazyFree) return { state: folio.large === null ? context : splitOne(context, folio.pfn), taken: [] };
  // try_to_unmap_one: what was written to again is ordinary anonymous memory from then on.
  if (folio.pins > 0) return none;
  if (!pieces.some(({ flags }) => isDirty(flags))) return { state: context, taken: pieces };
  const folios = context.folios.edit();
  folios.update(folio.pfn, (before) => ({ ...before, lazyFree: false }));
  return {
    state: reviseZone(context, (draft) => {
      draft.folios = folios.done();
    }),
    taken: [],
  };
}

/**
 * Carries out advice about the pages that entries of one mm map. Answers the entries it is true of: those to be cleaned
 * for MADV_FREE, those to be taken away for MADV_PAGEOUT.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * shrink(actor.getSnapshot().context, 'page-out', []).runs; // []
 * ```
 */
export function shrink(
  context: ZoneContext,
  how: 'lazy-free' | 'page-out',
  runs: readonly PteRun[],
): { state: ZoneContext; runs: PteRun[] } {
  let state = context;
  const taken: Piece[] = [];
  for (const [head, whole] of byFolio(piecesOf(context, runs))) {
    const folio = state.folios.find(head);
    if (folio === null) continue;
    const cover = coverable(state, folio, pagesIn(whole));
    state = cover.state;
    if (!cover.whole) continue;
    // A folio that was split is several now.
    for (const [part, pieces] of byFolio(piecesOf(state, whole))) {
      if (how === 'lazy-free') {
        const folios = state.folios.edit();
        markLazy(folios, pieces);
        state = reviseZone(state, (draft) => {
          draft.folios = folios.done();
        });
        taken.push(...pieces);
        continue;
      }
      const now = state.folios.find(part);
      if (now === null) continue;
      const out = pageOut(state, now, pieces);
      state = out.state;
      taken.push(...out.taken);
    }
  }
  return { state, runs: taken.map(({ va, pfn, nr, flags }) => ({ va, pfn, nr, flags })) };
}
