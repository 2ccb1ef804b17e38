/**
 * What /proc/meminfo says of huge pages: the pool of the default size, and the bytes in all pools. Source:
 * mm/hugetlb.c:hugetlb_report_meminfo.
 *
 * @models S-25
 */
import type { ControlReader } from '../thp/sysfs.ts';
import type { HugePool } from './pool.ts';
import { defaultHugeBytes, type DefaultHugeSize, usableHugeSizes } from './sizes.ts';

/**
 * The lines, for a reader. A translated one is told of the default size of a kernel of its page size, whose pool is empty where this kernel
 * has not the size; one that sees nothing of other sizes is told of what it can use, or of none.
 *
 * @example
 * ```ts
 * const pools = [withPage(emptyPool(2 ** 21, 0), 512, false)];
 * const reader = { pageBytes: 4096, kernelPageBytes: 4096, policy: 'translate' as const };
 * hugeMeminfo(pools, reader, 'process')[0]; // 'HugePages_Total:       1'
 * hugeMeminfo(pools, { ...reader, pageBytes: 65536 }, 'process')[4]; // 'Hugepagesize:     524288 kB'
 * hugeMeminfo(pools, { ...reader, pageBytes: 65536, policy: 'defeature' }, 'process')[4]; // 'Hugetlb:            2048 kB'
 * ```
 */
export function hugeMeminfo(pools: readonly HugePool[], reader: ControlReader, choice: DefaultHugeSize): string[] {
  const { pageBytes, kernelPageBytes, policy } = reader;
  const kernels = policy === 'kernel' ? 'kernel' : choice;
  const bytes = defaultHugeBytes(pageBytes, kernelPageBytes, kernels);
  const pool = pools.find((each) => each.bytes === bytes);
  const hidden = policy === 'defeature' && !usableHugeSizes(pageBytes, kernelPageBytes).includes(bytes);
  const line = (name: string, value: number, width: number, unit = ''): string =>
    `${`${name}:`.padEnd(16)}${String(value).padStart(width)}${unit}`;
  const inPools = pools.reduce((sum, { total, bytes: each }) => sum + total * each, 0);
  const lines = [
    line('HugePages_Total', pool?.total ?? 0, 8),
    line('HugePages_Free', pool?.free.length ?? 0, 8),
    line('HugePages_Rsvd', pool?.reserved ?? 0, 8),
    line('HugePages_Surp', pool?.surplus ?? 0, 8),
  ];
  const size = hidden ? [] : [line('Hugepagesize', bytes / 1024, 8, ' kB')];
  return [...lines, ...size, line('Hugetlb', inPools / 1024, 8, ' kB')];
}
