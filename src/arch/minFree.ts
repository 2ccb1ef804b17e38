/**
 * What a kernel of some page size keeps free on a machine, as it comes up: the order in which Linux works it out decides the
 * number. And what that means for processes of larger pages, which leave the kernel's own numbers alone.
 *
 * @models S-15
 */
import { pageSizeLimits } from './granule.ts';
import { calculateMinFreeKbytes, recommendedMinFreeKbytes, type Watermarks, watermarks } from './watermarks.ts';

/**
 * A machine that a kernel boots on.
 *
 * @example
 * ```ts
 * const machine: BootedMachine = { pageBytes: 4096, memTotalKbytes: 2052172, startupKbytes: 2112, zones: 1, hugePages: true };
 * ```
 */
export interface BootedMachine {
  pageBytes: number;
  /** `MemTotal` of /proc/meminfo, which is read when the kernel is up. */
  memTotalKbytes: number;
  /**
   * What is given to the allocator only after the value was worked out: the initramfs [init/initramfs.c:free_initrd_mem] and
   * the kernel's code and data for start-up [init/main.c:free_initmem]. `MemTotal` has it.
   */
  startupKbytes: number;
  /** Populated zones up to ZONE_NORMAL. A machine whose memory ends below 4 GiB has ZONE_DMA alone. */
  zones: number;
  /** PMD-size huge pages may be used [mm/khugepaged.c:hugepage_pmd_enabled]. */
  hugePages: boolean;
}

/**
 * vm.min_free_kbytes once the kernel is up, and the watermarks in pages.
 *
 * The base comes first, when no watermark is set yet [mm/page_alloc.c:init_per_zone_wmark_min, a postcore_initcall]. Huge
 * pages raise it later [mm/huge_memory.c:hugepage_init, a subsys_initcall], to at most 5% of what lies above the high
 * watermark that the base gave [mm/page_alloc.c:nr_free_buffer_pages]. The initramfs is unpacked and freed after both. So the
 * capped value depends on how large the initramfs is: two boots of one kernel, whose initramfs held other programs, read 103216 and
 * 103200 kB. How large these were is not recorded; `startupKbytesFor` says what the readings allow.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const machine = { memTotalKbytes: 2076496, zones: 1, hugePages: true, pageBytes: 16384 };
 * minFreeAtBoot({ ...machine, startupKbytes: 2112 }).minFreeKbytes; // 103216
 * minFreeAtBoot({ ...machine, startupKbytes: 2400 }).minFreeKbytes; // 103200
 * ```
 */
export function minFreeAtBoot(machine: BootedMachine): { minFreeKbytes: number; marks: Watermarks } {
  const { pageBytes, memTotalKbytes, startupKbytes, zones, hugePages } = machine;
  const kbytesPerPage = pageBytes / 1024;
  const managedPages = Math.floor((memTotalKbytes - startupKbytes) / kbytesPerPage);
  const baseKbytes = calculateMinFreeKbytes(managedPages * kbytesPerPage);
  const { high } = watermarks(Math.floor(baseKbytes / kbytesPerPage), managedPages);
  const freeBufferKbytes = Math.max(0, managedPages - high) * kbytesPerPage;
  const minFreeKbytes = hugePages
    ? recommendedMinFreeKbytes({ pageBytes, zones, freeBufferKbytes, baseKbytes })
    : baseKbytes;
  return { minFreeKbytes, marks: watermarks(Math.floor(minFreeKbytes / kbytesPerPage), managedPages) };
}

/**
 * The amounts of start-up memory that agree with a value that was read, from the least to the most in kB; null where none
 * does. A value that is not capped says nothing about it.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const machine = { pageBytes: 16384, memTotalKbytes: 2076496, zones: 1, hugePages: true };
 * startupKbytesFor(machine, 103216); // { least: 1984, most: 2288 }
 * startupKbytesFor(machine, 103200); // { least: 2304, most: 2608 }
 * ```
 */
