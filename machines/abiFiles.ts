/** Calls on files: read and write with their copies, truncation, preallocation, and memfds. */
import { ERRNO } from '../src/mm/abiRules.ts';
import type { FileCall as RecordedFileCall } from '../src/mm/runs.ts';
import { type AbiContext, answer, begin, type CallInFlight, copyOn, fail, pageBytesOf } from './abiState.ts';
import type { MessageOf } from './messages.ts';
import { SIGNAL } from './mmState.ts';
import { actorOfFile } from './fileState.ts';
import type { Send } from './support.ts';
import { reviseAbi } from './revise.ts';
import { reviseCall } from './reviseWork.ts';

/** Logical block of the device: what direct I/O is aligned to, whatever the page (`fs/iomap/direct-io.c:iomap_dio_bio_iter`). */
const BLOCK_BYTES = 512;

type Transfer = Extract<RecordedFileCall, { op: 'read' | 'write' }>;

/**
 * The inode that a process means with a path: a memfd by the name it was made with, any other file by its own.
 *
 * @example
 * ```ts
 * const shared = { ...noSharedMemory(), memfds: IntRecord.fromPlain({ 1: { 'memfd:x': 'shmem:memfd.0' } }) };
 * inodeOf({ shared }, 1, 'memfd:x'); // 'shmem:memfd.0'
 * ```
 */
export function inodeOf(context: Pick<AbiContext, 'shared'>, pid: number, path: string): string {
  return context.shared.memfds.get(pid)?.[path] ?? path;
}

/**
 * Whether there is a page cache behind a name: that of a file of the topology, or of shared memory that was made.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: ['/bin/true'] });
 * hasPages(abi, '/bin/true'); // true
 * hasPages(abi, 'a memfd that was never made'); // false
 * ```
 */
export function hasPages(context: AbiContext, inode: string): boolean {
  return inode.startsWith('shmem:') || inode.startsWith('hugetlb:') || context.files.has(inode);
}

function askFile(context: AbiContext, inFlight: CallInFlight, call: RecordedFileCall, send: Send): AbiContext {
  const request = inFlight.pid;
  const file = inodeOf(context, request, call.file);
  const to = actorOfFile(file);
  if (call.op === 'read' || call.op === 'write') {
    const { offsetBytes, lengthBytes } = call;
    if (call.direct === true) {
      send(to, { type: 'DIRECT_IO', file, request, write: call.op === 'write', offsetBytes, lengthBytes });
    } else if (call.op === 'read') {
      const { readOrder } = context.resources.design;
      const pageBytes = readOrder === 'process-page' ? pageBytesOf(context, request) : context.kernelPageBytes;
      const orderPages = Math.log2(pageBytes / context.kernelPageBytes);
      send(to, {
        type: 'READ_FILE',
        file,
        request,
        offsetBytes,
        lengthBytes,
        ...(orderPages > 0 ? { orderPages } : {}),
      });
    } else send(to, { type: 'WRITE_FILE', file, request, offsetBytes, lengthBytes });
  } else if (call.op === 'fallocate') {
    const { mode, offsetBytes, lengthBytes } = call;
    send(to, { type: 'ALLOCATE_FILE', file, sender: 'abi', request, mode, offsetBytes, lengthBytes });
  } else if (call.op !== 'memfd_create') {
    send(to, { type: 'TRUNCATE_FILE', file, request, sizeBytes: call.sizeBytes });
  }
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.call = call;
      draft.awaits = 'file';
    }),
  );
}

function createMemfd(context: AbiContext, inFlight: CallInFlight, path: string, send: Send): AbiContext {
  const { pid } = inFlight;
  const { shared } = context;
  const file = `shmem:memfd.${shared.made}`;
  const memfds = shared.memfds.with(pid, { ...shared.memfds.get(pid), [path]: file });
  send('shmem', { type: 'CREATE_FILE', file, sender: 'abi', request: pid, sizeBytes: 0 });
  const state = reviseAbi(context, (draft) => {
    draft.shared = { ...shared, memfds, made: shared.made + 1 };
  });
  return begin(
    state,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'file';
    }),
  );
}

