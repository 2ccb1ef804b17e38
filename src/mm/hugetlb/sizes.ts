/**
 * Which huge pages hugetlb has: on each kernel, for processes of each page size, and as sysfs and /proc/meminfo tell it.
 * Sources: arch/arm64/mm/hugetlbpage.c:hugetlbpage_init, mm/hugetlb.c:hugetlb_sysfs_init, hugetlb_report_meminfo.
 *
 * @models S-25 S-28
 */
import { pageSizeLimits } from '../../arch/granule.ts';
import { nativeFormOf } from '../thp/pmdMapped.ts';
import type { ControlReader } from '../thp/sysfs.ts';

/**
 * What a caller means that names no size: the huge page of a kernel of its own page size, or of the kernel that runs. The first answers as
 * a kernel of its page size does, and on a 4K kernel there is no such page for a process of 64K.
 */
export type DefaultHugeSize = 'process' | 'kernel';

/**
 * Bytes of the huge pages of a kernel of a page size, ascending.
 *
 * @example
 * ```ts
 * hugeSizes(65536); // [2 ** 21, 2 ** 29, 2 ** 34]
 * ```
 */
export function hugeSizes(pageBytes: number): readonly number[] {
  return pageSizeLimits(pageBytes).hugetlbBytes;
}

/**
 * The size that a caller gets who names none (`default_hstate`, `HPAGE_SIZE`), and that /proc/meminfo calls Hugepagesize.
 *
 * @example
 * ```ts
 * defaultHugeBytes(65536, 4096, 'process'); // 536870912
 * defaultHugeBytes(65536, 4096, 'kernel'); // 2097152
 * ```
 */
export function defaultHugeBytes(pageBytes: number, kernelPageBytes: number, choice: DefaultHugeSize): number {
  return pageSizeLimits(choice === 'process' ? pageBytes : kernelPageBytes).pmdBytes;
}

/**
 * The sizes of a kernel that a process of a page size can have: those that its own table can map, and that a kernel of its page size knows
 * by name. The kernel's 64K page is no huge page to a process of 64K, though one entry would map it.
 *
 * @example
 * ```ts
 * usableHugeSizes(65536, 4096); // [2 ** 21]
 * usableHugeSizes(16384, 4096); // [2 ** 21, 2 ** 25, 2 ** 30]
 * ```
 */
export function usableHugeSizes(pageBytes: number, kernelPageBytes: number): number[] {
  const known = hugeSizes(pageBytes);
  return hugeSizes(kernelPageBytes).filter((bytes) => known.includes(bytes) && nativeFormOf(bytes, pageBytes) !== null);
}

/**
 * Names in `/sys/kernel/mm/hugepages` for a reader, sorted as `scandir` does: a translated reader sees the sizes of a kernel of its page
 * size, empty pools among them; to one that is not shown what it cannot use, those are missing.
 *
 * @example
 * ```ts
 * listHugepages({ pageBytes: 65536, kernelPageBytes: 4096, policy: 'defeature' }); // ['hugepages-2048kB']
 * ```
 */
export function listHugepages({ pageBytes, kernelPageBytes, policy }: ControlReader): string[] {
  const sizes = {
    translate: hugeSizes(pageBytes),
    defeature: usableHugeSizes(pageBytes, kernelPageBytes),
    kernel: hugeSizes(kernelPageBytes),
  }[policy];
  return sizes.map((bytes) => `hugepages-${bytes / 1024}kB`).sort();
}
