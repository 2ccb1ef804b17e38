/**
 * What the page size costs the kernel itself: memory that describes memory, stacks, its own page tables, and how the linear map
 * is entered in TLBs. A process of 64K pages on a 4K kernel leaves all of it at 4K: neither this cost nor this gain of a 64K
 * kernel is had.
 *
 * @models S-13 X-10
 */
import { geometryOf, pageSizeLimits, pageShift } from './granule.ts';

/** `sizeof(struct page)` on 64-bit kernels [include/linux/mm_types.h]. */
const STRUCT_PAGE_BYTES = 64;

/** `MIN_THREAD_SHIFT` without KASAN [arch/arm64/include/asm/memory.h]. */
const MIN_THREAD_SHIFT = 14;

/** The kernel's own use of memory. */
export interface KernelMemory {
  /** `memmap`: one struct page for each page of RAM. */
  structPageBytes: number;
  stackBytesPerTask: number;
  /** The smallest page table, and with it each table of a sparse address space. */
  tableBytes: number;
  /** What one entry of the linear map covers where it is mapped page by page, and by blocks. */
  linearPageBytes: number;
  linearBlockBytes: number;
}

/**
 * Bytes of a kernel stack: with `CONFIG_VMAP_STACK` at least a page [arch/arm64/include/asm/memory.h:THREAD_SHIFT].
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * [stackBytesPerTask(4096, true), stackBytesPerTask(65536, true), stackBytesPerTask(65536, false)]; // [16384, 65536, 16384]
 * ```
 */
export function stackBytesPerTask(kernelPageBytes: number, vmapStack: boolean): number {
  return 2 ** (vmapStack ? Math.max(MIN_THREAD_SHIFT, pageShift(kernelPageBytes)) : MIN_THREAD_SHIFT);
}

/**
 * What a kernel of a page size spends on itself. The linear map is entered page by page with `rodata=full`, which is arm64's
 * default, in contiguous groups where they are whole [arch/arm64/mm/mmu.c:map_mem, arch/arm64/mm/pageattr.c:can_set_direct_map].
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * kernelMemory({ kernelPageBytes: 4096, memoryBytes: 2 ** 31, vmapStack: true }).structPageBytes / 2 ** 20; // 32
 * ```
 */
export function kernelMemory(machine: {
  kernelPageBytes: number;
  memoryBytes: number;
  vmapStack: boolean;
}): KernelMemory {
  const { kernelPageBytes, memoryBytes, vmapStack } = machine;
  return {
    structPageBytes: (memoryBytes / kernelPageBytes) * STRUCT_PAGE_BYTES,
    stackBytesPerTask: stackBytesPerTask(kernelPageBytes, vmapStack),
    tableBytes: geometryOf(kernelPageBytes).levels.at(-1)?.tableBytes ?? 0,
    linearPageBytes: kernelPageBytes,
    linearBlockBytes: pageSizeLimits(kernelPageBytes).pmdBytes,
  };
}

/**
 * What kernel accesses find in a TLB of so many entries: bytes of the linear map that it reaches, page by page.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * linearReachBytes(65536, 1280) / linearReachBytes(4096, 1280); // 16
 * ```
 */
export function linearReachBytes(kernelPageBytes: number, entries: number): number {
  return 2 ** pageShift(kernelPageBytes) * entries;
}
