/**
 * What reclaim turns to next (`mm/vmscan.c:balance_pgdat`, `shrink_lruvec`): passes of rising urgency over the four lists, until
 * enough is free or a whole pass at the last priority has found nothing.
 *
 * @models X-07 T-15
 */
import { LRU_LISTS, type LruName } from '../../src/mm/reclaim/lruLists.ts';
import { DEF_PRIORITY, inactiveIsLow, scanCounts, SWAP_CLUSTER_MAX } from '../../src/mm/reclaim/scanBalance.ts';
import type { Send } from '../support.ts';
import { type Batch, type KswapdContext, type Pass, withBatch } from './kswapdState.ts';

function isBalanced({ freePages, highPages, urgentPages, reclaimedPages }: KswapdContext): boolean {
  return freePages >= highPages && reclaimedPages >= urgentPages;
}

/** kswapd goes down to priority 1, an allocation that waits down to 0 (`do_try_to_free_pages`). */
function lastPriority({ urgentPages }: KswapdContext): number {
  return urgentPages > 0 ? 0 : 1;
}

function newPass(context: KswapdContext, priority: number): Pass {
  const { lru, swappiness, freeSlots, kernelPageBytes } = context;
  const sizes = Object.fromEntries(LRU_LISTS.map((list) => [list, lru.sizeOf(list)])) as Record<LruName, number>;
  const swapFree = freeSlots > 0;
  const { freePages, highPages } = context;
  const request = { swappiness, priority, sizes, swapFree, freePages, highPages, anonCost: 0, fileCost: 0 };
  const counts = scanCounts(request);
  // Active lists are shortened only where the inactive one beside them is short (`may_deactivate`).
  for (const kind of ['anon', 'file'] as const) {
    const low = inactiveIsLow(sizes[`inactive-${kind}`], sizes[`active-${kind}`], kernelPageBytes);
    if (!low) counts[`active-${kind}`] = 0;
  }
  return { priority, counts, reclaimed: 0 };
}

/** The folios at the tail of a list, up to so many pages (`isolate_lru_folios`). */
function tailOf({ lru }: KswapdContext, list: LruName, pages: number): number[] {
  const found: number[] = [];
  let seen = 0;
  for (const pfn of lru.tail(list, SWAP_CLUSTER_MAX)) {
    if (seen >= pages) break;
    found.push(pfn);
    seen += lru.find(pfn)?.pages ?? 1;
  }
  return found;
}

/** The next stretch of a pass; null where it is at its end. */
function nextList(context: KswapdContext, pass: Pass): { list: LruName; pfns: number[]; pages: number } | null {
  for (const list of LRU_LISTS) {
    const pfns = tailOf(context, list, Math.min(pass.counts[list], SWAP_CLUSTER_MAX));
    if (pass.counts[list] === 0 || pfns.length === 0) continue;
    return { list, pfns, pages: pfns.reduce((sum, pfn) => sum + (context.lru.find(pfn)?.pages ?? 0), 0) };
  }
  return null;
}

/**
 * Takes folios in hand: the zone gives a reference to each page of those that are still there.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const design = { unit: 'process-page' as const, dirty: 'gather' as const, accessed: 'gather' as const };
 * const input = { resources, kernelPageBytes: 4096, swappiness: 60, swapSlots: 0, mms: [], families: {}, droppable: [], ...design };
 * isolate(initialKswapd(input), 'query', [], null, () => {}).batch?.phase; // 'isolating'
 * ```
 */
export function isolate(
  context: KswapdContext,
  from: Batch['from'],
  pfns: number[],
  answer: Batch['answer'],
  send: Send,
  delayCycles = 0,
): KswapdContext {
  const batch: Batch = { from, phase: 'isolating', request: 0, pending: 1, pfns, folios: [], answer };
  const state = withBatch(context, batch, 'isolating', 1);
  const { request = 0 } = state.batch ?? {};
  const anyPage = from === 'advice';
  const delay = delayCycles + context.resources.costs.scanPage * pfns.length;
  send('zone', { type: 'ISOLATE', sender: 'kswapd', request, pfns, anyPage }, delay);
  return state;
}

/** From this priority on tables are taken away as well: folios alone were not enough. */
const TABLE_PRIORITY = 6;

/**
 * `shrink_slab` for native tables: each goes as a whole, what hardware noted in it is kept, and faults bring back what is used.
 */
function shrinkTables(context: KswapdContext, send: Send): KswapdContext {
  for (const mmu of context.droppable) send(mmu, { type: 'DROP_NATIVE', request: 0 });
  return { ...context, tableShrinks: context.tableShrinks + 1 };
}

function sleep(context: KswapdContext, send: Send): KswapdContext {
  send('zone', { type: 'KSWAPD_SLEEPS', reclaimedPages: context.reclaimedPages });
  return { ...context, awake: false, urgentPages: 0, reclaimedPages: 0, pass: null };
}

/**
 * Goes on with whatever there is: advice first, then the pass under way, then the next one; else it sleeps.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const design = { unit: 'process-page' as const, dirty: 'gather' as const, accessed: 'gather' as const };
 * const input = { resources, kernelPageBytes: 4096, swappiness: 60, swapSlots: 0, mms: [], families: {}, droppable: [], ...design };
 * const awake = { ...initialKswapd(input), awake: true, highPages: 10 };
 * goOn(awake, () => {}).awake; // false
 * ```
 */
export function goOn(context: KswapdContext, send: Send): KswapdContext {
  if (context.batch !== null) return context;
  const [advice, ...later] = context.advice;
  if (advice !== undefined) {
    const { sender, request, pfns } = advice;
    return isolate({ ...context, advice: later }, 'advice', pfns, { sender, request }, send);
  }
  if (!context.awake) return context;
  if (isBalanced(context)) return sleep(context, send);
  let state = context;
  let pass = context.pass ?? newPass(context, DEF_PRIORITY);
  for (;;) {
    const next = nextList(state, pass);
    if (next !== null) {
      const { list, pfns, pages } = next;
      const counts = { ...pass.counts, [list]: Math.max(0, pass.counts[list] - pages) };
      return isolate({ ...state, pass: { ...pass, counts } }, list, pfns, null, send);
    }
    // A pass that brought something is worth another one like it (`kswapd_shrink_node`).
    const priority = pass.reclaimed >= SWAP_CLUSTER_MAX ? pass.priority : pass.priority - 1;
    if (priority < lastPriority(state)) return sleep(state, send);
    if (priority === TABLE_PRIORITY && pass.priority > priority && state.droppable.length > 0)
      state = shrinkTables(state, send);
    pass = newPass(state, priority);
  }
}
