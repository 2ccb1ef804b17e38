/**
 * The tree below a VMA set: a persistent height-balanced tree in address order, where each node knows the widest gap
 * between the areas below it, so that a search for free room skips whole subtrees, as Linux's maple tree does.
 */
import type { Vma } from './vma.ts';

/**
 * A node, or null for an empty tree.
 *
 * @example
 * ```ts
 * const tree: VmaTree = null;
 * ```
 */
export type VmaTree = VmaNode | null;

/**
 * An area with what is below it; the sums cover the whole subtree.
 *
 * @example
 * ```ts
 * const vma: Vma = { startVa: 0, endVa: 4096, prot: 1, flags: 0, file: null, offsetBytes: 0 };
 * const node: VmaNode = joinTrees(null, vma, null);
 * node.totalBytes; // 4096
 * ```
 */
export interface VmaNode {
  readonly vma: Vma;
  readonly left: VmaTree;
  readonly right: VmaTree;
  readonly height: number;
  readonly count: number;
  readonly totalBytes: number;
  readonly firstStartVa: number;
  readonly lastEndVa: number;
  /** Widest gap between two neighbouring areas of the subtree. */
  readonly widestGapBytes: number;
}

function makeNode(left: VmaTree, vma: Vma, right: VmaTree): VmaNode {
  return {
    vma,
    left,
    right,
    height: 1 + Math.max(left?.height ?? 0, right?.height ?? 0),
    count: 1 + (left?.count ?? 0) + (right?.count ?? 0),
    totalBytes: vma.endVa - vma.startVa + (left?.totalBytes ?? 0) + (right?.totalBytes ?? 0),
    firstStartVa: left?.firstStartVa ?? vma.startVa,
    lastEndVa: right?.lastEndVa ?? vma.endVa,
    widestGapBytes: Math.max(
      left === null ? 0 : Math.max(left.widestGapBytes, vma.startVa - left.lastEndVa),
      right === null ? 0 : Math.max(right.widestGapBytes, right.firstStartVa - vma.endVa),
    ),
  };
}

/** A node whose subtrees differ in height by at most two, balanced to differ by at most one. */
function balance(left: VmaTree, vma: Vma, right: VmaTree): VmaNode {
  if (left !== null && left.height > (right?.height ?? 0) + 1) {
    if ((left.left?.height ?? 0) >= (left.right?.height ?? 0) || left.right === null) {
      return makeNode(left.left, left.vma, makeNode(left.right, vma, right));
    }
    const { left: inner, vma: top, right: outer } = left.right;
    return makeNode(makeNode(left.left, left.vma, inner), top, makeNode(outer, vma, right));
  }
  if (right !== null && right.height > (left?.height ?? 0) + 1) {
    if ((right.right?.height ?? 0) >= (right.left?.height ?? 0) || right.left === null) {
      return makeNode(makeNode(left, vma, right.left), right.vma, right.right);
    }
    const { left: inner, vma: top, right: outer } = right.left;
    return makeNode(makeNode(left, vma, inner), top, makeNode(outer, right.vma, right.right));
  }
  return makeNode(left, vma, right);
}

/**
 * One tree of two and the area between them, in time proportional to the difference of their heights.
 *
 * @example
 * ```ts
 * joinTrees(null, { startVa: 0, endVa: 4096, prot: 1, flags: 0, file: null, offsetBytes: 0 }, null).count; // 1
 * ```
 */
export function joinTrees(left: VmaTree, vma: Vma, right: VmaTree): VmaNode {
  if (left !== null && left.height > (right?.height ?? 0) + 1) {
    return balance(left.left, left.vma, joinTrees(left.right, vma, right));
  }
  if (right !== null && right.height > (left?.height ?? 0) + 1) {
    return balance(joinTrees(left, vma, right.left), right.vma, right.right);
  }
  return makeNode(left, vma, right);
}

/**
 * The areas that start before `va` and the rest, as two trees.
 *
 * @example
 * ```ts
 * const tree = treeOf([{ startVa: 0, endVa: 4096, prot: 1, flags: 0, file: null, offsetBytes: 0 }]);
 * splitTree(tree, 4096).before?.count; // 1
 * ```
 */
export function splitTree(tree: VmaTree, va: number): { before: VmaTree; after: VmaTree } {
  if (tree === null) return { before: null, after: null };
  if (tree.vma.startVa < va) {
    const { before, after } = splitTree(tree.right, va);
    return { before: joinTrees(tree.left, tree.vma, before), after };
  }
  const { before, after } = splitTree(tree.left, va);
  return { before, after: joinTrees(after, tree.vma, tree.right) };
}

