/**
 * Conversion of a file at faults (`design.conversion.protocol` `order-first` and `each-its-own`): a fault that finds folios below the
 * order of its process unmaps, writes back and drops those of its process page, and reads them again. What is inserted meanwhile
 * meets the page cache as it is in Linux: -EEXIST sends `__filemap_get_folio` back to its lookup, with the index that it has
 * aligned to the least order by then.
 *
 * @models S-36 T-02 T-07
 */
import { defaultConversion } from '../../src/arch/conversion.ts';
import type { CachedFolio } from '../../src/mm/pageCache.ts';
import { finish } from '../fileAnswers.ts';
import { bringIn, fill, type Resume } from '../fileFill.ts';
import { dropFolios } from '../fileDrop.ts';
import { unmapPages, writeBack } from '../fileInvalidate.ts';
import { actorOfFile, type FileContext, type FileOperation, inMemory, type NewFolio } from '../fileState.ts';
import type { MessageOf } from '../messages.ts';
import { reviseFile } from '../revise.ts';
import { reviseOperation } from '../reviseWork.ts';
import type { Send } from '../support.ts';

type GetPages = MessageOf<'GET_PAGES'>;

/**
 * Times that a fault may be sent round before it counts as one that never ends: it drops what is too small, reads, and may have
 * met one other who came between. No order rises more often: there are three page sizes.
 */
export const ROUNDS_MAX = 3;

/**
 * Whether faults convert, and mappings do not.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * convertsAtFaults(initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' })); // false
 * ```
 */
export function convertsAtFaults(context: FileContext): boolean {
  const { protocol } = context.resources.design.conversion ?? defaultConversion;
  return protocol !== 'whole-file' && !inMemory(context);
}

function eachItsOwn({ resources }: FileContext): boolean {
  return resources.design.conversion?.protocol === 'each-its-own';
}

/** The block of the fault's own order. */
function blockOf({ index, orderPages }: GetPages): { first: number; end: number } {
  const block = 2 ** orderPages;
  const first = Math.floor(index / block) * block;
  return { first, end: first + block };
}

function smallOf(context: FileContext, message: GetPages): CachedFolio[] {
  const { first, end } = blockOf(message);
  return context.cache.range(first, end).filter(({ order }) => order < message.orderPages);
}

/**
 * One round more; counted no further than what is too many.
 *
 * @example
 * ```ts
 * [oneMore(), oneMore(9)]; // [1, 4]
 * ```
 */
export function oneMore(rounds = 0): number {
  return Math.min(rounds + 1, ROUNDS_MAX + 1);
}

/**
 * Begins a fault where faults convert: the order that holds for it, and where its process page has smaller folios, their removal.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 1, firstIndex: 0, endIndex: 2, orderPages: 0, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: true, vmFlags: 0 };
 * convertAtFault(file, newOperation(message), message, () => {}).waits; // false
 * ```
 */
export function convertAtFault(
  context: FileContext,
  operation: FileOperation,
  message: GetPages,
  send: Send,
): { context: FileContext; waits: boolean } {
  if (!convertsAtFaults(context)) return { context, waits: false };
  const { orderPages } = message;
  const minOrderPages = eachItsOwn(context) ? orderPages : Math.max(context.minOrderPages, orderPages);
  const state = reviseFile(context, (draft) => {
    draft.minOrderPages = minOrderPages;
  });
  if (smallOf(state, message).length === 0) return { context: state, waits: false };
  const asked = unmapPages(state, operation, { ...blockOf(message), evenCows: false }, send);
  return { context: asked.pending > 0 ? asked : pageUnmapped(asked, operation, send), waits: true };
}

/**
 * Nobody maps the process page of the fault any more: what is dirty is written, then the small folios go.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 1, firstIndex: 0, endIndex: 2, orderPages: 4, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: true, vmFlags: 0 };
 * pageUnmapped(file, newOperation(message), () => {}).phase; // 'allocating'
 * ```
 */
export function pageUnmapped(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const dirty = smallOf(context, operation.message as GetPages).some((folio) => folio.dirty);
  return dirty ? writeBack(context, operation, send) : pageWritten(context, operation, send);
}

/**
 * What was dirty of the process page is written. Under the lock it is read again at once, in one folio; without it the fault comes
 * again, and others may come first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 1, firstIndex: 0, endIndex: 2, orderPages: 4, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: true, vmFlags: 0 };
 * pageWritten(file, newOperation(message), () => {}).current?.folios.length; // 1
 * ```
 */
