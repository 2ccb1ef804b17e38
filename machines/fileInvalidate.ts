/**
 * What mapping a file does to its page cache: where the least order rises, smaller folios are unmapped everywhere, written
 * back, and dropped (`mm/truncate.c:invalidate_inode_pages2_range`), or copied together where there is nothing to read
 * them again from (`mm/khugepaged.c:collapse_file`).
 *
 * @models S-36 S-37 T-02 T-05 T-06 T-09 D-14 D-15
 */
import { ERRNO } from '../src/mm/abi/numbers.ts';
import type { CachedFolio } from '../src/mm/pageCache.ts';
import { answer, waitForIo } from './fileAnswers.ts';
import { fill } from './fileFill.ts';
import { pidOfMm } from './fileMappers.ts';
import { dropFolios } from './fileDrop.ts';
import { blockOrder, leastOrder, smallFoliosAtMap } from './fileOrders.ts';
import { actorOfFile, type FileContext, type FileOperation, inMemory, inStep, type NewFolio } from './fileState.ts';
import { convertsAtFaults, oneMore } from './conversion/fileFaults.ts';
import { askPins } from './gup/filePins.ts';
import type { MessageOf } from './messages.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';

/** All indexes. */
export const END_OF_FILE = Number.MAX_SAFE_INTEGER;

/**
 * Folios below the least order, without those that stay because somebody has pinned them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * smallFolios(file, []); // []
 * ```
 */
export function smallFolios(context: FileContext, kept: readonly number[] = []): CachedFolio[] {
  const { minOrderPages } = context;
  if (!context.cache.counts.foliosByOrder.slice(0, minOrderPages).some((count) => count > 0)) return [];
  return context.cache.range().filter((folio) => folio.order < minOrderPages && !kept.includes(folio.index));
}

/**
 * Whether a holder that asked this file for pins has any of a folio.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * isPinned(file, { index: 0, pfn: 9, order: 0, dirty: false, uptodate: true }); // false
 * ```
 */
export function isPinned(context: FileContext, folio: CachedFolio): boolean {
  const end = folio.pfn + (1 << folio.order);
  return context.pins.some((pin) => pin.runs.some((run) => run.pfn < end && run.pfn + run.nr > folio.pfn));
}

/**
 * `mmap` by a process: the least order follows the policy, and what is smaller has to go.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const map = { type: 'MAP_FILE' as const, file: 'a', request: 1, mm: 'mm:1', orderPages: 4, createBytes: -1 };
 * beginMap(file, newOperation(map), map, () => {}).minOrderPages; // 4
 * ```
 */
export function beginMap(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'MAP_FILE'>,
  send: Send,
): FileContext {
  const { mm, orderPages } = message;
  const mappers = context.mappers.with({ mm, orderPages });
  // Nothing is converted before somebody touches it.
  if (convertsAtFaults(context))
    return answer(
      reviseFile(context, (draft) => {
        draft.mappers = mappers;
      }),
      operation,
      send,
    );
  const state = reviseFile(context, (draft) => {
    draft.mappers = mappers;
    draft.minOrderPages = Math.max(context.minOrderPages, leastOrder(context, mappers));
  });
  const small = smallFolios(state);
  if (small.length === 0) return answer(state, operation, send);
  const fate = smallFoliosAtMap(state, message);
  if (fate === 'keep') return answer(keepingOrder(state, context.minOrderPages), operation, send);
  if (fate === 'refuse') return refuseMap(context, operation, send);
  const pinned = inMemory(state) ? small.filter((folio) => isPinned(state, folio)).length : 0;
  if (pinned > 0) {
    const busy = { ...context.busy, pinned: context.busy.pinned + pinned };
    return refuseMap(
      reviseFile(context, (draft) => {
        draft.busy = busy;
      }),
      operation,
      send,
    );
  }
  const unmapping = unmapPages(state, operation, { first: 0, end: END_OF_FILE, evenCows: false }, send);
  return unmapping.pending > 0 ? unmapping : convert(unmapping, operation, send);
}

