/** How folios come into the page cache: frames for each order, a read where the file system has one, then the insert. */
import { invariant } from '../src/errors.ts';
import type { CachedFolio, PageCacheEdit } from '../src/mm/pageCache.ts';
import { asyncReadahead, type PlannedFolio, type ReadaheadState, type ReadaheadTarget } from '../src/mm/readahead.ts';
import { isCovered } from '../src/mm/thpCoverage.ts';
import { waitForIo } from './fileAnswers.ts';
import { blockOrder } from './fileOrders.ts';
import {
  actorOfFile,
  type FileContext,
  type FileOperation,
  filePages,
  inMemory,
  inStep,
  type NewFolio,
  withCache,
} from './fileState.ts';
import { convertsAtFaults, meetOthers } from './conversion/fileFaults.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';

/** What goes on when all folios of an operation are there, or cannot be had. */
export type Resume = (context: FileContext, operation: FileOperation, send: Send) => FileContext;

/**
 * The address space as readahead sees it: in blocks of its least order (`mapping_min_folio_order`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * readaheadTarget({ ...file, minOrderPages: 4 }).unitBytes; // 65536
 * ```
 */
export function readaheadTarget(context: FileContext): ReadaheadTarget {
  const order = blockOrder(context);
  const block = 1 << order;
  const { cache, kernelPageBytes, sizeBytes } = context;
  return {
    unitBytes: block * kernelPageBytes,
    sizeBytes,
    // MAX_PAGECACHE_ORDER is that of a PMD (`include/linux/pagemap.h`).
    maxOrder: context.kind === 'xfs' ? Math.max(0, Math.log2(kernelPageBytes / 8) - order) : 0,
    has: (index) => cache.get(index * block) !== null,
    isFree: (index, units) => !cache.holdsAny(index * block, (index + 2 ** units) * block),
  };
}

/** Single pages of a range that are missing, up to the end of the file. */
function missingPages(context: FileContext, first: number, end: number): NewFolio[] {
  const folios: NewFolio[] = [];
  for (let index = first; index < Math.min(end, filePages(context)); index++) {
    if (context.cache.get(index) === null) folios.push({ index, order: 0, readahead: false, pfn: -1 });
  }
  return folios;
}

/**
 * What readahead planned, in kernel pages; where the policy keeps the tail small, single pages up to the end of the file
 * stand for a block that would reach past it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'large-folios-to-eof' });
 * newFolios(file, [{ index: 0, order: 0, readahead: false }]).length; // 2
 * ```
 */
export function newFolios(context: FileContext, planned: readonly PlannedFolio[]): NewFolio[] {
  const blocks = blockOrder(context);
  const toEnd = blocks > context.minOrderPages;
  const folios: NewFolio[] = [];
  for (const folio of planned) {
    const index = folio.index * (1 << blocks);
    const order = folio.order + blocks;
    if (toEnd && isSmall(context, index, index + (1 << order))) {
      const pages = missingPages(context, index, index + (1 << order));
      if (pages.length > 0) pages[0].readahead = folio.readahead;
      folios.push(...pages);
    } else folios.push({ index, order, readahead: folio.readahead, pfn: -1 });
  }
  return folios;
}

/** A block that reaches past the end of the file, or lies where no large folios are to be. */
function isSmall(context: FileContext, index: number, end: number): boolean {
  const { thp } = context.resources.design;
  return end > filePages(context) || !isCovered(thp, index * context.kernelPageBytes, context.path);
}

/**
 * Somebody has come to a marked folio: the mark goes, and so many blocks of readahead follow (`filemap_readahead`,
 * `do_async_mmap_readahead`).
 *
 * @param index the page that it was come to at
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 99999, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const folio = { index: 8, pfn: 64, order: 0, dirty: false, uptodate: true, readahead: true };
 * const marked = { ...file, cache: file.cache.insert(folio) as PageCacheIndex };
 * metMark(marked, initialReadahead(), folio, 8, 4).context.cache.get(8)?.readahead; // undefined
 * ```
 */
