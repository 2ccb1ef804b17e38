/** write on the page cache (`mm/filemap.c:generic_perform_write`). */
import { answer } from './fileAnswers.ts';
import { fill, missingFolios } from './fileFill.ts';
import { type FileContext, type FileOperation, withCache } from './fileState.ts';
import type { MessageOf } from './messages.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';
import type { Send } from './support.ts';

/**
 * Begins a write: a folio for every page of it, as `write_begin` asks for them, and i_size after it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 0, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const write = { type: 'WRITE_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * beginWrite(file, newOperation(write), write, () => {}).sizeBytes; // 9
 * ```
 */
export function beginWrite(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'WRITE_FILE'>,
  send: Send,
): FileContext {
  const oldBytes = context.sizeBytes;
  const endBytes = message.offsetBytes + message.lengthBytes;
  const grown = reviseFile(context, (draft) => {
    draft.sizeBytes = Math.max(oldBytes, endBytes);
  });
  const state = grown.sizeBytes === oldBytes ? grown : withCache(grown, grown.cache);
  const { kernelPageBytes: page } = state;
  const folios = missingFolios(state, Math.floor(message.offsetBytes / page), Math.ceil(endBytes / page));
  if (folios.length === 0)
    return written(
      reviseFile(state, (draft) => {
        draft.hits = state.hits + 1;
      }),
      operation,
      send,
    );
  return fill(
    reviseFile(state, (draft) => {
      draft.misses = state.misses + 1;
    }),
    reviseOperation(operation, (draft) => {
      draft.doneBytes = oldBytes;
    }),
    folios,
    send,
  );
}

/**
 * The folios of a write are there: they are dirty now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 0, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const write = { type: 'WRITE_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * written(file, newOperation(write), () => {}).phase; // 'none'
 * ```
 */
export function written(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const message = operation.message as MessageOf<'WRITE_FILE'>;
  if (operation.failed)
    return answer(
      context,
      reviseOperation(operation, (draft) => {
        draft.doneBytes = 0;
      }),
      send,
    );
  const page = context.kernelPageBytes;
  const cache = context.cache.edit();
  const first = Math.floor(message.offsetBytes / page);
  const end = Math.ceil((message.offsetBytes + message.lengthBytes) / page);
  for (const folio of cache.range(first, end)) {
    cache.update(folio.index, (before) => ({ ...before, dirty: true, uptodate: true }));
  }
  const state = reviseFile(context, (draft) => {
    draft.cache = cache.done();
  });
  return answer(
    state,
    reviseOperation(operation, (draft) => {
      draft.doneBytes = message.lengthBytes;
    }),
    send,
  );
}
