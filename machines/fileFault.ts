/**
 * Faults on a file: `filemap_map_pages` over the window that the mm asks for, then `filemap_fault` or `shmem_fault` for the
 * page itself where that did not map it (`mm/memory.c:do_read_fault`). Where Linux drops the lock for I/O and takes the fault
 * again (VM_FAULT_RETRY), the window is mapped again too, with what has come in meanwhile.
 *
 * @models D-08
 */
import { faultReadahead, readaheadUnits, withMisses } from '../src/mm/readahead.ts';
import { VM } from '../src/mm/vma.ts';
import { convertAtFault, inRound, looksAgain, sendRound } from './conversion/fileFaults.ts';
import { finish } from './fileAnswers.ts';
import { fill, folioFor, metMark, newFolios, readaheadTarget } from './fileFill.ts';
import { blockOrder } from './fileOrders.ts';
import { readaheadOf, withReadahead } from './fileReadahead.ts';
import { type IndexRange, markDirty, pageRuns, windowRuns } from './filePages.ts';
import { actorOfFile, endIndex, type FileContext, type FileOperation, inMemory, inStep } from './fileState.ts';
import { pidOfMm } from './fileMappers.ts';
import type { FileRun, MessageOf } from './messages.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';

type GetPages = MessageOf<'GET_PAGES'>;

function hasPage(runs: readonly FileRun[], index: number): boolean {
  return runs.some((run) => index >= run.index && index < run.index + run.nr);
}

/** `filemap_map_pages`: what is there of the window, and each of it is one miss less. */
function mapPages(context: FileContext, message: GetPages): { context: FileContext; runs: FileRun[] } {
  if (!message.around) return { context, runs: [] };
  const end = Math.min(message.endIndex, endIndex(context, message.orderPages));
  const runs = windowRuns(context.cache, { first: message.firstIndex, end });
  const opener = pidOfMm(message.mm);
  const state = readaheadOf(context, opener);
  if (state.mmapMiss === 0 || runs.length === 0) return { context, runs };
  const pages = runs.reduce((sum, run) => sum + run.nr, 0) / (1 << message.orderPages);
  const mmapMiss = Math.max(0, state.mmapMiss - Math.ceil(pages));
  return {
    context: withReadahead(context, opener, withMisses(state, mmapMiss)),
    runs,
  };
}

/**
 * Begins a fault.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 1, firstIndex: 0, endIndex: 2, orderPages: 0, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: true, vmFlags: 0 };
 * beginFileFault(file, newOperation(message), message, () => {}).misses; // 1
 * ```
 */
export function beginFileFault(
  context: FileContext,
  operation: FileOperation,
  message: GetPages,
  send: Send,
): FileContext {
  const converting = convertAtFault(context, inRound(operation), message, send);
  return converting.waits ? converting.context : lookUp(converting.context, inRound(operation), message, send);
}

function lookUp(context: FileContext, operation: FileOperation, message: GetPages, send: Send): FileContext {
  const { context: state, runs } = mapPages(context, message);
  if (hasPage(runs, message.index))
    return reference(
      reviseFile(state, (draft) => {
        draft.hits = state.hits + 1;
      }),
      reviseOperation(operation, (draft) => {
        draft.runs = runs;
      }),
      send,
    );
  if (message.index >= endIndex(state, message.orderPages)) {
    return reference(
      state,
      reviseOperation(operation, (draft) => {
        draft.runs = runs;
        draft.eof = true;
      }),
      send,
    );
  }
  return inMemory(state)
    ? memoryFault(
        state,
        reviseOperation(operation, (draft) => {
          draft.runs = runs;
        }),
        message,
        send,
      )
    : diskFault(
        state,
        reviseOperation(operation, (draft) => {
          draft.runs = runs;
        }),
        message,
        send,
      );
}

