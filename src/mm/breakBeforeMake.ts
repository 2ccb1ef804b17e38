/**
 * Break-before-make: which changes of a valid entry must go through an invalid entry and a completed TLB invalidation
 * (Arm ARM D8.17 RWHZWS, RDDMVT): write invalid; DSB; TLBI; DSB; write the new entry.
 *
 * @models D-05
 */
import { hasFlags, isValid, PTE, pfnOf } from './pte.ts';

/**
 * Whether a change of one leaf entry needs the sequence: its output address changes, or the contiguous bit does, which
 * changes the size of the block (without FEAT_BBM level 1). From or to an invalid entry, and for changes of access flag,
 * dirty state and permissions alone, it does not [arch/arm64/mm/mmu.c:pgattr_change_is_safe].
 *
 * @example
 * ```ts
 * needsBreak(packPte(1, PTE.VALID), packPte(2, PTE.VALID)); // true
 * needsBreak(packPte(1, PTE.VALID), packPte(1, PTE.VALID | PTE.READONLY)); // false
 * needsBreak(0, packPte(2, PTE.VALID)); // false
 * ```
 */
export function needsBreak(before: number, after: number): boolean {
  if (!isValid(before) || !isValid(after)) return false;
  return pfnOf(before) !== pfnOf(after) || hasFlags(before, PTE.CONT) !== hasFlags(after, PTE.CONT);
}

/**
 * Whether a change needs TLB maintenance at all: only a valid entry can be cached, and an entry that becomes more
 * permissive, younger or dirtier leaves a stale entry that faults and is walked anew.
 *
 * @example
 * ```ts
 * needsFlush(packPte(1, PTE.VALID | PTE.WRITE), packPte(1, PTE.VALID | PTE.READONLY)); // true
 * needsFlush(packPte(1, PTE.VALID | PTE.READONLY), packPte(1, PTE.VALID | PTE.WRITE)); // false
 * ```
 */
export function needsFlush(before: number, after: number): boolean {
  if (!isValid(before)) return false;
  if (!isValid(after) || needsBreak(before, after)) return true;
  const lostRights = (hasFlags(before, PTE.WRITE) && !hasFlags(after, PTE.WRITE)) || loses(before, after, PTE.EXEC);
  // Access flag and dirty state must be seen again: a cached entry would not note them.
  const cleaned = !hasFlags(before, PTE.READONLY) && hasFlags(after, PTE.READONLY);
  return lostRights || cleaned || loses(before, after, PTE.YOUNG);
}

function loses(before: number, after: number, flag: number): boolean {
  return hasFlags(before, flag) && !hasFlags(after, flag);
}
