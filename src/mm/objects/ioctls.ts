/**
 * ioctls that carry addresses, lengths or counts of pages: no layer below the driver can tell which of its words are
 * which, so each answers in the pages of whoever built it.
 *
 * @models L-10
 */
import { ERRNO } from '../abiRules.ts';
import type { ObjectSizes } from './mapping.ts';

/** What a driver makes of an ioctl. */
export interface IoctlAnswer {
  errno: number;
  result: number;
}

/** One ioctl: what its words mean, and what the driver does with them. */
export interface IoctlRow {
  source: string;
  /** What each word is. */
  words: readonly ('address' | 'length' | 'pages' | 'other')[];
  /** What goes wrong where the driver counts in other pages than its caller. */
  note: string;
  answer: (values: readonly number[], sizes: ObjectSizes) => IoctlAnswer;
  /** The result is how many bytes the driver writes to a buffer that the program made as long as it thought right. */
  fills?: true;
}

const BITS_PER_LONG = 64;
const XEN_PAGE_BYTES = 4096;
const EINVAL: IoctlAnswer = { errno: ERRNO.EINVAL, result: -1 };
const done = (result = 0): IoctlAnswer => ({ errno: 0, result });
const isAligned = (pageBytes: number, ...values: number[]): boolean => values.every((each) => each % pageBytes === 0);

/**
 * The ioctls that the model knows, by name.
 *
 * @example
 * ```ts
 * const mixed = { abiPageBytes: 65536, objectPageBytes: 4096 };
 * ioctls['KVM_GET_DIRTY_LOG']?.answer([1048576], mixed); // { errno: 0, result: 32 }
 * ioctls['VFIO_IOMMU_MAP_DMA']?.answer([4096, 0, 4096], { abiPageBytes: 65536, objectPageBytes: 65536 }).errno; // 22
 * ```
 */
export const ioctls: Readonly<Record<string, IoctlRow>> = {
  VFIO_IOMMU_MAP_DMA: {
    source: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map',
    words: ['address', 'address', 'length'],
    note: 'A 64K process may map 4K of it for a device on a 4K kernel; a program that relies on EINVAL does not get it.',
    answer: ([vaddr = 0, iova = 0, lengthBytes = 0], { objectPageBytes }) => {
      return lengthBytes > 0 && isAligned(objectPageBytes, vaddr, iova, lengthBytes) ? done() : EINVAL;
    },
  },
  KVM_SET_USER_MEMORY_REGION: {
    source: 'virt/kvm/kvm_main.c:__kvm_set_memory_region',
    words: ['address', 'address', 'length'],
    note: 'Alignment is that of the kernel; stage 2 then maps what the Linux table of the process has.',
    answer: ([userAddr = 0, guestAddr = 0, lengthBytes = 0], { objectPageBytes }) => {
      return isAligned(objectPageBytes, userAddr, guestAddr, lengthBytes) ? done() : EINVAL;
    },
  },
  KVM_GET_DIRTY_LOG: {
    source: 'include/linux/kvm_host.h:kvm_dirty_bitmap_bytes',
    words: ['length'],
    fills: true,
    note: 'One bit a page of the kernel: a 64K process gives a bitmap sixteen times too small, and the kernel writes past its end.',
    answer: ([slotBytes = 0], { objectPageBytes }) => {
      return done((Math.ceil(slotBytes / objectPageBytes / BITS_PER_LONG) * BITS_PER_LONG) / 8);
    },
  },
  UFFDIO_COPY: {
    source: 'fs/userfaultfd.c:validate_range',
    words: ['address', 'length'],
    note: 'Whole pages: a copy of 4K into a 64K process would tear its page.',
    answer: ([addr = 0, lengthBytes = 0], { objectPageBytes }) => {
      return lengthBytes > 0 && isAligned(objectPageBytes, addr, lengthBytes) ? done(lengthBytes) : EINVAL;
    },
  },
  IOCTL_PRIVCMD_MMAPBATCH: {
    source: 'drivers/xen/privcmd.c:privcmd_ioctl_mmap_batch',
    words: ['pages'],
    note: 'Pages of Xen, which are 4K everywhere: the result is how long the area has to be, in whole pages of the kernel.',
    answer: ([pages = 0], { objectPageBytes }) => {
      return pages > 0 ? done(Math.ceil((pages * XEN_PAGE_BYTES) / objectPageBytes) * objectPageBytes) : EINVAL;
    },
  },
};

/**
 * Bytes that a program gives too few, where it sizes a buffer by its own page and the kernel fills it by another.
 *
 * @example
 * ```ts
 * overrunBytes('KVM_GET_DIRTY_LOG', [4194304], { abiPageBytes: 65536, objectPageBytes: 4096 }); // 120
 * overrunBytes('KVM_GET_DIRTY_LOG', [4194304], { abiPageBytes: 65536, objectPageBytes: 65536 }); // 0
 * ```
 */
export function overrunBytes(command: string, values: readonly number[], sizes: ObjectSizes): number {
  const row = ioctls[command];
  if (row?.fills !== true) return 0;
  const own = row.answer(values, { ...sizes, objectPageBytes: sizes.abiPageBytes });
  const kernels = row.answer(values, sizes);
  return Math.max(0, kernels.result - own.result);
}
