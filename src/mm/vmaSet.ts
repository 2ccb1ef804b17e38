/**
 * The virtual memory areas of one address space: sorted, never overlapping, aligned to the page size of the set, and
 * merged as Linux merges them. Every change gives a new set and shares all but a few nodes with the old one.
 */
import { pageShift } from '../arch/granule.ts';
import { invariant } from '../errors.ts';
import { canMerge, clipVma, formatMapsLine, mergeNeighbours, type Vma } from './vma.ts';
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
  vmas: Vma[];
}

/** The last area of a tree, taken out. */
function takeLast(tree: VmaTree): { rest: VmaTree; last: Vma | null } {
  if (tree === null) return { rest: null, last: null };
  let node = tree;
  while (node.right !== null) node = node.right;
  return { rest: splitTree(tree, node.vma.startVa).before, last: node.vma };
}

/** The first area of a tree, taken out. */
function takeFirst(tree: VmaTree): { first: Vma | null; rest: VmaTree } {
  const first = firstEndingAfter(tree, -1);
  return first === null ? { first, rest: null } : { first, rest: splitTree(tree, first.startVa + 1).after };
}

/**
 * A persistent set of VMAs. Page size in bytes; every bound of every area is a multiple of it.
 *
 * @throws GranuleError INVARIANT for a range that is empty or not aligned to the page size of the set
 * @example
 * ```ts
 * const anon = { prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const one = VmaSet.empty(4096).map({ startVa: 0x10000, endVa: 0x20000, ...anon });
 * const two = one.map({ startVa: 0x20000, endVa: 0x30000, ...anon });
 * two.count; // 1
 * two.unmap(0x18000, 0x19000).set.count; // 2
 * ```
 */
export class VmaSet {
  readonly pageBytes: number;
  private readonly tree: VmaTree;

  constructor(pageBytes: number, tree: VmaTree) {
    this.pageBytes = pageBytes;
    this.tree = tree;
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
    return new VmaSet(plain.pageBytes, treeOf(plain.vmas));
  }

  toPlain(): VmaSetPlain {
    return { pageBytes: this.pageBytes, vmas: this.list() };
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

  /** Maps an area over whatever was there, and merges it with neighbours that suit (`mmap_region`). */
  map(vma: Vma): VmaSet {
    const { before, after } = this.cut(vma.startVa, vma.endVa);
    return this.assemble(before, [vma], after);
  }

  /** Takes [startVa, endVa) out, splitting areas at the borders; `removed` holds the parts taken, clipped. */
  unmap(startVa: number, endVa: number): { set: VmaSet; removed: Vma[] } {
    const { before, inside, after } = this.cut(startVa, endVa);
    if (inside.length === 0) return { set: this, removed: [] };
    return { set: new VmaSet(this.pageBytes, concatTrees(before, after)), removed: inside };
  }

  /**
   * Replaces every part of an area inside [startVa, endVa) by what `alter` makes of it: split, alter, merge, as
   * mprotect, madvise and mlock do (`vma_modify_flags`). Holes stay holes; ask `covered` first where they are errors.
   */
  change(startVa: number, endVa: number, alter: (vma: Vma) => Vma): VmaSet {
    const { before, inside, after } = this.cut(startVa, endVa);
    const altered = inside.map((part) => {
      const vma = alter(part);
      invariant(vma.startVa === part.startVa && vma.endVa === part.endVa, 'an alteration leaves the bounds alone');
      return vma;
    });
    return this.assemble(before, altered, after);
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

  /** One set of three parts, merged at the seams and in the middle. */
  private assemble(before: VmaTree, middle: readonly Vma[], after: VmaTree): VmaSet {
    const merged = mergeNeighbours(middle);
    let left = before;
    let right = after;
    if (merged.length > 0) {
      const { rest, last } = takeLast(before);
      if (last !== null && canMerge(last, merged[0])) {
        merged[0] = { ...last, endVa: merged[0].endVa };
        left = rest;
      }
      const { first, rest: tail } = takeFirst(after);
      const end = merged.length - 1;
      if (first !== null && canMerge(merged[end], first)) {
        merged[end] = { ...merged[end], endVa: first.endVa };
        right = tail;
      }
    }
    return new VmaSet(this.pageBytes, concatTrees(concatTrees(left, treeOf(merged)), right));
  }
}
