/**
 * The numbers of userfaultfd's interface in Linux 6.12 (`include/uapi/linux/userfaultfd.h`).
 *
 * @models L-08 X-05
 */

/**
 * Flags, features and modes, by the names of the header without their common part.
 *
 * @example
 * ```ts
 * UFFD.API; // 170
 * ```
 */
export const UFFD = {
  API: 0xaa,
  /** Flags of userfaultfd(2). */
  USER_MODE_ONLY: 1,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  /** Modes of UFFDIO_REGISTER. */
  REGISTER_MISSING: 1,
  REGISTER_WP: 2,
  REGISTER_MINOR: 4,
  /** In the modes of COPY, ZEROPAGE, CONTINUE, POISON; WRITEPROTECT and MOVE have it in the second bit. */
  DONTWAKE: 1,
  COPY_WP: 2,
  CONTINUE_WP: 2,
  WRITEPROTECT_WP: 1,
  WRITEPROTECT_DONTWAKE: 2,
  MOVE_DONTWAKE: 1,
  MOVE_ALLOW_SRC_HOLES: 2,
  /** `uffd_msg.event` of a fault, and the flags of one. */
  EVENT_PAGEFAULT: 0x12,
  PAGEFAULT_WRITE: 1,
  PAGEFAULT_WP: 2,
  PAGEFAULT_MINOR: 4,
} as const;

/**
 * Features of UFFDIO_API (`UFFD_FEATURE_*`).
 *
 * @example
 * ```ts
 * UFFD_FEATURE.EXACT_ADDRESS; // 2048
 * ```
 */
export const UFFD_FEATURE = {
  PAGEFAULT_FLAG_WP: 0x1,
  EVENT_FORK: 0x2,
  EVENT_REMAP: 0x4,
  EVENT_REMOVE: 0x8,
  MISSING_HUGETLBFS: 0x10,
  MISSING_SHMEM: 0x20,
  EVENT_UNMAP: 0x40,
  SIGBUS: 0x80,
  THREAD_ID: 0x100,
  MINOR_HUGETLBFS: 0x200,
  MINOR_SHMEM: 0x400,
  EXACT_ADDRESS: 0x800,
  WP_HUGETLBFS_SHMEM: 0x1000,
  WP_UNPOPULATED: 0x2000,
  POISON: 0x4000,
  WP_ASYNC: 0x8000,
  MOVE: 0x10000,
} as const;

/** What arm64 of 6.12 has: all of them, uffd-wp since 6.10 (`arch/arm64/Kconfig:HAVE_ARCH_USERFAULTFD_WP`). */
export const UFFD_FEATURES: number = Object.values(UFFD_FEATURE).reduce((all, bit) => all | bit, 0);

/** What userfaultfd does for a process whose page is larger than the kernel's. */
export type UserfaultGranularity =
  /** Ranges, events and installed pages are in process pages, as on a kernel of that page size. */
  | 'process-page'
  /** What an unmodified kernel does: one kernel page is installed, which no native entry can show. */
  | 'kernel-page'
  /** Such a process has no userfaultfd: no feature is offered and REGISTER fails. */
  | 'defeature';

/**
 * The page that a descriptor works in.
 *
 * @example
 * ```ts
 * userfaultPageBytes('process-page', 65536, 4096); // 65536
 * userfaultPageBytes('kernel-page', 65536, 4096); // 4096
 * ```
 */
export function userfaultPageBytes(
  granularity: UserfaultGranularity,
  pageBytes: number,
  kernelPageBytes: number,
): number {
  return granularity === 'kernel-page' ? kernelPageBytes : pageBytes;
}
