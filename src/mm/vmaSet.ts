/**
 * The virtual memory areas of one address space: sorted, never overlapping, aligned to the page size of the set, and
 * merged as Linux merges them. Every change gives a new set and shares all but a few nodes with the old one.
 */
import { pageShift } from '../arch/granule.ts';
import { invariant } from '../errors.ts';
import { clipVma, formatMapsLine, type Vma } from './vma.ts';
import { anonVmaCompatible, mergeExisting, mergeNew, type Neighbours } from './vmaMerge.ts';
import {
  concatTrees,
  findGapIn,
  firstEndingAfter,
  type GapWish,
  splitTree,
  treeOf,
  type VmaTree,
  visitOverlapping,
} from './vmaTree.ts';

/** No address space is larger: 52 bits. */
const END_OF_ADDRESSES = 2 ** 52;

/**
 * A VMA set as plain data: the areas in ascending order.
 *
 * @example
 * ```ts
 * const plain: VmaSetPlain = { pageBytes: 4096, vmas: [] };
 * VmaSet.fromPlain(plain).count; // 0
 * ```
 */
export interface VmaSetPlain {
  pageBytes: number;
  /** The highest `anon_vma` given out so far; absent for none. */
  anonVmas?: number;
  vmas: Vma[];
}

/**
 * A persistent set of VMAs. Page size in bytes; every bound of every area is a multiple of it.
 *
 * @throws GranuleError INVARIANT for a range that is empty or not aligned to the page size of the set
 * @example
 * ```ts
 * const anon = { prot: 3, flags: 0, file: null };
 * const one = VmaSet.empty(4096).map({ startVa: 0x10000, endVa: 0x20000, offsetBytes: 0x10000, ...anon });
 * const two = one.map({ startVa: 0x20000, endVa: 0x30000, offsetBytes: 0x20000, ...anon });
 * two.count; // 1
 * two.remove(0x18000, 0x19000).set.count; // 2
 * ```
 */
export class VmaSet {
  readonly pageBytes: number;
  /** The highest `anon_vma` given out so far. */
  readonly anonVmas: number;
  private readonly tree: VmaTree;

  constructor(pageBytes: number, tree: VmaTree, anonVmas = 0) {
    this.pageBytes = pageBytes;
    this.tree = tree;
    this.anonVmas = anonVmas;
  }

  static empty(pageBytes: number): VmaSet {
    return new VmaSet(2 ** pageShift(pageBytes), null);
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: VmaSetPlain): VmaSet {
    const set = VmaSet.empty(plain.pageBytes);
    let end = 0;
    for (const vma of plain.vmas) {
      set.checkRange(vma.startVa, vma.endVa);
      invariant(vma.startVa >= end, 'areas are sorted and do not overlap');
      end = vma.endVa;
    }
    return new VmaSet(plain.pageBytes, treeOf(plain.vmas), plain.anonVmas ?? 0);
  }

  toPlain(): VmaSetPlain {
    return { pageBytes: this.pageBytes, anonVmas: this.anonVmas, vmas: this.list() };
  }

  /** Number of areas (`map_count`). */
  get count(): number {
    return this.tree?.count ?? 0;
  }

  /** Sum of all lengths (`total_vm` in bytes). */
  get totalBytes(): number {
    return this.tree?.totalBytes ?? 0;
  }

  /** The area that holds `va`, or null. */
  find(va: number): Vma | null {
    const vma = firstEndingAfter(this.tree, va);
    return vma !== null && vma.startVa <= va ? vma : null;
  }

  /** The first area that ends after `va`, or null: the one that holds it, else the next (`find_vma`). */
  atOrAfter(va: number): Vma | null {
    return firstEndingAfter(this.tree, va);
  }

  /** The last area that ends at or before `va`, or null. */
  endingBefore(va: number): Vma | null {
    let best: Vma | null = null;
    for (let node = this.tree; node !== null; ) {
      if (node.vma.endVa <= va) {
        best = node.vma;
        node = node.right;
      } else node = node.left;
    }
    return best;
  }

