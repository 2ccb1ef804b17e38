/**
 * Direct I/O on a file that others have in the page cache: dirty pages go out first, and a write takes what it overtakes out of
 * the cache and out of every mapping, before it and after it (`mm/filemap.c:generic_file_direct_write`,
 * `kiocb_write_and_wait`, `kiocb_invalidate_pages`). A folio goes as a whole: 4K that are written past the cache cost a 64K
 * process all of its page.
 *
 * @models D-15 T-09
 */
import { answer, waitForIo } from './fileAnswers.ts';
import { dropFolios } from './fileDrop.ts';
import { unmapPages } from './fileInvalidate.ts';
import { actorOfFile, type FileContext, type FileOperation, inMemory, inStep } from './fileState.ts';
import { beginRead } from './fileRead.ts';
import { beginWrite } from './fileWrite.ts';
import type { MessageOf } from './messages.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';
import type { Send } from './support.ts';

type DirectIo = MessageOf<'DIRECT_IO'>;

/** The pages of a transfer. */
function pagesOf({ kernelPageBytes: page }: FileContext, message: DirectIo): { first: number; end: number } {
  const { offsetBytes, lengthBytes } = message;
  return { first: Math.floor(offsetBytes / page), end: Math.ceil((offsetBytes + lengthBytes) / page) };
}

/** How much of a read there is. */
function bytesOf({ sizeBytes }: FileContext, { write, offsetBytes, lengthBytes }: DirectIo): number {
  return write ? lengthBytes : Math.max(0, Math.min(lengthBytes, sizeBytes - offsetBytes));
}

/**
 * Begins a transfer. tmpfs takes it as an ordinary one (`mm/shmem.c:shmem_file_open`, FMODE_CAN_ODIRECT).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const direct = { type: 'DIRECT_IO' as const, file: 'a', request: 1, write: true, offsetBytes: 0, lengthBytes: 4096 };
 * beginDirect(file, newOperation(direct), direct, () => {}).phase; // 'writing'
 * ```
 */
export function beginDirect(
  context: FileContext,
  operation: FileOperation,
  message: DirectIo,
  send: Send,
): FileContext {
  const { file, request, write, offsetBytes, lengthBytes } = message;
  if (inMemory(context)) {
    const shape = { file, request, offsetBytes, lengthBytes };
    return write
      ? asOrdinary(beginWrite, context, { type: 'WRITE_FILE', ...shape }, operation, send)
      : asOrdinary(beginRead, context, { type: 'READ_FILE', ...shape }, operation, send);
  }
  if (!write || context.cache.range(pagesOf(context, message).first, pagesOf(context, message).end).length === 0)
    return directUnmapped(context, operation, message, send);
  const unmapping = unmapPages(context, operation, { ...wholeFolios(context, message), evenCows: false }, send);
  return unmapping.pending > 0 ? unmapping : directUnmapped(unmapping, operation, message, send);
}

function asOrdinary<M extends MessageOf<'READ_FILE' | 'WRITE_FILE'>>(
  begin: (context: FileContext, operation: FileOperation, message: M, send: Send) => FileContext,
  context: FileContext,
  message: M,
  operation: FileOperation,
  send: Send,
): FileContext {
  const ordinary = reviseOperation(operation, (draft) => {
    draft.message = message;
  });
  return begin(context, ordinary, message, send);
}

/** The pages of the folios that a transfer touches: a border of one is no border of the other. */
function wholeFolios(context: FileContext, message: DirectIo): { first: number; end: number } {
  let { first, end } = pagesOf(context, message);
  for (const folio of context.cache.range(first, end)) {
    first = Math.min(first, folio.index);
    end = Math.max(end, folio.index + (1 << folio.order));
  }
  return { first, end };
}

/**
 * Nobody maps the pages any more. What is dirty among them is written back, and only then is the transfer itself asked for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const direct = { type: 'DIRECT_IO' as const, file: 'a', request: 1, write: false, offsetBytes: 0, lengthBytes: 4096 };
 * directUnmapped(file, newOperation(direct), direct, () => {}).phase; // 'reading'
 * ```
 */
export function directUnmapped(
  context: FileContext,
  operation: FileOperation,
  message: DirectIo,
  send: Send,
): FileContext {
  const { first, end } = pagesOf(context, message);
  const dirty = context.cache.range(first, end).filter((folio) => folio.dirty);
  if (dirty.length === 0) return transfer(context, operation, message, send);
  const cache = context.cache.edit();
  for (const folio of dirty) cache.setDirty(folio.index, false);
  const pages = dirty.reduce((sum, folio) => sum + (1 << folio.order), 0);
  const lengthBytes = pages * context.kernelPageBytes;
  send('disk', { type: 'WRITE_BLOCKS', file: actorOfFile(context.path), request: context.ino, lengthBytes });
  waitForIo(message, send);
  const state = reviseFile(context, (draft) => {
    draft.cache = cache.done();
    draft.writtenPages = context.writtenPages + pages;
  });
  return inStep(state, operation, 'writing');
}

/** Drops what a write overtakes, and asks the device; `major` marks an operation whose transfer is under way. */
function transfer(context: FileContext, operation: FileOperation, message: DirectIo, send: Send): FileContext {
  const lengthBytes = bytesOf(context, message);
  const state = message.write ? dropped(context, message, send) : context;
  if (lengthBytes === 0) return answer(state, operation, send);
  const under = reviseOperation(operation, (draft) => {
    draft.major = true;
    draft.doneBytes = lengthBytes;
  });
  const type = message.write ? 'WRITE_BLOCKS' : 'READ_BLOCKS';
  send('disk', { type, file: actorOfFile(state.path), request: state.ino, lengthBytes });
  waitForIo(message, send);
  return inStep(state, under, message.write ? 'writing' : 'reading');
}

function dropped(context: FileContext, message: DirectIo, send: Send): FileContext {
  const { first, end } = pagesOf(context, message);
  const { context: state, pages } = dropFolios(context, context.cache.range(first, end), true, send);
  if (pages === 0) return state;
  return reviseFile(state, (draft) => {
    draft.droppedPages = state.droppedPages + pages;
  });
}

/**
 * The device has answered: what was dirty is out, or the transfer itself is done. What mapped faults brought back in between
 * waits behind this operation, so the second invalidation finds nothing.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 0, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const direct = { type: 'DIRECT_IO' as const, file: 'a', request: 1, write: true, offsetBytes: 0, lengthBytes: 4096 };
 * directWent(file, { ...newOperation(direct), major: true }, direct, () => {}).sizeBytes; // 4096
 * ```
 */
export function directWent(context: FileContext, operation: FileOperation, message: DirectIo, send: Send): FileContext {
  if (!operation.major) return transfer(context, operation, message, send);
  const { write, offsetBytes, lengthBytes } = message;
  const sizeBytes = write ? Math.max(context.sizeBytes, offsetBytes + lengthBytes) : context.sizeBytes;
  const state = reviseFile(context, (draft) => {
    draft.sizeBytes = sizeBytes;
  });
  return answer(state, operation, send);
}
