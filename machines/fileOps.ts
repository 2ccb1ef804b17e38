/** The operations on an address space, in steps: unmap, allocate, read, write back, answer. */
import { invariant } from '../src/errors.ts';
import type { CachedFolio } from '../src/mm/pageCache.ts';
import type { FileContext, FileMessage } from './file.ts';
import { actor, answer, endIndex, type FileOperation, inStep, sendPages, waitForIo } from './fileAnswers.ts';
import {
  inBlocks,
  type IndexRange,
  initialReadaheadPages,
  missingBlocks,
  READAHEAD_BYTES,
  readAround,
} from './filePages.ts';
import type { Message, MessageOf } from './messages.ts';
import type { Send } from './support.ts';

/** All indexes. */
const END_OF_FILE = Number.MAX_SAFE_INTEGER;

/**
 * Begins an operation; `current` is null again where it is already done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, request: 1, offsetBytes: 0, lengthBytes: 9 };
 * beginOperation(file, read, () => {}).phase; // 'allocating'
 * ```
 */
export function beginOperation(context: FileContext, message: FileMessage, send: Send): FileContext {
  const none = {
    blocks: [],
    orderPages: 0,
    pfns: [],
    runs: [],
    rereadPages: 0,
    major: false,
    failed: false,
    eof: false,
  };
  const operation: FileOperation = { message, ...none };
  switch (message.type) {
    case 'MAP_FILE':
      return map(context, operation, message, send);
    case 'GET_PAGES':
      return getPages(context, operation, message, send);
    case 'READ_FILE':
    case 'WRITE_FILE':
      return transfer(context, operation, message, send);
    case 'TRUNCATE_FILE': {
      const first = Math.ceil(message.sizeBytes / context.kernelPageBytes);
      const state = { ...context, sizeBytes: message.sizeBytes };
      return unmapAll(state, operation, first, true, send);
    }
    default:
      return writeBack(context, operation, send);
  }
}

/**
 * Takes the operation under way one step on with the answer that came.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, request: 1, offsetBytes: 0, lengthBytes: 8192 };
 * const asked = beginOperation(file, read, () => {});
 * takeOn(asked, { type: 'NO_MEMORY', request: 1 }, () => {}).phase; // 'none'
 * ```
 */
export function takeOn(context: FileContext, event: Message, send: Send): FileContext {
  const operation = context.current;
  if (operation === null) return context;
  switch (event.type) {
    case 'RANGE_UNMAPPED':
      return operation.message.type === 'TRUNCATE_FILE'
        ? answer(drop(context, operation, 'truncated', send), send)
        : writeBack(context, operation, send);
    case 'FRAMES':
      return startRead(context, { ...operation, pfns: event.pfns }, send);
    case 'NO_MEMORY':
      return outOfMemory(context, operation, send);
    case 'GOT':
      return sendPages(context, operation, send);
    case 'IO_DONE':
      return context.phase === 'writing' ? written(context, operation, send) : filled(context, operation, send);
    default:
      throw new TypeError(`${event.type} takes no file operation on`);
  }
}

/** `mmap` by a process: the least order rises to its page size, and what is smaller has to go. */
function map(context: FileContext, operation: FileOperation, message: MessageOf<'MAP_FILE'>, send: Send): FileContext {
  const { mm, orderPages } = message;
  const others = context.mappers.filter((mapper) => mapper.mm !== mm);
  const mappers = [...others, { mm, orderPages }];
  const minOrderPages = Math.max(context.minOrderPages, orderPages);
  const state = { ...context, mappers, minOrderPages };
  const small = context.cache.range().some((folio) => folio.order < minOrderPages);
  if (!small) return answer({ ...state, current: operation }, send);
  return unmapAll(state, operation, 0, false, send);
}

/**
 * `unmap_mapping_pages` from a page on, in every mm that maps the file; straight on where there is none. Whoever has
 * larger pages keeps the one that the end of the file lies in, as on a kernel of that page size.
 */
function unmapAll(
  context: FileContext,
  operation: FileOperation,
  first: number,
  evenCows: boolean,
  send: Send,
): FileContext {
  const state = inStep(context, operation, 'unmapping');
  for (const { mm, orderPages } of context.mappers) {
    const firstIndex = Math.ceil(first / 2 ** orderPages) * 2 ** orderPages;
    const endIndex = END_OF_FILE;
    send(mm, { type: 'UNMAP_RANGE', file: context.path, request: 0, firstIndex, endIndex, evenCows });
  }
  if (context.mappers.length > 0) return { ...state, pending: context.mappers.length };
  return takeOn(state, { type: 'RANGE_UNMAPPED', file: context.path, mm: '', request: 0, dirtyIndexes: [] }, send);
}

/** Writes every dirty folio back (`filemap_write_and_wait_range`). */
function writeBack(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const dirty = context.cache.range().filter((folio) => folio.dirty);
  const pages = dirty.reduce((sum, folio) => sum + 2 ** folio.order, 0);
  if (pages === 0) return written(inStep(context, operation, 'writing'), operation, send);
  const cache = context.cache.edit();
  for (const folio of dirty) cache.setDirty(folio.index, false);
  const lengthBytes = pages * context.kernelPageBytes;
  send('disk', { type: 'WRITE_BLOCKS', file: actor(context), request: 1, lengthBytes });
  waitForIo(operation.message, send);
  const state = { ...context, cache: cache.done(), writtenPages: context.writtenPages + pages };
  return inStep(state, operation, 'writing');
}

function written(context: FileContext, operation: FileOperation, send: Send): FileContext {
  if (operation.message.type !== 'MAP_FILE') return answer(context, send);
  return answer(drop(context, operation, 'small', send), send);
}