  /** The areas that overlap [startVa, endVa), ascending, whole. */
  overlapping(startVa: number, endVa: number): Vma[] {
    const found: Vma[] = [];
    visitOverlapping(this.tree, startVa, endVa, (vma) => {
      found.push(vma);
    });
    return found;
  }

  /** Whether every byte of [startVa, endVa) is mapped. */
  covered(startVa: number, endVa: number): boolean {
    let at = startVa;
    visitOverlapping(this.tree, startVa, endVa, (vma) => {
      if (vma.startVa > at) return false;
      at = vma.endVa;
      return true;
    });
    return at >= endVa;
  }

  /** All areas, ascending. */
  list(): Vma[] {
    return this.overlapping(0, END_OF_ADDRESSES);
  }

  /** The lines of /proc/PID/maps. */
  formatMaps(): string[] {
    return this.list().map(formatMapsLine);
  }

  /**
   * Puts an area into free space and merges it with its neighbours (`vma_merge_new_range`, `vma_link`); with
   * `expandOnly` with the one before it alone, as brk does (`VMG_FLAG_JUST_EXPAND`).
   */
  insert(vma: Vma, expandOnly = false): VmaSet {
    this.checkRange(vma.startVa, vma.endVa);
    invariant(this.overlapping(vma.startVa, vma.endVa).length === 0, 'an area goes into free space');
    const touching = this.neighbours(vma.startVa, vma.endVa);
    const neighbours = expandOnly ? { ...touching, next: null } : touching;
    return this.put(mergeNew(vma, neighbours), neighbours);
  }

  /** Whatever is in the way goes, then `insert`: mmap with MAP_FIXED. */
  map(vma: Vma): VmaSet {
    return this.remove(vma.startVa, vma.endVa).set.insert(vma);
  }

  /** Takes a range out, splitting areas at its ends (`do_vmi_align_munmap`); `removed` is clipped to it. */
  remove(startVa: number, endVa: number): { set: VmaSet; removed: Vma[] } {
    const { before, inside, after } = this.cut(startVa, endVa);
    if (inside.length === 0) return { set: this, removed: [] };
    return { set: this.with(concatTrees(before, after)), removed: inside };
  }

  /**
   * Changes a range that lies in one area: merges it with the neighbours of the area, or splits the area (`vma_modify`).
   * `vma` is the area that then holds the start of the range. Call it only where something changes, as Linux does.
   */
  modify(startVa: number, endVa: number, change: (part: Vma) => Vma): { set: VmaSet; vma: Vma } {
    this.checkRange(startVa, endVa);
    const vma = this.find(startVa);
    invariant(vma !== null && endVa <= vma.endVa, 'a range that is modified lies in one area');
    const part = change(clipVma(vma, startVa, endVa));
    const { prev, next } = this.neighbours(vma.startVa, vma.endVa);
    const merged = mergeExisting(vma, part, { prev, next });
    const set = merged === null ? this.splitAround(vma, part) : this.replace({ prev, next }, merged);
    const now = set.find(startVa);
    invariant(now !== null, 'what was modified is there');
    return { set, vma: now };
  }

  /** Changes a range of one area and merges nothing (`split_vma`, `vm_flags_reset`). */
  alter(startVa: number, endVa: number, change: (part: Vma) => Vma): VmaSet {
    this.checkRange(startVa, endVa);
    const vma = this.find(startVa);
    invariant(vma !== null && endVa <= vma.endVa, 'a range that is altered lies in one area');
    return this.splitAround(vma, change(clipVma(vma, startVa, endVa)));
  }

