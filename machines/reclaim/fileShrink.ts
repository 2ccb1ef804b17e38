/**
 * Reclaim from the page cache (`mm/vmscan.c:pageout`, `__remove_mapping`): reclaim has unmapped folios of a file, which writes back
 * what is dirty and drops what nobody else has a reference to.
 *
 * @models D-01 X-07
 */
import type { CachedFolio } from '../../src/mm/pageCache.ts';
import { dropFolios } from '../fileDrop.ts';
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
const LOOKS_AGAIN: readonly FileMessage['type'][] = ['GET_PAGES', 'READ_FILE', 'READ_AHEAD'];

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

/** The request of writes for reclaim: those of operations are inode numbers, which begin with 1. */
export const SHRINK_WRITE = 0;

/**
 * Begins: notes what was dirty, and writes that of the folios which is. It goes on beside the file's own operations, one of which may
 * be waiting for the memory that comes of it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const shrink = { type: 'SHRINK_FILE' as const, file: 'a', sender: 'kswapd', request: 1, frames: [], dirty: [] };
 * beginShrink(file, shrink, () => {}).shrink?.request; // 1
 * ```
 */
export function beginShrink(context: FileContext, event: MessageOf<'SHRINK_FILE'>, send: Send): FileContext {
  const { sender, request, frames, dirty } = event;
  const cache = context.cache.edit();
  for (const { index } of foliosAt(context, new Set(dirty))) cache.setDirty(index, true);
  let pages = 0;
  const wanted = new Set(frames.map(({ pfn }) => pfn));
  for (const folio of inMemory(context) ? [] : cache.range()) {
    if (!wanted.has(folio.pfn) || !folio.dirty) continue;
    cache.setDirty(folio.index, false);
    pages += 2 ** folio.order;
  }
  const marked = reviseFile(context, (draft) => {
    draft.cache = cache.done();
    draft.writtenPages = context.writtenPages + pages;
  });
  const state = withShrink(marked, { sender, request, frames });
  if (pages === 0) return askReferences(state, send);
  const lengthBytes = pages * context.kernelPageBytes;
  send('disk', { type: 'WRITE_BLOCKS', file: actorOfFile(context.path), request: SHRINK_WRITE, lengthBytes });
  return state;
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
 * Whether folios may leave the cache beside the operation that is under way. A reference that was asked for after the zone was
 * asked is not in its answer: while one is, pages stay.
 *
 * @example
 * ```ts
 * mayDropNow({ current: null, phase: 'none' }); // true
 * ```
 */
export function mayDropNow({ current, phase }: Pick<FileContext, 'current' | 'phase'>): boolean {
  return phase !== 'referencing' && (current === null || LOOKS_AGAIN.includes(current.message.type));
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
  const { shrink } = context;
  if (shrink === undefined) return context;
  const alone = new Set<number>();
  for (const folio of event.folios) {
    if (folio !== null && folio.pins === 0 && folio.refs === 2 * 2 ** folio.order) alone.add(folio.pfn);
  }
  const free = !inMemory(context) && mayDropNow(context);
  const folios = free ? foliosAt(context, alone).filter(({ dirty, uptodate }) => uptodate && !dirty) : [];
  const dropped = dropFolios(context, folios, false, send).context;
  const freed = folios.map(({ pfn }) => pfn);
  send(shrink.sender, { type: 'FILE_SHRUNK', request: shrink.request, freed });
  return withShrink(dropped, undefined);
}
