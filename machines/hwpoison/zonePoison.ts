/**
 * What the zone does with a frame that has failed (`mm/page_alloc.c:take_page_off_buddy`): it is taken out for good, and what lay
 * around it in the same block or folio is given back.
 *
 * @models D-18
 */
import type { Message } from '../messages.ts';
import { reviseZone } from '../revise.ts';
import { assertType, type Send } from '../support.ts';
import type { ZoneContext } from '../zone.ts';

const OWNER = 'hwpoison';

/** A free frame: the block that it lies in is taken, and all but the frame given back. */
function takeFree(context: ZoneContext, pfn: number): ZoneContext {
  const buddy = context.buddy.edit();
  const folios = context.folios.edit();
  const { base, maxOrder } = context.buddy;
  for (let order = 0; order <= maxOrder; order++) {
    const span = 2 ** order;
    const head = pfn - (pfn % span);
    if (head < base || !buddy.allocAt(head, order)) continue;
    for (let at = head; at < head + span; at++) if (at !== pfn) buddy.free(at, 0);
    break;
  }
  folios.add({ pfn, order: 0, owner: OWNER, kind: 'reserved' });
  return reviseZone(context, (draft) => {
    draft.buddy = buddy.done();
    draft.folios = folios.done();
  });
}

/**
 * Takes a frame out of use. Of a folio that somebody else still has references to nothing is given back: it stays until they go,
 * and then for ever, by the reference that memory failure holds.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const pfn = zone.buddy.base + 100;
 * const after = quarantine(zone, { type: 'QUARANTINE', sender: 'hwpoison', request: 1, pfn, retirement: 'frame' }, () => {});
 * zone.buddy.freeFrames - after.buddy.freeFrames; // 1
 * ```
 */
export function quarantine(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'QUARANTINE');
  const { sender, request, pfn, retirement } = event;
  const folio = context.folios.find(pfn);
  if (folio === null) {
    send(sender, { type: 'QUARANTINED', request, frames: 1 });
    return takeFree(context, pfn);
  }
  if (folio.refs > 1 || folio.kind === 'reserved') {
    send(sender, { type: 'QUARANTINED', request, frames: 0 });
    return context;
  }
  const folios = context.folios.edit();
  const buddy = context.buddy.edit();
  folios.remove(folio.pfn);
  const whole = retirement === 'folio';
  const span = 2 ** folio.order;
  folios.add({ pfn: whole ? folio.pfn : pfn, order: whole ? folio.order : 0, owner: OWNER, kind: 'reserved' });
  if (!whole) for (let at = folio.pfn; at < folio.pfn + span; at++) if (at !== pfn) buddy.free(at, 0);
  send(sender, { type: 'QUARANTINED', request, frames: whole ? span : 1 });
  return reviseZone(context, (draft) => {
    draft.buddy = buddy.done();
    draft.folios = folios.done();
  });
}
