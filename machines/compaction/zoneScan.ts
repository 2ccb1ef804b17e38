/**
 * The zone's part in compaction: it isolates folios and free places for them, and puts the copies in the place of the
 * originals once the entries have been exchanged [mm/compaction.c:compact_zone, mm/migrate.c:migrate_folio_done].
 *
 * @models S-14 L-04
 */
import { compactFinished, compactionSuitable, type CompactResult } from '../../src/mm/compaction/suitable.ts';
import { nextBatch, scannersMet, type CompactScan } from '../../src/mm/compaction/scan.ts';
import { invariant } from '../../src/errors.ts';
import type { FolioTableEdit } from '../../src/mm/frames.ts';
import type { Pageblocks, PageblocksEdit } from '../../src/mm/pageblock/pageblocks.ts';
import type { MessageOf, MoveDone } from '../messages.ts';
import { copyZone } from '../revise.ts';
import type { Send } from '../support.ts';
import type { ZoneContext } from '../zone.ts';
import { boostedMarks, pageblocksOf } from './zonePressure.ts';

/** Who holds a place that is being moved to. */
const ISOLATOR = 'kcompactd';

/**
 * Ends one move: the copy has the references of the entries that map it now, the original what is left. Answers how many
 * pages were moved.
 */
function endMove(
  folios: FolioTableEdit,
  buddy: PageblocksEdit,
  { fromPfn, toPfn, order, owner, pages }: MoveDone,
): number {
  const before = folios.find(fromPfn);
  invariant(before !== null && before.pfn === fromPfn, 'an isolated folio has a reference of its own');
  folios.remove(toPfn);
  if (pages.length === 0) buddy.free(toPfn, order);
  else {
    const { kind, lazyFree, large } = before;
    const refs = Array.from({ length: 2 ** order }, () => 0);
    for (const page of pages) refs[page] = 1;
    const partlyMapped = pages.length < refs.length;
    const part = large === null ? null : { leastOrder: large.leastOrder, pageRefs: refs, partlyMapped };
    folios.add({ pfn: toPfn, order, refs: pages.length, owner, kind, lazyFree, large: part });
  }
  for (const page of pages) {
    const folio = folios.find(fromPfn);
    invariant(folio !== null, 'an isolated folio has a reference of its own');
    folios.putPages(folio, fromPfn + page, 1);
  }
  if (folios.put(fromPfn) !== null) buddy.free(fromPfn, order);
  return pages.length;
}

/** What the scanners are to do, or how the attempt ends. */
function verdict(context: ZoneContext, zone: Pageblocks, event: MessageOf<'COMPACT_SCAN'>): CompactResult | null {
  const { orderPages: order, migrateType: type, priority, migratePfn, first } = event;
  if (first) {
    const suitable = compactionSuitable(zone, order, boostedMarks(context.marks, zone.boostPages));
    if (suitable !== null) return suitable;
  }
  const blockPages = 2 ** zone.pageblockOrder;
  if (scannersMet(event, zone.pageblockOrder)) return 'complete';
  const atBlockEnd = migratePfn % blockPages === 0;
  return !first && compactFinished(zone, { order, type, priority, atBlockEnd }) ? 'success' : null;
}

/**
 * Takes note of what was moved, and isolates the next batch.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25, pressure: { background: false } };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const results: unknown[] = [];
 * const about = { request: 1, orderPages: 4, migrateType: 'movable' as const, priority: 1 as const, direct: true };
 * const scan = { type: 'COMPACT_SCAN' as const, ...about, migratePfn: 262144, freePfn: 270336, first: true, done: [] };
 * compactScan(zone, scan, (_to, message) => results.push(message.type === 'COMPACT_BATCH' && message.result));
 * results; // ['success']
 * ```
 */
export function compactScan(context: ZoneContext, event: MessageOf<'COMPACT_SCAN'>, send: Send): ZoneContext {
  const { pressure } = context;
  invariant(pressure !== undefined, 'a zone that is compacted groups its pages');
  const folios = context.folios.edit();
  const edit = pageblocksOf(context).edit();
  let moved = 0;
  let failed = 0;
  for (const move of event.done) {
    const pages = endMove(folios, edit, move);
    moved += pages;
    failed += 2 ** move.order - pages;
  }
  const buddy = edit.done();
  const { request, orderPages: order, migrateType: type, priority, direct, migratePfn, freePfn } = event;
  const result = verdict(context, buddy, event);
  const scan: CompactScan = { order, type, priority, direct, migratePfn, freePfn };
  const none = { moves: [], migratePfn, freePfn, migrateScanned: 0, freeScanned: 0 };
  const batch = result === null ? nextBatch(buddy, (pfn) => folios.find(pfn), scan) : none;
  const next = buddy.edit();
  for (const { fromPfn, toPfn, order: size } of batch.moves) {
    folios.get(fromPfn);
    invariant(next.allocAt(toPfn, size), 'a place that was found is free');
    folios.add({ pfn: toPfn, order: size, owner: ISOLATOR, kind: 'kernel' });
  }
  const scanned = batch.migrateScanned + batch.freeScanned;
  const delay = scanned * context.resources.costs.scanPage;
  send('kcompactd', { type: 'COMPACT_BATCH', request, result: result ?? '', ...batch }, delay);
  const draft = copyZone(context);
  draft.folios = folios.done();
  draft.buddy = next.done();
  const { reclaim } = context;
  const arrived = event.done.filter(({ pages }) => pages.length > 0).map(({ toPfn }) => toPfn);
  // putback: a copy is on no list yet, as any new folio.
  if (reclaim !== undefined && arrived.length > 0)
    draft.reclaim = { ...reclaim, added: reclaim.added.pushAll(arrived) };
  draft.freePagesLeast = Math.min(context.freePagesLeast, draft.buddy.freeFrames);
  const { migratedPages, migrateFailedPages } = pressure;
  draft.pressure = {
    ...pressure,
    migratedPages: migratedPages + moved,
    migrateFailedPages: migrateFailedPages + failed,
    isolated: batch.moves.map(({ fromPfn }) => fromPfn),
  };
  return draft;
}
