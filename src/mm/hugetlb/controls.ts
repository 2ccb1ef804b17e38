/**
 * The files that tell of the pools and set them: `/sys/kernel/mm/hugepages/hugepages-SIZEkB/` and `/proc/sys/vm/nr_hugepages`, which is
 * about the size that a caller gets who names none. Source: mm/hugetlb.c (`nr_hugepages_show_common` and below, hugetlb_sysctl_handler).
 *
 * @models S-25 S-28
 */
import { ERRNO } from '../abi/numbers.ts';
import type { ControlReader, ControlText } from '../thp/sysfs.ts';
import type { HugePool } from './pool.ts';
import { defaultHugeBytes, type DefaultHugeSize, listHugepages } from './sizes.ts';

const SYSFS = '/sys/kernel/mm/hugepages/';

/** What a file is about. */
export interface HugeControl {
  bytes: number;
  field: 'nr_hugepages' | 'free_hugepages' | 'resv_hugepages' | 'surplus_hugepages' | 'nr_overcommit_hugepages';
}

const SYSCTLS: Readonly<Record<string, HugeControl['field']>> = {
  '/proc/sys/vm/nr_hugepages': 'nr_hugepages',
  '/proc/sys/vm/nr_overcommit_hugepages': 'nr_overcommit_hugepages',
};
const FIELDS: readonly string[] = [
  'nr_hugepages',
  'free_hugepages',
  'resv_hugepages',
  'surplus_hugepages',
  'nr_overcommit_hugepages',
];

/**
 * Whether a path is one of these files, for whoever sees them.
 *
 * @example
 * ```ts
 * isHugeControl('/proc/sys/vm/nr_hugepages'); // true
 * isHugeControl('/proc/sys/vm/swappiness'); // false
 * ```
 */
export function isHugeControl(path: string): boolean {
  return path in SYSCTLS || path.startsWith(SYSFS);
}

/**
 * What a file is about to its reader; null where the reader finds no such file.
 *
 * @example
 * ```ts
 * const reader = { pageBytes: 65536, kernelPageBytes: 4096, policy: 'translate' as const };
 * controlAt('/proc/sys/vm/nr_hugepages', reader, 'process'); // { bytes: 536870912, field: 'nr_hugepages' }
 * controlAt('/sys/kernel/mm/hugepages/hugepages-64kB/free_hugepages', reader, 'process'); // null
 * ```
 */
export function controlAt(path: string, reader: ControlReader, choice: DefaultHugeSize): HugeControl | null {
  const sysctl = SYSCTLS[path];
  if (sysctl !== undefined) {
    const bytes = defaultHugeBytes(reader.pageBytes, reader.kernelPageBytes, choice);
    return { bytes, field: sysctl };
  }
  const [directory = '', field = '', ...more] = path.slice(SYSFS.length).split('/');
  if (more.length > 0 || !FIELDS.includes(field) || !listHugepages(reader).includes(directory)) return null;
  const kib = Number(/^hugepages-(\d+)kB$/.exec(directory)?.[1]);
  return { bytes: kib * 1024, field: field as HugeControl['field'] };
}

/**
 * What a reader of a file is told; a size that the kernel has not is an empty pool.
 *
 * @example
 * ```ts
 * const pools = [withPage(emptyPool(2 ** 21, 3), 512, false)];
 * readHuge(pools, { bytes: 2 ** 21, field: 'free_hugepages' }); // { text: '1\n' }
 * readHuge(pools, { bytes: 2 ** 29, field: 'nr_hugepages' }); // { text: '0\n' }
 * readHuge(pools, null); // { errno: 2 }
 * ```
 */
export function readHuge(pools: readonly HugePool[], control: HugeControl | null): ControlText {
  if (control === null) return { errno: ERRNO.ENOENT };
  const pool = pools.find(({ bytes }) => bytes === control.bytes);
  if (pool === undefined) return { text: '0\n' };
  const values = {
    nr_hugepages: pool.total,
    free_hugepages: pool.free.length,
    resv_hugepages: pool.reserved,
    surplus_hugepages: pool.surplus,
    nr_overcommit_hugepages: pool.overcommit,
  };
  return { text: `${values[control.field]}\n` };
}

/**
 * The number that is written to a file, or why it is refused: counters take none, and neither is an overcommit taken by a size of pages
 * that the buddy allocator has not.
 *
 * @example
 * ```ts
 * writtenHuge({ bytes: 2 ** 21, field: 'nr_hugepages' }, '5\n', 10, 4096); // { pages: 5 }
 * writtenHuge({ bytes: 2 ** 30, field: 'nr_overcommit_hugepages' }, '5', 10, 4096); // { errno: 22 }
 * writtenHuge({ bytes: 2 ** 21, field: 'free_hugepages' }, '5', 10, 4096); // { errno: 13 }
 * ```
 */
export function writtenHuge(
  control: HugeControl | null,
  text: string,
  maxPageOrder: number,
  kernelPageBytes: number,
): { pages: number } | { errno: number } {
  if (control === null) return { errno: ERRNO.ENOENT };
  const sets = control.field === 'nr_hugepages' || control.field === 'nr_overcommit_hugepages';
  if (!sets) return { errno: ERRNO.EACCES };
  const digits = /^\+?(\d{1,15})\n?$/.exec(text)?.[1];
  if (digits === undefined) return { errno: ERRNO.EINVAL };
  const isGigantic = control.bytes > kernelPageBytes * 2 ** maxPageOrder;
  if (isGigantic && control.field === 'nr_overcommit_hugepages') return { errno: ERRNO.EINVAL };
  return { pages: Number(digits) };
}