/** `shmem_fault`: a hole gets memory, a folio of fallocate its zeroes; both are minor faults. */
function memoryFault(context: FileContext, operation: FileOperation, message: GetPages, send: Send): FileContext {
  const folio = context.cache.get(message.index);
  if (folio === null) {
    const { context: state, folios } = folioFor(
      reviseFile(context, (draft) => {
        draft.misses = context.misses + 1;
      }),
      message.index,
    );
    return fill(state, operation, folios, send);
  }
  if (folio.uptodate)
    return mapOne(
      reviseFile(context, (draft) => {
        draft.hits = context.hits + 1;
      }),
      operation,
      message,
      send,
    );
  const cache = context.cache.edit();
  cache.update(message.index, (before) => ({ ...before, uptodate: true }));
  return mapOne(
    reviseFile(context, (draft) => {
      draft.cache = cache.done();
      draft.hits = context.hits + 1;
    }),
    operation,
    message,
    send,
  );
}

/** `filemap_fault`. */
function diskFault(context: FileContext, operation: FileOperation, message: GetPages, send: Send): FileContext {
  const folio = context.cache.get(message.index);
  if (folio === null || lacksPages(context, message)) return missed(context, operation, message, send);
  const hit = reviseFile(context, (draft) => {
    draft.hits = context.hits + 1;
  });
  const found = metReadahead(hit, message);
  const next = reviseOperation(operation, (draft) => {
    draft.ahead = found.ahead;
  });
  if (folio.readahead !== true || found.context === hit) return mapOne(found.context, next, message, send);
  // The lock was dropped to start the readahead: the fault comes again, and its page is mapped with the window.
  const again = mapPages(found.context, message);
  return mapOne(
    again.context,
    reviseOperation(next, (draft) => {
      draft.runs = again.runs;
    }),
    message,
    send,
  );
}

/** The page of a process that a fault is in: pages of a file need not lie in it as they lie in the file's own blocks. */
function processPage(context: FileContext, message: GetPages, order: number): IndexRange {
  const { index, firstIndex, orderPages } = message;
  const page = 1 << order;
  const first = firstIndex + Math.floor((index - firstIndex) / page) * page;
  return { first, end: Math.min(first + page, endIndex(context, orderPages)) };
}

/** Smaller folios than the process's pages leave parts of one missing. */
function lacksPages(context: FileContext, message: GetPages): boolean {
  if (message.orderPages <= context.minOrderPages) return false;
  const { first, end } = processPage(context, message, message.orderPages);
  return pageRuns(context.cache, { first, end }).reduce((sum, run) => sum + run.nr, 0) < end - first;
}

/** `do_async_mmap_readahead`. */
function metReadahead(
  context: FileContext,
  message: GetPages,
): { context: FileContext; ahead: FileOperation['folios'] } {
  if ((message.vmFlags & VM.RAND_READ) !== 0) return { context, ahead: [] };
  const opener = pidOfMm(message.mm);
  const before = readaheadOf(context, opener);
  const state = before.mmapMiss > 0 ? withMisses(before, before.mmapMiss - 1) : before;
  const folio = context.cache.get(message.index);
  if (folio?.readahead !== true) return { context: withReadahead(context, opener, state), ahead: [] };
  const request = readaheadUnits(readaheadTarget(context).unitBytes);
  if (request === 0) return { context: withReadahead(context, opener, state), ahead: [] };
  const met = metMark(context, state, folio, message.index, request);
  return { context: withReadahead(met.context, opener, met.state), ahead: met.folios };
}

/** Nothing at the page: a major fault, with readahead around it, and the page itself in any case. */
function missed(context: FileContext, operation: FileOperation, message: GetPages, send: Send): FileContext {
  const opener = pidOfMm(message.mm);
  const block = 1 << blockOrder(context);
  const advice = {
    random: (message.vmFlags & VM.RAND_READ) !== 0,
    sequential: (message.vmFlags & VM.SEQ_READ) !== 0,
  };
  const unit = Math.floor(message.index / block);
  const before = readaheadOf(context, opener);
  const plan = faultReadahead(readaheadTarget(context), before, unit, advice);
  const state = reviseFile(context, (draft) => {
    draft.misses = context.misses + 1;
    if (plan.state !== before) draft.readahead = context.readahead.with(opener, plan.state);
  });
  const folios = newFolios(state, plan.folios);
  const major = reviseOperation(operation, (draft) => {
    draft.major = true;
  });
  if (folios.some(({ index, order }) => message.index >= index && message.index < index + (1 << order))) {
    return fill(state, major, folios, send);
  }
  const one = folioFor(state, message.index);
  const taken = new Set(folios.map(({ index }) => index));
  const all = [...folios, ...one.folios.filter(({ index }) => !taken.has(index))].sort((a, b) => a.index - b.index);
  return fill(one.context, major, all, send);
}

