/**
 * Reclaim from the page cache (`mm/vmscan.c:pageout`, `__remove_mapping`): reclaim has unmapped folios of a file, which writes back
 * what is dirty and drops what nobody else has a reference to.
 *
 * @models D-01 X-07
 */
import type { CachedFolio } from '../../src/mm/pageCache.ts';
import { dropFolios } from '../fileInvalidate.ts';
import { actorOfFile, type FileContext, type FileMessage, inMemory } from '../fileState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { reviseFile } from '../revise.ts';
import { assertType, type Send } from '../support.ts';

/** What reclaim has asked for, while the disk or the zone is asked. */
export interface FileShrink {
  sender: string;
  request: number;
  frames: MessageOf<'SHRINK_FILE'>['frames'];
}

/** Operations that look pages up anew when they go on: folios may go beside them. */
const LOOKS_AGAIN: readonly FileMessage['type'][] = ['GET_PAGES', 'READ_FILE', 'READ_AHEAD', 'SHRINK_FILE'];

/** Folios of the cache that begin with one of the frames. */
function foliosAt(context: FileContext, pfns: ReadonlySet<number>): CachedFolio[] {
  return context.cache.range().filter(({ pfn }) => pfns.has(pfn));
}

function withShrink(context: FileContext, shrink: FileShrink | undefined): FileContext {
  return reviseFile(context, (draft) => {
    if (shrink === undefined) delete draft.shrink;
    else draft.shrink = shrink;
  });
}

/**
 * Begins: notes what was dirty, and says whether it has to be written before anything can go. A file that is busy is not
 * written now (`folio_trylock`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const shrink = { type: 'SHRINK_FILE' as const, file: 'a', sender: 'kswapd', request: 1, frames: [], dirty: [] };
 * beginShrink(file, shrink).writes; // false
 * ```
 */
export function beginShrink(
  context: FileContext,
  event: MessageOf<'SHRINK_FILE'>,
): { context: FileContext; writes: boolean } {
  const { sender, request, frames, dirty } = event;
  const cache = context.cache.edit();
  for (const { index } of foliosAt(context, new Set(dirty))) cache.setDirty(index, true);
  const marked = reviseFile(context, (draft) => {
    draft.cache = cache.done();
  });
  const state = withShrink(marked, { sender, request, frames });
  const isDirty = foliosAt(state, new Set(frames.map(({ pfn }) => pfn))).some((folio) => folio.dirty);
  return { context: state, writes: isDirty && context.current === null && !inMemory(context) };
}

/**
 * Asks the zone who else has references to the folios.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const sent: string[] = [];
 * askReferences({ ...file, shrink: { sender: 'kswapd', request: 1, frames: [] } }, (to) => sent.push(to));
 * sent; // ['zone']
 * ```
 */
export function askReferences(context: FileContext, send: Send): FileContext {
  const pfns = (context.shrink?.frames ?? []).map(({ pfn }) => pfn);
  send('zone', { type: 'FOLIO_QUERY', sender: actorOfFile(context.path), request: context.ino, pfns });
  return context;
}

/**
 * Drops the folios that the cache and reclaim alone refer to (`folio_ref_freeze`), and tells reclaim.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const asked = { ...file, shrink: { sender: 'kswapd', request: 1, frames: [] } };
 * endShrink(asked, { type: 'FOLIOS', request: 1, folios: [] }, () => {}).shrink; // undefined
 * ```
 */
export function endShrink(context: FileContext, event: Message, send: Send): FileContext {
  assertType(event, 'FOLIOS');
  const { shrink, current } = context;
  if (shrink === undefined) return context;
  const alone = new Set<number>();
  for (const folio of event.folios) {
    if (folio !== null && folio.pins === 0 && folio.refs === 2 * 2 ** folio.order) alone.add(folio.pfn);
  }
  const free = !inMemory(context) && (current === null || LOOKS_AGAIN.includes(current.message.type));
  const folios = free ? foliosAt(context, alone).filter(({ dirty, uptodate }) => uptodate && !dirty) : [];
  const dropped = dropFolios(context, folios, false, send).context;
  const freed = folios.map(({ pfn }) => pfn);
  send(shrink.sender, { type: 'FILE_SHRUNK', request: shrink.request, freed });
  return withShrink(dropped, undefined);
}
