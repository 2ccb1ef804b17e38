/** The operations on an address space, one at a time: how each begins, and what each answer takes it on to. */
import { answer, finish } from './fileAnswers.ts';
import { beginFileFault, faultAgain, sendPages } from './fileFault.ts';
import { beginDirect, directUnmapped, directWent } from './fileDirect.ts';
import { filled, framesCame } from './fileFill.ts';
import { outOfMemory } from './fileNoMemory.ts';
import { beginMap, collapsed, convert, writeBack, wroteBack } from './fileInvalidate.ts';
import { markDirty, pageRuns } from './filePages.ts';
import { takeOut } from './filePins.ts';
import { writeBeside } from './conversion/besideWriters.ts';
import { pageUnmapped, pageWritten } from './conversion/fileFaults.ts';
import { beginRead, beginReadAhead, readOn } from './fileRead.ts';
import {
  actorOfFile,
  endIndex,
  type FileContext,
  type FileMessage,
  type FileOperation,
  filePages,
  inStep,
  newOperation,
} from './fileState.ts';
import { allocated, beginAllocate, beginTruncate, cutOff } from './fileTruncate.ts';
import { pinsKnown } from './gup/filePins.ts';
import type { FileRun, Message, MessageOf } from './messages.ts';
import { beginWrite, written } from './fileWrite.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';
import { reviseOperation } from './reviseWork.ts';

/** Begins an operation; `current` is null again where it is already done. */
function beginOperation(context: FileContext, message: FileMessage, send: Send): FileContext {
  const operation = newOperation(message);
  switch (message.type) {
    case 'GET_PAGES':
      return beginFileFault(context, operation, message, send);
    case 'MAP_FILE':
      return beginMap(context, operation, message, send);
    case 'READ_FILE':
      return beginRead(context, operation, message, send);
    case 'WRITE_FILE':
      return beginWrite(context, operation, message, send);
    case 'READ_AHEAD':
      return beginReadAhead(context, operation, message, send);
    case 'TRUNCATE_FILE':
      return beginTruncate(context, operation, message, send);
    case 'ALLOCATE_FILE':
      return beginAllocate(context, operation, message, send);
    case 'DIRECT_IO':
      return beginDirect(context, operation, message, send);
    case 'PIN_PAGES':
      return pin(context, operation, message, send);
    default:
      return writeBack(context, operation, send);
  }
}

/** `pin_user_pages` on what is there; the references are the holder's. */
function pin(context: FileContext, operation: FileOperation, message: MessageOf<'PIN_PAGES'>, send: Send): FileContext {
  const end = Math.min(message.endIndex, endIndex(context, context.minOrderPages));
  const runs = pageRuns(context.cache, { first: message.firstIndex, end });
  if (runs.length === 0) {
    pinned(message, runs, send);
    return finish(context);
  }
  const frames = runs.map(({ pfn, nr }) => ({ pfn, nr }));
  send('zone', { type: 'GET', sender: actorOfFile(context.path), request: context.ino, runs: frames });
  return inStep(
    context,
    reviseOperation(operation, (draft) => {
      draft.runs = runs;
    }),
    'referencing',
  );
}

/** A holder that is an actor hears of what it got. */
function pinned({ holder, request }: MessageOf<'PIN_PAGES'>, runs: FileRun[], send: Send): void {
  if (request !== undefined) send(holder, { type: 'PINNED', request, runs });
}

function referenced(context: FileContext, operation: FileOperation, send: Send): FileContext {
  if (operation.message.type !== 'PIN_PAGES') return sendPages(context, operation, send);
  const { holder } = operation.message;
  pinned(operation.message, operation.runs, send);
  return finish(
    reviseFile(context, (draft) => {
      draft.pins = [...context.pins, { holder, runs: operation.runs, orphanedPages: 0 }];
    }),
  );
}

/** The folios of an operation are there, or there is no memory for them. */
function resume(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const { message } = operation;
  switch (message.type) {
    case 'GET_PAGES':
      return faultAgain(context, operation, send);
    case 'READ_FILE':
      return operation.answered ? finish(context) : readOn(context, operation, message, send);
    case 'WRITE_FILE':
      return written(context, operation, send);
    case 'ALLOCATE_FILE':
      return allocated(context, operation, send);
    case 'MAP_FILE':
      return collapsed(context, operation, send);
    case 'READ_AHEAD':
      return finish(
        reviseFile(context, (draft) => {
          draft.prefill = false;
        }),
      );
    default:
      return answer(context, operation, send);
  }
}

/** The pages that an operation cannot do without. */
function neededOf(context: FileContext, { message, doneBytes }: FileOperation): { first: number; end: number } | null {
  const page = context.kernelPageBytes;
  switch (message.type) {
    case 'GET_PAGES':
      return { first: message.index, end: message.index + 1 };
    case 'READ_FILE': {
      const first = Math.floor((message.offsetBytes + doneBytes) / page);
      return { first, end: first + 1 };
    }
    default:
      return null;
  }
}

/**
 * Takes operations from the queue until one has to wait. A file that is to be in the cache from the start is brought in
 * first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * operateOnFile(file, read, () => {}).phase; // 'allocating'
 * ```
 */
export function nextOperation(context: FileContext, send: Send): FileContext {
  let state = context;
  while (state.current === null) {
    const message = state.queue.at(0);
    if (message === undefined) return state;
    if (state.prefill) {
      const { path: file } = state;
      const all: FileMessage = { type: 'READ_AHEAD', file, mm: '', firstIndex: 0, endIndex: filePages(state) };
      state = beginOperation(state, all, send);
    } else {
      state = beginOperation(
        reviseFile(state, (draft) => {
          draft.queue = state.queue.shift();
        }),
        message,
        send,
      );
    }
  }
  return state;
}

