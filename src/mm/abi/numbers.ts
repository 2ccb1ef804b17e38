/** The numbers of Linux's system-call interface that layer 1 looks at, for arm64. */

/** Linux's errno numbers (`include/uapi/asm-generic/errno-base.h`, `errno.h`). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  ERANGE: 34,
  ENOSYS: 38,
  EIDRM: 43,
  EOVERFLOW: 75,
  ELIBBAD: 80,
  EOPNOTSUPP: 95,
  ENOBUFS: 105,
} as const;

/** The name of an errno. */
export type ErrnoName = keyof typeof ERRNO;

/** Flags of mmap (`include/uapi/linux/mman.h`, `include/uapi/asm-generic/mman-common.h`, `mman.h`). */
export const MAP = {
  SHARED: 1,
  PRIVATE: 2,
  SHARED_VALIDATE: 3,
  DROPPABLE: 8,
  /** The bits that hold one of the four above. */
  TYPE: 0xf,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  GROWSDOWN: 0x100,
  DENYWRITE: 0x800,
  EXECUTABLE: 0x1000,
  LOCKED: 0x2000,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
  NONBLOCK: 0x10000,
  STACK: 0x20000,
  HUGETLB: 0x40000,
  SYNC: 0x80000,
  FIXED_NOREPLACE: 0x100000,
} as const;

/** Flags that MAP_SHARED_VALIDATE knows (`include/linux/mman.h:LEGACY_MAP_MASK`; what arm64 lacks is 0 there). */
export const LEGACY_MAP_MASK: number =
  MAP.SHARED |
  MAP.PRIVATE |
  MAP.FIXED |
  MAP.ANONYMOUS |
  MAP.DENYWRITE |
  MAP.EXECUTABLE |
  MAP.GROWSDOWN |
  MAP.LOCKED |
  MAP.NORESERVE |
  MAP.POPULATE |
  MAP.NONBLOCK |
  MAP.STACK |
  MAP.HUGETLB;

/** Bits of the prot argument beyond read, write and execute. */
export const PROT_EXTRA = { SEM: 8, GROWSDOWN: 0x1000000, GROWSUP: 0x2000000 } as const;

/** Flags of mremap (`include/uapi/linux/mman.h`). */
export const MREMAP = { MAYMOVE: 1, FIXED: 2, DONTUNMAP: 4 } as const;

/** Flags of msync. */
export const MSYNC = { ASYNC: 1, INVALIDATE: 2, SYNC: 4 } as const;

/** Advice of madvise (`include/uapi/asm-generic/mman-common.h`). */
export const ADVICE = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  DONTDUMP: 16,
  DODUMP: 17,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  DONTNEED_LOCKED: 24,
  COLLAPSE: 25,
  /** These two only with CONFIG_MEMORY_FAILURE. */
  HWPOISON: 100,
  SOFT_OFFLINE: 101,
} as const;

/** The advice that a kernel with KSM and THP and without CONFIG_MEMORY_FAILURE knows (`madvise_behavior_valid`). */
export const KNOWN_ADVICE: ReadonlySet<number> = new Set(
  Object.values(ADVICE).filter((advice) => advice < ADVICE.HWPOISON),
);

/** Flags of mlock2 and mlockall. */
export const MLOCK = { ONFAULT: 1, MCL_CURRENT: 1, MCL_FUTURE: 2, MCL_ONFAULT: 4 } as const;

/** Modes and flags of memory policy (`include/uapi/linux/mempolicy.h`). */
export const MPOL = {
  DEFAULT: 0,
  PREFERRED: 1,
  BIND: 2,
  INTERLEAVE: 3,
  LOCAL: 4,
  PREFERRED_MANY: 5,
  WEIGHTED_INTERLEAVE: 6,
  MAX: 7,
  NUMA_BALANCING: 1 << 13,
  RELATIVE_NODES: 1 << 14,
  STATIC_NODES: 1 << 15,
  MF_STRICT: 1,
  MF_MOVE: 2,
  MF_MOVE_ALL: 4,
  /** Nodes that a mask may name: `1 << CONFIG_NODES_SHIFT`, 4 by default on arm64. */
  MAX_NUMNODES: 16,
} as const;

/** What a `mode` holds beside the mode itself (`MPOL_MODE_FLAGS`). */
export const MPOL_MODE_FLAGS: number = MPOL.NUMA_BALANCING | MPOL.RELATIVE_NODES | MPOL.STATIC_NODES;

/** Flags of System V shared memory (`include/uapi/linux/shm.h`, `ipc.h`). */
export const SHM = {
  RDONLY: 0o10000,
  RND: 0o20000,
  REMAP: 0o40000,
  EXEC: 0o100000,
  HUGETLB: 0o4000,
  IPC_CREAT: 0o1000,
  IPC_EXCL: 0o2000,
  IPC_PRIVATE: 0,
  IPC_RMID: 0,
} as const;

/** Flags of memfd_create (`include/uapi/linux/memfd.h`). */
export const MFD = { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 0x10 } as const;

/** Modes of fallocate (`include/uapi/linux/falloc.h`). */
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2 } as const;

/** Where a huge page's log2 stands in the flags of mmap, shmget and memfd_create (`hugetlb_encode.h`). */
export const HUGE_SHIFT = 26;

/**
 * log2 of the huge pages of a kernel of each page size (`arch/arm64/mm/hugetlbpage.c:hugetlbpage_init`): a contiguous PTE
 * range, a PMD block, a contiguous PMD range, and a PUD block where there is one.
 */
const HUGE_LOGS: Readonly<Record<number, readonly number[]>> = {
  4096: [16, 21, 25, 30],
  16384: [21, 25, 30],
  65536: [21, 29, 34],
};

/**
 * Whether flags of mmap, shmget or memfd_create ask for a huge page size that a kernel of this page size has not.
 *
 * @example
 * ```ts
 * isHugeSizeUnknown(21 << HUGE_SHIFT, 4096); // false
 * isHugeSizeUnknown(25 << HUGE_SHIFT, 65536); // true
 * ```
 */
export function isHugeSizeUnknown(flags: number, pageBytes: number): boolean {
  const log = (flags >>> HUGE_SHIFT) & 0x3f;
  return log !== 0 && !(HUGE_LOGS[pageBytes] ?? []).includes(log);
}

/** One past the highest user address at 48 bits (`TASK_SIZE` of arm64 with `CONFIG_ARM64_VA_BITS_48`). */
export const TASK_SIZE = 2 ** 48;

/** One past the largest number of a 64-bit register: where sums wrap. Numbers this large are exact to 2048 only. */
export const WORD_END = 2 ** 64;

/** `vm.mmap_min_addr` in bytes: the same on kernels of every page size (`CONFIG_DEFAULT_MMAP_MIN_ADDR`). */
export const MMAP_MIN_ADDR = 4096;

/** The largest file (`MAX_LFS_FILESIZE`): one byte less than this. */
export const FILE_END = 2 ** 63;
