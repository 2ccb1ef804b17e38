/**
 * The TLBs of one CPU: L1I, L1D, a unified L2 and the walk cache, with their maintenance.
 *
 * A translation is tagged with its ASID and its page number in the page size of its mm. The granule itself is not a tag
 * (Arm ARM RNWYRD); an mm keeps one granule for as long as it keeps its ASID, so the two never mix.
 */
import { invariant } from '../errors.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE, TlbArray, type TlbArrayPlain } from './tlbArray.ts';

/** The sizes that a TLB is built from: a core preset holds them. */
export interface TlbGeometry {
  l1i: { entries: number; ways: number };
  l1d: { entries: number; ways: number };
  l2: { entries: number; ways: number };
  /** Where partial walks are kept: an array of their own, entries of the L2 TLB, or nowhere. */
  walkCache: { entries: number; ways: number } | 'in-l2' | 'none';
}

/** Page numbers of a 48-bit address space: an ASID multiplied by this cannot reach another's pages. */
export const ASID_STRIDE = 2 ** 36;
/** Room for one level of table prefixes in a walk-cache key: at most 27 bits at 4K, level 2. */
const LEVEL_STRIDE = 2 ** 30;
const WALK_ASID_STRIDE = 2 ** 32;

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

/** The geometry a walk needs: level shifts of the table in use, root first. */
export interface WalkGeometry {
  /** Address bits below each level's index, from the root level to the leaf. */
  levelShifts: readonly number[];
  /** Number of the root level (0 for 4K and 16K at 48 bits, 1 for 64K). */
  firstLevel: number;
}

/** A TLB as plain data. */
export interface TlbPlain {
  l1i: TlbArrayPlain;
  l1d: TlbArrayPlain;
  l2: TlbArrayPlain;
  walk: TlbArrayPlain | 'in-l2' | 'none';
}

/**
 * The TLBs of one CPU. `edit()` gives a version that can be written without changing this one.
 *
 * @example
 * ```ts
 * const geometry = { l1i: { entries: 4, ways: 4 }, l1d: { entries: 4, ways: 4 }, l2: { entries: 8, ways: 2 } };
 * const tlb = Tlb.empty({ ...geometry, walkCache: 'none' });
 * tlb.fill(false, 1, 0x30, 700, MAY_READ);
 * tlb.l1d.count; // 1
 * tlb.invalidatePages(1, 0x30, 0x31); // 2
 * ```
 */
export class Tlb {
  readonly l1i: TlbArray;
  readonly l1d: TlbArray;
  readonly l2: TlbArray;
  /** The array that holds partial walks: its own, the L2's, or null. */
  readonly walk: TlbArray | null;
  /**
   * Pages of a contiguous group of the tables in use, where one entry may stand for all of them; 1 where each page has its
   * own. Not kept: whoever edits a version says it again.
   */
  groupPages = 1;

  private constructor(l1i: TlbArray, l1d: TlbArray, l2: TlbArray, walk: TlbArray | null) {
    this.l1i = l1i;
    this.l1d = l1d;
    this.l2 = l2;
    this.walk = walk;
  }

  /** A TLB that holds nothing. */
  static empty(geometry: TlbGeometry): Tlb {
    const l2 = TlbArray.empty(geometry.l2.entries, geometry.l2.ways);
    const walk = geometry.walkCache;
    return new Tlb(
      TlbArray.empty(geometry.l1i.entries, geometry.l1i.ways),
      TlbArray.empty(geometry.l1d.entries, geometry.l1d.ways),
      l2,
      walk === 'none' ? null : walk === 'in-l2' ? l2 : TlbArray.empty(walk.entries, walk.ways),
    );
  }

  /** A version of its own: what is written to it does not show in this one. */
  edit(): Tlb {
    const l2 = this.l2.edit();
    const walk = this.walk === null ? null : this.walk === this.l2 ? l2 : this.walk.edit();
    return new Tlb(this.l1i.edit(), this.l1d.edit(), l2, walk);
  }

  /** Takes a translation in: new in L1 and L2, or with new frame and rights where it was there already. */
  fill(fetch: boolean, asid: number, pageNumber: number, frame: number, rights: number): void {
    invariant(rights > 0 && rights <= (MAY_READ | MAY_WRITE | MAY_FETCH), 'a translation allows something');
    const key = leafKey(asid, pageNumber);
    const set2 = pageNumber % this.l2.sets;
    if (!this.l2.update(key, set2, frame, rights)) this.l2.insert(key, set2, frame, rights);
    const first = fetch ? this.l1i : this.l1d;
    const other = fetch ? this.l1d : this.l1i;
    if (!first.update(key, pageNumber % first.sets, frame, rights)) {
      first.insert(key, pageNumber % first.sets, frame, rights);
    }
    other.update(key, pageNumber % other.sets, frame, rights);
  }

