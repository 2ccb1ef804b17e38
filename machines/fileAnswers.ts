/** How operations on an address space end: the answers to whoever asked. */
import { ERRNO } from '../src/mm/abi/numbers.ts';
import { type FileContext, type FileMessage, type FileOperation, inMemory } from './fileState.ts';
import type { Send } from './support.ts';
import { reviseFile } from './revise.ts';

/**
 * Tells whoever asked that the answer needs the disk.
 *
 * @example
 * ```ts
 * const sent: string[] = [];
 * waitForIo({ type: 'SYNC_FILE', file: 'a', sender: 'mm:1', request: 1 }, (to) => void sent.push(to));
 * sent; // ['mm:1']
 * ```
 */
export function waitForIo(message: FileMessage, send: Send): void {
  const sender = askerOf(message);
  if (sender === null || !('request' in message) || message.request === undefined) return;
  send(sender, { type: 'IO_WAIT', request: message.request });
}

/** Who waits for the answer; null for an operation that nobody waits for. */
function askerOf(message: FileMessage): string | null {
  switch (message.type) {
    case 'MAP_FILE':
    case 'GET_PAGES':
      return message.mm;
    case 'SYNC_FILE':
    case 'ALLOCATE_FILE':
      return message.sender;
    case 'READ_AHEAD':
    case 'PIN_PAGES':
      return null;
    default:
      return 'abi';
  }
}

/**
 * The address space with nothing under way.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * finish({ ...file, phase: 'writing' }).phase; // 'none'
 * ```
 */
export function finish(context: FileContext): FileContext {
  return reviseFile(context, (draft) => {
    draft.current = null;
    draft.phase = 'none';
  });
}

/**
 * Answers whoever asked and ends the operation; a fault's answer is that of `fileFault.ts`.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const sent: string[] = [];
 * const operation = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * answer(file, operation, (to) => void sent.push(to)).current; // null
 * sent; // ['abi']
 * ```
 */
export function answer(context: FileContext, operation: FileOperation, send: Send): FileContext {
  const { message, rereadPages, failed, doneBytes } = operation;
  const lost = message.type === 'SYNC_FILE' && context.lostData === true;
  const noMemory = operation.errno === 0 && failed ? ERRNO.ENOMEM : operation.errno;
  const errno = lost ? ERRNO.EIO : noMemory;
  if (operation.answered) return finish(context);
  if (message.type === 'MAP_FILE') {
    const { request, file, mm } = message;
    send(mm, { type: 'MAPPED', request, file, writeNotify: !inMemory(context), droppedPages: rereadPages, errno });
    return finish(context);
  }
  const asker = askerOf(message);
  if (asker === null || !('request' in message) || message.request === undefined) return finish(context);
  send(asker, { type: 'FILE_DONE', request: message.request, rereadPages, failed: errno !== 0, errno, doneBytes });
  // One fsync hears of it (`file_check_and_advance_wb_err`).
  return lost
    ? reviseFile(finish(context), (draft) => {
        draft.lostData = false;
      })
    : finish(context);
}
