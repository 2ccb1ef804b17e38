/**
 * What follows from a granule and a width of the virtual address: levels, entries, spans, contiguous groups, and the
 * limits that Linux derives from its page size.
 */
import { GranuleError, invariant } from '../errors.ts';

/**
 * A translation granule of arm64, in bytes.
 *
 * @example
 * ```ts
 * const granuleBytes: GranuleBytes = 65536;
 * ```
 */
export type GranuleBytes = 4096 | 16384 | 65536;

/**
 * The granules of arm64 in ascending order, in bytes.
 *
 * @example
 * ```ts
 * GRANULES.map(formatSize); // ['4K', '16K', '64K']
 * ```
 */
export const GRANULES: readonly GranuleBytes[] = [4096, 16384, 65536];

/** Bytes of one translation table descriptor. */
const DESCRIPTOR_BYTES = 8;

/** The last level of every walk. */
const LAST_LEVEL = 3;

/** `MAX_XAS_ORDER` with the default six-bit xarray nodes [include/linux/pagemap.h]. */
const MAX_XARRAY_ORDER = 11;

/** `fault_around_bytes` is 64K whatever the page size [mm/memory.c]. */
const FAULT_AROUND_BYTES = 65536;

/** `stack_guard_gap` [mm/mmap.c]. */
export const STACK_GUARD_GAP_PAGES = 256;

/** `MAX_ARG_STRLEN` [include/uapi/linux/binfmts.h]. */
const MAX_ARG_STRLEN_PAGES = 32;

/** [include/linux/pipe_fs_i.h] */
const PIPE_DEF_BUFFERS = 16;

/** Entries of a contiguous group at levels 3 and 2 [arch/arm64/Kconfig: ARM64_CONT_PTE_SHIFT, ARM64_CONT_PMD_SHIFT]. */
const CONTIGUOUS = { 4096: [16, 16], 16384: [128, 32], 65536: [32, 32] } as const;

/** [arch/arm64/Kconfig: ARCH_FORCE_MAX_ORDER] */
const MAX_PAGE_ORDER = { 4096: 10, 16384: 11, 65536: 13 } as const;

/** The user widths Linux offers for each granule [arch/arm64/Kconfig: ARM64_VA_BITS]. */
const VA_BITS = { 4096: [39, 48, 52], 16384: [36, 47, 48, 52], 65536: [42, 48, 52] } as const;

/**
 * One level of a table tree.
 *
 * @example
 * ```ts
 * const last: TableLevel = geometryOf(4096).levels.at(-1)!;
 * last.shift; // 12
 * ```
 */
export interface TableLevel {
  /** -1, 0, 1, 2 or 3; 3 is the last. */
  level: number;
  /** log2 of the bytes that one entry maps. */
  shift: number;
  /** Entries of one table at this level; the top one may be short. */
  entries: number;
  /** Bytes of one table at this level. */
  tableBytes: number;
  /** Bytes that one entry maps. */
  entrySpanBytes: number;
  /** Bytes that one whole table maps. */
  tableSpanBytes: number;
}

/**
 * The geometry of one granule at one width of the virtual address. Levels run from the top down.
 *
 * @example
 * ```ts
 * const geometry: Geometry = geometryOf(65536, 48);
 * geometry.levels.map((level) => level.entries); // [64, 8192, 8192]
 * ```
 */
export interface Geometry {
  granuleBytes: GranuleBytes;
  pageShift: number;
  vaBits: number;
  bitsPerLevel: number;
  /** Top level first, level 3 last: a full hardware walk reads one descriptor of each. */
  levels: readonly TableLevel[];
}

/**
 * What Linux derives from its page size when it is built; sizes in bytes, orders in pages of that size.
 *
 * @example
 * ```ts
 * const limits: PageSizeLimits = pageSizeLimits(16384);
 * limits.faultAroundPages; // 4
 * ```
 */