/**
 * A tree of an ascending list of areas that do not overlap.
 *
 * @example
 * ```ts
 * treeOf([]); // null
 * ```
 */
export function treeOf(vmas: readonly Vma[], from = 0, to = vmas.length): VmaTree {
  if (from >= to) return null;
  const middle = (from + to) >> 1;
  return makeNode(treeOf(vmas, from, middle), vmas[middle], treeOf(vmas, middle + 1, to));
}

/**
 * One tree of two where all of `left` lies before all of `right`.
 *
 * @example
 * ```ts
 * concatTrees(null, null); // null
 * ```
 */
export function concatTrees(left: VmaTree, right: VmaTree): VmaTree {
  if (left === null) return right;
  let last = left;
  while (last.right !== null) last = last.right;
  return joinTrees(splitTree(left, last.vma.startVa).before, last.vma, right);
}

/** The tree with one area more, which overlaps none. */
function insertInto(tree: VmaTree, vma: Vma): VmaNode {
  if (tree === null) return makeNode(null, vma, null);
  if (vma.startVa < tree.vma.startVa) return balance(insertInto(tree.left, vma), tree.vma, tree.right);
  return balance(tree.left, tree.vma, insertInto(tree.right, vma));
}

/** The tree with an area in the place of the one that has the same start. */
function replaceIn(tree: VmaTree, vma: Vma): VmaTree {
  if (tree === null) return null;
  if (vma.startVa === tree.vma.startVa) return makeNode(tree.left, vma, tree.right);
  if (vma.startVa < tree.vma.startVa) return makeNode(replaceIn(tree.left, vma), tree.vma, tree.right);
  return makeNode(tree.left, tree.vma, replaceIn(tree.right, vma));
}

/**
 * The tree with these areas, which follow each other, in the place of all that start where they lie.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 8192, prot: 1, flags: 0, file: null, offsetBytes: 0 };
 * putInto(treeOf([vma]), [{ ...vma, endVa: 4096 }])?.totalBytes; // 4096
 * ```
 */
export function putInto(tree: VmaTree, vmas: readonly Vma[]): VmaTree {
  const [first, ...others] = vmas;
  const endVa = vmas[vmas.length - 1].endVa;
  const found = firstEndingAfter(tree, first.startVa);
  // Into free space, or in the place of one area: what lies beside it mostly keeps its place in the tree.
  if (found === null || found.startVa >= endVa) return vmas.reduce<VmaTree>(insertInto, tree);
  const next = found.endVa >= endVa ? null : firstEndingAfter(tree, found.endVa);
  if (found.startVa === first.startVa && (next === null || next.startVa >= endVa)) {
    return others.reduce<VmaTree>(insertInto, replaceIn(tree, first));
  }
  const { before } = splitTree(tree, first.startVa);
  const { after } = splitTree(tree, endVa);
  return concatTrees(concatTrees(before, treeOf(vmas)), after);
}

/**
 * The first area that ends after `va`, or null (`find_vma`).
 *
 * @example
 * ```ts
 * const tree = treeOf([{ startVa: 8192, endVa: 12288, prot: 1, flags: 0, file: null, offsetBytes: 0 }]);
 * firstEndingAfter(tree, 0)?.startVa; // 8192
 * ```
 */
export function firstEndingAfter(tree: VmaTree, va: number): Vma | null {
  let best: Vma | null = null;
  for (let node = tree; node !== null; ) {
    if (node.vma.endVa > va) {
      best = node.vma;
      node = node.left;
    } else node = node.right;
  }
  return best;
}

/**
 * Calls `visit` for every area that overlaps [startVa, endVa), ascending, until it returns false.
 *
 * @example
 * ```ts
 * let count = 0;
 * visitOverlapping(treeOf([]), 0, 4096, () => { count++; });
 * count; // 0
 * ```
 */
export function visitOverlapping(tree: VmaTree, startVa: number, endVa: number, visit: (vma: Vma) => unknown): boolean {
  if (tree === null || tree.lastEndVa <= startVa || tree.firstStartVa >= endVa) return true;
  if (!visitOverlapping(tree.left, startVa, endVa, visit)) return false;
  if (tree.vma.endVa > startVa && tree.vma.startVa < endVa && visit(tree.vma) === false) return false;
  return visitOverlapping(tree.right, startVa, endVa, visit);
}
