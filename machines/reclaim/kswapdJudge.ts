/**
 * What becomes of the folios in hand once it is known who maps them and whether they were used (`mm/vmscan.c:shrink_folio_list`,
 * `shrink_active_list`).
 *
 * @models S-10 D-01
 */
import { hasFlags, isYoung, PTE } from '../../src/mm/pte.ts';
import { checkReferences, type FolioUse, staysActive } from '../../src/mm/reclaim/references.ts';
import { VM } from '../../src/mm/vma.ts';
import type { BatchFolio, Batch, KswapdContext } from './kswapdState.ts';
import { pagesOf } from './kswapdState.ts';

/** VM_EXEC of `vm_flags`, kept with the protection here. */
const PROT_EXEC = 4;

/** Mappings are told apart by area: `folio_referenced_one` counts one for each that used the folio. */
function useOf({ folio, mappings, referenced }: BatchFolio, pageBytes: number): FolioUse {
  const used = mappings.filter(({ flags }) => isYoung(flags));
  const areas = new Set(
    used.map(({ mm, vmFlags, prot, va, pfn }) => `${mm} ${vmFlags} ${prot} ${va - pfn * pageBytes}`),
  );
  return {
    referencedMappings: areas.size,
    wasReferenced: referenced,
    locked: mappings.some(({ vmFlags }) => (vmFlags & VM.LOCKED) !== 0),
    executable: used.some(({ prot }) => (prot & PROT_EXEC) !== 0),
    isFile: folio.kind === 'file',
  };
}

/** How a folio that is to be reclaimed can go, if at all. */
function wayOf(context: KswapdContext, { folio, mappings }: BatchFolio): BatchFolio['way'] {
  // folio_maybe_dma_pinned: a device may be writing to it.
  if (folio.pins > 0) return 'none';
  if (folio.kind === 'file') return folio.owner.startsWith('file:') ? 'file' : 'none';
  if (folio.kind !== 'anon' || mappings.some(({ flags }) => hasFlags(flags, PTE.SPECIAL))) return 'none';
  // Shared anonymous memory without an inode has no swap entries here.
  if (mappings.some(({ flags }) => !hasFlags(flags, PTE.ANON))) return 'none';
  // Nobody maps it: the swap cache may have it still.
  if (mappings.length === 0) return 'uncache';
  if (folio.lazyFree) return 'discard';
  return context.freeSlots > 0 ? 'swap' : 'none';
}

function mappedPages(mappings: readonly { nr: number }[]): number {
  return mappings.reduce((sum, { nr }) => sum + nr, 0);
}

/**
 * Decides on every folio in hand.
 *
 * @example
 * ```ts
 * const batch: Batch = { from: 'query', phase: 'harvesting', request: 1, pending: 0, pfns: [], folios: [], answer: null };
 * judge({ freeSlots: 8 } as KswapdContext, batch).folios; // []
 * ```
 */
export function judge(context: KswapdContext, batch: Batch): Batch {
  const isActive = batch.from === 'active-anon' || batch.from === 'active-file';
  const folios = batch.folios.map((one): BatchFolio => {
    const use = useOf(one, context.kernelPageBytes);
    if (isActive) return { ...one, verdict: staysActive(use) ? 'activate' : 'keep', referenced: false };
    const { verdict, referenced } =
      batch.from === 'advice' && !use.locked
        ? { verdict: 'reclaim' as const, referenced: false }
        : checkReferences(use);
    const reclaims = verdict === 'reclaim' || verdict === 'reclaim-clean';
    const way = reclaims ? wayOf(context, one) : 'none';
    return { ...one, verdict, referenced, way, mapped: mappedPages(one.mappings) };
  });
  return { ...batch, folios };
}

/**
 * The folios back on their lists, those that are gone off them (`move_folios_to_lru`).
 *
 * @example
 * ```ts
 * const batch: Batch = { from: 'query', phase: 'dropping', request: 1, pending: 0, pfns: [], folios: [], answer: null };
 * putBack({ lru: LruLists.empty() } as KswapdContext, batch).lru.count; // 0
 * ```
 */
export function putBack(context: KswapdContext, batch: Batch): KswapdContext {
  let { lru, activatedPages, deactivatedPages } = context;
  const wasActive = batch.from === 'active-anon' || batch.from === 'active-file';
  for (const one of batch.folios) {
    const { folio, verdict, referenced, gone } = one;
    const pages = pagesOf(one);
    if (gone) {
      lru = lru.remove(folio.pfn);
      continue;
    }
    const kind = folio.kind === 'file' ? 'file' : 'anon';
    // What was to go and could not is out of the way for a while (`activate_locked`).
    const stays = verdict === 'activate' || verdict === 'reclaim' || verdict === 'reclaim-clean';
    if (stays && !wasActive) activatedPages += pages;
    if (!stays && wasActive) deactivatedPages += pages;
    lru = lru.add(stays ? `active-${kind}` : `inactive-${kind}`, folio.pfn, pages, referenced);
  }
  return { ...context, lru, activatedPages, deactivatedPages };
}
