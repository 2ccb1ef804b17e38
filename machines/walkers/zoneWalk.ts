/** A look at `struct page`: which folios frames lie in, who holds them. */
import type { Folio } from '../../src/mm/frames.ts';
import type { Message } from '../messages.ts';
import { reviseZone } from '../revise.ts';
import { assertType, type Send } from '../support.ts';
import type { ZoneContext } from '../zone.ts';

/**
 * Answers FOLIO_QUERY (`include/linux/page-flags.h:page_folio`, `folio_ref_count`). The answer is of this moment: whoever
 * needs it to stay takes a reference.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: unknown[] = [];
 * folioQuery(zone, { type: 'FOLIO_QUERY', sender: 'procfs', request: 1, pfns: [5] }, (_to, message) => sent.push(message));
 * sent; // [{ type: 'FOLIOS', request: 1, folios: [null] }]
 * ```
 */
export function folioQuery(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'FOLIO_QUERY');
  const folios = event.pfns.map((pfn) => context.folios.find(pfn));
  send(event.sender, { type: 'FOLIOS', request: event.request, folios });
  return context;
}

/**
 * Answers TRY_GET (`include/linux/mm.h:folio_try_get`): whoever has seen a frame in a table may come too late, and then takes
 * nothing. The frame may hold another page by now; that is for the asker to see.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const sent: unknown[] = [];
 * tryGet(zone, { type: 'TRY_GET', sender: 'ksmd', request: 1, runs: [{ pfn: 5, nr: 1 }] }, (_to, message) => sent.push(message));
 * sent; // [{ type: 'GET_TRIED', request: 1, got: false }]
 * ```
 */
export function tryGet(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'TRY_GET');
  const { sender, request, runs } = event;
  const folios = context.folios.edit();
  const parts: { folio: Folio; at: number; nr: number }[] = [];
  for (const { pfn, nr } of runs) {
    for (let at = pfn; at < pfn + nr; ) {
      const folio = folios.find(at);
      if (folio === null) {
        send(sender, { type: 'GET_TRIED', request, got: false });
        return context;
      }
      const end = Math.min(pfn + nr, folio.pfn + 2 ** folio.order);
      parts.push({ folio, at, nr: end - at });
      at = end;
    }
  }
  for (const { folio, at, nr } of parts) folios.getPages(folios.find(folio.pfn) ?? folio, at, nr);
  send(sender, { type: 'GET_TRIED', request, got: true });
  return reviseZone(context, (draft) => {
    draft.folios = folios.done();
  });
}