export function pageWritten(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const message = operation.message as GetPages;
  const small = smallOf(context, message);
  const { context: dropped, pages } = dropFolios(
    context,
    small.filter(({ dirty }) => !dirty),
    true,
    send,
  );
  const state = reviseFile(dropped, (draft) => {
    draft.drops = dropped.drops + 1;
    draft.droppedPages = dropped.droppedPages + pages;
  });
  const counted = reviseOperation(operation, (draft) => {
    draft.major = true;
  });
  if (small.some(({ dirty }) => dirty)) return writeBack(state, again(counted), send);
  if (eachItsOwn(state)) return sendRound(state, counted, send);
  const block: NewFolio = { index: blockOf(message).first, order: message.orderPages, readahead: false, pfn: -1 };
  return fill(state, counted, [block], send);
}

/** The operation in one round more. */
function again(operation: FileOperation): FileOperation {
  return reviseOperation(operation, (draft) => {
    draft.rounds = oneMore(operation.rounds);
  });
}

/**
 * The fault looks for its page anew, behind whoever waits (`retry_find`, VM_FAULT_RETRY).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { file: 'a', mm: 'mm:1', request: 1, index: 1, firstIndex: 0, endIndex: 2, orderPages: 0, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask, around: true, vmFlags: 0 };
 * const sent: unknown[] = [];
 * sendRound(file, newOperation(message), (to, again) => void sent.push([to, again.rounds])).current; // null
 * sent; // [['file:a', 1]]
 * ```
 */
export function sendRound(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const message = operation.message as GetPages;
  send(actorOfFile(context.path), { ...message, rounds: oneMore(message.rounds) });
  return finish(context);
}

/**
 * Whether a fault whose page has been read looks for it once more before it maps it: the page is not locked all the time.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * looksAgain(initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' })); // false
 * ```
 */
export function looksAgain(context: FileContext): boolean {
  return convertsAtFaults(context) && eachItsOwn(context);
}

/**
 * Frames are there for folios of which some meet others in the cache (-EEXIST). Those are given back. A fault that needs one of them
 * looks up the index again, aligned down to the order of the folio that it tried to insert: it takes what is there for its page,
 * or finds nothing, and tries for ever. Null where nothing is met.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * meetOthers(file, newOperation(read), () => {}, (state) => state); // null
 * ```
 */
export function meetOthers(
  context: FileContext,
  operation: FileOperation,
  send: Send,
  resume: Resume,
): FileContext | null {
  if (!convertsAtFaults(context)) return null;
  const meets = ({ index, order }: NewFolio): boolean => context.cache.holdsAny(index, index + 2 ** order);
  const { folios, message } = operation;
  const met = folios.filter(meets);
  if (met.length === 0) return null;
  send('zone', { type: 'PUT', runs: met.map(runOf) });
  const state = reviseFile(context, (draft) => {
    draft.existing = context.existing + met.length;
  });
  const left = folios.filter((folio) => !meets(folio));
  const index = message.type === 'GET_PAGES' ? message.index : -1;
  const needed = met.find((folio) => index >= folio.index && index < folio.index + 2 ** folio.order);
  const there = needed === undefined ? null : context.cache.get(needed.index);
  if (there !== null) return takeFound(state, operation, { there, left, index }, send, resume);
  const more = needed === undefined ? left : [...left, { ...needed, pfn: -1 }];
  const next = reviseOperation(again(operation), (draft) => {
    draft.folios = more;
  });
  return needed === undefined ? bringIn(state, next, send, resume) : fill(state, next, more, send);
}

const runOf = ({ pfn, order }: NewFolio): { pfn: number; nr: number } => ({ pfn, nr: 2 ** order });

/** `folio_file_page` of a folio that need not contain the index: VM_BUG_ON_FOLIO is compiled out. */
function takeFound(
  context: FileContext,
  operation: FileOperation,
  { there, left, index }: { there: CachedFolio; left: readonly NewFolio[]; index: number },
  send: Send,
  resume: Resume,
): FileContext {
  const { pfn, order } = there;
  if (left.length > 0) send('zone', { type: 'PUT', runs: left.map(runOf) });
  const run = { index, pfn: pfn + (index % 2 ** order), nr: 1, orderPages: order };
  const mapped = reviseOperation(operation, (draft) => {
    draft.folios = [];
    draft.runs = [run];
  });
  return resume(context, mapped, send);
}

/**
 * The operation that the lock of the file is held for, before anything else is known of it: of a fault, how often it has come.
 *
 * @example
 * ```ts
 * const begun = inRound(newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 }));
 * begun.rounds; // undefined
 * ```
 */
export function inRound(operation: FileOperation): FileOperation {
  const { message } = operation;
  if (message.type !== 'GET_PAGES' || message.rounds === undefined) return operation;
  const { rounds } = message;
  return reviseOperation(operation, (draft) => {
    draft.rounds = rounds;
  });
}
