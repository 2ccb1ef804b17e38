/**
 * Formulas of reserves, page blocks, the kernel's own memory and page tables.
 *
 * @models S-13 S-14 S-15 X-10 T-14 D-09 X-14
 */
import { geometryOf, pageSizeLimits } from '../../arch/granule.ts';
import { kernelMemory, linearReachBytes } from '../../arch/kernelSide.ts';
import { reservesOf } from '../../arch/minFree.ts';
import { calculateMinFreeKbytes, watermarks } from '../../arch/watermarks.ts';
import { packPte, PTE } from '../../mm/pte.ts';
import { PageTable } from '../../mm/pageTable.ts';
import { pgtablesBytes } from '../../mm/tableBytes.ts';
import type { Formula } from './formula.ts';

const KERNEL = { name: 'kernel', says: 'page size of the kernel', usual: '4K' };
const PROCESS = { name: 'process', says: 'page size of the process', usual: '64K' };
const K = 1024;
const M = K * K;

/**
 * What a kernel keeps free on a machine, and what a process of larger pages asks of it.
 *
 * @example
 * ```ts
 * reserves.work(operandsOf(reserves, { memory: '16G', kernel: '4K' })).minBytes; // 46137344
 * ```
 */
export const reserves: Formula = {
  name: 'reserves',
  says:
    'page block, min_free_kbytes and watermarks of a kernel with huge pages on, and the order that every page of a ' +
    'process asks for',
  source: 'mm/khugepaged.c:set_recommended_min_free_kbytes, mm/page_alloc.c:__setup_per_zone_wmarks',
  operands: [
    { name: 'memory', says: 'memory of the machine' },
    { name: 'zones', says: 'populated zones up to ZONE_NORMAL', usual: 2 },
    KERNEL,
    PROCESS,
  ],
  work(operands) {
    const found = reservesOf({
      kernelPageBytes: operands.bytes('kernel'),
      processPageBytes: operands.bytes('process'),
      memoryKbytes: operands.bytes('memory') / K,
      zones: operands.count('zones'),
    });
    const { marksKbytes, pageblockBytes, leastOrder, costly, nativeBlockBytes, nativeBlockOrder, nativeBlockFits } =
      found;
    const { min, low, high } = marksKbytes;
    const marks = { minBytes: min * K, lowBytes: low * K, highBytes: high * K };
    return { pageblockBytes, ...marks, leastOrder, costly, nativeBlockBytes, nativeBlockOrder, nativeBlockFits };
  },
};

/** Page blocks of the reserve beside the pairs of migrate types, and the pairs. */
const BLOCKS_ALONE = 2;
const BLOCKS_OF_PAIRS = 9;

/**
 * The watermarks that were published for one server, worked out from its memory and zones.
 *
 * @example
 * ```ts
 * const machine = { memory: '480000M', kernel: '64K' };
 * Math.round(Number(publishedMarks.work(operandsOf(publishedMarks, machine)).minBytes) / 2 ** 20); // 11264
 * ```
 */
export const publishedMarks: Formula = {
  name: 'publishedMarks',
  says:
    'min, low and high of all zones together; with `pairsOf` the part of the reserve for pairs of migrate types counts ' +
    'blocks of that size',
  source:
    'mm/khugepaged.c:set_recommended_min_free_kbytes; the mail of 6 June 2025, ' +
    '20250606143700.3256414-1-usamaarif642@gmail.com',
  operands: [
    { name: 'memory', says: 'managed memory' },
    { name: 'zones', says: 'populated zones up to ZONE_NORMAL', usual: 2 },
    KERNEL,
    { name: 'pairsOf', says: 'the block of the pairs; 0 is the page block', usual: 0 },
  ],
  work(operands) {
    const pageBytes = operands.bytes('kernel');
    const memoryBytes = operands.bytes('memory');
    const zones = operands.count('zones');
    const { pageblockBytes } = pageSizeLimits(pageBytes);
    const pairBytes = operands.bytes('pairsOf') === 0 ? pageblockBytes : operands.bytes('pairsOf');
    const wantedBytes = zones * (BLOCKS_ALONE * pageblockBytes + BLOCKS_OF_PAIRS * pairBytes);
    const baseBytes = calculateMinFreeKbytes(memoryBytes / K) * K;
    const reserveBytes = Math.max(baseBytes, Math.min(wantedBytes, memoryBytes / 20));
    const { min, low, high } = watermarks(Math.floor(reserveBytes / pageBytes), Math.floor(memoryBytes / pageBytes));
    return {
      pageblockBytes,
      minBytes: min * pageBytes,
      lowBytes: low * pageBytes,
      highBytes: high * pageBytes,
      minMiB: Math.round((min * pageBytes) / M),
      lowMiB: Math.round((low * pageBytes) / M),
      highMiB: Math.round((high * pageBytes) / M),
    };
  },
};

/**
 * What a page size costs the kernel itself.
 *
 * @example
 * ```ts
 * kernelSide.work(operandsOf(kernelSide, { memory: '1G', kernel: '64K' })).stackBytes; // 65536
 * ```
 */