/** The mapping comes to be, on folios as small as they are. */
function keepingOrder(context: FileContext, minOrderPages: number): FileContext {
  return reviseFile(context, (draft) => {
    draft.minOrderPages = minOrderPages;
  });
}

/** The mapping fails with EBUSY. */
function refuseMap(context: FileContext, operation: FileOperation, send: Send): FileContext {
  return answer(
    reviseFile(context, (draft) => {
      draft.refusedMaps = context.refusedMaps + 1;
    }),
    reviseOperation(operation, (draft) => {
      draft.errno = ERRNO.EBUSY;
    }),
    send,
  );
}

/**
 * The last mapping of an mm is gone: the least order may fall.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'drop-and-re-read' });
 * const mappers = Mappers.fromPlain([{ mm: 'mm:1', orderPages: 4 }]);
 * unmapFile({ ...file, minOrderPages: 4, mappers }, 'mm:1').minOrderPages; // 0
 * ```
 */
export function unmapFile(context: FileContext, mm: string): FileContext {
  const mappers = context.mappers.without(mm);
  const readahead = context.readahead.without(pidOfMm(mm));
  return reviseFile(context, (draft) => {
    draft.mappers = mappers;
    draft.readahead = readahead;
    if (!convertsAtFaults(context)) draft.minOrderPages = leastOrder(context, mappers);
  });
}

/** The granule of the CPU that unmaps: a process maps the file, or it is the kernel's own, as of whoever truncates. */
function issuerOf({ kernelPageBytes }: FileContext, { message }: FileOperation): number {
  const isUser = message.type === 'MAP_FILE' || message.type === 'GET_PAGES';
  return isUser ? kernelPageBytes * (1 << message.orderPages) : kernelPageBytes;
}

/**
 * `unmap_mapping_pages` in every mm that maps the file; `next` follows when all have done it, at once where there is none.
 * Whoever has larger pages keeps those that a border of the range lies in, as on a kernel of that page size.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'TRUNCATE_FILE', file: 'a', request: 1, sizeBytes: 0 });
 * const mappers = Mappers.fromPlain([{ mm: 'mm:1', orderPages: 0 }]);
 * unmapPages({ ...file, mappers }, operation, { first: 0, end: 9, evenCows: true }, () => {}).pending; // 1
 * ```
 */
export function unmapPages(
  context: FileContext,
  operation: FileOperation,
  range: { first: number; end: number; evenCows: boolean },
  send: Send,
): FileContext {
  const smallTail = blockOrder(context) > context.minOrderPages;
  const whole = context.resources.design.fileTail === 'process-page' && !smallTail;
  let pending = 0;
  for (const { mm, orderPages } of context.mappers) {
    const page = whole ? 1 << orderPages : 1;
    const firstIndex = Math.ceil(range.first / page) * page;
    const endIndex = range.end === END_OF_FILE ? END_OF_FILE : Math.floor(range.end / page) * page;
    if (firstIndex >= endIndex) continue;
    const { path: file, ino: request } = context;
    const issuerPageBytes = issuerOf(context, operation);
    send(mm, { type: 'UNMAP_RANGE', file, request, firstIndex, endIndex, evenCows: range.evenCows, issuerPageBytes });
    pending++;
  }
  return { ...inStep(context, operation, pending > 0 ? 'unmapping' : 'none'), pending };
}

/**
 * Nobody maps the folios any more: memory files copy them together, others write them back first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const map = { type: 'MAP_FILE' as const, file: 'a', request: 1, mm: 'mm:1', orderPages: 4, createBytes: -1 };
 * convert(file, newOperation(map), () => {}).phase; // 'none'
 * ```
 */
export function convert(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const asked = askPins(context, operation, send);
  if (asked !== null) return asked;
  return inMemory(context) ? collapse(context, operation, send) : writeBack(context, operation, send);
}

