/** What an address space has of a range of pages, as runs of consecutive frames. */
import type { CachedFolio, PageCacheIndex } from '../src/mm/pageCache.ts';
import { type FileContext } from './fileState.ts';
import type { FileRun } from './messages.ts';
import { reviseFile } from './revise.ts';

/** Page indexes [first, end). */
export interface IndexRange {
  first: number;
  end: number;
}

function runsOf(cache: PageCacheIndex, range: IndexRange, wanted: (folio: CachedFolio) => boolean): FileRun[] {
  const runs: FileRun[] = [];
  for (const folio of cache.range(range.first, range.end)) {
    if (!wanted(folio)) continue;
    const first = Math.max(folio.index, range.first);
    const end = Math.min(folio.index + (1 << folio.order), range.end);
    const pfn = folio.pfn + (first - folio.index);
    const last = runs.at(-1);
    const follows = last !== undefined && last.index + last.nr === first && last.pfn + last.nr === pfn;
    if (follows && last.orderPages === folio.order) last.nr += end - first;
    else runs.push({ index: first, pfn, nr: end - first, orderPages: folio.order });
  }
  return runs;
}

/**
 * The pages of a range that hold their content.
 *
 * @example
 * ```ts
 * const cache = PageCacheIndex.empty(4096).insert({ index: 16, pfn: 512, order: 4, dirty: false, uptodate: true }) as PageCacheIndex;
 * pageRuns(cache, { first: 20, end: 48 }); // [{ index: 20, pfn: 516, nr: 12, orderPages: 4 }]
 * ```
 */
export function pageRuns(cache: PageCacheIndex, range: IndexRange): FileRun[] {
  return runsOf(cache, range, (folio) => folio.uptodate);
}

/**
 * The pages of a range that a fault beside them maps too: a mark of readahead must be met by a fault of its own
 * (`mm/filemap.c:next_uptodate_folio`).
 *
 * @example
 * ```ts
 * const folio = { index: 16, pfn: 512, order: 4, dirty: false, uptodate: true, readahead: true };
 * windowRuns(PageCacheIndex.empty(4096).insert(folio) as PageCacheIndex, { first: 20, end: 48 }); // []
 * ```
 */
export function windowRuns(cache: PageCacheIndex, range: IndexRange): FileRun[] {
  return runsOf(cache, range, (folio) => folio.uptodate && folio.readahead !== true);
}

/**
 * Marks the folios dirty that pages lie in; what is not there any more is left.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * markDirty(file, [{ index: 0, nr: 1 }]).cache.counts.dirtyPages; // 0
 * ```
 */
export function markDirty(context: FileContext, runs: readonly { index: number; nr: number }[]): FileContext {
  const cache = context.cache.edit();
  for (const { index, nr } of runs) {
    for (const folio of cache.range(index, index + nr)) cache.setDirty(folio.index, true);
  }
  return reviseFile(context, (draft) => {
    draft.cache = cache.done();
  });
}
