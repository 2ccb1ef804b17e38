/** The search for free room between areas, by the widest gaps that the nodes of the tree know. */
import { firstEndingAfter, type VmaTree } from './vmaTree.ts';

/** No address space is larger: 52 bits. */
export const END_OF_ADDRESSES: number = 2 ** 52;

/**
 * What is looked for in a gap: room of `lengthBytes` (with `alignBytes` a power of two) inside [lowVa, highVa).
 *
 * @example
 * ```ts
 * const wish: GapWish = { lengthBytes: 65536, alignBytes: 65536, lowVa: 65536, highVa: 2 ** 40, topDown: true };
 * ```
 */
export interface GapWish {
  lengthBytes: number;
  alignBytes: number;
  lowVa: number;
  highVa: number;
  /** True: the highest address that fits; false: the lowest. */
  topDown: boolean;
}

/** The address in one free stretch [from, to), or -1. */
function placeIn(from: number, to: number, wish: GapWish): number {
  const low = Math.max(from, wish.lowVa);
  const high = Math.min(to, wish.highVa);
  const place = wish.topDown
    ? Math.floor((high - wish.lengthBytes) / wish.alignBytes) * wish.alignBytes
    : Math.ceil(low / wish.alignBytes) * wish.alignBytes;
  return place >= low && place + wish.lengthBytes <= high ? place : -1;
}

/**
 * The best address for the wish in the free room between `from` and `to`, where `tree` holds the areas in between, or -1.
 *
 * @example
 * ```ts
 * const wish: GapWish = { lengthBytes: 4096, alignBytes: 4096, lowVa: 0, highVa: 65536, topDown: true };
 * findGapIn(null, 0, 65536, wish); // 61440
 * ```
 */
export function findGapIn(tree: VmaTree, from: number, to: number, wish: GapWish): number {
  if (Math.min(to, wish.highVa) - Math.max(from, wish.lowVa) < wish.lengthBytes) return -1;
  if (tree === null) return placeIn(from, to, wish);
  const widest = Math.max(tree.widestGapBytes, tree.firstStartVa - from, to - tree.lastEndVa);
  if (widest < wish.lengthBytes) return -1;
  if (wish.topDown) {
    const above = findGapIn(tree.right, tree.vma.endVa, to, wish);
    return above >= 0 ? above : findGapIn(tree.left, from, tree.vma.startVa, wish);
  }
  const below = findGapIn(tree.left, from, tree.vma.startVa, wish);
  return below >= 0 ? below : findGapIn(tree.right, tree.vma.endVa, to, wish);
}

/** A wish that keeps a guard below areas that may grow down, aligned to pages and top-down unless it says otherwise. */
export type GuardedGapWish = Pick<GapWish, 'lengthBytes' | 'lowVa' | 'highVa'> &
  Partial<GapWish> & {
    /** Kept free below every area that has one of `guardedFlags` (`stack_guard_gap`, in `vm_start_gap`); 0 for none. */
    guardBytes?: number;
    /** VM.GROWSDOWN. */
    guardedFlags?: number;
  };

/**
 * The best address for a wish between the areas of a tree, or -1, with the guard below stacks kept free.
 *
 * @example
 * ```ts
 * const stack = { startVa: 0x8000, endVa: 0x9000, prot: 3, flags: VM.GROWSDOWN, file: null, offsetBytes: 0 };
 * const wish = { lengthBytes: 4096, alignBytes: 4096, lowVa: 0, highVa: 0x8000, topDown: true };
 * findGuardedGap(treeOf([stack]), { ...wish, guardBytes: 0x4000, guardedFlags: VM.GROWSDOWN }); // 12288
 * ```
 */
export function findGuardedGap(tree: VmaTree, wish: GapWish & GuardedGapWish): number {
  const { guardBytes = 0, guardedFlags = 0, ...search } = wish;
  for (;;) {
    const va = findGapIn(tree, 0, END_OF_ADDRESSES, search);
    if (va < 0) return -1;
    const next = firstEndingAfter(tree, va);
    const isGuarded = next !== null && (next.flags & guardedFlags) !== 0;
    if (!isGuarded || va + wish.lengthBytes <= next.startVa - guardBytes) return va;
    // Too close below a stack: go on below its guard, or above its end.
    if (search.topDown) search.highVa = next.startVa - guardBytes;
    else search.lowVa = next.endVa;
  }
}
