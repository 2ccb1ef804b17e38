/**
 * What translations are tagged with: an ASID and a page number in the page size of its mm. The granule itself is not a tag (Arm ARM
 * RNWYRD); an mm keeps one granule for as long as it keeps its ASID, so the two never mix.
 */

/** Page numbers of a 48-bit address space: an ASID multiplied by this cannot reach another's pages. */
export const ASID_STRIDE = 2 ** 36;
/** Room for one level of table prefixes in a walk-cache key: at most 27 bits at 4K, level 2. */
export const LEVEL_STRIDE = 2 ** 30;
/** Room for the walk-cache keys of one ASID. */
export const WALK_ASID_STRIDE = 2 ** 32;

/**
 * The tag of a leaf translation.
 *
 * @example
 * ```ts
 * leafKey(1, 5) === ASID_STRIDE + 5; // true
 * ```
 */
export function leafKey(asid: number, pageNumber: number): number {
  return asid * ASID_STRIDE + pageNumber;
}

/**
 * The tag of the table that a level-`level` descriptor points to; below zero, so that it is never a leaf's.
 *
 * @example
 * ```ts
 * tableKey(1, 2, 3) < 0; // true
 * ```
 */
export function tableKey(asid: number, level: number, prefix: number): number {
  return -(asid * WALK_ASID_STRIDE + level * LEVEL_STRIDE + prefix + 1);
}

/** Tags of contiguous groups lie below those of tables, which reach -2^48. */
const GROUP_BASE = 2 ** 49;
/** Pages in the unit that groups are counted in: every contiguous group is a multiple of it (16, 32 or 128 pages). */
const GROUP_UNIT_PAGES = 16;

/**
 * The tag of one entry for a whole contiguous group, by the first of its pages; below the tags of tables.
 *
 * @example
 * ```ts
 * isGroupKey(groupKey(1, 32)); // true
 * ```
 */
export function groupKey(asid: number, firstPage: number): number {
  return -(GROUP_BASE + asid * WALK_ASID_STRIDE + firstPage / GROUP_UNIT_PAGES + 1);
}

/**
 * Whether a tag is that of a contiguous group.
 *
 * @example
 * ```ts
 * isGroupKey(tableKey(1, 2, 3)); // false
 * ```
 */
export function isGroupKey(key: number): boolean {
  return key < -GROUP_BASE;
}

/**
 * The first page of the group that a group's tag names.
 *
 * @example
 * ```ts
 * firstPageOfGroup(groupKey(3, 32)); // 32
 * ```
 */
export function firstPageOfGroup(key: number): number {
  return ((-key - 1 - GROUP_BASE) % WALK_ASID_STRIDE) * GROUP_UNIT_PAGES;
}

/**
 * The ASID in a tag.
 *
 * @example
 * ```ts
 * asidOfKey(leafKey(7, 5)); // 7
 * asidOfKey(tableKey(7, 2, 3)); // 7
 * ```
 */
export function asidOfKey(key: number): number {
  if (key >= 0) return Math.floor(key / ASID_STRIDE);
  return Math.floor((-key - 1 - (isGroupKey(key) ? GROUP_BASE : 0)) / WALK_ASID_STRIDE);
}
