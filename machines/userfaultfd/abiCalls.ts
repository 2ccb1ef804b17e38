/**
 * The calls of userfaultfd at the boundary: the descriptor looks at them first, and what it lets pass is done by the mm of the
 * process whose memory it is. The source of UFFDIO_COPY is read on the caller's CPU, as `copy_from_user` does.
 *
 * @models L-08 X-05
 */
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import type { UserfaultCall, UserfaultMmCall } from '../../src/mm/userfaultfd/calls.ts';
import { type AbiContext, answer, askMm, begin, type CallInFlight, copyOn, fail, pageBytesOf } from '../abiState.ts';
import { uffdOf } from '../addresses.ts';
import type { MessageOf } from '../messages.ts';
import { reviseCall } from '../reviseWork.ts';
import type { Send } from '../support.ts';

/**
 * Hands a call to its descriptor. A kernel without userfaultfd has no such call; a name that no descriptor has is no file.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'userfaultfd' as const, fd: 'monitor', flags: 0 };
 * const sent: unknown[] = [];
 * beginUserfaultCall(abi, newCall(7, 0, call), call, (_to, message) => sent.push(message.errno));
 * sent; // [38]
 * ```
 */
export function beginUserfaultCall(
  context: AbiContext,
  inFlight: CallInFlight,
  call: UserfaultCall,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const { fd } = call;
  const { descriptors } = context.resources.userfaultfd;
  if (!descriptors.includes(fd)) {
    return fail(context, pid, descriptors.length === 0 ? ERRNO.ENOSYS : ERRNO.EBADF, send);
  }
  send(uffdOf(fd), { type: 'UFFD_CALL', fd, request: pid, pageBytes: pageBytesOf(context, pid), call });
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'uffd';
    }),
  );
}

/** What the mm has to do, kept in the call while its source is read: the descriptor will not be asked again. */
type Filling = Extract<UserfaultMmCall, { op: 'uffd_fill' }>;

/**
 * The descriptor has answered: the call is over, or the mm goes on with it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const done = { type: 'UFFD_DONE' as const, request: 7, errno: 0, data: [18, 0, 4096], left: null };
 * const sent: unknown[] = [];
 * const call = newCall(7, 0, { op: 'uffd_read' as const, fd: 'monitor' });
 * userfaultAnswered(abi, call, done, (_to, message) => sent.push(message.data));
 * sent; // [[18, 0, 4096]]
 * ```
 */
export function userfaultAnswered(
  context: AbiContext,
  inFlight: CallInFlight,
  event: MessageOf<'UFFD_DONE'>,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const { errno, data, left } = event;
  if (errno !== 0) return fail(context, pid, errno, send);
  if (left === null) return answer(context, pid, { result: 0, data }, send);
  const { call } = left;
  const copies = call.op === 'uffd_fill' && call.kind === 'copy';
  if (!copies || inFlight.call.op !== 'uffdio_copy') return askMm(context, inFlight, call, send, left.pid);
  const source = [{ addr: inFlight.call.src, lengthBytes: call.lengthBytes }];
  return copyOn(
    context,
    reviseCall(inFlight, (draft) => {
      draft.copies = source;
      draft.access = 'read';
      draft.filling = { pid: left.pid, call };
    }),
    send,
  );
}

/**
 * The source of UFFDIO_COPY is read, as far as it could be.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const range = { fd: 'u', addr: 0x10000, lengthBytes: 8192, unitBytes: 4096 };
 * const call = { op: 'uffd_fill' as const, kind: 'copy' as const, ...range, writeProtect: false, wake: true, readableBytes: 8192 };
 * const copy = newCall(7, 0, { op: 'uffdio_copy', fd: 'u', src: 0x30000, mode: 0 });
 * const sent: string[] = [];
 * sourceRead(abi, { ...copy, doneBytes: 4096, filling: { pid: 9, call } }, (to) => sent.push(to));
 * sent; // ['mm:9']
 * ```
 */
export function sourceRead(context: AbiContext, inFlight: CallInFlight, send: Send): AbiContext {
  const { filling, pid, doneBytes } = inFlight;
  if (filling === undefined) return fail(context, pid, ERRNO.EFAULT, send);
  const call: Filling = { ...filling.call, readableBytes: doneBytes };
  return askMm(context, inFlight, call, send, filling.pid);
}