  /**
   * The area for memory that moves or is mapped a second time (`copy_vma`): untouched anonymous memory takes the offset
   * of its new place, so that it can merge there.
   */
  copyTo(vma: Vma, fromVa: number, toVa: number, lengthBytes: number, keepsSource: boolean): VmaSet {
    const moved = vma.file === null && (vma.anonVma ?? 0) === 0;
    const offsetBytes = moved ? toVa : vma.offsetBytes + (fromVa - vma.startVa);
    const range = { ...vma, startVa: toVa, endVa: toVa + lengthBytes, offsetBytes };
    if (!moved || !keepsSource) return this.insert(range);
    // The source stays an area of its own.
    const { prev, next } = this.neighbours(range.startVa, range.endVa);
    const others = {
      prev: prev?.startVa === vma.startVa ? null : prev,
      next: next?.startVa === vma.startVa ? null : next,
    };
    return this.put(mergeNew(range, others), others);
  }

  /** Lengthens an area into the free space behind it (`vma_merge_extend`). */
  extend(vma: Vma, endVa: number): VmaSet {
    const offsetBytes = vma.offsetBytes + (vma.endVa - vma.startVa);
    return this.insert({ ...vma, startVa: vma.endVa, endVa, offsetBytes });
  }

  /** Lengthens a stack downwards (`expand_downwards`); nothing merges. */
  growDown(vma: Vma, startVa: number): VmaSet {
    this.checkRange(startVa, vma.startVa);
    const offsetBytes = vma.offsetBytes - (vma.startVa - startVa);
    return this.replace({ prev: null, next: vma }, [{ ...vma, startVa, offsetBytes }]);
  }

  /** The first private write in an area: its `anon_vma`, a neighbour's where that serves (`__anon_vma_prepare`). */
  prepareAnonVma(va: number): VmaSet {
    const vma = this.find(va);
    invariant(vma !== null, 'a fault lies in an area');
    if ((vma.anonVma ?? 0) !== 0) return this;
    const { prev, next } = this.neighbours(vma.startVa, vma.endVa);
    const reusable = (old: Vma, a: Vma, b: Vma): number =>
      anonVmaCompatible(a, b) && old.anonChain === 1 ? (old.anonVma ?? 0) : 0;
    const found = (next === null ? 0 : reusable(next, vma, next)) || (prev === null ? 0 : reusable(prev, prev, vma));
    const anonVma = found || this.anonVmas + 1;
    const set = this.replace({ prev: null, next: vma }, [{ ...vma, anonVma, anonChain: 1 }]);
    return new VmaSet(this.pageBytes, set.tree, Math.max(this.anonVmas, anonVma));
  }

  /** The areas of a child (`anon_vma_fork`): touched memory gets an `anon_vma` of its own at the end of a longer chain. */
  forked(): VmaSet {
    const areas = this.list();
    let anonVmas = areas.reduce((most, vma) => Math.max(most, vma.anonVma ?? 0), this.anonVmas);
    const vmas = areas.map((vma) => {
      if ((vma.anonVma ?? 0) === 0) return vma;
      return { ...vma, anonVma: ++anonVmas, anonChain: (vma.anonChain ?? 0) + 1 };
    });
    return new VmaSet(this.pageBytes, treeOf(vmas), anonVmas);
  }

