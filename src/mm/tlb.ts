/** The TLBs of one CPU: L1I, L1D, a unified L2 and the walk cache, with their maintenance. */
import { invariant } from '../errors.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE, TlbArray, type TlbArrayPlain } from './tlbArray.ts';
import { packArray, type TlbArrayPacked, unpackArray } from './tlbForm.ts';
import {
  asidOfKey,
  firstPageOfGroup,
  groupKey,
  isGroupKey,
  leafKey,
  LEVEL_STRIDE,
  tableKey,
  WALK_ASID_STRIDE,
} from './tlbKeys.ts';
import { ENTRY_NUMBERS, TlbJournal } from './tlbJournal.ts';
import { TlbMemory } from './tlbMemory.ts';
import { type Store, Version } from './versions.ts';

/** The sizes that a TLB is built from: a core preset holds them. */
export interface TlbGeometry {
  l1i: { entries: number; ways: number };
  l1d: { entries: number; ways: number };
  l2: { entries: number; ways: number };
  /** Where partial walks are kept: an array of their own, entries of the L2 TLB, or nowhere. */
  walkCache: { entries: number; ways: number } | 'in-l2' | 'none';
}

/** The geometry a walk needs, of the table in use. */
export interface WalkGeometry {
  /** Bytes that one entry of each level stands for, from the root level to the leaf. */
  levelSpans: readonly number[];
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

/** A TLB packed for a checkpoint. */
export interface TlbPacked {
  l1i: TlbArrayPacked;
  l1d: TlbArrayPacked;
  l2: TlbArrayPacked;
  walk: TlbArrayPacked | 'in-l2' | 'none';
}

/** The arrays of one TLB, written in place. */
class TlbStore implements Store<TlbStore> {
  readonly geometry: TlbGeometry;
  readonly journal: TlbJournal = new TlbJournal();
  readonly l1i: TlbArray;
  readonly l1d: TlbArray;
  readonly l2: TlbArray;
  readonly walk: TlbArray | null;
  /** All arrays, each once, in the order of their places. */
  readonly arrays: readonly TlbArray[];
  readonly copyCost: number;

  constructor(geometry: TlbGeometry) {
    const { l1i, l1d, l2, walkCache } = geometry;
    this.geometry = geometry;
    const own = typeof walkCache === 'string' ? [] : [walkCache];
    const shapes = [l1i, l1d, l2, ...own];
    const entries = shapes.reduce((sum, shape) => sum + shape.entries, 0);
    const memory = new TlbMemory(entries);
    let base = 0;
    this.arrays = shapes.map((shape) => {
      const array = new TlbArray(shape.entries, shape.ways, this.journal, base, memory);
      base += shape.entries;
      return array;
    });
    [this.l1i, this.l1d, this.l2] = this.arrays;
    this.walk = walkCache === 'none' ? null : this.arrays[walkCache === 'in-l2' ? 2 : 3];
    this.copyCost = ENTRY_NUMBERS * entries;
  }

  get noted(): number {
    return this.journal.noted;
  }

  copy(): TlbStore {
    const copy = new TlbStore(this.geometry);
    for (const [at, array] of copy.arrays.entries()) array.copyFrom(this.arrays[at]);
    return copy;
  }

  putBack({ journal }: TlbStore, noted: number): void {
    const { arrays } = this;
    const arrayAt = (place: number): TlbArray => {
      const array = arrays.findLast(({ base }) => base <= place);
      invariant(array !== undefined, `entry ${place} is one of the TLB`);
      return array;
    };
    journal.undo(noted, {
      entry: (place, key, frame, rights, stamp) => {
        const array = arrayAt(place);
        array.restore(place - array.base, key, frame, rights, stamp);
      },
      stamp: (place, stamp) => {
        const array = arrayAt(place);
        array.stamps[place - array.base] = stamp;
      },
    });
  }
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
  readonly #version: Version<TlbStore>;
  /**
   * Pages of a contiguous group of the tables in use, where one entry may stand for all of them; 1 where each page has its
   * own. Not kept: whoever edits a version says it again.
   */
  groupPages = 1;

  private constructor(version: Version<TlbStore>) {
    this.#version = version;
  }

  /** A TLB that holds nothing. */
  static empty(geometry: TlbGeometry): Tlb {
    return new Tlb(new Version(new TlbStore(geometry)));
  }

  /** A version of its own: what is written to it does not show in this one, and nothing more is written to this one. */
  edit(): Tlb {
    const version = this.#version.next();
    version.store.journal.nextEpoch();
    return new Tlb(version);
  }

  get l1i(): TlbArray {
    return this.#version.store.l1i;
  }

  get l1d(): TlbArray {
    return this.#version.store.l1d;
  }

  get l2(): TlbArray {
    return this.#version.store.l2;
  }

  /** The array that holds partial walks: its own, the L2's, or null. */
  get walk(): TlbArray | null {
    return this.#version.store.walk;
  }