/**
 * Takes the operation under way one step on with the answer that came.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const read = { type: 'READ_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 8192 };
 * const asked = operateOnFile(file, read, () => {});
 * takeOn(asked, { type: 'FRAMES', request: 1, orderPages: 0, pfns: [64, 65] }, () => {}).phase; // 'reading'
 * ```
 */
export function takeOn(context: FileContext, event: Message, send: Send): FileContext {
  const operation = context.current;
  if (operation === null) return context;
  switch (event.type) {
    case 'RANGE_UNMAPPED':
      if (operation.message.type === 'GET_PAGES') return pageUnmapped(context, operation, send);
      return operation.message.type === 'MAP_FILE'
        ? convert(context, operation, send)
        : operation.message.type === 'DIRECT_IO'
          ? directUnmapped(context, operation, operation.message, send)
          : cutOff(context, operation, send);
    case 'FRAMES':
      return framesCame(context, operation, event, send, resume);
    case 'NO_MEMORY':
      return outOfMemory(context, operation, neededOf(context, operation), send, resume);
    case 'GOT':
      return referenced(context, operation, send);
    case 'FOLIOS':
    case 'UNPINNED':
      return pinsKnown(context, operation, event, convert, send);
    case 'IO_DONE':
      if (operation.message.type === 'DIRECT_IO') return directWent(context, operation, operation.message, send);
      if (context.phase === 'writing' && operation.message.type === 'GET_PAGES')
        return pageWritten(context, operation, send);
      return context.phase === 'writing'
        ? wroteBack(context, operation, send)
        : filled(context, operation, send, resume);
    default:
      throw new TypeError(`${event.type} takes no file operation on`);
  }
}

/**
 * An operation comes in.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * operateOnFile(file, { type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 }, () => {}).phase; // 'none'
 * ```
 */
export function operateOnFile(context: FileContext, message: FileMessage, send: Send): FileContext {
  const beside = message.type === 'WRITE_FILE' ? writeBeside(context, message, send) : null;
  if (beside !== null) return beside;
  const { current, prefill, queue } = context;
  // Most operations find nothing before them, and need not go through the queue.
  if (current === null && !prefill && queue.length === 0) {
    return nextOperation(beginOperation(context, message, send), send);
  }
  return nextOperation(
    reviseFile(context, (draft) => {
      draft.queue = queue.push(message);
    }),
    send,
  );
}

/**
 * An mm has unmapped what it was asked to, and says which pages it had dirtied.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const done = { type: 'RANGE_UNMAPPED' as const, file: 'a', mm: 'mm:1', request: 1, dirtyIndexes: [] };
 * rangeUnmapped({ ...file, pending: 2 }, done, () => {}).pending; // 1
 * ```
 */
export function rangeUnmapped(context: FileContext, event: MessageOf<'RANGE_UNMAPPED'>, send: Send): FileContext {
  const dirty = event.dirtyIndexes.map((index) => ({ index, nr: 1 }));
  const state = { ...markDirty(context, dirty), pending: context.pending - 1 };
  return state.pending > 0 ? state : nextOperation(takeOn(state, event, send), send);
}

/**
 * The pages of a range that are in the cache and up to date (`mm/mincore.c:mincore_page`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * residentRuns(file, 0, 9); // []
 * ```
 */
export function residentRuns(
  context: FileContext,
  firstIndex: number,
  lastIndex: number,
): { index: number; nr: number }[] {
  const joined: { index: number; nr: number }[] = [];
  for (const { index, nr } of pageRuns(context.cache, { first: firstIndex, end: lastIndex })) {
    const last = joined.at(-1);
    if (last !== undefined && last.index + last.nr === index) last.nr += nr;
    else joined.push({ index, nr });
  }
  return joined;
}

/**
 * A holder gives its pins up.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * unpin(file, { type: 'UNPIN_PAGES', file: 'a', holder: 'nic' }, () => {}).pins; // []
 * ```
 */
export function unpin(context: FileContext, event: MessageOf<'UNPIN_PAGES'>, send: Send): FileContext {
  const { holder, firstIndex, endIndex: end } = event;
  if (firstIndex !== undefined && end !== undefined)
    return unpinRange(context, holder, { first: firstIndex, end }, send);
  const runs: FileRun[] = context.pins.filter((held) => held.holder === holder).flatMap((held) => held.runs);
  if (runs.length > 0) send('zone', { type: 'PUT', runs: runs.map(({ pfn, nr }) => ({ pfn, nr })) });
  return reviseFile(context, (draft) => {
    draft.pins = context.pins.filter((held) => held.holder !== holder);
  });
}

/** Gives up one reference to each page of a range: pins are looked through from the oldest on. */
function unpinRange(
  context: FileContext,
  holder: string,
  range: { first: number; end: number },
  send: Send,
): FileContext {
  const put: { pfn: number; nr: number }[] = [];
  let left = [range];
  const pins = context.pins.flatMap((pin) => {
    if (pin.holder !== holder || left.length === 0) return [pin];
    const taken = takeOut(pin.runs, left);
    put.push(...taken.out.map(({ pfn, nr }) => ({ pfn, nr })));
    left = taken.left;
    return taken.kept.length === 0 ? [] : [{ ...pin, runs: taken.kept }];
  });
  if (put.length > 0) send('zone', { type: 'PUT', runs: put });
  return reviseFile(context, (draft) => {
    draft.pins = pins;
  });
}