  /**
   * An address for a new mapping of `lengthBytes` within [lowVa, highVa), aligned, or null: the highest when `topDown`,
   * else the lowest. `guardBytes` is kept free below every area that may grow down (`stack_guard_gap`, in
   * `vm_start_gap`). A gap that is exactly wide enough is taken, where Linux asks for `align_mask` bytes more
   * [mm/mmap.c:vm_unmapped_area].
   */
  findGap(wish: {
    lengthBytes: number;
    lowVa: number;
    highVa: number;
    alignBytes?: number;
    topDown?: boolean;
    guardBytes?: number;
    /** Flag bits of the areas that keep a guard; VM.GROWSDOWN. */
    guardedFlags?: number;
  }): number | null {
    const { alignBytes = this.pageBytes, topDown = true, guardBytes = 0, guardedFlags = 0 } = wish;
    invariant(wish.lengthBytes > 0 && alignBytes % this.pageBytes === 0, 'a gap is whole pages long and aligned');
    const search: GapWish = {
      lengthBytes: wish.lengthBytes,
      lowVa: wish.lowVa,
      highVa: wish.highVa,
      alignBytes,
      topDown,
    };
    for (;;) {
      const va = findGapIn(this.tree, 0, END_OF_ADDRESSES, search);
      if (va < 0) return null;
      const next = firstEndingAfter(this.tree, va);
      const isGuarded = next !== null && (next.flags & guardedFlags) !== 0;
      if (!isGuarded || va + wish.lengthBytes <= next.startVa - guardBytes) return va;
      // Too close below a stack: go on below its guard, or above its end.
      if (topDown) search.highVa = next.startVa - guardBytes;
      else search.lowVa = next.endVa;
    }
  }

  private checkRange(startVa: number, endVa: number): void {
    invariant(
      startVa >= 0 && startVa < endVa && startVa % this.pageBytes === 0 && endVa % this.pageBytes === 0,
      'a range of addresses is not empty and lies on page borders',
    );
  }

  /** What lies before, inside (clipped) and after a range, with the areas across its borders split. */
  private cut(startVa: number, endVa: number): { before: VmaTree; inside: Vma[]; after: VmaTree } {
    this.checkRange(startVa, endVa);
    const whole = this.overlapping(startVa, endVa);
    if (whole.length === 0) return { ...splitTree(this.tree, startVa), inside: [] };
    const first = whole[0];
    const last = whole[whole.length - 1];
    let { before } = splitTree(this.tree, first.startVa);
    let { after } = splitTree(this.tree, last.startVa + 1);
    if (first.startVa < startVa) before = concatTrees(before, treeOf([clipVma(first, 0, startVa)]));
    if (last.endVa > endVa) after = concatTrees(treeOf([clipVma(last, endVa, END_OF_ADDRESSES)]), after);
    return { before, inside: whole.map((vma) => clipVma(vma, startVa, endVa)), after };
  }

  private with(tree: VmaTree): VmaSet {
    return new VmaSet(this.pageBytes, tree, this.anonVmas);
  }

  /** The areas that touch a range from outside. */
  private neighbours(startVa: number, endVa: number): Neighbours {
    return { prev: startVa === 0 ? null : this.find(startVa - 1), next: this.find(endVa) };
  }

  /** Replaces the neighbours that a new area has merged with by it. */
  private put(vma: Vma, { prev, next }: Neighbours): VmaSet {
    const gone = { prev: prev?.startVa === vma.startVa ? prev : null, next: next?.endVa === vma.endVa ? next : null };
    return this.replace(gone, [vma]);
  }

  private splitAround(vma: Vma, part: Vma): VmaSet {
    const parts = [part];
    if (vma.startVa < part.startVa) parts.unshift(clipVma(vma, vma.startVa, part.startVa));
    if (part.endVa < vma.endVa) parts.push(clipVma(vma, part.endVa, vma.endVa));
    return this.replace({ prev: null, next: vma }, parts);
  }

  /** The set with these areas in the place of whatever they cover and of the neighbours named. */
  private replace({ prev, next }: Neighbours, vmas: readonly Vma[]): VmaSet {
    const first = vmas[0];
    const last = vmas[vmas.length - 1];
    const startVa = Math.min(first.startVa, prev?.startVa ?? first.startVa, next?.startVa ?? first.startVa);
    const endVa = Math.max(last.endVa, prev?.endVa ?? 0, next?.endVa ?? 0);
    const { before } = splitTree(this.tree, startVa);
    const { after } = splitTree(this.tree, endVa);
    return this.with(concatTrees(concatTrees(before, treeOf(vmas)), after));
  }
}