  /** Takes a translation in: new in L1 and L2, or with new frame and rights where it was there already. */
  fill(fetch: boolean, asid: number, pageNumber: number, frame: number, rights: number): void {
    invariant(rights > 0 && rights <= (MAY_READ | MAY_WRITE | MAY_FETCH), 'a translation allows something');
    const key = leafKey(asid, pageNumber);
    const { l1i, l1d, l2 } = this.#version.store;
    const set2 = l2.setOf(pageNumber);
    if (!l2.update(key, set2, frame, rights)) l2.insert(key, set2, frame, rights);
    const first = fetch ? l1i : l1d;
    const other = fetch ? l1d : l1i;
    if (!first.update(key, first.setOf(pageNumber), frame, rights)) {
      first.insert(key, first.setOf(pageNumber), frame, rights);
    }
    other.update(key, other.setOf(pageNumber), frame, rights);
  }

  /** Takes in one entry for a whole contiguous group, whose first page is `firstPage` and maps to `frame`. */
  fillGroup(fetch: boolean, asid: number, firstPage: number, frame: number, rights: number): void {
    const key = groupKey(asid, firstPage);
    const group = firstPage / this.groupPages;
    for (const array of [this.l2, fetch ? this.l1i : this.l1d]) {
      if (!array.update(key, array.setOf(group), frame, rights)) array.insert(key, array.setOf(group), frame, rights);
    }
    const other = fetch ? this.l1d : this.l1i;
    other.update(key, other.setOf(group), frame, rights);
  }

  /**
   * How many levels of a walk need not be read because the walk cache holds the table below them.
   * Finding an entry makes it the most recently used.
   */
  walkLevelsCached(asid: number, va: number, geometry: WalkGeometry): number {
    const { walk } = this;
    if (walk === null) return 0;
    for (let depth = geometry.levelSpans.length - 2; depth >= 0; depth--) {
      const prefix = Math.floor(va / geometry.levelSpans[depth]);
      const key = tableKey(asid, geometry.firstLevel + depth, prefix);
      if (walk.find(key, walk.setOf(prefix)) >= 0) return depth + 1;
    }
    return 0;
  }

  /** Keeps the tables that a walk of `levels` descriptors went through. */
  keepWalk(asid: number, va: number, geometry: WalkGeometry, levels: number): void {
    const { walk } = this;
    if (walk === null) return;
    const tables = Math.min(levels, geometry.levelSpans.length) - 1;
    for (let depth = 0; depth < tables; depth++) {
      const prefix = Math.floor(va / geometry.levelSpans[depth]);
      const key = tableKey(asid, geometry.firstLevel + depth, prefix);
      if (!walk.has(key, walk.setOf(prefix))) walk.insert(key, walk.setOf(prefix), 0, MAY_READ);
    }
  }

  /** Removes the leaf translations of pages [first, end) of an ASID; returns how many. */
  invalidatePages(asid: number, firstPage: number, endPage: number): number {
    const low = leafKey(asid, firstPage);
    const high = leafKey(asid, endPage);
    const one = endPage - firstPage === 1;
    let removed = 0;
    for (const array of [this.l1i, this.l1d, this.l2]) {
      if (one) removed += array.remove(low, array.setOf(firstPage)) ? 1 : 0;
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
    const { levelSpans, firstLevel } = geometry;
    return this.walk.removeAll((key) => {
      if (key >= 0 || isGroupKey(key) || asidOfKey(key) !== asid) return false;
      const rest = -key - 1 - asid * WALK_ASID_STRIDE;
      const level = Math.floor(rest / LEVEL_STRIDE);
      const span = levelSpans[level - firstLevel];
      const start = (rest - level * LEVEL_STRIDE) * span;
      return start < endVa && start + span > startVa;
    });
  }

  /** Removes everything tagged with an ASID, partial walks included. */
  invalidateAsid(asid: number): number {
    let removed = 0;
    for (const array of this.#version.store.arrays) removed += array.removeAll((key) => asidOfKey(key) === asid);
    return removed;
  }

  /** Removes everything. */
  invalidateAll(): number {
    let removed = 0;
    for (const array of this.#version.store.arrays) removed += array.removeAll(() => true);
    return removed;
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

  /** The form of checkpoints. */
  toPacked(): TlbPacked {
    const { walk } = this;
    return {
      l1i: packArray(this.l1i),
      l1d: packArray(this.l1d),
      l2: packArray(this.l2),
      walk: walk === null ? 'none' : walk === this.l2 ? 'in-l2' : packArray(walk),
    };
  }

  /** The TLB that `toPlain` or `toPacked` described. */
  static fromPlain({ l1i, l1d, l2, walk }: TlbPlain | TlbPacked): Tlb {
    const store = new TlbStore({ l1i, l1d, l2, walkCache: walk });
    const forms = [l1i, l1d, l2, walk];
    for (const [at, array] of store.arrays.entries()) {
      const form = forms[at];
      if (typeof form === 'string') continue;
      if ('sets' in form) array.fill(form);
      else unpackArray(array, form);
    }
    store.journal.forget();
    return new Tlb(new Version(store));
  }
}
