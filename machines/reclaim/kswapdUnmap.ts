/**
 * Folios that are to go lose their entries (`mm/rmap.c:try_to_unmap_one`): swap entries in their place, or nothing. All entries of
 * a folio in one mm go by one exchange, so a process page goes as a whole; one by one where the design swaps kernel pages.
 *
 * @models S-10 D-01 D-02 D-07
 */
import { hasFlags, isDirty, PTE } from '../../src/mm/pte.ts';
import { NON_PRESENT } from '../../src/mm/nonPresent.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import type { PteChange } from '../walkers/messages.ts';
import {
  type Batch,
  type BatchFolio,
  type FolioMapping,
  type KswapdContext,
  pagesOf,
  withBatch,
} from './kswapdState.ts';

/**
 * How a folio is known in the swap cache: as a whole, or page by page.
 *
 * @example
 * ```ts
 * const one = { folio: { pfn: 64, order: 1 } };
 * swapKeys({ unit: 'kernel-page' }, one).map(({ pfn }) => pfn); // [64, 65]
 * swapKeys({ unit: 'process-page' }, one); // [{ pfn: 64, nr: 2 }]
 * ```
 */
export function swapKeys(
  { unit }: Pick<KswapdContext, 'unit'>,
  { folio }: { folio: { pfn: number; order: number } },
): { pfn: number; nr: number }[] {
  const nr = 2 ** folio.order;
  if (unit === 'process-page') return [{ pfn: folio.pfn, nr }];
  return Array.from({ length: nr }, (_, page) => ({ pfn: folio.pfn + page, nr: 1 }));
}

/** Of each page, how many entries map it. */
function countsOf(one: BatchFolio, first: number, nr: number): number[] {
  const counts = Array.from({ length: nr }, () => 0);
  for (const { pfn, nr: mapped } of one.mappings) {
    for (let page = pfn; page < pfn + mapped; page++) {
      if (page >= first && page < first + nr) counts[page - first]++;
    }
  }
  return counts;
}

/**
 * Asks swap for slots for the folios that go to it; without any the entries go at once.
 *
 * @example
 * ```ts
 * const batch: Batch = { from: 'query', phase: 'harvesting', request: 1, pending: 0, pfns: [], folios: [], answer: null };
 * findSlots({ nextRequest: 5 } as KswapdContext, batch, () => {}).batch?.phase; // 'unmapping'
 * ```
 */
export function findSlots(context: KswapdContext, batch: Batch, send: Send): KswapdContext {
  const swapped = batch.folios.filter(({ way }) => way === 'swap');
  if (swapped.length === 0) return unmap(context, batch, send);
  const state = withBatch(context, batch, 'finding-slots', 1);
  const folios = swapped.flatMap((one) =>
    swapKeys(context, one).map(({ pfn, nr }) => ({ pfn, counts: countsOf(one, pfn, nr) })),
  );
  send('swap', { type: 'ADD_TO_SWAP', sender: 'kswapd', request: state.batch?.request ?? 0, folios });
  return state;
}

/**
 * Swap has found slots, or none: what got none stays where it is.
 *
 * @example
 * ```ts
 * const batch: Batch = { from: 'query', phase: 'finding-slots', request: 1, pending: 1, pfns: [], folios: [], answer: null };
 * const none = { type: 'SWAP_SLOTS' as const, request: 1, folios: [], freeSlots: 3 };
 * slotsFound({ nextRequest: 5, unit: 'process-page' } as KswapdContext, batch, none, () => {}).freeSlots; // 3
 * ```
 */
export function slotsFound(
  context: KswapdContext,
  batch: Batch,
  event: MessageOf<'SWAP_SLOTS'>,
  send: Send,
): KswapdContext {
  const found = new Map(event.folios.map((each) => [each.pfn, each]));
  // The references of the swap cache are taken here: ours hold the folio until they are.
  const fresh = event.folios.filter((each) => each.fresh).map(({ pfn, slots }) => ({ pfn, nr: slots.length }));
  if (fresh.length > 0) send('zone', { type: 'GET', sender: 'kswapd', request: 0, runs: fresh });
  const folios = batch.folios.map((one): BatchFolio => {
    if (one.way !== 'swap') return one;
    const parts = swapKeys(context, one).map(({ pfn }) => found.get(pfn));
    const slots = parts.flatMap((part) => part?.slots ?? []);
    // One page without a slot, and none of it goes: the others give theirs back.
    if (slots.length < pagesOf(one)) {
      giveBack(one, parts, send);
      return { ...one, way: 'none' };
    }
    return { ...one, slots, clean: parts.every((part) => part?.clean === true) };
  });
  return unmap({ ...context, freeSlots: event.freeSlots }, { ...batch, folios }, send);
}