export function startupKbytesFor(
  machine: Omit<BootedMachine, 'startupKbytes'>,
  minFreeKbytes: number,
): { least: number; most: number } | null {
  const kbytesPerPage = machine.pageBytes / 1024;
  const agreeing: number[] = [];
  for (let startupKbytes = 0; startupKbytes < machine.memTotalKbytes; startupKbytes += kbytesPerPage) {
    const read = minFreeAtBoot({ ...machine, startupKbytes }).minFreeKbytes;
    // The more is still held back, the lower the value.
    if (read < minFreeKbytes) break;
    if (read === minFreeKbytes) agreeing.push(startupKbytes);
  }
  return agreeing.length === 0 ? null : { least: agreeing[0], most: agreeing[agreeing.length - 1] };
}

/**
 * What becomes of page blocks and reserves with a kernel of some page size, and what a block entry of a process of some page
 * size would take from its allocator.
 *
 * @example
 * ```ts
 * const reserves: PageSizeReserves = reservesOf({ kernelPageBytes: 4096, processPageBytes: 65536, memoryKbytes: 2 ** 24, zones: 2 });
 * ```
 */
export interface PageSizeReserves {
  pageblockBytes: number;
  minFreeKbytes: number;
  marksKbytes: Watermarks;
  /** log2 of the kernel pages that every page of the process takes: what each allocation asks for at least. */
  leastOrder: number;
  /** PAGE_ALLOC_COSTLY_ORDER is passed: the allocator gives up early [mm/page_alloc.c:__alloc_pages_slowpath]. */
  costly: boolean;
  /** Size of a block entry at level 2 of the process's own granule: 2M, 32M or 512M. */
  nativeBlockBytes: number;
  /** Its order in kernel pages, and whether the buddy allocator has blocks that large. */
  nativeBlockOrder: number;
  nativeBlockFits: boolean;
}

/**
 * Above this order the allocator tries less hard [include/linux/mmzone.h].
 *
 * @example
 * ```ts
 * PAGE_ALLOC_COSTLY_ORDER; // 3
 * ```
 */
export const PAGE_ALLOC_COSTLY_ORDER = 3;

/**
 * The reserves of a kernel beside what a process of some page size asks of it: on a 4K kernel they stay those of 4K pages
 * whatever the processes are, and a native block of 512M is out of its allocator's reach.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const machine = { processPageBytes: 65536, memoryKbytes: 16 * 1024 * 1024, zones: 2 };
 * const proposal = reservesOf({ ...machine, kernelPageBytes: 4096 });
 * [proposal.pageblockBytes, proposal.minFreeKbytes, proposal.leastOrder, proposal.costly]; // [2097152, 45056, 4, true]
 * [proposal.nativeBlockBytes, proposal.nativeBlockOrder, proposal.nativeBlockFits]; // [536870912, 17, false]
 * const plain = reservesOf({ ...machine, kernelPageBytes: 65536 });
 * [plain.pageblockBytes, plain.leastOrder, plain.nativeBlockFits]; // [536870912, 0, true]
 * ```
 */
export function reservesOf(machine: {
  kernelPageBytes: number;
  processPageBytes: number;
  memoryKbytes: number;
  zones: number;
}): PageSizeReserves {
  const { kernelPageBytes: pageBytes, processPageBytes, memoryKbytes, zones } = machine;
  const booted = { pageBytes, memTotalKbytes: memoryKbytes, startupKbytes: 0, zones, hugePages: true };
  const { minFreeKbytes, marks } = minFreeAtBoot(booted);
  const { pageblockBytes, maxPageOrder } = pageSizeLimits(pageBytes);
  const kbytesPerPage = pageBytes / 1024;
  const leastOrder = Math.max(0, Math.log2(processPageBytes / pageBytes));
  const nativeBlockBytes = pageSizeLimits(processPageBytes).pmdBytes;
  const nativeBlockOrder = Math.log2(nativeBlockBytes / pageBytes);
  const { min, low, high } = marks;
  return {
    pageblockBytes,
    minFreeKbytes,
    marksKbytes: { min: min * kbytesPerPage, low: low * kbytesPerPage, high: high * kbytesPerPage },
    leastOrder,
    costly: leastOrder > PAGE_ALLOC_COSTLY_ORDER,
    nativeBlockBytes,
    nativeBlockOrder,
    nativeBlockFits: nativeBlockOrder <= maxPageOrder,
  };
}
