/** How operations on an address space end: the answers to whoever asked, with references and dirty marks. */
import type { FileContext, FileMessage, FilePhase } from './file.ts';
import { presentRuns } from './filePages.ts';
import type { FileRun, MessageOf } from './messages.ts';
import type { Send } from './support.ts';

/** An operation under way. */
export interface FileOperation {
  message: FileMessage;
  /** First indexes of the blocks that are being brought in, their order, and their frames once they are there. */
  blocks: number[];
  orderPages: number;
  pfns: number[];
  /** Pages that came from the disk for it. */
  rereadPages: number;
  major: boolean;
  failed: boolean;
  eof: boolean;
  /** What a fault gets, while the references to it are being taken. */
  runs: FileRun[];
}

/**
 * The address of the file's own actor.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * actor(file); // 'file:a'
 * ```
 */
export function actor(context: FileContext): string {
  return `file:${context.path}`;
}

/**
 * The operation under way, and what it waits for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const message = { type: 'SYNC_FILE' as const, sender: 'abi', request: 1 };
 * const none = { blocks: [], orderPages: 0, pfns: [], runs: [], rereadPages: 0, major: false, failed: false, eof: false };
 * inStep(file, { message, ...none }, 'writing').phase; // 'writing'
 * ```
 */
export function inStep(context: FileContext, operation: FileOperation, phase: FilePhase): FileContext {
  return { ...context, current: operation, phase };
}

/**
 * The page that no process may touch: the end of the file in whole process pages (`filemap_fault`, D-08).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * endIndex(file, 0); // 2
 * endIndex(file, 4); // 16
 * ```
 */
export function endIndex(context: FileContext, orderPages: number): number {
  const block = 2 ** orderPages;
  return Math.ceil(Math.ceil(context.sizeBytes / context.kernelPageBytes) / block) * block;
}

function finish(context: FileContext): FileContext {
  return { ...context, current: null, phase: 'none' };
}

/**
 * Tells whoever asked that the answer needs the disk.
 *
 * @example
 * ```ts
 * const sent: string[] = [];
 * waitForIo({ type: 'SYNC_FILE', sender: 'mm:1', request: 1 }, (to) => void sent.push(to));
 * sent; // ['mm:1']
 * ```
 */
export function waitForIo(message: FileMessage, send: Send): void {
  if (message.type === 'MAP_FILE' || message.type === 'GET_PAGES') {
    send(message.mm, { type: 'IO_WAIT', request: message.request });
    return;
  }
  const sender = message.type === 'SYNC_FILE' ? message.sender : 'abi';
  send(sender, { type: 'IO_WAIT', request: message.request });
}

/**
 * Answers whoever asked and ends the operation.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const message = { type: 'SYNC_FILE' as const, sender: 'abi', request: 1 };
 * const none = { blocks: [], orderPages: 0, pfns: [], runs: [], rereadPages: 0, major: false, failed: false, eof: false };
 * const sent: string[] = [];
 * answer({ ...file, current: { message, ...none } }, (to) => void sent.push(to)).current; // null
 * sent; // ['abi']
 * ```
 */
export function answer(context: FileContext, send: Send): FileContext {
  const operation = context.current as FileOperation;
  const { message, rereadPages, failed } = operation;
  if (message.type === 'MAP_FILE') {
    send(message.mm, { type: 'MAPPED', request: message.request, droppedPages: rereadPages });
    return finish(context);
  }
  if (message.type === 'GET_PAGES') return answerPages(context, operation, message, send);
  const sender = message.type === 'SYNC_FILE' ? message.sender : 'abi';
  send(sender, { type: 'FILE_DONE', request: message.request, rereadPages, failed });
  if (message.type !== 'WRITE_FILE' || failed) return finish(context);
  return finish(markDirty(context, message));
}

function markDirty(context: FileContext, message: MessageOf<'WRITE_FILE'>): FileContext {
  const page = context.kernelPageBytes;
  const cache = context.cache.edit();
  const end = Math.ceil((message.offsetBytes + message.lengthBytes) / page);
  for (const folio of cache.range(Math.floor(message.offsetBytes / page), end)) cache.setDirty(folio.index, true);
  return { ...context, cache: cache.done() };
}

/** Takes a reference to the page asked for, and to those of the window that are there, for the mapping. */
function answerPages(
  context: FileContext,
  operation: FileOperation,
  message: MessageOf<'GET_PAGES'>,
  send: Send,
): FileContext {
  const { index, firstIndex, orderPages } = message;
  const eof = index >= endIndex(context, orderPages);
  const end = Math.min(message.endIndex, endIndex(context, orderPages));
  const runs = eof || operation.failed ? [] : presentRuns(context.cache, { first: firstIndex, end });
  const current = { ...operation, runs, eof };
  if (runs.length === 0) return sendPages(context, current, send);
  // Nobody may give these references up before they are taken: the pages go out when the zone has them.
  const frames = runs.map(({ pfn, nr }) => ({ pfn, nr }));
  send(
    'zone',
    { type: 'GET', sender: actor(context), request: 1, runs: frames },
    context.resources.costs.pageCacheLookup,
  );
  return inStep(context, current, 'referencing');
}

/**
 * Sends the pages of a fault, and marks the one that a shared mapping writes to.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const ask = { mm: 'mm:1', request: 1, index: 9, firstIndex: 9, endIndex: 10, orderPages: 0, write: false };
 * const message = { type: 'GET_PAGES' as const, ...ask };
 * const none = { blocks: [], orderPages: 0, pfns: [], runs: [], rereadPages: 0, major: false, failed: false, eof: true };
 * sendPages(file, { message, ...none }, () => {}).phase; // 'none'
 * ```
 */
export function sendPages(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const message = operation.message as MessageOf<'GET_PAGES'>;
  const { runs, eof, major, failed, rereadPages } = operation;
  send(message.mm, { type: 'PAGES', request: message.request, runs, major, eof, failed, rereadPages });
  if (!message.write || runs.length === 0) return finish(context);
  const cache = context.cache.edit();
  cache.setDirty(message.index, true);
  return finish({ ...context, cache: cache.done() });
}
