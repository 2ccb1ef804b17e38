/**
 * Pins in the zone (`mm/gup.c:try_grab_folio`, `gup_put_folio`): each is a reference and a count of its own, which tells fork,
 * reclaim and migration to leave the folio alone.
 *
 * @models S-08
 */
import { isBeingMoved } from '../compaction/zonePressure.ts';
import type { BuddyEdit } from '../../src/mm/buddy.ts';
import type { Folio } from '../../src/mm/frames.ts';
import { wholeFolio } from '../../src/mm/largeFolio.ts';
import type { PageblocksEdit } from '../../src/mm/pageblock/pageblocks.ts';
import type { FrameRun, Message } from '../messages.ts';
import { copyZone, reviseZone } from '../revise.ts';
import { assertType, type Send } from '../support.ts';
import { type ZoneContext, zeroFrame } from '../zone.ts';

/** The parts of runs that lie in one folio each; null where a frame lies in none. */
function pieces(context: ZoneContext, runs: readonly FrameRun[]): { pfn: number; nr: number; head: Folio }[] | null {
  const parts: { pfn: number; nr: number; head: Folio }[] = [];
  for (const { pfn, nr } of runs) {
    for (let at = pfn; at < pfn + nr; ) {
      const head = context.folios.find(at);
      if (head === null) return null;
      const end = Math.min(pfn + nr, head.pfn + 2 ** head.order);
      parts.push({ pfn: at, nr: end - at, head });
      at = end;
    }
  }
  return parts;
}

/** `folio_is_longterm_pinnable`: memory that has to stay movable may not be pinned for long. */
function isMovable({ resources, kernelPageBytes }: ZoneContext, pfn: number): boolean {
  const { movable } = resources.design.pins ?? {};
  const page = pfn - zeroFrame(kernelPageBytes);
  return movable !== undefined && page >= movable.startPage && page < movable.endPage;
}

/**
 * Allocates a folio outside the memory that has to stay movable.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * const sent: { type: string }[] = [];
 * const wish = { type: 'ALLOC_PINNABLE' as const, sender: 'mm:1', request: 1, orderPages: 4, leastOrder: 4 };
 * allocPinnable(actor.getSnapshot().context, wish, (_to, message) => sent.push(message));
 * sent[0]?.type; // 'FRAMES'
 * ```
 */
export function allocPinnable(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'ALLOC_PINNABLE');
  const { sender, request, orderPages, leastOrder } = event;
  const span = 2 ** orderPages;
  const first = zeroFrame(context.kernelPageBytes);
  const buddy = context.buddy.edit();
  for (let pfn = first; pfn + span <= first + context.totalPages; pfn += span) {
    if (isMovable(context, pfn) || isMovable(context, pfn + span - 1) || !buddy.allocAt(pfn, orderPages)) continue;
    const folios = context.folios.edit();
    const large = orderPages > leastOrder ? wholeFolio(orderPages, leastOrder) : null;
    folios.add({ pfn, order: orderPages, refs: span, pins: 0, owner: sender, kind: 'anon', lazyFree: false, large });
    send(sender, { type: 'FRAMES', request, orderPages, pfns: [pfn] });
    const draft = copyZone(context);
    draft.buddy = buddy.done();
    draft.folios = folios.done();
    draft.allocations += 1;
    return draft;
  }
  send(sender, { type: 'NO_MEMORY', request });
  return context;
}

/**
 * Pins every page of the runs, or none where one of them is free or is being moved; the shared zero memory is nobody's to pin.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * const sent: unknown[] = [];
 * const grab = { type: 'TRY_GRAB' as const, sender: 'gup:a', request: 1, runs: [{ pfn: 0, nr: 1 }] };
 * tryGrab(actor.getSnapshot().context, grab, (_to, message) => sent.push(message));
 * sent; // [{ type: 'GRABBED', request: 1, ok: false, kind: '', owner: '' }]
 * ```
 */
