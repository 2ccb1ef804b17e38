/**
 * What kernels keep free on the machine of a published mail, worked out by the kernel's formulas.
 *
 * @models S-15 S-14
 */
import { pageSizeLimits } from '../../arch/granule.ts';
import { minFreeAtBoot, reservesOf } from '../../arch/minFree.ts';
import { type Watermarks, watermarks } from '../../arch/watermarks.ts';

/**
 * The mail (Usama Arif, June 2025: a server of 480G). Its units are read off its own figures: 86M and 566M differ by a thousandth of the
 * memory, so 480G are 480,000M; and the square root of the base gives 86M only where M is 2^20 bytes. Its figures are cut, not rounded.
 */
const SERVER_MIB = 480_000;
const KIB_PER_MIB = 1024;
const MIB_PER_GIB = 1000;
/** Populated zones up to ZONE_NORMAL: with another number the figures of the 64K kernel do not come out. */
const SERVER_ZONES = 2;
/** Page blocks for each pair of the three per-CPU migrate types (mm/khugepaged.c:set_recommended_min_free_kbytes). */
const MIGRATE_PAIRS = 9;
const BLOCKS_PER_ZONE = 2;
const LARGEST_THP_BYTES = 2 ** 21;

/** One machine's reserve: as worked out in MiB, and as the mail has it. */
export interface ReserveRow {
  kernel: string;
  marksMiB: Watermarks;
  /** min, low and high in the words of the mail; null where no mail has them. */
  published: readonly [string, string, string] | null;
  /** Size of a page block. */
  pageblockMiB: number;
}

/**
 * A figure as the mail writes it: of 1000 MiB and more as G, cut to as many digits as the published figure has.
 *
 * @example
 * ```ts
 * publishedForm(11264, '11.2G'); // '11.2G'
 * publishedForm(566.6, '566M'); // '566M'
 * ```
 */
export function publishedForm(mib: number, like: string): string {
  const digits = /\.(\d+)/.exec(like)?.[1]?.length ?? 0;
  const value = like.endsWith('G') ? mib / MIB_PER_GIB : mib;
  const cut = Math.floor(value * 10 ** digits + 1e-9) / 10 ** digits;
  return `${cut.toFixed(digits)}${like.slice(-1)}`;
}

function booted(pageBytes: number): Watermarks {
  const machine = { memTotalKbytes: SERVER_MIB * KIB_PER_MIB, startupKbytes: 0, zones: SERVER_ZONES, hugePages: true };
  return inMiB(minFreeAtBoot({ ...machine, pageBytes }).marks, pageBytes);
}

function inMiB({ min, low, high }: Watermarks, pageBytes: number): Watermarks {
  const each = pageBytes / 2 ** 20;
  return { min: min * each, low: low * each, high: high * each };
}

/** With the patch of the mail the blocks for migrate types are as large as the largest huge page that is enabled, here 2M. */
function patched(pageBytes: number): Watermarks {
  const { pageblockBytes } = pageSizeLimits(pageBytes);
  const bytes = SERVER_ZONES * (BLOCKS_PER_ZONE * pageblockBytes + MIGRATE_PAIRS * LARGEST_THP_BYTES);
  const managedPages = Math.floor((SERVER_MIB * 2 ** 20) / pageBytes);
  return inMiB(watermarks(bytes / pageBytes, managedPages), pageBytes);
}

/**
 * The reserves of that server: with a 4K kernel, with a 64K kernel, with the patch, and with a 4K kernel that runs 64K processes.
 *
 * @example
 * ```ts
 * publishedReserves().map(({ marksMiB }) => Math.floor(marksMiB.min)); // [86, 11264, 2084, 86]
 * ```
 */
export function publishedReserves(): ReserveRow[] {
  const blockOf = (pageBytes: number): number => pageSizeLimits(pageBytes).pageblockBytes / 2 ** 20;
  const proposal = reservesOf({
    kernelPageBytes: 4096,
    processPageBytes: 65536,
    memoryKbytes: SERVER_MIB * KIB_PER_MIB,
    zones: SERVER_ZONES,
  });
  const { min, low, high } = proposal.marksKbytes;
  const kept = { min: min / KIB_PER_MIB, low: low / KIB_PER_MIB, high: high / KIB_PER_MIB };
  return [
    { kernel: '4K', marksMiB: booted(4096), published: ['86M', '566M', '1G'], pageblockMiB: blockOf(4096) },
    { kernel: '64K', marksMiB: booted(65536), published: ['11.2G', '14G', '16.8G'], pageblockMiB: blockOf(65536) },
    {
      kernel: '64K, blocks of 2M for migrate types',
      marksMiB: patched(65536),
      published: ['2.08G', '2.6G', '3.1G'],
      pageblockMiB: blockOf(65536),
    },
    {
      kernel: '4K, processes of 64K',
      marksMiB: kept,
      published: null,
      pageblockMiB: proposal.pageblockBytes / 2 ** 20,
    },
  ];
}
