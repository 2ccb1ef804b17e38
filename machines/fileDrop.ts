/** Folios leave the page cache. */
import type { CachedFolio } from '../src/mm/pageCache.ts';
import { type FileContext, withCache } from './fileState.ts';
import { reviseFile } from './revise.ts';
import type { Send } from './support.ts';

/**
 * Takes folios out of the cache and gives its references up. Pages that somebody has pinned stay with the holder, who keeps
 * the old content from now on.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * dropFolios(file, [], true, () => {}).pages; // 0
 * ```
 */
export function dropFolios(
  context: FileContext,
  folios: readonly CachedFolio[],
  comesBack: boolean,
  send: Send,
): { context: FileContext; pages: number } {
  if (folios.length === 0) return { context, pages: 0 };
  const cache = context.cache.edit();
  const gone = context.gone.edit();
  const runs: { pfn: number; nr: number }[] = [];
  for (const folio of folios) {
    cache.remove(folio.index);
    runs.push({ pfn: folio.pfn, nr: 1 << folio.order });
    if (!comesBack) continue;
    for (let page = 0; page < 1 << folio.order; page++) gone.set(folio.index + page, true);
  }
  send('zone', { type: 'PUT', runs });
  const pages = runs.reduce((sum, run) => sum + run.nr, 0);
  return { context: orphan({ ...withCache(context, cache.done()), gone: gone.done() }, runs), pages };
}

/** Pins that hold any of the frames hold orphans now. */
function orphan(context: FileContext, dropped: readonly { pfn: number; nr: number }[]): FileContext {
  if (context.pins.length === 0) return context;
  let orphanedPages = 0;
  const pins = context.pins.map((pin) => {
    let pages = 0;
    for (const run of pin.runs) {
      for (const { pfn, nr } of dropped) {
        pages += Math.max(0, Math.min(run.pfn + run.nr, pfn + nr) - Math.max(run.pfn, pfn));
      }
    }
    orphanedPages += pages;
    return pages === 0 ? pin : { ...pin, orphanedPages: pin.orphanedPages + pages };
  });
  return reviseFile(context, (draft) => {
    draft.pins = pins;
    draft.orphanedPages = context.orphanedPages + orphanedPages;
  });
}