export function metMark(
  context: FileContext,
  state: ReadaheadState,
  folio: { index: number; order: number },
  index: number,
  requestBlocks: number,
): { context: FileContext; state: ReadaheadState; folios: NewFolio[] } {
  const order = blockOrder(context);
  const block = 1 << order;
  const cache = context.cache.edit();
  cache.update(folio.index, ({ index: at, pfn, order: folioOrder, dirty, uptodate }) => {
    return { index: at, pfn, order: folioOrder, dirty, uptodate };
  });
  const next = reviseFile(context, (draft) => {
    draft.cache = cache.done();
  });
  const unit = { index: Math.floor(folio.index / block), order: Math.max(0, folio.order - order) };
  const plan = asyncReadahead(readaheadTarget(next), state, unit, Math.floor(index / block), requestBlocks);
  return { context: next, state: plan.state, folios: newFolios(next, plan.folios) };
}

/**
 * The folio for one page that is missing (`__filemap_get_folio` with FGP_CREAT). A smaller folio in the block makes the
 * insert fail with -EEXIST; Linux would look up and insert again until it goes, here single pages fill the gaps,
 * but where faults convert: they try.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 99999, kernelPageBytes: 4096, policy: 'sticky-order' });
 * folioFor({ ...file, minOrderPages: 4 }, 17).folios; // [{ index: 16, order: 4, readahead: false, pfn: -1 }]
 * ```
 */
export function folioFor(context: FileContext, index: number): { context: FileContext; folios: NewFolio[] } {
  const order = blockOrder(context);
  const block = 1 << order;
  const first = Math.floor(index / block) * block;
  if (convertsAtFaults(context) || !context.cache.holdsAny(first, first + block)) {
    return { context, folios: newFolios(context, [{ index: first / block, order: 0, readahead: false }]) };
  }
  const small = order > context.minOrderPages;
  const state = small
    ? context
    : reviseFile(context, (draft) => {
        draft.existing = context.existing + 1;
      });
  return { context: state, folios: missingPages(context, first, first + block) };
}

/**
 * Folios for every page of [first, end) that is missing.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 2 ** 20, kernelPageBytes: 4096, policy: 'sticky-order' });
 * missingFolios({ ...file, minOrderPages: 4 }, 0, 17).length; // 2
 * ```
 */
export function missingFolios(context: FileContext, first: number, end: number): NewFolio[] {
  const folios: NewFolio[] = [];
  let index = first;
  while (index < end) {
    const held = context.cache.get(index);
    if (held !== null) {
      index = held.index + (1 << held.order);
      continue;
    }
    const added = folioFor(context, index).folios;
    folios.push(...added);
    const last = added.at(-1);
    index = Math.max(index + 1, last === undefined ? 0 : last.index + (1 << last.order));
  }
  return folios;
}

/**
 * Begins to bring folios in: frames first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * fill(file, operation, [{ index: 0, order: 0, readahead: false, pfn: -1 }], () => {}).phase; // 'allocating'
 * ```
 */
export function fill(context: FileContext, operation: FileOperation, folios: NewFolio[], send: Send): FileContext {
  invariant(folios.length > 0, 'there is a folio to bring in');
  askFrames(context, folios, send);
  return inStep(
    context,
    reviseOperation(operation, (draft) => {
      draft.folios = folios;
    }),
    'allocating',
  );
}

/** The zone is asked for all folios of one order at once. */
function askFrames(context: FileContext, folios: readonly NewFolio[], send: Send): boolean {
  const next = folios.find((folio) => folio.pfn < 0);
  if (next === undefined) return false;
  const orderPages = next.order;
  const count = folios.filter((folio) => folio.pfn < 0 && folio.order === orderPages).length;
  const sender = actorOfFile(context.path);
  const zero = inMemory(context);
  send('zone', { type: 'ALLOC', sender, request: context.ino, orderPages, count, purpose: 'file', zero });
  return true;
}

/**
 * Frames came: the rest of them is asked for, the pages are read, or they go in as they are.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * const asked = fill(file, newOperation(read), [{ index: 0, order: 0, readahead: false, pfn: -1 }], () => {});
 * framesCame(asked, asked.current as FileOperation, { orderPages: 0, pfns: [64] }, () => {}, (state) => state).phase; // 'reading'
 * ```
 */