export function tryGrab(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'TRY_GRAB');
  const { sender, request, runs } = event;
  const parts = pieces(context, runs);
  const [first] = parts ?? [];
  const bad = event.longterm === true ? parts?.find(({ head }) => isMovable(context, head.pfn)) : undefined;
  if (bad !== undefined) {
    const unpinnable = { pfn: bad.head.pfn, orderPages: bad.head.order };
    send(sender, { type: 'GRABBED', request, ok: false, kind: '', owner: '', unpinnable });
    return context;
  }
  if (parts?.some(({ head }) => isBeingMoved(context, head.pfn)) === true) {
    // Its count is frozen. Whoever asks again at once would find it so, until it has been copied.
    const { faultHandlerBase } = context.resources.costs;
    send(sender, { type: 'GRABBED', request, ok: false, kind: '', owner: '' }, faultHandlerBase);
    return context;
  }
  if (parts === null || first === undefined || parts.some(({ head }) => head.kind === 'reserved')) {
    send(sender, { type: 'GRABBED', request, ok: false, kind: '', owner: '' });
    return context;
  }
  const folios = context.folios.edit();
  for (const { pfn, nr } of parts) {
    folios.update(pfn, (folio) => ({ ...folio, refs: folio.refs + nr, pins: folio.pins + nr }));
  }
  const draft = copyZone(context);
  draft.folios = folios.done();
  send(sender, { type: 'GRABBED', request, ok: true, kind: first.head.kind, owner: first.head.owner });
  return draft;
}

/**
 * Takes pins away; a folio whose last reference was one of them is freed.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * const sent: string[] = [];
 * const nothing = { type: 'UNPIN' as const, sender: 'gup:a', request: 1, runs: [] };
 * unpinPages(actor.getSnapshot().context, nothing, (to) => sent.push(to));
 * sent; // ['gup:a']
 * ```
 */
export function unpinPages(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'UNPIN');
  const { sender, request, runs } = event;
  const folios = context.folios.edit();
  let buddy: BuddyEdit | PageblocksEdit | null = null;
  for (const { pfn, nr } of pieces(context, runs) ?? []) {
    const after = folios.update(pfn, (folio) => ({ ...folio, refs: folio.refs - nr, pins: folio.pins - nr }));
    if (after.refs > 0) continue;
    folios.remove(after.pfn);
    buddy ??= context.buddy.edit();
    buddy.free(after.pfn, after.order);
  }
  send(sender, { type: 'UNPINNED', request });
  const draft = copyZone(context);
  draft.folios = folios.done();
  if (buddy !== null) draft.buddy = buddy.done();
  return tellWaiters(draft, send);
}

/** Somebody who waits until nobody has pages pinned. */
export interface PinWaiter {
  sender: string;
  request: number;
  pfns: number[];
}

function anyPinned({ folios }: ZoneContext, pfns: readonly number[]): boolean {
  return pfns.some((pfn) => (folios.find(pfn)?.pins ?? 0) > 0);
}

/** Answers those who have waited long enough. */
function tellWaiters(context: ZoneContext, send: Send): ZoneContext {
  const { pinWaiters } = context;
  if (pinWaiters === undefined || pinWaiters.length === 0) return context;
  const left = pinWaiters.filter(({ pfns }) => anyPinned(context, pfns));
  for (const { sender, request, pfns } of pinWaiters) {
    if (!anyPinned(context, pfns)) send(sender, { type: 'UNPINNED', request });
  }
  return reviseZone(context, (draft) => {
    draft.pinWaiters = left;
  });
}

/**
 * Tells the asker when none of the pages is pinned.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * const sent: string[] = [];
 * const wait = { type: 'WAIT_UNPINNED' as const, sender: 'file:a', request: 1, pfns: [] };
 * waitUnpinned(actor.getSnapshot().context, wait, (to) => sent.push(to));
 * sent; // ['file:a']
 * ```
 */
export function waitUnpinned(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'WAIT_UNPINNED');
  const { sender, request, pfns } = event;
  if (!anyPinned(context, pfns)) {
    send(sender, { type: 'UNPINNED', request });
    return context;
  }
  return reviseZone(context, (draft) => {
    draft.pinWaiters = [...(context.pinWaiters ?? []), { sender, request, pfns }];
  });
}