/**
 * The page of a fault is in the cache now, or there is no memory for it: the fault is taken again (FAULT_FLAG_TRIED).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 1, firstIndex: 0, endIndex: 2, orderPages: 0, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: true, vmFlags: 0 };
 * faultAgain(file, { ...newOperation(message), failed: true }, () => {}).phase; // 'none'
 * ```
 */
export function faultAgain(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const message = operation.message as GetPages;
  if (operation.answered) return finish(context);
  if (operation.failed)
    return reference(
      context,
      reviseOperation(operation, (draft) => {
        draft.runs = [];
      }),
      send,
    );
  if (looksAgain(context)) return sendRound(context, operation, send);
  if (hasPage(operation.runs, message.index)) return reference(context, operation, send);
  // shmem_fault does not drop the lock: finish_fault maps the page beside what map_pages mapped.
  if (inMemory(context)) return mapOne(context, operation, message, send);
  const { context: state, runs } = mapPages(context, message);
  return mapOne(
    state,
    reviseOperation(operation, (draft) => {
      draft.runs = runs;
    }),
    message,
    send,
  );
}

/** `finish_fault`: the process page, beside what `map_pages` mapped. */
function mapOne(context: FileContext, operation: FileOperation, message: GetPages, send: Send): FileContext {
  if (hasPage(operation.runs, message.index)) return reference(context, operation, send);
  const range = processPage(context, message, wholeFolioOrder(context, message));
  const runs = [...operation.runs, ...pageRuns(context.cache, range)].sort((a, b) => a.index - b.index);
  return reference(
    context,
    reviseOperation(operation, (draft) => {
      draft.runs = runs;
    }),
    send,
  );
}

/**
 * Shared anonymous memory is mapped a folio at a time where that fits the window asked for (`mm/memory.c:finish_fault`,
 * `vma_is_anon_shmem`); of any other file one process page.
 */
function wholeFolioOrder(context: FileContext, message: GetPages): number {
  const { index, firstIndex, endIndex: windowEnd, orderPages } = message;
  const folio = context.kind === 'shmem' ? context.cache.get(index) : null;
  if (folio === null || folio.order <= orderPages) return orderPages;
  const fits = folio.index >= firstIndex && folio.index + (1 << folio.order) <= windowEnd;
  return fits ? folio.order : orderPages;
}

/** Takes a reference to each page that the fault maps, for the mapping. */
function reference(context: FileContext, operation: FileOperation, send: Send): FileContext {
  if (operation.runs.length === 0) return sendPages(context, operation, send);
  // Nobody may give these references up before they are taken: the pages go out when the zone has them.
  const runs = operation.runs.map(({ pfn, nr }) => ({ pfn, nr }));
  const sender = actorOfFile(context.path);
  const lookup = context.resources.costs.pageCacheLookup;
  send('zone', { type: 'GET', sender, request: context.ino, runs }, lookup);
  return inStep(context, operation, 'referencing');
}

/**
 * Sends the pages of a fault, marks the one that a shared mapping writes to, and goes on with the readahead that the fault
 * started.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 9, firstIndex: 9, endIndex: 10, orderPages: 0, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: false, vmFlags: 0 };
 * sendPages(file, { ...newOperation(message), eof: true }, () => {}).phase; // 'none'
 * ```
 */
export function sendPages(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const message = operation.message as GetPages;
  const { runs, eof, major, failed, rereadPages, ahead } = operation;
  const writeNotify = !inMemory(context);
  send(message.mm, { type: 'PAGES', request: message.request, runs, major, eof, failed, rereadPages, writeNotify });
  const writes = message.write && !eof && !failed;
  const state = writes ? markDirty(context, [{ index: message.index, nr: 1 }]) : context;
  if (ahead.length === 0) return finish(state);
  return fill(
    state,
    reviseOperation(operation, (draft) => {
      draft.answered = true;
      draft.runs = [];
      draft.ahead = [];
    }),
    ahead,
    send,
  );
}
