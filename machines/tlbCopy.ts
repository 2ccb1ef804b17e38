/** copy_to_user and copy_from_user: the kernel's own accesses to user memory, page by page through TTBR0. */
import { type Tlb } from '../src/mm/tlb.ts';
import { leafKey } from '../src/mm/tlbKeys.ts';
import { MAY_READ, MAY_WRITE } from '../src/mm/tlbArray.ts';
import { type StretchCounts } from '../src/mm/stretch.ts';
import { lookup, MISS } from '../src/mm/tlbLookup.ts';

/** A copy under way. Plain data; `va` moves on as bytes are copied. */
export interface Copy {
  va: number;
  endVa: number;
  access: 'fetch' | 'read' | 'write';
  doneBytes: number;
  counts: StretchCounts;
}

/**
 * Copies on until the end, or until a page lacks a translation that allows it. One data access is counted for each page
 * of the process that is touched: how wide the copy loop's loads are is the core's business.
 *
 * @returns true at the end; false where `copy.va` needs a walk
 * @example
 * ```ts
 * const tlb = Tlb.empty({ l1i: { entries: 2, ways: 2 }, l1d: { entries: 2, ways: 2 }, l2: { entries: 2, ways: 2 }, walkCache: 'none' });
 * const copy: Copy = { va: 4096, endVa: 4100, access: 'read', doneBytes: 0, counts: noCounts() };
 * copyRun(tlb, copy, 1, 12); // false
 * ```
 */
export function copyRun(tlb: Tlb, copy: Copy, asid: number, pageShift: number): boolean {
  const pageBytes = 1 << pageShift;
  const right = copy.access === 'write' ? MAY_WRITE : MAY_READ;
  const { counts } = copy;
  while (copy.va < copy.endVa) {
    const page = Math.floor(copy.va / pageBytes);
    if (lookup(tlb, false, leafKey(asid, page), page, right, counts) === MISS) return false;
    counts.l1dAccesses++;
    const next = Math.min(copy.endVa, (page + 1) * pageBytes);
    copy.doneBytes += next - copy.va;
    copy.va = next;
  }
  return true;
}