/**
 * Begins a call on a file. A file without a page cache (a device, a pipe) takes it at once.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'ftruncate' as const, file: '/dev/null', sizeBytes: 0 };
 * beginFileCall(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function beginFileCall(
  context: AbiContext,
  inFlight: CallInFlight,
  call: RecordedFileCall,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  if (call.op === 'memfd_create') return createMemfd(context, inFlight, call.file, send);
  if (!hasPages(context, inodeOf(context, pid, call.file))) return answer(context, pid, { result: 0 }, send);
  if ((call.op === 'read' || call.op === 'write') && call.lengthBytes <= 0)
    return answer(context, pid, { result: 0 }, send);
  const isTransfer = call.op === 'read' || call.op === 'write';
  const direct = isTransfer && call.direct === true;
  if (direct && (call.offsetBytes % BLOCK_BYTES !== 0 || call.lengthBytes % BLOCK_BYTES !== 0))
    return fail(context, pid, ERRNO.EINVAL, send);
  if (!isTransfer || (call.op === 'read' && !direct) || call.buffer <= 0) return askFile(context, inFlight, call, send);
  const copies = [{ addr: call.buffer, lengthBytes: call.lengthBytes }];
  return copyOn(
    context,
    reviseCall(inFlight, (draft) => {
      draft.call = call;
      draft.copies = copies;
      // Direct I/O faults the buffer in, for writing where the device writes to it, before anything is read
      // (`block/bio.c:bio_iov_iter_get_pages`).
      draft.access = call.op === 'write' ? 'read' : 'write';
    }),
    send,
  );
}

/**
 * The file has answered.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'ftruncate' as const, file: 'a', sizeBytes: 0 };
 * const done = { type: 'FILE_DONE' as const, request: 1, rereadPages: 0, failed: false, errno: 0, doneBytes: 0 };
 * fileAnswered(abi, newCall(1, 0, call), done, () => {}).calls.size; // 0
 * ```
 */
export function fileAnswered(
  context: AbiContext,
  inFlight: CallInFlight,
  event: MessageOf<'FILE_DONE'>,
  send: Send,
): AbiContext {
  const { call, pid } = inFlight;
  if (event.failed) return fail(context, pid, event.errno, send);
  if (call.op !== 'read' && call.op !== 'write') return answer(context, pid, { result: inFlight.result }, send);
  const result = event.doneBytes;
  if (call.op === 'write' || call.direct === true || call.buffer <= 0 || result === 0)
    return answer(context, pid, { result }, send);
  const copies = [{ addr: call.buffer, lengthBytes: result }];
  return copyOn(
    context,
    reviseCall(inFlight, (draft) => {
      draft.copies = copies;
      draft.access = 'write';
      draft.result = result;
    }),
    send,
  );
}

/**
 * All of the buffer of a read or write is copied.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'read' as const, file: 'a', offsetBytes: 0, buffer: 4096, lengthBytes: 1 };
 * transferCopied(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function transferCopied(context: AbiContext, inFlight: CallInFlight, call: Transfer, send: Send): AbiContext {
  if (call.op === 'write' || call.direct === true) return askFile(context, inFlight, call, send);
  return answer(context, inFlight.pid, { result: inFlight.result }, send);
}

/**
 * A copy of a read or write met a bad address: what was copied before it counts, and EFAULT is for nothing at all.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'read' as const, file: 'a', offsetBytes: 0, buffer: 4096, lengthBytes: 1 };
 * transferFaulted(abi, newCall(1, 0, call), call, 11, () => {}).calls.size; // 0
 * ```
 */
export function transferFaulted(
  context: AbiContext,
  inFlight: CallInFlight,
  call: Transfer,
  signal: number,
  send: Send,
): AbiContext {
  const { pid, doneBytes } = inFlight;
  // Out of memory in the middle of a call kills the process; a bad address only fails the copy.
  if (signal === SIGNAL.KILL) return fail(context, pid, ERRNO.EFAULT, send, SIGNAL.KILL);
  if (doneBytes === 0 || call.direct === true) return fail(context, pid, ERRNO.EFAULT, send);
  if (call.op === 'read') return answer(context, pid, { result: doneBytes }, send);
  return askFile(context, inFlight, { ...call, lengthBytes: doneBytes }, send);
}