export const kernelSide: Formula = {
  name: 'kernelSide',
  says: 'struct pages, a stack, a table, and what 1,280 entries of a TLB reach of the linear map where it is entered page by page',
  source: 'include/linux/mm_types.h, arch/arm64/include/asm/memory.h:THREAD_SHIFT, arch/arm64/mm/mmu.c:map_mem',
  operands: [{ name: 'memory', says: 'memory of the machine' }, KERNEL],
  work(operands) {
    const kernelPageBytes = operands.bytes('kernel');
    const memoryBytes = operands.bytes('memory');
    const memory = kernelMemory({ kernelPageBytes, memoryBytes, vmapStack: true });
    return {
      structPageBytes: memory.structPageBytes,
      structPagePart: memory.structPageBytes / memoryBytes,
      stackBytes: memory.stackBytesPerTask,
      tableBytes: memory.tableBytes,
      linearReachBytes: linearReachBytes(kernelPageBytes, 1280),
      linearBlockBytes: memory.linearBlockBytes,
    };
  },
};

function tableOf(
  granuleBytes: number,
  pageBytes: number,
  layout: { pieces: number; pieceBytes: number; apartBytes: number },
): number {
  const edit = PageTable.empty(granuleBytes).edit();
  for (let piece = 0; piece < layout.pieces; piece++) {
    const startVa = piece * layout.apartBytes;
    for (let offset = 0; offset < layout.pieceBytes; offset += pageBytes)
      edit.set(startVa + offset, packPte(1, PTE.VALID));
  }
  return pgtablesBytes(edit);
}

/**
 * What page tables take for a number of pieces of memory at a distance from each other, in tables that are built.
 *
 * @example
 * ```ts
 * tables.work(operandsOf(tables, { pieces: 1, piece: '64K', apart: '2M' })).nativeBytes; // 131072
 * ```
 */
export const tables: Formula = {
  name: 'tables',
  says: 'bytes of the Linux table and of the native table, root not counted, for so many pieces of memory so far apart',
  source: 'include/linux/mm.h:mm_inc_nr_ptes; tables of src/mm/pageTable.ts, filled',
  operands: [
    { name: 'pieces', says: 'how many' },
    { name: 'piece', says: 'size of each' },
    { name: 'apart', says: 'from the start of one to that of the next' },
    KERNEL,
    PROCESS,
  ],
  work(operands) {
    const layout = {
      pieces: operands.count('pieces'),
      pieceBytes: operands.bytes('piece'),
      apartBytes: operands.bytes('apart'),
    };
    const [kernel, process] = [operands.bytes('kernel'), operands.bytes('process')];
    const linuxBytes = tableOf(kernel, kernel, layout);
    const nativeBytes = tableOf(process, process, layout);
    const mappedBytes = layout.pieces * layout.pieceBytes;
    return { mappedBytes, linuxBytes, nativeBytes, bothBytes: linuxBytes + nativeBytes };
  },
};

/**
 * The geometry of tables of a granule.
 *
 * @example
 * ```ts
 * geometry.work(operandsOf(geometry, { page: '64K' })).levels; // 3
 * ```
 */
export const geometry: Formula = {
  name: 'geometry',
  says: 'levels of a walk of 48-bit addresses, the span and size of a last-level table, the PMD, and entries for 64K of memory',
  source: 'arch/arm64/include/asm/pgtable-hwdef.h, include/linux/pageblock-flags.h',
  operands: [{ name: 'page', says: 'the granule' }],
  work(operands) {
    const pageBytes = operands.bytes('page');
    const { levels } = geometryOf(pageBytes);
    const last = levels[levels.length - 1];
    const { pmdBytes, pmdOrder, contPteBytes, maxPageOrder, pageblockBytes } = pageSizeLimits(pageBytes);
    return {
      levels: levels.length,
      tableBytes: last.tableBytes,
      tableSpanBytes: last.tableSpanBytes,
      entriesOf64K: Math.max(1, (64 * K) / pageBytes),
      pmdBytes,
      pmdOrder,
      contPteBytes,
      maxPageOrder,
      pageblockBytes,
    };
  },
};

/**
 * The page cache of one kernel tree, as it was published in the thread on 64K pages for x86.
 *
 * @example
 * ```ts
 * Number(publishedTree.work(operandsOf(publishedTree, {})).bytes64K) / 1024; // 16623296
 * ```
 */
export const publishedTree: Formula = {
  name: 'publishedTree',
  says: 'bytes of a kernel tree on disk and in the page cache of 4K, 16K and 64K, as published',
  source: 'lkml.iu.edu/hypermail/linux/kernel/2602.2/04753.html',
  operands: [],
  work: () => ({
    bytes: 11_297_648 * K,
    bytes4K: 11_297_712 * K,
    bytes16K: 12_223_488 * K,
    bytes64K: 16_623_296 * K,
  }),
};
