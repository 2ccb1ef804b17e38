/** Calls that no kernel of the recordings was asked, each with what its source says for 64K pages. */
import { ERRNO, TASK_SIZE } from '../../../src/mm/abi/numbers.ts';
import type { RuledCall } from '../../../src/mm/abi/rules.ts';
import { translateCall } from '../../../src/mm/abiRules.ts';

const K64 = 65536;
const page = { addr: 4096, lengthBytes: K64 };
const short = { addr: K64, lengthBytes: 1 };
const node = { homeNode: 0, flags: 0 };
/** All requests of userfaultfd with a range but REGISTER and ZEROPAGE, which the kernels were asked. */
const MONITORED = [
  { op: 'uffdio_unregister', fd: 'u' },
  { op: 'uffdio_wake', fd: 'u' },
  { op: 'uffdio_copy', fd: 'u', src: K64, mode: 0 },
  { op: 'uffdio_writeprotect', fd: 'u', mode: 0 },
  { op: 'uffdio_continue', fd: 'u', mode: 0 },
  { op: 'uffdio_poison', fd: 'u', mode: 0 },
  { op: 'uffdio_move', fd: 'u', src: K64, mode: 0 },
] as const;
/** `validate_range`, and of a copy that its source may lie anywhere. */
const USERFAULT: readonly [RuledCall, unknown][] = [
  ...MONITORED.flatMap((call): [RuledCall, unknown][] => [
    [{ ...call, addr: K64 + 4096, lengthBytes: K64 }, 'EINVAL'],
    [{ ...call, addr: K64, lengthBytes: 4096 }, 'EINVAL'],
    [{ ...call, addr: K64, lengthBytes: K64 }, K64],
  ]),
  [{ op: 'uffdio_copy', fd: 'u', addr: K64, src: K64 + 1, lengthBytes: K64, mode: 0 }, K64],
  [{ op: 'uffdio_move', fd: 'u', addr: K64, src: K64 + 4096, lengthBytes: K64, mode: 0 }, 'EINVAL'],
];

/** Asked of no real kernel in the recordings: each with what its source says for 64K pages. */
export const WORKED_OUT: readonly [RuledCall, unknown][] = [
  [{ op: 'pkey_mprotect', ...page, prot: 1, pkey: -1 }, 'EINVAL'],
  [{ op: 'pkey_mprotect', ...short, prot: 1, pkey: -1 }, K64],
  [{ op: 'mseal', ...page, flags: 0 }, 'EINVAL'],
  [{ op: 'mseal', ...short, flags: 0 }, K64],
  [{ op: 'msync', ...short, flags: 4 }, K64],
  // One byte for each of two pages of the vector, of which user memory has room for one.
  [{ op: 'mincore', addr: K64, lengthBytes: 2 * K64, vec: TASK_SIZE - 1 }, 'EFAULT'],
  [{ op: 'set_mempolicy_home_node', ...page, ...node }, 'EINVAL'],
  [{ op: 'set_mempolicy_home_node', ...short, ...node }, K64],
  [{ op: 'set_vma_anon_name', ...page, name: 'a' }, 'EINVAL'],
  [{ op: 'set_vma_anon_name', ...short, name: 'a' }, K64],
  // MAX_RW_COUNT is INT_MAX & PAGE_MASK.
  [{ op: 'read', file: 'f', offsetBytes: 0, buffer: 0, lengthBytes: 2 ** 32 }, 2 ** 31 - K64],
  [{ op: 'write', file: 'f', offsetBytes: 0, buffer: 0, lengthBytes: 2 ** 32 }, 2 ** 31 - K64],
  [{ op: 'shmdt', addr: 4096 }, 'EINVAL'],
  ...USERFAULT,
];

/** What layer 1 makes of a call at 64K: an errno by name, the length that it goes on with, or nothing. */
export function workedOut(call: RuledCall): unknown {
  const answer = translateCall(call, K64);
  if ('errno' in answer) return Object.entries(ERRNO).find(([, number]) => number === answer.errno)?.[0];
  return 'call' in answer && 'lengthBytes' in answer.call ? answer.call.lengthBytes : null;
}
