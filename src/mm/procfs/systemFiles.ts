/**
 * The files of the whole system that count pages: meminfo, vmstat, buddyinfo, zoneinfo, kpagecount, kpageflags, and kcore. They have
 * the lines that the model knows, in the order and the form of Linux.
 *
 * @models S-25 S-31 S-32 L-06 T-21
 */
import { pageSizeLimits } from '../../arch/granule.ts';
import type { Folio, FrameCounts } from '../frames.ts';
import { mapcountOf } from './folios.ts';
import { decimal, meminfoLine } from './lines.ts';

/** What the zone tells of itself. */
export interface ZoneFacts {
  kernelPageBytes: number;
  totalPages: number;
  /** First frame, and frames of RAM from there on. */
  basePfn: number;
  freePages: number;
  /** Free blocks by order. */
  freeBlocks: readonly number[];
  frames: Readonly<FrameCounts>;
  min: number;
  low: number;
  high: number;
}

/** A zone that ends here is ZONE_DMA alone on arm64 (`arch/arm64/mm/init.c:zone_sizes_init`). */
const DMA_END_BYTES = 2 ** 32;

function zoneName({ basePfn, totalPages, kernelPageBytes }: ZoneFacts): string {
  return (basePfn + totalPages) * kernelPageBytes <= DMA_END_BYTES ? 'DMA' : 'Normal';
}

/**
 * The lines of meminfo that the model knows (`fs/proc/meminfo.c:meminfo_proc_show`). Hugepagesize is that of the reader.
 *
 * @example
 * ```ts
 * const frames = { anon: 1, file: 0, table: 0, kernel: 0, reserved: 1 };
 * const zone = { kernelPageBytes: 4096, totalPages: 8, basePfn: 0, freePages: 6, freeBlocks: [], frames, min: 0, low: 0, high: 0 };
 * meminfoText(zone, 2 ** 29).split('\n')[0]; // 'MemTotal:             28 kB'
 * meminfoText(zone, 2 ** 29).includes('Hugepagesize:     524288 kB'); // true
 * ```
 */
export function meminfoText(zone: ZoneFacts, hugePageBytes: number, swap = { total: 0, free: 0 }): string {
  const { kernelPageBytes, totalPages, freePages, frames } = zone;
  const bytes = (pages: number): number => pages * kernelPageBytes;
  return [
    meminfoLine('MemTotal', bytes(totalPages - frames.reserved)),
    meminfoLine('MemFree', bytes(freePages)),
    meminfoLine('Cached', bytes(frames.file)),
    meminfoLine('SwapTotal', swap.total),
    meminfoLine('SwapFree', swap.free),
    meminfoLine('AnonPages', bytes(frames.anon)),
    meminfoLine('PageTables', bytes(frames.table)),
    'HugePages_Total:       0\n',
    'HugePages_Free:        0\n',
    'HugePages_Rsvd:        0\n',
    'HugePages_Surp:        0\n',
    meminfoLine('Hugepagesize', hugePageBytes),
    meminfoLine('Hugetlb', 0),
  ].join('');
}

/** Pages of the kernel as whole pages of a reader: used ones up, free ones down. */
function converted(pages: number, ratio: number, how: 'up' | 'down'): number {
  return how === 'up' ? Math.ceil(pages / ratio) : Math.floor(pages / ratio);
}

/**
 * The counters of vmstat that the model knows, in pages of the reader (`mm/vmstat.c:vmstat_text`).
 *
 * @example
 * ```ts
 * const frames = { anon: 17, file: 0, table: 0, kernel: 0, reserved: 1 };
 * const zone = { kernelPageBytes: 4096, totalPages: 64, basePfn: 0, freePages: 46, freeBlocks: [], frames, min: 0, low: 0, high: 0 };
 * vmstatText(zone, 65536).split('\n').slice(0, 2); // ['nr_free_pages 2', 'nr_anon_pages 2']
 * ```
 */