function giveBack(
  one: BatchFolio,
  parts: readonly (MessageOf<'SWAP_SLOTS'>['folios'][number] | undefined)[],
  send: Send,
): void {
  for (const part of parts) {
    if (part === undefined || part.slots.length === 0) continue;
    for (const [page, count] of countsOf(one, part.pfn, part.slots.length).entries()) {
      const slots = [{ offset: part.slots[page], nr: 1 }];
      for (let time = 0; time < count; time++) send('swap', { type: 'SWAP_FREE', slots });
    }
  }
}

/** The exchanges of one mapping: consecutive pages with consecutive slots in one, or each page by itself. */
function changesOf(context: KswapdContext, one: BatchFolio, mapping: FolioMapping): PteChange[] {
  const { va, pfn, nr, flags } = mapping;
  if (one.way !== 'swap') {
    const change: PteChange = { va, nr, expects: { pfn, flags }, to: null };
    return [one.way === 'discard' ? { ...change, ifClean: true } : change];
  }
  const kept = PTE.ANON | (hasFlags(flags, PTE.EXCLUSIVE) ? PTE.EXCLUSIVE : 0);
  const changes: PteChange[] = [];
  let next = -1;
  for (let page = 0; page < nr; page++) {
    const slot = one.slots[pfn + page - one.folio.pfn];
    const last = changes.at(-1);
    if (last !== undefined && slot === next && context.unit === 'process-page') last.nr++;
    else {
      const at = va + page * context.kernelPageBytes;
      const expects = { pfn: pfn + page, flags };
      changes.push({ va: at, nr: 1, expects, to: { pfn: slot, flags: NON_PRESENT.swap | kept } });
    }
    next = slot + 1;
  }
  return changes;
}

/** The changes of each mm, by mm. */
function changesByMm(context: KswapdContext, folios: readonly BatchFolio[]): Map<string, PteChange[]> {
  const byMm = new Map<string, PteChange[]>();
  for (const one of folios) {
    if (one.way === 'none' || one.way === 'uncache') continue;
    for (const mapping of one.mappings) {
      byMm.set(mapping.mm, [...(byMm.get(mapping.mm) ?? []), ...changesOf(context, one, mapping)]);
    }
  }
  return byMm;
}

function unmap(context: KswapdContext, batch: Batch, send: Send): KswapdContext {
  const byMm = changesByMm(context, batch.folios);
  const naive = context.dirty === 'linux-table-only' ? { linuxTableOnly: true } : {};
  const single = context.unit === 'kernel-page';
  const exchanges = [...byMm].flatMap(([mm, changes]) =>
    // Kernel pages are folios of their own by then: each is unmapped under the lock by itself.
    single ? changes.map((change) => ({ mm, changes: [change] })) : [{ mm, changes }],
  );
  const state = withBatch(context, batch, 'unmapping', exchanges.length);
  const { request = 0 } = state.batch ?? {};
  for (const { mm, changes } of exchanges) {
    send(mm, { type: 'REPLACE_PTES', sender: 'kswapd', request, changes, ...naive });
  }
  return state;
}

/**
 * An mm has exchanged entries: their references go, and slots that no entry came to name.
 *
 * @example
 * ```ts
 * const batch: Batch = { from: 'query', phase: 'unmapping', request: 1, pending: 1, pfns: [], folios: [], answer: null };
 * const done = { type: 'REPLACED' as const, request: 1, pid: 1, replaced: [], entered: [], missed: [], fallback: 'partly-valid' };
 * entriesReplaced({ violations: 0 } as KswapdContext, batch, done, () => {}).violations; // 1
 * ```
 */
export function entriesReplaced(
  context: KswapdContext,
  batch: Batch,
  { replaced, missed, fallback }: MessageOf<'REPLACED'>,
  send: Send,
): KswapdContext {
  if (replaced.length > 0) send('zone', { type: 'PUT', runs: replaced.map(({ pfn, nr }) => ({ pfn, nr })) });
  const lacking = missed.filter(({ flags }) => hasFlags(flags, PTE.SWAP)).map(({ pfn, nr }) => ({ offset: pfn, nr }));
  if (lacking.length > 0) send('swap', { type: 'SWAP_FREE', slots: lacking });
  const folios = batch.folios.map((one): BatchFolio => {
    const end = one.folio.pfn + pagesOf(one);
    const own = replaced.filter(({ pfn, nr }) => pfn < end && pfn + nr > one.folio.pfn);
    if (own.length === 0) return one;
    const pages = own.reduce(
      (sum, { pfn, nr }) => sum + Math.min(end, pfn + nr) - Math.max(one.folio.pfn, pfn),
      one.unmapped,
    );
    return { ...one, unmapped: pages, dirty: one.dirty || own.some(({ flags }) => isDirty(flags)) };
  });
  const violations = context.violations + (fallback === '' ? 0 : 1);
  return { ...context, violations, batch: { ...batch, folios, pending: batch.pending - 1 } };
}
