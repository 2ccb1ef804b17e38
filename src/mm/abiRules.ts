/**
 * Layer 1 as a table: what each call on the address space asks of its arguments, in the caller's page size. The rules
 * are Linux 6.12's with the process page in the place of PAGE_SIZE; `docs/architecture.md` lists their sources.
 */
import type { AdviceCall, MappingCall } from './runs.ts';

/** Linux's errno numbers (`include/uapi/asm-generic/errno-base.h`, `errno.h`). */
export const ERRNO = {
  EPERM: 1,
  EAGAIN: 11,
  ENOMEM: 12,
  ENOSYS: 38,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EIO: 5,
  EOVERFLOW: 75,
} as const;

/** Flags of mmap (`include/uapi/asm-generic/mman-common.h`). */
export const MAP = {
  SHARED: 1,
  PRIVATE: 2,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  GROWSDOWN: 0x100,
  LOCKED: 0x2000,
  POPULATE: 0x8000,
  NONBLOCK: 0x10000,
} as const;

/** Flags of mremap (`include/uapi/linux/mman.h`). */
export const MREMAP = { MAYMOVE: 1, FIXED: 2, DONTUNMAP: 4 } as const;

/** Flags of msync. */
export const MSYNC = { ASYNC: 1, INVALIDATE: 2, SYNC: 4 } as const;

/** One past the highest user address at 48 bits (`TASK_SIZE` of arm64 with `CONFIG_ARM64_VA_BITS_48`). */
export const TASK_SIZE = 2 ** 48;

/** The calls whose arguments layer 1 translates and an mm then does. */
export type MemoryCall = Exclude<MappingCall | AdviceCall, { op: 'pkey_mprotect' }>;

/** The call in whole process pages; the errno it is refused with; or success with nothing to do. */
export type AbiAnswer = { call: MemoryCall } | { errno: number } | { nothing: true };

function isAligned(value: number, pageBytes: number): boolean {
  return value % pageBytes === 0;
}

/**
 * Rounds up to whole pages.
 *
 * @example
 * ```ts
 * pageAlign(1, 65536); // 65536
 * ```
 */
export function pageAlign(value: number, pageBytes: number): number {
  return Math.ceil(value / pageBytes) * pageBytes;
}

const invalid: AbiAnswer = { errno: ERRNO.EINVAL };

type RuleOf<O extends MemoryCall['op']> = (call: Extract<MemoryCall, { op: O }>, pageBytes: number) => AbiAnswer;

/**
 * One rule a call. Sources: mmap `arch/arm64/kernel/sys.c:sys_mmap`, `mm/mmap.c:do_mmap,__get_unmapped_area`; munmap
 * `mm/vma.c:do_vmi_munmap`; mprotect `mm/mprotect.c:do_mprotect_pkey`; mremap `mm/mremap.c:sys_mremap`; brk
 * `mm/mmap.c:sys_brk`; madvise `mm/madvise.c:do_madvise`; msync `mm/msync.c`; mlock `mm/mlock.c:do_mlock`.
 */
const rules: { [O in MemoryCall['op']]?: RuleOf<O> } = {
  mmap: (call, pageBytes) => {
    if (!isAligned(call.offsetBytes, pageBytes) || call.lengthBytes === 0) return invalid;
    const lengthBytes = pageAlign(call.lengthBytes, pageBytes);
    if (lengthBytes > TASK_SIZE || call.addr + lengthBytes > TASK_SIZE) return { errno: ERRNO.ENOMEM };
    if (!isAligned(call.addr, pageBytes)) return invalid;
    return { call: { ...call, lengthBytes } };
  },
  munmap: (call, pageBytes) => {
    const lengthBytes = pageAlign(call.lengthBytes, pageBytes);
    if (!isAligned(call.addr, pageBytes) || lengthBytes === 0 || call.addr + lengthBytes > TASK_SIZE) return invalid;
    return { call: { ...call, lengthBytes } };
  },
  mprotect: (call, pageBytes) => {
    if (!isAligned(call.addr, pageBytes)) return invalid;
    if (call.lengthBytes === 0) return { nothing: true };
    return { call: { ...call, lengthBytes: pageAlign(call.lengthBytes, pageBytes) } };
  },
  mremap: (call, pageBytes) => {
    const fixed = (call.flags & MREMAP.FIXED) !== 0;
    if (!isAligned(call.addr, pageBytes) || call.newLengthBytes === 0) return invalid;
    if (fixed && ((call.flags & MREMAP.MAYMOVE) === 0 || !isAligned(call.newAddr, pageBytes))) return invalid;
    const oldLengthBytes = pageAlign(call.oldLengthBytes, pageBytes);
    const newLengthBytes = pageAlign(call.newLengthBytes, pageBytes);
    const { addr, newAddr } = call;
    const overlaps = addr + oldLengthBytes > newAddr && newAddr + newLengthBytes > addr;
    if ((fixed || newAddr !== addr) && overlaps) return invalid;
    return { call: { ...call, oldLengthBytes, newLengthBytes } };
  },
  brk: (call) => ({ call }),
  madvise: (call, pageBytes) => {
    if (!isAligned(call.addr, pageBytes)) return invalid;
    const lengthBytes = pageAlign(call.lengthBytes, pageBytes);
    return lengthBytes === 0 ? { nothing: true } : { call: { ...call, lengthBytes } };
  },
  msync: (call, pageBytes) => {
    const both = MSYNC.ASYNC | MSYNC.SYNC;
    if (!isAligned(call.addr, pageBytes) || (call.flags & both) === both) return invalid;
    const lengthBytes = pageAlign(call.lengthBytes, pageBytes);
    return lengthBytes === 0 ? { nothing: true } : { call: { ...call, lengthBytes } };
  },
  mlock: (call, pageBytes) => roundOutward(call, pageBytes),
  munlock: (call, pageBytes) => roundOutward(call, pageBytes),
};

/** mlock and munlock never refuse an address for its alignment: the start goes down, the end up. */
function roundOutward(call: Extract<MemoryCall, { op: 'mlock' | 'munlock' }>, pageBytes: number): AbiAnswer {
  const within = call.addr % pageBytes;
  const lengthBytes = pageAlign(call.lengthBytes + within, pageBytes);
  return lengthBytes === 0 ? { nothing: true } : { call: { ...call, addr: call.addr - within, lengthBytes } };
}

/**
 * Translates or refuses a call by the caller's page size.
 *
 * @example
 * ```ts
 * translateCall({ op: 'munmap', addr: 4096, lengthBytes: 1 }, 65536); // { errno: 22 }
 * translateCall({ op: 'mlock', addr: 4097, lengthBytes: 1 }, 4096); // { call: { op: 'mlock', addr: 4096, lengthBytes: 4096 } }
 * ```
 */
export function translateCall(call: MemoryCall, pageBytes: number): AbiAnswer {
  return (rules[call.op] as RuleOf<MemoryCall['op']>)(call, pageBytes);
}

/**
 * Whether a call is one of those that layer 1 translates.
 *
 * @example
 * ```ts
 * isMemoryCall({ op: 'mmap' }); // true
 * ```
 */
export function isMemoryCall(call: { op: string }): call is MemoryCall {
  return call.op in rules;
}