function collapse(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const order = context.minOrderPages;
  const block = 1 << order;
  const keptBlocks = new Set((operation.kept ?? []).map((index) => Math.floor(index / block) * block));
  const small = smallFolios(context).filter(({ index }) => !keptBlocks.has(Math.floor(index / block) * block));
  const blocks = [...new Set(small.map(({ index }) => Math.floor(index / block) * block))];
  if (blocks.length === 0) return answer(context, operation, send);
  const pages = small.reduce((sum, folio) => sum + (1 << folio.order), 0);
  const folios = blocks.map((index): NewFolio => ({ index, order, readahead: false, pfn: -1 }));
  const copiedBytes = context.copiedBytes + pages * context.kernelPageBytes;
  return fill(
    reviseFile(context, (draft) => {
      draft.collapses = context.collapses + blocks.length;
      draft.copiedBytes = copiedBytes;
    }),
    operation,
    folios,
    send,
  );
}

/**
 * A collapse has its folios, or no memory for them: then the mapping is refused, and everything is as it was.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const map = { type: 'MAP_FILE' as const, file: 'a', request: 1, mm: 'mm:1', orderPages: 4, createBytes: -1 };
 * collapsed(file, { ...newOperation(map), failed: true }, () => {}).refusedMaps; // 1
 * ```
 */
export function collapsed(context: FileContext, operation: FileOperation, send: Send): FileContext {
  if (!operation.failed) return answer(context, operation, send);
  const { mm } = operation.message as MessageOf<'MAP_FILE'>;
  const state = { ...unmapFile(context, mm), refusedMaps: context.refusedMaps + 1 };
  return answer(state, operation, send);
}

/**
 * Writes every dirty folio back (`filemap_write_and_wait_range`). Memory files have nowhere to write to.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * writeBack(file, operation, () => {}).phase; // 'none'
 * ```
 */
export function writeBack(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const { dirtyPages } = context.cache.counts;
  if (dirtyPages === 0 || inMemory(context)) return wroteBack(context, operation, send);
  const cache = context.cache.edit();
  for (const folio of cache.range()) if (folio.dirty) cache.setDirty(folio.index, false);
  const lengthBytes = dirtyPages * context.kernelPageBytes;
  send('disk', { type: 'WRITE_BLOCKS', file: actorOfFile(context.path), request: context.ino, lengthBytes });
  waitForIo(operation.message, send);
  const state = reviseFile(context, (draft) => {
    draft.cache = cache.done();
    draft.writtenPages = context.writtenPages + dirtyPages;
  });
  return inStep(state, operation, 'writing');
}

/**
 * What was dirty is written: an fsync is done, an invalidation goes on. Folios that were dirtied meanwhile by somebody who
 * unmapped them stay (-EBUSY of `invalidate_complete_folio2`), and are written back in another round.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * wroteBack(file, operation, () => {}).current; // null
 * ```
 */
export function wroteBack(context: FileContext, operation: FileOperation, send: Send): FileContext {
  if (operation.message.type !== 'MAP_FILE') return answer(context, operation, send);
  const small = smallFolios(context, operation.kept);
  const dirty = small.filter((folio) => folio.dirty).length;
  const clean = small.filter((folio) => !folio.dirty);
  const { context: state, pages } = dropFolios(context, clean, true, send);
  const rereadPages = operation.rereadPages + pages;
  const again = dirty > 0;
  const next = reviseFile(state, (draft) => {
    draft.busy = again ? { ...state.busy, dirty: state.busy.dirty + dirty } : state.busy;
    draft.drops = state.drops + (pages > 0 && !again ? 1 : 0);
    draft.droppedPages = state.droppedPages + pages;
  });
  const counted = reviseOperation(operation, (draft) => {
    draft.rereadPages = rereadPages;
    if (again && context.resources.design.conversion !== undefined) draft.rounds = oneMore(operation.rounds);
  });
  return again ? writeBack(next, counted, send) : answer(next, counted, send);
}
