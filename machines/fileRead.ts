/** read and MADV_WILLNEED on the page cache (`mm/filemap.c:filemap_read`). */
import { forcedReadahead, type ReadaheadState, syncReadahead } from '../src/mm/readahead.ts';
import { answer, finish } from './fileAnswers.ts';
import { fill, folioFor, metMark, missingFolios, newFolios, readaheadTarget } from './fileFill.ts';
import { blockOrder } from './fileOrders.ts';
import { readaheadOf, withReadahead } from './fileReadahead.ts';
import { type FileContext, type FileOperation, inMemory, type NewFolio } from './fileState.ts';
import type { MessageOf } from './messages.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';

/** Folios that one step of a read takes at most (`PAGEVEC_SIZE`, `include/linux/pagevec.h`). */
const BATCH_FOLIOS = 31;

/**
 * `filemap_get_read_batch`: folios from a page on, without a gap, up to one that is marked; how many pages they go on for.
 */
function readBatch(
  context: FileContext,
  index: number,
  last: number,
): { end: number; marked: { index: number; order: number } | null } {
  let end = index;
  for (let folios = 0; folios < BATCH_FOLIOS && end < last; folios++) {
    const folio = context.cache.get(end);
    if (folio === null) break;
    end = folio.index + (1 << folio.order);
    if (folio.readahead === true) return { end, marked: folio };
  }
  return { end, marked: null };
}

/**
 * Goes on with a read from where it has come to, until it waits for the disk or is done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * readOn(file, newOperation(read), read, () => {}).phase; // 'allocating'
 * ```
 */
export function readOn(
  before: FileContext,
  operation: FileOperation,
  message: MessageOf<'READ_FILE'>,
  send: Send,
): FileContext {
  const { kernelPageBytes: page, sizeBytes } = before;
  const endBytes = message.offsetBytes + message.lengthBytes;
  const stopBytes = Math.max(message.offsetBytes, Math.min(endBytes, sizeBytes));
  const last = Math.ceil(endBytes / page);
  const opener = message.request;
  let context = before;
  let state = readaheadOf(context, opener);
  let atBytes = message.offsetBytes + operation.doneBytes;
  while (atBytes < stopBytes && !operation.failed) {
    const index = Math.floor(atBytes / page);
    const { end, marked } = readBatch(context, index, last);
    const doneBytes = atBytes - message.offsetBytes;
    if (end === index) {
      const asks = reviseOperation(operation, (draft) => {
        draft.doneBytes = doneBytes;
      });
      return readMissing(context, asks, { opener, state, index, last }, send);
    }
    atBytes = Math.min(end * page, stopBytes);
    if (marked === null) continue;
    const request = Math.ceil((last - marked.index) / (1 << blockOrder(context)));
    const met = metMark(context, state, marked, marked.index, request);
    context = met.context;
    state = met.state;
    if (met.folios.length === 0) continue;
    const next = reviseOperation(operation, (draft) => {
      draft.doneBytes = atBytes - message.offsetBytes;
    });
    if (atBytes < stopBytes) return fill(withReadahead(context, opener, state), next, met.folios, send);
    return readDone(
      context,
      reviseOperation(next, (draft) => {
        draft.ahead = met.folios;
      }),
      opener,
      state,
      atBytes,
      send,
    );
  }
  return readDone(
    context,
    reviseOperation(operation, (draft) => {
      draft.doneBytes = atBytes - message.offsetBytes;
    }),
    opener,
    state,
    atBytes,
    send,
  );
}

/** Nothing is cached where a read has come to: the page is brought in, with the readahead that is due. */
function readMissing(
  context: FileContext,
  operation: FileOperation,
  { opener, state, index, last }: { opener: number; state: ReadaheadState; index: number; last: number },
  send: Send,
): FileContext {
  const block = 1 << blockOrder(context);
  const unit = Math.floor(index / block);
  const plan = syncReadahead(readaheadTarget(context), state, unit, Math.ceil(last / block) - unit);
  const missed = reviseFile(context, (draft) => {
    draft.misses = context.misses + 1;
  });
  const one = withPage(withReadahead(missed, opener, plan.state), plan.folios, index);
  return fill(one.context, operation, one.folios, send);
}

