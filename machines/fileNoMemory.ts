/** No memory for folios of the page cache. */
import { fill, type Resume } from './fileFill.ts';
import type { FileContext, FileOperation } from './fileState.ts';
import type { Send } from './support.ts';
import { reviseOperation } from './reviseWork.ts';

/**
 * No memory: readahead is given up first, and what is really needed may still fit; then the operation fails.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'READ_FILE', file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 });
 * outOfMemory(file, operation, null, () => {}, (state, { failed }) => ({ ...state, hits: Number(failed) })).hits; // 1
 * ```
 */
export function outOfMemory(
  context: FileContext,
  operation: FileOperation,
  needed: { first: number; end: number } | null,
  send: Send,
  resume: Resume,
): FileContext {
  const runs = operation.folios.filter((folio) => folio.pfn >= 0).map(({ pfn, order }) => ({ pfn, nr: 2 ** order }));
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  const without = operation.folios
    .filter(({ index, order }) => needed !== null && index < needed.end && index + 2 ** order > needed.first)
    .map((folio) => ({ ...folio, pfn: -1 }));
  if (!operation.answered && without.length > 0 && without.length < operation.folios.length) {
    return fill(context, operation, without, send);
  }
  return resume(
    context,
    reviseOperation(operation, (draft) => {
      draft.folios = [];
      draft.failed = true;
    }),
    send,
  );
}
