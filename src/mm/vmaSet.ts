/**
 * The virtual memory areas of one address space: sorted, never overlapping, aligned to the page size of the set, and
 * split and merged when Linux does it (mm/vma.c). Every change gives a new set that
 * shares all but a few nodes with the old one.
 */
import { pageShift } from '../arch/granule.ts';
import { invariant } from '../errors.ts';
import { clipVma, formatMapsLine, VM, type Vma } from './vma.ts';
import { END_OF_ADDRESSES, findGuardedGap, type GuardedGapWish } from './vmaGap.ts';
import { findMergeableAnonVma, mergeExistingRange, mergeNewRange, type Neighbours } from './vmaMerge.ts';
import {
  concatTrees,
  firstEndingAfter,
  putInto,
  splitTree,
  treeOf,
  type VmaTree,
  visitOverlapping,
} from './vmaTree.ts';

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
 * const anon = { prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const one = VmaSet.empty(4096).insert({ startVa: 0x10000, endVa: 0x20000, ...anon });
 * const two = one.insert({ startVa: 0x20000, endVa: 0x30000, ...anon });
 * two.count; // 1
 * two.remove(0x18000, 0x19000).set.count; // 2
 * ```
 */
export class VmaSet {
  readonly pageBytes: number;
  /** The highest `anon_vma` given out so far. */
  readonly anonVmas: number;
  private readonly tree: VmaTree;
  #files: ReadonlySet<string> | null = null;

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
    const vmas = plain.vmas.map((vma) => ({ ...vma, anonVma: vma.anonVma ?? 0 }));
    return new VmaSet(
      plain.pageBytes,
      treeOf(vmas),
      vmas.reduce((most, { anonVma }) => Math.max(most, anonVma), plain.anonVmas ?? 0),
    );
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

  /** The paths of the files that are mapped, in no order; looked for once, since every call that changes the areas asks twice. */
  get files(): ReadonlySet<string> {
    if (this.#files !== null) return this.#files;
    const files = new Set<string>();
    let last: string | null = null;
    visitOverlapping(this.tree, 0, END_OF_ADDRESSES, ({ file }) => {
      if (file !== null && file !== last) files.add(file);
      last = file;
    });
    this.#files = files;
    return files;
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
   * Puts an area into free space, alone or merged with what it touches (`vma_merge_new_range`, `vma_link`). Private
   * anonymous memory that has not been written gets its address as offset, whatever `vma` says (`do_mmap`,
   * `do_brk_flags`). `justExpand` merges with what lies before only, as brk does.
   */
  insert(vma: Vma, justExpand = false): VmaSet {
    const anonVma = vma.anonVma ?? 0;
    const isFresh = vma.file === null && (vma.flags & VM.SHARED) === 0 && anonVma === 0;
    const offsetBytes = isFresh ? vma.startVa : vma.offsetBytes;
    const isWhole = vma.anonVma === anonVma && vma.offsetBytes === offsetBytes;
    return this.place(isWhole ? vma : { ...vma, anonVma, offsetBytes }, null, justExpand);
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
   * `vma` is the area that then holds the start of the range. Call it only where Linux would: where nothing changes,
   * mprotect, madvise and mlock leave areas as they are, while mbind of the same policy and this merge what can merge.
   */
  modify(startVa: number, endVa: number, change: (part: Vma) => Vma): { set: VmaSet; vma: Vma } {
    this.checkRange(startVa, endVa);
    const vma = this.find(startVa);
    invariant(vma !== null && endVa <= vma.endVa, 'a range that is modified lies in one area');
    const part = change(clipVma(vma, startVa, endVa));
    invariant(part.startVa === startVa && part.endVa === endVa, 'a change of an area leaves its bounds alone');
    const neighbours = this.neighbours(vma.startVa, vma.endVa);
    const merged = mergeExistingRange(neighbours, vma, part);
    const set = merged === null ? this.splitAround(vma, part) : this.replace(merged);
    return { set, vma: set.find(startVa) as Vma };
  }

  /** Splits the area that `va` lies inside of, and merges nothing (`split_vma`). */
  split(va: number): VmaSet {
    const vma = this.find(va);
    if (vma === null || vma.startVa === va) return this;
    this.checkRange(vma.startVa, va);
    return this.replace([clipVma(vma, vma.startVa, va), clipVma(vma, va, vma.endVa)]);
  }

  /**
   * The area for memory of `vma` from `fromVa` on that moves, or is mapped a second time (`copy_vma`): anonymous memory
   * that has not been written takes the offset of its new place, so that it can merge there, with its source as well
   * unless MREMAP_DONTUNMAP keeps that.
   */
  copyTo(vma: Vma, fromVa: number, toVa: number, lengthBytes: number, keepsSource: boolean): VmaSet {
    const isFresh = vma.file === null && (vma.anonVma ?? 0) === 0;
    const offsetBytes = isFresh ? toVa : vma.offsetBytes + (fromVa - vma.startVa);
    // Without UFFD_FEATURE_EVENT_REMAP what moves is watched no more (`mremap_userfaultfd_prep`).
    const { uffd: _, ...unwatched } = vma;
    const range = { ...unwatched, startVa: toVa, endVa: toVa + lengthBytes, offsetBytes };
    return this.place(range, isFresh && keepsSource ? vma : null);
  }

  /**
   * What MREMAP_DONTUNMAP leaves at the old place once its pages have moved: unlocked, and as if never written where it
   * is a whole area (`move_vma`). A locked area is to be `split` at both ends before it is copied.
   */
  vacate(startVa: number, endVa: number): VmaSet {
    const vma = this.find(startVa);
    invariant(vma !== null && endVa <= vma.endVa, 'memory that moves lies in one area');
    const flags = (vma.flags & ~(VM.LOCKED | VM.LOCKONFAULT)) >>> 0;
    if (vma.startVa !== startVa || vma.endVa !== endVa)
      return flags === vma.flags ? this : this.replace([{ ...vma, flags }]);
    const { anonChain: _, ...rest } = vma;
    return this.replace([{ ...rest, flags, anonVma: 0, offsetBytes: vma.file === null ? startVa : vma.offsetBytes }]);
  }

  /** Lengthens an area into the free space behind it, and merges it with what it then touches (`vma_merge_extend`). */
  extend(vma: Vma, endVa: number): VmaSet {
    const offsetBytes = vma.offsetBytes + (vma.endVa - vma.startVa);
    return this.place({ ...vma, startVa: vma.endVa, endVa, offsetBytes });
  }

  /** Lengthens a stack downwards; nothing merges, even where it now touches another (`expand_downwards`). */
  growDown(vma: Vma, startVa: number): VmaSet {
    this.checkRange(startVa, vma.startVa);
    return this.replace([{ ...vma, startVa, offsetBytes: vma.offsetBytes - (vma.startVa - startVa) }]);
  }

  /** The first private page of an area: its `anon_vma`, a neighbour's where that serves (`__anon_vma_prepare`). */
  prepareAnonVma(va: number): VmaSet {
    const vma = this.find(va);
    invariant(vma !== null, 'a fault lies in an area');
    if ((vma.anonVma ?? 0) !== 0) return this;
    const anonVma = findMergeableAnonVma(this.neighbours(vma.startVa, vma.endVa), vma) || this.anonVmas + 1;
    const set = this.replace([{ ...vma, anonVma, anonChain: 1 }]);
    return new VmaSet(this.pageBytes, set.tree, Math.max(this.anonVmas, anonVma));
  }

  /**
   * The areas of a child (`dup_mmap`): unlocked, without those of MADV_DONTFORK. Written memory gets an `anon_vma` of its
   * own at the end of a longer chain (`anon_vma_fork`), that of MADV_WIPEONFORK none.
   */
  forked(): VmaSet {
    let { anonVmas } = this;
    const vmas = this.list().flatMap((vma) => {
      if ((vma.flags & VM.DONTCOPY) !== 0) return [];
      // The child's memory is nobody's to watch, as without UFFD_FEATURE_EVENT_FORK (`dup_userfaultfd`).
      const { anonChain, uffd: _, ...rest } = vma;
      const child = { ...rest, flags: (vma.flags & ~(VM.LOCKED | VM.LOCKONFAULT)) >>> 0, anonVma: 0 };
      if ((vma.anonVma ?? 0) === 0 || (vma.flags & VM.WIPEONFORK) !== 0) return [child];
      return [{ ...child, anonVma: ++anonVmas, anonChain: (anonChain ?? 0) + 1 }];
    });
    return new VmaSet(this.pageBytes, treeOf(vmas), anonVmas);
  }

  /** An address for a new mapping, or null (`vm_unmapped_area`). */
  findGap(wish: GuardedGapWish): number | null {
    invariant(wish.lengthBytes > 0 && wish.lengthBytes % this.pageBytes === 0, 'a gap is whole pages long');
    const va = findGuardedGap(this.tree, { alignBytes: this.pageBytes, topDown: true, ...wish });
    return va < 0 ? null : va;
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

  /** Puts a range into free space, merged with its neighbours unless one of them is `source`. */
  private place(range: Vma, source: Vma | null = null, justExpand = false): VmaSet {
    this.checkRange(range.startVa, range.endVa);
    const above = this.atOrAfter(range.startVa);
    invariant(above === null || above.startVa >= range.endVa, 'an area goes into free space');
    const { prev, next } = this.neighbours(range.startVa, range.endVa);
    const isSource = (vma: Vma | null): boolean => source !== null && vma?.startVa === source.startVa;
    const others = { prev: isSource(prev) ? null : prev, next: isSource(next) ? null : next };
    return this.replace([mergeNewRange(others, range, justExpand)]);
  }

  private splitAround(vma: Vma, part: Vma): VmaSet {
    const parts = [part];
    if (vma.startVa < part.startVa) parts.unshift(clipVma(vma, vma.startVa, part.startVa));
    if (part.endVa < vma.endVa) parts.push(clipVma(vma, part.endVa, vma.endVa));
    return this.replace(parts);
  }

  /** The set with these areas, which follow each other, in the place of all that they cover. */
  private replace(vmas: readonly Vma[]): VmaSet {
    return this.with(putInto(this.tree, vmas));
  }
}
