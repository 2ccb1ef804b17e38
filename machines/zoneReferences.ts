/** References to folios (`folio_get`, `folio_ref_add`): who has one keeps the folio. */
import { invariant } from '../src/errors.ts';
import type { Folio, FolioTableEdit } from '../src/mm/frames.ts';
import type { Message } from './messages.ts';
import { copyZone } from './revise.ts';
import { assertType, type Send } from './support.ts';
import type { ZoneContext } from './zone.ts';

/**
 * The folio that a frame of a run lies in.
 *
 * @throws GranuleError INVARIANT for a frame that is free
 * @example
 * ```ts
 * const edit = FolioTable.empty().edit();
 * edit.add({ pfn: 16, order: 4, owner: 'mm:1', kind: 'anon' });
 * folioAt(edit, 21).pfn; // 16
 * ```
 */
export function folioAt(folios: FolioTableEdit, pfn: number): Folio {
  const folio = folios.find(pfn);
  if (folio === null) invariant(false, `frame ${pfn} lies in a folio`);
  return folio;
}

/**
 * GET: one more reference to each page.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const actor = createActor(zoneMachine, { input: { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 } });
 * const sent: string[] = [];
 * getReferences(actor.getSnapshot().context, { type: 'GET', sender: 'mm:1', request: 1, runs: [] }, (to) => sent.push(to));
 * sent; // ['mm:1']
 * ```
 */
export function getReferences(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'GET');
  const folios = context.folios.edit();
  for (const { pfn, nr } of event.runs) {
    for (let at = pfn; at < pfn + nr; ) {
      const folio = folioAt(folios, at);
      const end = Math.min(pfn + nr, folio.pfn + (1 << folio.order));
      folios.getPages(folio, at, end - at);
      at = end;
    }
  }
  if (event.request > 0) send(event.sender, { type: 'GOT', request: event.request });
  const draft = copyZone(context);
  draft.folios = folios.done();
  return draft;
}