export function vmstatText(zone: ZoneFacts, readerPageBytes: number): string {
  const ratio = readerPageBytes / zone.kernelPageBytes;
  const { anon, file, table } = zone.frames;
  return [
    `nr_free_pages ${converted(zone.freePages, ratio, 'down')}\n`,
    `nr_anon_pages ${converted(anon, ratio, 'up')}\n`,
    `nr_file_pages ${converted(file, ratio, 'up')}\n`,
    `nr_page_table_pages ${converted(table, ratio, 'up')}\n`,
  ].join('');
}

/**
 * The line of the zone in buddyinfo (`mm/vmstat.c:frag_show_print`). A block of order n of the kernel is one of order n - k of a
 * reader whose page is 2^k of the kernel's; smaller blocks fall away, and orders that the kernel has not are empty.
 *
 * @example
 * ```ts
 * const frames = { anon: 0, file: 0, table: 0, kernel: 0, reserved: 0 };
 * const freeBlocks = [1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 2];
 * const zone = { kernelPageBytes: 4096, totalPages: 1, basePfn: 0, freePages: 0, freeBlocks, frames, min: 0, low: 0, high: 0 };
 * buddyinfoText(zone, 4096).slice(0, 34); // 'Node 0, zone      DMA      1      '
 * buddyinfoText(zone, 65536).slice(0, 34); // 'Node 0, zone      DMA      5      '
 * ```
 */
export function buddyinfoText(zone: ZoneFacts, readerPageBytes: number): string {
  const shift = Math.log2(readerPageBytes / zone.kernelPageBytes);
  const { maxPageOrder } = pageSizeLimits(readerPageBytes);
  const columns = Array.from({ length: maxPageOrder + 1 }, (_, order) => {
    return `${decimal(zone.freeBlocks[order + shift] ?? 0, 6)} `;
  });
  return `Node 0, zone ${zoneName(zone).padStart(8)} ${columns.join('')}\n`;
}

/**
 * The counts of the zone in zoneinfo that the model knows (`mm/vmstat.c:zoneinfo_show_print`), in pages of the reader.
 *
 * @example
 * ```ts
 * const frames = { anon: 0, file: 0, table: 0, kernel: 0, reserved: 0 };
 * const zone = { kernelPageBytes: 4096, totalPages: 64, basePfn: 0, freePages: 46, freeBlocks: [], frames, min: 3, low: 4, high: 5 };
 * zoneinfoText(zone, 4096).split('\n')[1]; // '  pages free     46'
 * ```
 */
export function zoneinfoText(zone: ZoneFacts, readerPageBytes: number): string {
  const ratio = readerPageBytes / zone.kernelPageBytes;
  const { freePages, min, low, high, totalPages, frames } = zone;
  return [
    `Node 0, zone ${zoneName(zone).padStart(8)}`,
    `\n  pages free     ${converted(freePages, ratio, 'down')}`,
    `\n        min      ${converted(min, ratio, 'up')}`,
    `\n        low      ${converted(low, ratio, 'up')}`,
    `\n        high     ${converted(high, ratio, 'up')}`,
    `\n        spanned  ${converted(totalPages, ratio, 'down')}`,
    `\n        present  ${converted(totalPages, ratio, 'down')}`,
    `\n        managed  ${converted(totalPages - frames.reserved, ratio, 'down')}\n`,
  ].join('');
}

/** Bits of kpageflags (`include/uapi/linux/kernel-page-flags.h`). */
const KPF = {
  UPTODATE: 3,
  LRU: 5,
  BUDDY: 10,
  MMAP: 11,
  ANON: 12,
  SWAPBACKED: 14,
  COMPOUND_HEAD: 15,
  COMPOUND_TAIL: 16,
  NOPAGE: 20,
  THP: 22,
  ZERO_PAGE: 24,
  PGTABLE: 26,
} as const;

function bits(...positions: readonly number[]): number {
  return positions.reduce((sum, position) => sum + 2 ** position, 0);
}

