/** Looks pages up in the arrays of a TLB: L1, then L2. */
import type { StretchCounts } from './stretch.ts';
import type { Tlb } from './tlb.ts';
import type { TlbArray } from './tlbArray.ts';
import { ASID_STRIDE, groupKey } from './tlbKeys.ts';

/** What a lookup found: nothing usable; else a translation in L1, or one in L2 that is in L1 now. */
export const MISS = 0;
const HIT_L1 = 1;
/** A translation in L2, which is in L1 now. */
export const HIT_L2 = 2;

/**
 * Looks a page up in L1 and then L2. A translation without the right is a miss that no array counts: only a walk can mend
 * it. Nothing is counted for a run that was counted before it had to wait (`counts` is null).
 *
 * @example
 * ```ts
 * const shape = { entries: 4, ways: 4 };
 * const tlb = Tlb.empty({ l1i: shape, l1d: shape, l2: shape, walkCache: 'none' });
 * lookup(tlb, false, leafKey(1, 0x30), 0x30, MAY_READ, null) === MISS; // true
 * tlb.fill(false, 1, 0x30, 700, MAY_READ);
 * lookup(tlb, false, leafKey(1, 0x30), 0x30, MAY_READ, null) === MISS; // false
 * ```
 */
export function lookup(
  tlb: Tlb,
  fetch: boolean,
  key: number,
  page: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 1 | 2 {
  if (tlb.groupPages !== 1) return lookupGrouped(tlb, fetch, key, page, right, counts);
  return lookupIn(fetch ? tlb.l1i : tlb.l1d, tlb.l2, fetch, key, page, right, counts);
}

/**
 * The same in arrays at hand: to ask a TLB for them costs as much as a hit.
 *
 * @example
 * ```ts
 * const [first, l2] = [new TlbArray(4, 4), new TlbArray(8, 2)];
 * lookupIn(first, l2, false, leafKey(1, 0x30), 0x30, MAY_READ, null) === MISS; // true
 * ```
 */
export function lookupIn(
  first: TlbArray,
  l2: TlbArray,
  fetch: boolean,
  key: number,
  page: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 1 | 2 {
  const entry = first.find(key, first.setOf(page));
  if (entry >= 0) return (first.rights(entry) & right) === 0 ? MISS : HIT_L1;
  return refill(first, l2, fetch, key, page, right, counts);
}

/** An L1 miss: what the L2 holds under a tag, which belongs to the set of `index`, goes into L1. */
function refill(
  first: TlbArray,
  l2: TlbArray,
  fetch: boolean,
  tag: number,
  index: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 2 {
  const entry = l2.find(tag, l2.setOf(index));
  if (counts !== null) {
    if (fetch) counts.l1iMisses++;
    else counts.l1dMisses++;
    counts.l2Accesses++;
    if (entry < 0) counts.l2Misses++;
  }
  if (entry < 0) return MISS;
  const rights = l2.rights(entry);
  first.insert(tag, first.setOf(index), l2.frame(entry), rights);
  return (rights & right) === 0 ? MISS : HIT_L2;
}

/**
 * The same where an entry may stand for a contiguous group: each array is asked for the page and for its group.
 *
 * @example
 * ```ts
 * const shape = { entries: 4, ways: 4 };
 * const tlb = Tlb.empty({ l1i: shape, l1d: shape, l2: shape, walkCache: 'none' });
 * tlb.groupPages = 16;
 * tlb.fillGroup(false, 1, 32, 700, MAY_READ);
 * lookupGrouped(tlb, false, leafKey(1, 35), 35, MAY_READ, null) === MISS; // false
 * ```
 */
export function lookupGrouped(
  tlb: Tlb,
  fetch: boolean,
  key: number,
  page: number,
  right: number,
  counts: StretchCounts | null,
): 0 | 1 | 2 {
  const first = fetch ? tlb.l1i : tlb.l1d;
  const group = Math.floor(page / tlb.groupPages);
  const ofGroup = groupKey(Math.floor(key / ASID_STRIDE), group * tlb.groupPages);
  const tags: readonly [number, number][] = [
    [key, page],
    [ofGroup, group],
  ];
  for (const [tag, index] of tags) {
    const entry = first.find(tag, first.setOf(index));
    if (entry >= 0) return (first.rights(entry) & right) === 0 ? MISS : HIT_L1;
  }
  const [tag, index] = tlb.l2.has(key, tlb.l2.setOf(page)) ? tags[0] : tags[1];
  return refill(first, tlb.l2, fetch, tag, index, right, counts);
}
