/**
 * Pinned pages under a mapping that needs larger folios. By default they leave the cache and the holder keeps an orphan
 * (`mm/truncate.c:invalidate_inode_pages2_range` looks at no reference); `design.pins.drop` names what else may be done.
 * Memory files cannot let go of a page that somebody has (`mm/khugepaged.c:collapse_file`): for them an orphan is a refusal.
 *
 * @models T-05 T-06
 */
import type { CachedFolio } from '../../src/mm/pageCache.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { answer, waitForIo } from '../fileAnswers.ts';
import { isPinned, smallFolios, unmapFile } from '../fileInvalidate.ts';
import { actorOfFile, type FileContext, type FileOperation, inMemory, inStep } from '../fileState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { reviseFile } from '../revise.ts';
import { reviseOperation } from '../reviseWork.ts';
import type { Send } from '../support.ts';

/** Goes on with the conversion (`machines/fileInvalidate.ts:convert`). */
export type Convert = (context: FileContext, operation: FileOperation, send: Send) => FileContext;

/**
 * Asks the zone which of the small folios are pinned, once nobody maps them any more: a fast walk that is under way finds its
 * entry gone. Null where nobody pins in this system, or where it makes no difference.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const map = { type: 'MAP_FILE' as const, file: 'a', request: 1, mm: 'mm:1', orderPages: 4, createBytes: -1 };
 * askPins(file, newOperation(map), () => {}); // null
 * ```
 */
export function askPins(context: FileContext, operation: FileOperation, send: Send): FileContext | null {
  const { pins } = context.resources.design;
  if (pins === undefined || operation.kept !== undefined) return null;
  if (pins.drop === 'orphan' && !inMemory(context)) return null;
  const pfns = smallFolios(context).map(({ pfn }) => pfn);
  if (pfns.length === 0) return null;
  // Reclaim asks under the number itself.
  send('zone', { type: 'FOLIO_QUERY', sender: actorOfFile(context.path), request: -context.ino, pfns });
  return inStep(context, operation, 'asking');
}

/** The mapping fails with EBUSY, and the file is as if nobody had asked. */
function refuse(context: FileContext, operation: FileOperation, pinned: number, send: Send): FileContext {
  const { mm } = operation.message as MessageOf<'MAP_FILE'>;
  const without = unmapFile(context, mm);
  const state = reviseFile(without, (draft) => {
    draft.busy = { ...without.busy, pinned: without.busy.pinned + pinned };
    draft.refusedMaps = without.refusedMaps + 1;
  });
  return answer(
    state,
    reviseOperation(operation, (draft) => {
      draft.errno = ERRNO.EBUSY;
    }),
    send,
  );
}

function goOn(
  context: FileContext,
  operation: FileOperation,
  kept: readonly CachedFolio[],
  convert: Convert,
  send: Send,
): FileContext {
  const known = reviseOperation(operation, (draft) => {
    draft.kept = kept.map(({ index }) => index);
  });
  const busy = { ...context.busy, pinned: context.busy.pinned + kept.length };
  const state =
    kept.length === 0
      ? context
      : reviseFile(context, (draft) => {
          draft.busy = busy;
        });
  return convert(state, known, send);
}

/**
 * The zone has said who is pinned, or that nobody is any more.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const map = { type: 'MAP_FILE' as const, file: 'a', request: 1, mm: 'mm:1', orderPages: 4, createBytes: -1 };
 * const folios = { type: 'FOLIOS' as const, request: 1, folios: [] };
 * pinsKnown(file, newOperation(map), folios, (context) => context, () => {}) === file; // true
 * ```
 */
export function pinsKnown(
  context: FileContext,
  operation: FileOperation,
  event: Message,
  convert: Convert,
  send: Send,
): FileContext {
  const small = smallFolios(context);
  const folios = event.type === 'FOLIOS' ? event.folios : [];
  const pinned = small.filter((folio, at) => (folios[at]?.pins ?? 0) > 0 || isPinned(context, folio));
  if (pinned.length === 0) return goOn(context, operation, [], convert, send);
  const { drop } = context.resources.design.pins ?? { drop: 'orphan' };
  if (drop === 'keep') return goOn(context, operation, pinned, convert, send);
  if (drop !== 'wait') return refuse(context, operation, pinned.length, send);
  const { path, ino } = context;
  const pfns = pinned.map(({ pfn }) => pfn);
  send('zone', { type: 'WAIT_UNPINNED', sender: actorOfFile(path), request: ino, pfns });
  waitForIo(operation.message, send);
  const busy = { ...context.busy, pinned: context.busy.pinned + pinned.length };
  return inStep(
    reviseFile(context, (draft) => {
      draft.busy = busy;
    }),
    operation,
    'asking',
  );
}