/**
 * What kpageflags says of a frame (`fs/proc/page.c:stable_page_flags`), with what the model knows of it. `folio` is null for a free
 * frame.
 *
 * @example
 * ```ts
 * frameFlags(null, 16, true); // 1024
 * frameFlags(null, 16, false); // 1048576
 * ```
 */
export function frameFlags(folio: Folio | null, pfn: number, isRam: boolean): number {
  if (!isRam) return bits(KPF.NOPAGE);
  if (folio === null) return bits(KPF.BUDDY);
  if (folio.kind === 'table') return bits(KPF.PGTABLE);
  if (folio.kind === 'reserved') return bits(KPF.ZERO_PAGE);
  const large = folio.order > 0;
  const compound = large ? [folio.pfn === pfn ? KPF.COMPOUND_HEAD : KPF.COMPOUND_TAIL, KPF.THP] : [];
  const anon = folio.kind === 'anon' ? [KPF.ANON, ...(folio.lazyFree ? [] : [KPF.SWAPBACKED])] : [];
  const mapped = mapcountOf(folio, pfn) > 0 ? [KPF.MMAP] : [];
  return bits(KPF.UPTODATE, KPF.LRU, ...compound, ...anon, ...mapped);
}

/**
 * The entries of kpagecount or kpageflags for frames, as the bytes of 64-bit numbers.
 *
 * @example
 * ```ts
 * frameEntries('kpagecount', 16, [null], () => true); // [0, 0, 0, 0, 0, 0, 0, 0]
 * ```
 */
export function frameEntries(
  name: 'kpagecount' | 'kpageflags',
  firstPfn: number,
  folios: readonly (Folio | null)[],
  isRam: (pfn: number) => boolean,
): number[] {
  return folios.flatMap((folio, at) => {
    const pfn = firstPfn + at;
    const count = folio === null ? 0 : mapcountOf(folio, pfn);
    let rest = name === 'kpagecount' ? count : frameFlags(folio, pfn, isRam(pfn));
    return Array.from({ length: 8 }, () => {
      const byte = rest % 256;
      rest = Math.floor(rest / 256);
      return byte;
    });
  });
}

/** One piece of a read of kcore: it goes through a page of the kernel. */
export interface CopyPiece {
  offsetBytes: number;
  lengthBytes: number;
}

/**
 * How a read of kcore is cut (`fs/proc/kcore.c:read_kcore_iter`): the first piece ends at the next page border of the kernel, all
 * others are whole pages but for the last. So pieces never join two pages, and together they are the range that was asked for.
 *
 * @example
 * ```ts
 * kcorePieces(4000, 200, 4096); // [{ offsetBytes: 4000, lengthBytes: 96 }, { offsetBytes: 4096, lengthBytes: 104 }]
 * ```
 */
export function kcorePieces(offsetBytes: number, lengthBytes: number, kernelPageBytes: number): CopyPiece[] {
  const pieces: CopyPiece[] = [];
  const end = offsetBytes + lengthBytes;
  for (let at = offsetBytes; at < end; ) {
    const border = at - (at % kernelPageBytes) + kernelPageBytes;
    const to = Math.min(border, end);
    pieces.push({ offsetBytes: at, lengthBytes: to - at });
    at = to;
  }
  return pieces;
}

/**
 * What stands at an address of kcore. The model keeps no contents of memory: every byte has a value made of its address, so that a
 * byte that came from elsewhere would show.
 *
 * @example
 * ```ts
 * kcoreBytes(kcorePieces(255, 3, 4096)); // [4, 5, 6]
 * ```
 */
export function kcoreBytes(pieces: readonly CopyPiece[]): number[] {
  const prime = 251;
  return pieces.flatMap(({ offsetBytes, lengthBytes }) =>
    Array.from({ length: lengthBytes }, (_, at) => (offsetBytes + at) % prime),
  );
}
