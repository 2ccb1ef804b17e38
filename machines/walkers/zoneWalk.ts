/** A look at `struct page`: which folios frames lie in, who holds them. */
import type { Message } from '../messages.ts';
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