export interface PageSizeLimits {
  pageBytes: GranuleBytes;
  contPtes: number;
  contPteBytes: number;
  contPmds: number;
  contPmdBytes: number;
  pmdBytes: number;
  pmdOrder: number;
  /** Largest buddy block. */
  maxPageOrder: number;
  /** min(MAX_XAS_ORDER, PMD_ORDER) [include/linux/pagemap.h]. */
  maxPagecacheOrder: number;
  /** min(HUGETLB_PAGE_ORDER, MAX_PAGE_ORDER) [include/linux/pageblock-flags.h]. */
  pageblockOrder: number;
  pageblockBytes: number;
  /** Entries that one file read fault may map [mm/memory.c:do_fault_around]; 1 is off. */
  faultAroundPages: number;
  /** [arch/arm64/mm/hugetlbpage.c:hugetlbpage_init], ascending. */
  hugetlbBytes: readonly number[];
  /** `stack_guard_gap`: what stays free below a stack [mm/mmap.c]. */
  stackGuardGapBytes: number;
  /** `MAX_ARG_STRLEN`: longest string of argv or envp, its zero included [include/uapi/linux/binfmts.h]. */
  maxArgStrlenBytes: number;
  /** What a new pipe holds: `PIPE_DEF_BUFFERS` pages [include/linux/pipe_fs_i.h]. */
  pipeDefaultBytes: number;
}

/**
 * log2 of a page size in bytes.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE when it is none of 4096, 16384, 65536
 * @example
 * ```ts
 * pageShift(65536); // 16
 * ```
 */
export function pageShift(bytes: number): number {
  return Math.log2(granuleOf(bytes));
}

/**
 * The same number, known to be a granule.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE when it is none of 4096, 16384, 65536
 * @example
 * ```ts
 * granuleOf(4096); // 4096
 * ```
 */
export function granuleOf(bytes: number): GranuleBytes {
  if (bytes === 4096 || bytes === 16384 || bytes === 65536) return bytes;
  throw new GranuleError('TOPOLOGY_PAGE_SIZE', `${bytes} bytes is no page size of arm64`);
}

/**
 * A size as Linux people write it: the largest binary unit that leaves a whole number.
 *
 * @example
 * ```ts
 * formatSize(2 * 1024 * 1024); // '2M'
 * formatSize(100); // '100B'
 * ```
 */
