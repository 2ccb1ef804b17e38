/**
 * From a request on a descriptor to what the mm is to do: the arguments are checked in the descriptor's own page, which is
 * that of the process whose memory it is (`fs/userfaultfd.c:userfaultfd_ioctl` and the functions it calls).
 *
 * @models L-08 X-05
 */
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { translateCall } from '../../src/mm/abiRules.ts';
import type { ResolvedUserfaultCall, UserfaultFill, UserfaultMmCall } from '../../src/mm/userfaultfd/calls.ts';
import type { Descriptor } from '../../src/mm/userfaultfd/descriptor.ts';
import { UFFD } from '../../src/mm/userfaultfd/numbers.ts';

type Asked = Extract<ResolvedUserfaultCall, { addr: number; lengthBytes: number }>;
type FillCall = Extract<Asked, { op: 'uffdio_copy' | 'uffdio_zeropage' | 'uffdio_continue' | 'uffdio_poison' }>;

const KIND_OF_FILL = {
  uffdio_copy: 'copy',
  uffdio_zeropage: 'zeropage',
  uffdio_continue: 'continue',
  uffdio_poison: 'poison',
} as const;

function fillOf(unitBytes: number, { op, fd, addr, lengthBytes, mode }: FillCall): UserfaultFill {
  const kind = KIND_OF_FILL[op];
  const writeProtect = (kind === 'copy' || kind === 'continue') && (mode & UFFD.COPY_WP) !== 0;
  const wake = (mode & UFFD.DONTWAKE) === 0;
  return { op: 'uffd_fill', fd, kind, addr, lengthBytes, unitBytes, writeProtect, wake, readableBytes: lengthBytes };
}

function handedOn({ pageBytes, features }: Descriptor, call: Asked): UserfaultMmCall {
  const { fd, addr, lengthBytes } = call;
  switch (call.op) {
    case 'uffdio_register':
      return { op: 'uffd_register', fd, addr, lengthBytes, modes: call.mode, features };
    case 'uffdio_unregister':
      return { op: 'uffd_unregister', fd, addr, lengthBytes };
    case 'uffdio_wake':
      return { op: 'uffd_wake', fd, addr, lengthBytes };
    case 'uffdio_writeprotect': {
      const protect = (call.mode & UFFD.WRITEPROTECT_WP) !== 0;
      const wake = !protect && (call.mode & UFFD.WRITEPROTECT_DONTWAKE) === 0;
      return { op: 'uffd_protect', fd, addr, lengthBytes, protect, wake };
    }
    case 'uffdio_move': {
      const allowHoles = (call.mode & UFFD.MOVE_ALLOW_SRC_HOLES) !== 0;
      const wake = (call.mode & UFFD.MOVE_DONTWAKE) === 0;
      const range = { addr, fromVa: call.src, lengthBytes, unitBytes: pageBytes };
      return { op: 'uffd_move', fd, ...range, allowHoles, wake };
    }
    default:
      return fillOf(pageBytes, call);
  }
}

/**
 * What the mm is to do for a request by process `pid`, or the errno that refuses it.
 *
 * @example
 * ```ts
 * const descriptor = { ...closedDescriptor(), pid: 7, pageBytes: 65536, features: 0 };
 * mmCallOf(descriptor, { op: 'uffdio_wake', fd: 'u', addr: 0x20000, lengthBytes: 65536 }, 9);
 * // { op: 'uffd_wake', fd: 'u', addr: 0x20000, lengthBytes: 65536 }
 * mmCallOf(descriptor, { op: 'uffdio_wake', fd: 'u', addr: 0x20000, lengthBytes: 4096 }, 9); // { errno: 22 }
 * ```
 */
export function mmCallOf(
  descriptor: Descriptor,
  call: ResolvedUserfaultCall,
  pid: number,
): UserfaultMmCall | { errno: number } {
  // Only within one address space: asked before the ranges are.
  if (call.op === 'uffdio_move' && pid !== descriptor.pid) return { errno: ERRNO.EINVAL };
  const checked = translateCall(call, descriptor.pageBytes);
  if ('errno' in checked) return { errno: checked.errno };
  if (!('addr' in call) || (descriptor.defeatured && call.op === 'uffdio_register')) return { errno: ERRNO.EINVAL };
  return handedOn(descriptor, call);
}