  /** Takes in one entry for a whole contiguous group, whose first page is `firstPage` and maps to `frame`. */
  fillGroup(fetch: boolean, asid: number, firstPage: number, frame: number, rights: number): void {
    const key = groupKey(asid, firstPage);
    const group = firstPage / this.groupPages;
    for (const array of [this.l2, fetch ? this.l1i : this.l1d]) {
      if (!array.update(key, group % array.sets, frame, rights)) array.insert(key, group % array.sets, frame, rights);
    }
    const other = fetch ? this.l1d : this.l1i;
    other.update(key, group % other.sets, frame, rights);
  }

  /**
   * How many levels of a walk need not be read because the walk cache holds the table below them.
   * Finding an entry makes it the most recently used.
   */
  walkLevelsCached(asid: number, va: number, geometry: WalkGeometry): number {
    if (this.walk === null) return 0;
    for (let depth = geometry.levelShifts.length - 2; depth >= 0; depth--) {
      const prefix = Math.floor(va / 2 ** geometry.levelShifts[depth]);
      const key = tableKey(asid, geometry.firstLevel + depth, prefix);
      if (this.walk.find(key, prefix % this.walk.sets) >= 0) return depth + 1;
    }
    return 0;
  }

  /** Keeps the tables that a walk of `levels` descriptors went through. */
  keepWalk(asid: number, va: number, geometry: WalkGeometry, levels: number): void {
    if (this.walk === null) return;
    const tables = Math.min(levels, geometry.levelShifts.length) - 1;
    for (let depth = 0; depth < tables; depth++) {
      const prefix = Math.floor(va / 2 ** geometry.levelShifts[depth]);
      const key = tableKey(asid, geometry.firstLevel + depth, prefix);
      if (!this.walk.has(key, prefix % this.walk.sets)) this.walk.insert(key, prefix % this.walk.sets, 0, MAY_READ);
    }
  }

  /** Removes the leaf translations of pages [first, end) of an ASID; returns how many. */
  invalidatePages(asid: number, firstPage: number, endPage: number): number {
    const low = leafKey(asid, firstPage);
    const high = leafKey(asid, endPage);
    const one = endPage - firstPage === 1;
    let removed = 0;
    for (const array of [this.l1i, this.l1d, this.l2]) {
      if (one) removed += array.remove(low, firstPage % array.sets) ? 1 : 0;
      else removed += array.removeAll((key) => key >= low && key < high);
    }
    return this.groupPages === 1 ? removed : removed + this.invalidateGroups(asid, firstPage, endPage);
  }

  /** One entry of a group goes with any page of it. */
  private invalidateGroups(asid: number, firstPage: number, endPage: number): number {
    let removed = 0;
    for (const array of [this.l1i, this.l1d, this.l2]) {
      removed += array.removeAll((key) => {
        if (!isGroupKey(key) || asidOfKey(key) !== asid) return false;
        const first = firstPageOfGroup(key);
        return first < endPage && first + this.groupPages > firstPage;
      });
    }
    return removed;
  }

  /** Removes the walk-cache entries that lead to addresses [startVa, endVa) of an ASID. */
  invalidateWalks(asid: number, startVa: number, endVa: number, geometry: WalkGeometry): number {
    if (this.walk === null) return 0;
    const { levelShifts, firstLevel } = geometry;
    return this.walk.removeAll((key) => {
      if (key >= 0 || isGroupKey(key) || asidOfKey(key) !== asid) return false;
      const rest = (-key - 1) % WALK_ASID_STRIDE;
      const span = 2 ** levelShifts[Math.floor(rest / LEVEL_STRIDE) - firstLevel];
      const start = (rest % LEVEL_STRIDE) * span;
      return start < endVa && start + span > startVa;
    });
  }

  /** Removes everything tagged with an ASID, partial walks included. */
  invalidateAsid(asid: number): number {
    let removed = 0;
    for (const array of this.arrays()) removed += array.removeAll((key) => asidOfKey(key) === asid);
    return removed;
  }

  /** Removes everything. */
  invalidateAll(): number {
    let removed = 0;
    for (const array of this.arrays()) removed += array.removeAll(() => true);
    return removed;
  }

  private arrays(): TlbArray[] {
    const arrays = [this.l1i, this.l1d, this.l2];
    if (this.walk !== null && this.walk !== this.l2) arrays.push(this.walk);
    return arrays;
  }

  /** Plain data, in LRU order. */
  toPlain(): TlbPlain {
    return {
      l1i: this.l1i.toPlain(),
      l1d: this.l1d.toPlain(),
      l2: this.l2.toPlain(),
      walk: this.walk === null ? 'none' : this.walk === this.l2 ? 'in-l2' : this.walk.toPlain(),
    };
  }

  /** The TLB that `toPlain` described. */
  static fromPlain(plain: TlbPlain): Tlb {
    const l2 = TlbArray.fromPlain(plain.l2);
    const walk = plain.walk === 'none' ? null : plain.walk === 'in-l2' ? l2 : TlbArray.fromPlain(plain.walk);
    return new Tlb(TlbArray.fromPlain(plain.l1i), TlbArray.fromPlain(plain.l1d), l2, walk);
  }
}