/** What readahead planned, and the folio of the page that is read in any case (`filemap_create_folio`). */
function withPage(
  context: FileContext,
  planned: Parameters<typeof newFolios>[1],
  index: number,
): { context: FileContext; folios: NewFolio[] } {
  const folios = newFolios(context, planned);
  if (folios.some((folio) => index >= folio.index && index < folio.index + (1 << folio.order)))
    return { context, folios };
  const one = folioFor(context, index);
  return { context: one.context, folios: [...folios, ...one.folios] };
}

/** The answer, and after it the readahead that the last page of the read started. */
function readDone(
  context: FileContext,
  operation: FileOperation,
  opener: number,
  state: ReadaheadState,
  atBytes: number,
  send: Send,
): FileContext {
  const hits = context.hits + (operation.rereadPages === 0 ? 1 : 0);
  const next = withReadahead(
    reviseFile(context, (draft) => {
      draft.hits = hits;
    }),
    opener,
    { ...state, prevPosBytes: atBytes },
  );
  const done = answer(next, operation, send);
  if (operation.ahead.length === 0) return done;
  return fill(
    done,
    reviseOperation(operation, (draft) => {
      draft.answered = true;
      draft.ahead = [];
    }),
    operation.ahead,
    send,
  );
}

/**
 * The file with the least order of its first reader where the design has it so. As for `mapping_set_folio_min_order`, the
 * order can only be set while nothing is cached.
 */
function withReadersOrder(context: FileContext, { orderPages = 0 }: MessageOf<'READ_FILE'>): FileContext {
  const raises = orderPages > context.minOrderPages && context.cache.counts.pages === 0;
  return raises
    ? reviseFile(context, (draft) => {
        draft.minOrderPages = orderPages;
      })
    : context;
}

/**
 * Begins a read: tmpfs reads holes as zeroes and allocates nothing (`mm/shmem.c:shmem_file_read_iter`, SGP_READ).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' as const };
 * const read = { type: 'READ_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * beginRead(initialFile({ ...input, kind: 'tmpfs' }), newOperation(read), read, () => {}).phase; // 'none'
 * ```
 */
export function beginRead(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'READ_FILE'>,
  send: Send,
): FileContext {
  if (!inMemory(context)) return readOn(withReadersOrder(context, message), operation, message, send);
  const doneBytes = Math.max(0, Math.min(message.lengthBytes, context.sizeBytes - message.offsetBytes));
  return answer(
    reviseFile(context, (draft) => {
      draft.hits = context.hits + 1;
    }),
    reviseOperation(operation, (draft) => {
      draft.doneBytes = doneBytes;
    }),
    send,
  );
}

/**
 * MADV_WILLNEED: `force_page_cache_readahead`; of tmpfs it brings swapped pages in, and there is no swap
 * (`mm/madvise.c:madvise_willneed`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const advice = { type: 'READ_AHEAD' as const, file: 'a', mm: 'mm:1', firstIndex: 0, endIndex: 9 };
 * beginReadAhead(file, newOperation(advice), advice, () => {}).phase; // 'allocating'
 * ```
 */
export function beginReadAhead(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'READ_AHEAD'>,
  send: Send,
): FileContext {
  if (context.prefill) {
    const all = missingFolios(context, 0, message.endIndex);
    if (all.length === 0)
      return finish(
        reviseFile(context, (draft) => {
          draft.prefill = false;
        }),
      );
    return fill(
      context,
      reviseOperation(operation, (draft) => {
        draft.answered = true;
      }),
      all,
      send,
    );
  }
  if (inMemory(context)) return finish(context);
  const block = 1 << blockOrder(context);
  const first = Math.floor(message.firstIndex / block);
  const request = Math.ceil(message.endIndex / block) - first;
  const folios = newFolios(context, forcedReadahead(readaheadTarget(context), first, request));
  return folios.length === 0
    ? finish(context)
    : fill(
        context,
        reviseOperation(operation, (draft) => {
          draft.answered = true;
        }),
        folios,
        send,
      );
}
