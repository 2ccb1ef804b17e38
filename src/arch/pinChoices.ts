/**
 * The choices that a design of per-process page size leaves open about pinned pages, and the parts of GUP that can be taken out
 * to see what they are for.
 *
 * @models S-08 S-09 T-05 D-16
 */

/** Named choices; the first of each is the default: what a kernel of the process's page size does, or what is safe. */
export interface PinChoices {
  /**
   * What fork copies for the child of memory that is pinned (`mm/memory.c:copy_present_page`): the process page, or as an
   * unmodified kernel one kernel page after the other, so that the child's process page is no folio.
   */
  forkCopy: 'process-page' | 'kernel-page';
  /** The fast walk compares `write_protect_seq` before and after, or does not: then it races with fork. */
  forkSequence: 'checked' | 'ignored';
  /**
   * Frames of page tables are freed when nobody walks without a lock any more (`mm/mmu_gather.c:tlb_remove_table`), or at once.
   */
  tableFree: 'deferred' | 'immediate';
  /**
   * What becomes of folios below the order that a mapping needs while somebody has them pinned: they leave the cache and the
   * holder keeps an orphan, as `invalidate_inode_pages2_range` does it; the mapping fails with EBUSY; it waits until they are
   * unpinned; or they stay, and the mapping falls back to the Linux table there.
   */
  drop: 'orphan' | 'refuse' | 'wait' | 'keep';
  /**
   * What a debugger's write (FOLL_FORCE) to memory that the target may not write to copies: the target's page, one kernel page,
   * so that the target falls back, or nothing: it is refused.
   */
  forcedWrite: 'process-page' | 'kernel-page' | 'refused';
  /** Frames that have to stay movable (ZONE_MOVABLE, CMA), counted from the first of the zone; absent: none. */
  movable?: { startPage: number; endPage: number };
}

/**
 * What a kernel of the process's page size does.
 *
 * @example
 * ```ts
 * defaultPinChoices.drop; // 'orphan'
 * ```
 */
export const defaultPinChoices: PinChoices = {
  forkCopy: 'process-page',
  forkSequence: 'checked',
  tableFree: 'deferred',
  drop: 'orphan',
  forcedWrite: 'process-page',
};
