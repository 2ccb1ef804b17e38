/** ftruncate, hole punching and preallocation (`mm/truncate.c`, `mm/shmem.c:shmem_fallocate`). */
import { ERRNO, FALLOC } from '../src/mm/abi/numbers.ts';
import { answer } from './fileAnswers.ts';
import { fill } from './fileFill.ts';
import { dropFolios } from './fileDrop.ts';
import { END_OF_FILE, unmapPages } from './fileInvalidate.ts';
import { missingFolios } from './fileFill.ts';
import { type FileContext, type FileOperation, inMemory, withCache } from './fileState.ts';
import type { MessageOf } from './messages.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';

/**
 * Begins ftruncate: i_size first, then everything beyond it is unmapped, private copies too (`truncate_pagecache`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const truncate = { type: 'TRUNCATE_FILE' as const, file: 'a', request: 1, sizeBytes: 1 };
 * beginTruncate(file, newOperation(truncate), truncate, () => {}).sizeBytes; // 1
 * ```
 */
export function beginTruncate(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'TRUNCATE_FILE'>,
  send: Send,
): FileContext {
  const state = reviseFile(context, (draft) => {
    draft.sizeBytes = message.sizeBytes;
  });
  if (message.sizeBytes >= context.sizeBytes) return answer(withCache(state, state.cache), operation, send);
  const first = Math.ceil(message.sizeBytes / context.kernelPageBytes);
  const unmapping = unmapPages(state, operation, { first, end: END_OF_FILE, evenCows: true }, send);
  return unmapping.pending > 0 ? unmapping : cutOff(unmapping, operation, send);
}

/**
 * Begins fallocate. Punching a hole leaves private copies alone (`truncate_pagecache_range`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'a', sizeBytes: 0, kernelPageBytes: 4096, policy: 'sticky-order' as const };
 * const message = { file: 'a', sender: 'abi', request: 1, mode: 0, offsetBytes: 0, lengthBytes: 9 };
 * const allocate = { type: 'ALLOCATE_FILE' as const, ...message };
 * beginAllocate(initialFile({ ...input, kind: 'tmpfs' }), newOperation(allocate), allocate, () => {}).phase; // 'allocating'
 * ```
 */
export function beginAllocate(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'ALLOCATE_FILE'>,
  send: Send,
): FileContext {
  const { mode, offsetBytes, lengthBytes } = message;
  const known = (mode & ~(FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE)) === 0;
  const keeps = (mode & FALLOC.KEEP_SIZE) !== 0;
  const punches = (mode & FALLOC.PUNCH_HOLE) !== 0;
  // vfs_fallocate: a hole keeps the size.
  if (!known || (punches && !keeps))
    return answer(
      context,
      reviseOperation(operation, (draft) => {
        draft.errno = ERRNO.EOPNOTSUPP;
      }),
      send,
    );
  if (offsetBytes < 0 || lengthBytes <= 0)
    return answer(
      context,
      reviseOperation(operation, (draft) => {
        draft.errno = ERRNO.EINVAL;
      }),
      send,
    );
  const { kernelPageBytes: page } = context;
  const endBytes = offsetBytes + lengthBytes;
  if (punches) {
    const range = { first: Math.ceil(offsetBytes / page), end: Math.floor(endBytes / page), evenCows: false };
    const unmapping = unmapPages(context, operation, range, send);
    return unmapping.pending > 0 ? unmapping : cutOff(unmapping, operation, send);
  }
  const folios = inMemory(context)
    ? missingFolios(context, Math.floor(offsetBytes / page), Math.ceil(endBytes / page))
    : [];
  return folios.length > 0 ? fill(context, operation, folios, send) : allocated(context, operation, send);
}

/**
 * Preallocated memory is there: dirty, and not yet up to date (SGP_FALLOC). i_size follows unless it is to be kept.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 0, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const message = { file: 'a', sender: 'abi', request: 1, mode: 0, offsetBytes: 0, lengthBytes: 9 };
 * allocated(file, newOperation({ type: 'ALLOCATE_FILE', ...message }), () => {}).sizeBytes; // 9
 * ```
 */
export function allocated(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const { mode, offsetBytes, lengthBytes } = operation.message as MessageOf<'ALLOCATE_FILE'>;
  if (operation.failed) return answer(context, operation, send);
  const keeps = (mode & FALLOC.KEEP_SIZE) !== 0;
  const sizeBytes = keeps ? context.sizeBytes : Math.max(context.sizeBytes, offsetBytes + lengthBytes);
  return answer(
    withCache(
      reviseFile(context, (draft) => {
        draft.sizeBytes = sizeBytes;
      }),
      context.cache,
    ),
    operation,
    send,
  );
}

/** The bytes [from, to) that an operation takes away. */
function cutBytes(context: FileContext, operation: FileOperation): { from: number; to: number } {
  const { message } = operation;
  if (message.type === 'TRUNCATE_FILE') return { from: context.sizeBytes, to: END_OF_FILE };
  const { offsetBytes, lengthBytes } = message as MessageOf<'ALLOCATE_FILE'>;
  return { from: offsetBytes, to: offsetBytes + lengthBytes };
}

/**
 * Nobody maps the range any more: whole folios go, and those at its borders are cleared there; larger ones than need be are
 * split first (`truncate_inode_partial_folio`). A folio of the least order counts as one page.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 0, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'TRUNCATE_FILE', file: 'a', request: 1, sizeBytes: 0 });
 * cutOff(file, operation, () => {}).current; // null
 * ```
 */
export function cutOff(before: FileContext, operation: FileOperation, send: Send): FileContext {
  const { from, to } = cutBytes(before, operation);
  const page = before.kernelPageBytes;
  const context = splitAt(splitAt(before, from), to);
  const touched = context.cache.range(Math.floor(from / page), to === END_OF_FILE ? undefined : Math.ceil(to / page));
  let zeroedBytes = 0;
  const whole = touched.filter((folio) => {
    const start = folio.index * page;
    const end = start + 2 ** folio.order * page;
    if (from <= start && end <= to) return true;
    zeroedBytes += Math.min(end, to) - Math.max(start, from);
    return false;
  });
  const { context: state } = dropFolios(context, whole, false, send);
  const sized = withCache(
    reviseFile(state, (draft) => {
      draft.zeroedBytes = state.zeroedBytes + zeroedBytes;
    }),
    state.cache,
  );
  return answer(sized, operation, send);
}

/**
 * Splits the folio that a byte lies in down to the least order (`split_folio`); its frames stay one block of the zone until
 * the last piece is gone.
 */
function splitAt(context: FileContext, bytes: number): FileContext {
  if (bytes >= END_OF_FILE) return context;
  const folio = context.cache.get(Math.floor(bytes / context.kernelPageBytes));
  const order = context.minOrderPages;
  if (folio === null || folio.order <= order || folio.index * context.kernelPageBytes === bytes) return context;
  const cache = context.cache.edit();
  cache.remove(folio.index);
  for (let index = folio.index; index < folio.index + 2 ** folio.order; index += 2 ** order) {
    const { dirty, uptodate } = folio;
    cache.insert({ index, pfn: folio.pfn + (index - folio.index), order, dirty, uptodate });
  }
  return reviseFile(context, (draft) => {
    draft.cache = cache.done();
  });
}