export function formatSize(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  let unit = 0;
  let count = bytes;
  while (count !== 0 && count % 1024 === 0 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${count}${units[unit]}`;
}

function buildGeometry(granuleBytes: GranuleBytes, vaBits: number): Geometry {
  const shift = Math.log2(granuleBytes);
  const bitsPerLevel = shift - 3;
  // ARM64_HW_PGTABLE_LEVELS [arch/arm64/include/asm/pgtable-hwdef.h]
  const count = Math.floor((vaBits - 4) / bitsPerLevel);
  const levels: TableLevel[] = [];
  for (let level = LAST_LEVEL - count + 1; level <= LAST_LEVEL; level++) {
    const levelShift = bitsPerLevel * (LAST_LEVEL + 1 - level) + 3;
    const entries = 2 ** Math.min(bitsPerLevel, vaBits - levelShift);
    const entrySpanBytes = 2 ** levelShift;
    levels.push({
      level,
      shift: levelShift,
      entries,
      tableBytes: entries * DESCRIPTOR_BYTES,
      entrySpanBytes,
      tableSpanBytes: entries * entrySpanBytes,
    });
  }
  return { granuleBytes, pageShift: shift, vaBits, bitsPerLevel, levels };
}

/** Built once at load, so that a geometry can be compared by identity and costs nothing to ask for. */
const GEOMETRIES: ReadonlyMap<string, Geometry> = new Map(
  GRANULES.flatMap((granuleBytes) =>
    VA_BITS[granuleBytes].map((vaBits) => [`${granuleBytes}/${vaBits}`, buildGeometry(granuleBytes, vaBits)] as const),
  ),
);

/**
 * The table geometry of a granule at a user width that Linux offers (default 48 bits)
 * [arch/arm64/include/asm/pgtable-hwdef.h].
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE for another page size, INVARIANT for a width Linux does not offer
 * @example
 * ```ts
 * geometryOf(16384, 48).levels[0]?.entries; // 2
 * ```
 */
export function geometryOf(granuleBytes: number, vaBits = 48): Geometry {
  const geometry = GEOMETRIES.get(`${granuleOf(granuleBytes)}/${vaBits}`);
  invariant(geometry !== undefined, `Linux offers ${vaBits}-bit addresses with ${formatSize(granuleBytes)} pages`);
  return geometry;
}

/**
 * The entry that a walk for `va` reads at `level`.
 *
 * @throws GranuleError INVARIANT when the geometry has no such level
 * @example
 * ```ts
 * tableIndex(geometryOf(4096), 0x201000, 3); // 1
 * ```
 */
export function tableIndex(geometry: Geometry, va: number, level: number): number {
  const found = geometry.levels.find((each) => each.level === level);
  invariant(found !== undefined, `a ${formatSize(geometry.granuleBytes)} walk has a level ${level}`);
  return Math.floor(va / found.entrySpanBytes) % found.entries;
}

/**
 * What a Linux kernel built for this page size derives from it.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * pageSizeLimits(65536).pageblockBytes; // 536870912
 * ```
 */
export function pageSizeLimits(bytes: number): PageSizeLimits {
  return LIMITS[granuleOf(bytes)];
}

function buildLimits(pageBytes: GranuleBytes): PageSizeLimits {
  const pmdOrder = pageShift(pageBytes) - 3;
  const pmdBytes = pageBytes * 2 ** pmdOrder;
  const pudBytes = pmdBytes * 2 ** pmdOrder;
  const [contPtes, contPmds] = CONTIGUOUS[pageBytes];
  const maxPageOrder = MAX_PAGE_ORDER[pageBytes];
  const pageblockOrder = Math.min(pmdOrder, maxPageOrder);
  return {
    pageBytes,
    contPtes,
    contPteBytes: contPtes * pageBytes,
    contPmds,
    contPmdBytes: contPmds * pmdBytes,
    pmdBytes,
    pmdOrder,
    maxPageOrder,
    maxPagecacheOrder: Math.min(MAX_XARRAY_ORDER, pmdOrder),
    pageblockOrder,
    pageblockBytes: pageBytes * 2 ** pageblockOrder,
    faultAroundPages: Math.max(1, FAULT_AROUND_BYTES / pageBytes),
    stackGuardGapBytes: STACK_GUARD_GAP_PAGES * pageBytes,
    maxArgStrlenBytes: MAX_ARG_STRLEN_PAGES * pageBytes,
    pipeDefaultBytes: PIPE_DEF_BUFFERS * pageBytes,
    // Only a 4K kernel maps whole level 1 entries (pud_sect_supported).
    hugetlbBytes: [contPtes * pageBytes, pmdBytes, contPmds * pmdBytes, ...(pageBytes === 4096 ? [pudBytes] : [])],
  };
}

/** Built once at load: every fault asks. */
const LIMITS: Readonly<Record<GranuleBytes, PageSizeLimits>> = {
  4096: buildLimits(4096),
  16384: buildLimits(16384),
  65536: buildLimits(65536),
};

/**
 * The smallest folio order that lets a process page be one native entry: log2(process page / kernel page).
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE when the process page is smaller than the kernel's, or one is no page size
 * @example
 * ```ts
 * minFolioOrder(65536, 4096); // 4
 * ```
 */
export function minFolioOrder(processPageBytes: number, kernelPageBytes: number): number {
  const order = pageShift(processPageBytes) - pageShift(kernelPageBytes);
  if (order >= 0) return order;
  const sizes = `${formatSize(processPageBytes)} process page on a ${formatSize(kernelPageBytes)} kernel`;
  throw new GranuleError('TOPOLOGY_PAGE_SIZE', sizes);
}