/** Takes folios out of the cache: those below the least order, or those past the end. */
function drop(context: FileContext, operation: FileOperation, which: 'small' | 'truncated', send: Send): FileContext {
  const end = Math.ceil(context.sizeBytes / context.kernelPageBytes);
  const goes = (folio: CachedFolio): boolean =>
    which === 'small' ? folio.order < context.minOrderPages : folio.index >= end;
  const dropped = context.cache.range().filter(goes);
  const cache = context.cache.edit();
  const gone = context.gone.edit();
  const runs: { pfn: number; nr: number }[] = [];
  for (const folio of dropped) {
    cache.remove(folio.index);
    runs.push({ pfn: folio.pfn, nr: 2 ** folio.order });
    if (which === 'truncated') continue;
    for (let page = 0; page < 2 ** folio.order; page++) gone.set(folio.index + page, true);
  }
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  const state = { ...context, cache: cache.done(), gone: gone.done(), current: operation };
  if (which === 'truncated') return state;
  const pages = runs.reduce((sum, run) => sum + run.nr, 0);
  const current = { ...operation, rereadPages: pages };
  return { ...state, current, drops: context.drops + (pages > 0 ? 1 : 0), droppedPages: context.droppedPages + pages };
}

function getPages(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'GET_PAGES'>,
  send: Send,
): FileContext {
  const { index, orderPages } = message;
  if (index >= endIndex(context, orderPages)) return answer({ ...context, current: operation }, send);
  if (context.cache.get(index) !== null) {
    return answer({ ...context, current: operation, hits: context.hits + 1 }, send);
  }
  const around = readAround(index, context.kernelPageBytes);
  return fill({ ...context, misses: context.misses + 1 }, { ...operation, major: true }, around, send);
}

function transfer(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'READ_FILE' | 'WRITE_FILE'>,
  send: Send,
): FileContext {
  const page = context.kernelPageBytes;
  const endBytes = message.offsetBytes + message.lengthBytes;
  const writes = message.type === 'WRITE_FILE';
  const state = writes ? { ...context, sizeBytes: Math.max(context.sizeBytes, endBytes) } : context;
  const range = neededOf(state, message);
  const needed = inBlocks(range, state.minOrderPages, endIndex(state, 0));
  if (missingBlocks(state.cache, needed, state.minOrderPages).length === 0) {
    return answer({ ...state, current: operation, hits: context.hits + 1 }, send);
  }
  const pages = range.end - range.first;
  const ahead = writes ? pages : initialReadaheadPages(pages, Math.max(1, READAHEAD_BYTES / page));
  const window = { first: range.first, end: Math.max(range.end, range.first + ahead) };
  return fill({ ...state, misses: context.misses + 1 }, operation, window, send);
}

/** Brings in the blocks of a window that are missing: frames first, then the disk. */
function fill(context: FileContext, operation: FileOperation, window: IndexRange, send: Send): FileContext {
  const orderPages = context.minOrderPages;
  const range = inBlocks(window, orderPages, endIndex(context, 0));
  const blocks = missingBlocks(context.cache, range, orderPages);
  invariant(blocks.length > 0, 'a page that is missing lies in a block that is missing');
  const sender = actor(context);
  const count = blocks.length;
  send('zone', { type: 'ALLOC', sender, request: 1, orderPages, count, purpose: 'file', zero: false });
  return inStep(context, { ...operation, blocks, orderPages }, 'allocating');
}

/** Readahead is given up first: what is really needed may still fit. */
function outOfMemory(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const { first, end } = neededOf(context, operation.message);
  const range = inBlocks({ first, end }, context.minOrderPages, endIndex(context, 0));
  const needed = missingBlocks(context.cache, range, context.minOrderPages);
  if (needed.length > 0 && needed.length < operation.blocks.length) {
    return fill(context, { ...operation, blocks: [] }, { first, end }, send);
  }
  return answer({ ...context, current: { ...operation, failed: true } }, send);
}

/** The pages that an operation cannot do without. */
function neededOf(context: FileContext, message: FileMessage): IndexRange {
  if (message.type === 'GET_PAGES') return { first: message.index, end: message.index + 1 };
  if (message.type !== 'READ_FILE' && message.type !== 'WRITE_FILE') return { first: 0, end: 0 };
  const page = context.kernelPageBytes;
  const endBytes = message.offsetBytes + message.lengthBytes;
  return { first: Math.floor(message.offsetBytes / page), end: Math.ceil(endBytes / page) };
}

function startRead(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const pages = operation.blocks.length * 2 ** operation.orderPages;
  const lengthBytes = pages * context.kernelPageBytes;
  send('disk', { type: 'READ_BLOCKS', file: actor(context), request: 1, lengthBytes });
  waitForIo(operation.message, send);
  return inStep({ ...context, readPages: context.readPages + pages }, operation, 'reading');
}

/** The pages are read: into the cache with them, and the operation is done. */
function filled(context: FileContext, operation: FileOperation, send: Send): FileContext {
  // The least order may have changed since the frames were allocated: another mm may have unmapped the file.
  const { orderPages: order } = operation;
  const cache = context.cache.edit();
  const gone = context.gone.edit();
  let reread = 0;
  for (const [at, index] of operation.blocks.entries()) {
    const pfn = operation.pfns[at];
    invariant(pfn !== undefined, 'every block has its frames');
    const inserted = cache.insert({ index, pfn, order, dirty: false, uptodate: true });
    invariant(inserted, `no folio was at page ${index} of ${context.path}`);
    for (let page = index; page < index + 2 ** order; page++) if (gone.delete(page)) reread++;
  }
  const rereadPages = context.rereadPages + reread;
  const current = { ...operation, rereadPages: reread };
  return answer({ ...context, cache: cache.done(), gone: gone.done(), rereadPages, current }, send);
}
