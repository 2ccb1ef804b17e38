/** What an address space works out before it asks the allocator or the disk: windows, missing blocks, runs. */
import type { PageCacheIndex } from '../src/mm/pageCache.ts';
import type { FileRun } from './messages.ts';

/** Page indexes [first, end). */
export interface IndexRange {
  first: number;
  end: number;
}

/** Readahead at most, in bytes (`VM_READAHEAD_PAGES`: 128K, `include/linux/mm.h`). */
export const READAHEAD_BYTES = 128 * 1024;

/**
 * The first window of a sequential read (`mm/readahead.c:get_init_ra_size`), in pages.
 *
 * @example
 * ```ts
 * initialReadaheadPages(1, 32); // 4
 * initialReadaheadPages(8, 32); // 16
 * ```
 */
export function initialReadaheadPages(pages: number, pagesMax: number): number {
  const rounded = 2 ** Math.ceil(Math.log2(pages));
  if (rounded <= pagesMax / 32) return rounded * 4;
  return rounded <= pagesMax / 4 ? rounded * 2 : pagesMax;
}

/**
 * The pages read around a fault that missed (`mm/filemap.c:do_sync_mmap_readahead`): centred, 128K.
 *
 * @example
 * ```ts
 * readAround(40, 4096); // { first: 24, end: 56 }
 * ```
 */
export function readAround(index: number, pageBytes: number): IndexRange {
  const pages = Math.max(1, READAHEAD_BYTES / pageBytes);
  const first = Math.max(0, index - Math.floor(pages / 2));
  return { first, end: first + pages };
}

/**
 * Widens a range to whole blocks of an order and cuts it at the end of the file, itself a whole block.
 *
 * @example
 * ```ts
 * inBlocks({ first: 3, end: 40 }, 4, 20); // { first: 0, end: 32 }
 * ```
 */
export function inBlocks(range: IndexRange, orderPages: number, fileEnd: number): IndexRange {
  const block = 2 ** orderPages;
  const last = Math.ceil(fileEnd / block) * block;
  const first = Math.floor(range.first / block) * block;
  return { first, end: Math.max(first, Math.min(Math.ceil(range.end / block) * block, last)) };
}

/**
 * First indexes of the blocks of an order in a range that hold no folio at all.
 *
 * @example
 * ```ts
 * const cache = PageCacheIndex.empty(4096).insert({ index: 16, pfn: 512, order: 4, dirty: false, uptodate: true }) as PageCacheIndex;
 * missingBlocks(cache, { first: 0, end: 48 }, 4); // [0, 32]
 * ```
 */
export function missingBlocks(cache: PageCacheIndex, range: IndexRange, orderPages: number): number[] {
  const block = 2 ** orderPages;
  const missing: number[] = [];
  for (let index = range.first; index < range.end; index += block) {
    if (cache.range(index, index + block).length === 0) missing.push(index);
  }
  return missing;
}

/**
 * The pages of a range that are there, as runs of consecutive frames.
 *
 * @example
 * ```ts
 * const cache = PageCacheIndex.empty(4096).insert({ index: 16, pfn: 512, order: 4, dirty: false, uptodate: true }) as PageCacheIndex;
 * presentRuns(cache, { first: 20, end: 48 }); // [{ index: 20, pfn: 516, nr: 12 }]
 * ```
 */
export function presentRuns(cache: PageCacheIndex, range: IndexRange): FileRun[] {
  const runs: FileRun[] = [];
  for (const folio of cache.range(range.first, range.end)) {
    const first = Math.max(folio.index, range.first);
    const end = Math.min(folio.index + 2 ** folio.order, range.end);
    const pfn = folio.pfn + (first - folio.index);
    const last = runs.at(-1);
    if (last !== undefined && last.index + last.nr === first && last.pfn + last.nr === pfn) last.nr += end - first;
    else runs.push({ index: first, pfn, nr: end - first });
  }
  return runs;
}