export function framesCame(
  context: FileContext,
  operation: FileOperation,
  frames: { orderPages: number; pfns: readonly number[] },
  send: Send,
  resume: Resume,
): FileContext {
  let at = 0;
  const folios = operation.folios.map((folio) => {
    if (folio.pfn >= 0 || folio.order !== frames.orderPages) return folio;
    const pfn = frames.pfns[at++];
    invariant(pfn !== undefined, 'every folio has its frames');
    return { index: folio.index, order: folio.order, readahead: folio.readahead, pfn };
  });
  const next = reviseOperation(operation, (draft) => {
    draft.folios = folios;
  });
  if (askFrames(context, folios, send)) return inStep(context, next, 'allocating');
  return meetOthers(context, next, send, resume) ?? bringIn(context, next, send, resume);
}

/**
 * The folios of an operation have their frames: what the disk has to deliver is read.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const sync = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * bringIn(file, sync, () => {}, (state) => ({ ...state, hits: 9 })).hits; // 9
 * ```
 */
export function bringIn(context: FileContext, operation: FileOperation, send: Send, resume: Resume): FileContext {
  const pages = pagesToRead(context, operation);
  if (pages === 0) return filled(context, operation, send, resume);
  const lengthBytes = pages * context.kernelPageBytes;
  send('disk', { type: 'READ_BLOCKS', file: actorOfFile(context.path), request: context.ino, lengthBytes });
  if (!operation.answered) waitForIo(operation.message, send);
  return inStep(
    reviseFile(context, (draft) => {
      draft.readPages = context.readPages + pages;
    }),
    operation,
    'reading',
  );
}

/** Pages that the disk has to deliver: not those of memory files, of a cache that is full, or that a write covers. */
function pagesToRead(context: FileContext, operation: FileOperation): number {
  const { message, folios } = operation;
  if (inMemory(context) || context.prefill) return 0;
  const page = context.kernelPageBytes;
  const needed = folios.filter(({ index, order }) => {
    if (message.type !== 'WRITE_FILE') return true;
    const end = (index + (1 << order)) * page;
    const covered = message.offsetBytes <= index * page && message.offsetBytes + message.lengthBytes >= end;
    return !covered && index < operation.doneBytes / page;
  });
  return needed.reduce((sum, folio) => sum + (1 << folio.order), 0);
}

/**
 * The pages are there: into the cache with them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'READ_FILE', file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 });
 * const folios = [{ index: 0, order: 0, readahead: false, pfn: 64 }];
 * filled(file, { ...operation, folios }, () => {}, (state) => state).cache.frameOf(0); // 64
 * ```
 */
export function filled(context: FileContext, operation: FileOperation, send: Send, resume: Resume): FileContext {
  const cache = context.cache.edit();
  const gone = context.gone.edit();
  const allocates = operation.message.type === 'ALLOCATE_FILE';
  const collapses = operation.message.type === 'MAP_FILE';
  const dirty = allocates || collapses;
  let reread = 0;
  const replaced: { pfn: number; nr: number }[] = [];
  for (const { index, order, pfn, readahead } of operation.folios) {
    // What is copied into the new folio goes with the insert, under one lock (`mm/khugepaged.c:collapse_file`).
    if (collapses) replaced.push(...takenOut(cache, index, index + (1 << order)));
    const folio: CachedFolio = { index, pfn, order, dirty, uptodate: !allocates };
    if (readahead) folio.readahead = true;
    if (!cache.insert(folio)) invariant(false, `no folio was at page ${index} of ${context.path}`);
    for (let page = index; gone.size > 0 && page < index + (1 << order); page++) if (gone.delete(page)) reread++;
  }
  if (replaced.length > 0) send('zone', { type: 'PUT', runs: replaced });
  const state = reviseFile(withCache(context, cache.done()), (draft) => {
    draft.gone = gone.done();
    draft.rereadPages = context.rereadPages + reread;
  });
  return resume(
    state,
    reviseOperation(operation, (draft) => {
      draft.folios = [];
      draft.rereadPages = operation.rereadPages + reread;
    }),
    send,
  );
}

/** The folios of a range, out of the cache, as frames. */
function takenOut(cache: PageCacheEdit, first: number, end: number): { pfn: number; nr: number }[] {
  return cache.range(first, end).map((folio) => {
    cache.remove(folio.index);
    return { pfn: folio.pfn, nr: 1 << folio.order };
  });
}
