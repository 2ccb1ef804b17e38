/** When neighbouring areas become one: the rules of mm/vma.c in Linux 6.12, and what the merged area is. */
import { clipVma, VM, type Vma } from './vma.ts';

/** `VM_SPECIAL`: areas that are never merged [include/linux/mm.h]. */
const SPECIAL_FLAGS = VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP;

/** The areas on both sides of a range, null where none touches it. */
export interface Neighbours {
  prev: Vma | null;
  next: Vma | null;
}

function lengthOf(vma: Vma): number {
  return vma.endVa - vma.startVa;
}

/** The name that the process gave (`anon_vma_name`); `[heap]` and its like are only shown. */
function givenName({ name }: Vma): string | undefined {
  return name?.startsWith('[anon') === true ? name : undefined;
}

/** `vm_file` agrees: the same file, opened once. */
function isSameFile(a: Vma, b: Vma): boolean {
  return a.file === b.file && a.vmFile === b.vmFile;
}

/** Whether areas agree in what mprotect cannot change, VM_SOFTDIRTY not being one of the bits of VM. */
function isSameButProt(a: Vma, b: Vma): boolean {
  return (
    a.flags >>> 0 === b.flags >>> 0 &&
    (a.pkey ?? 0) === (b.pkey ?? 0) &&
    (a.sealed ?? false) === (b.sealed ?? false) &&
    a.policy === b.policy &&
    a.uffd === b.uffd &&
    isSameFile(a, b)
  );
}

/** `is_mergeable_vma`. */
function isMergeable(range: Vma, neighbour: Vma): boolean {
  return range.prot === neighbour.prot && isSameButProt(range, neighbour) && givenName(range) === givenName(neighbour);
}

/**
 * Whether private pages of two areas may belong to one (`is_mergeable_anon_vma`). An area that has no `anon_vma` takes
 * that of a neighbour whose chain is singular. An empty chain is not: written memory does not join an unwritten
 * neighbour, and memory cloned by fork joins nothing that was not cloned with it.
 */
function isMergeableAnonVma(range: Vma, neighbour: Vma): boolean {
  const [ofRange, ofNeighbour] = [range.anonVma ?? 0, neighbour.anonVma ?? 0];
  return ofRange === ofNeighbour || ((ofRange === 0 || ofNeighbour === 0) && neighbour.anonChain === 1);
}

/** `can_vma_merge_left` with `can_vma_merge_after`. */
function mergesLeft(range: Vma, prev: Vma | null): prev is Vma {
  return (
    prev !== null &&
    prev.endVa === range.startVa &&
    isMergeable(range, prev) &&
    isMergeableAnonVma(range, prev) &&
    prev.offsetBytes + lengthOf(prev) === range.offsetBytes
  );
}

/** `can_vma_merge_right` with `can_vma_merge_before`. */
function mergesRight(range: Vma, next: Vma | null, left: Vma | null): next is Vma {
  const touches =
    next !== null &&
    range.endVa === next.startVa &&
    isMergeable(range, next) &&
    isMergeableAnonVma(range, next) &&
    next.offsetBytes === range.offsetBytes + lengthOf(range);
  if (!touches || left === null) return touches;
  // That each may merge with the range does not mean that they may with each other (`are_anon_vmas_compatible`).
  const [ofLeft, ofRight] = [left.anonVma ?? 0, next.anonVma ?? 0];
  return ofLeft === 0 || ofRight === 0 || ofLeft === ofRight;
}

/** The area with the `anon_vma` of another where it has none (`dup_anon_vma`). */
function withAnonVmaOf(vma: Vma, source: Vma): Vma {
  if ((vma.anonVma ?? 0) !== 0 || (source.anonVma ?? 0) === 0) return vma;
  return { ...vma, anonVma: source.anonVma ?? 0, anonChain: source.anonChain ?? 1 };
}

/**
 * A new range between two areas: alone, or one with those that it merges with (`vma_merge_new_range`). `justExpand` is
 * `VMG_FLAG_JUST_EXPAND`, by which brk looks at what lies before only.
 *
 * @example
 * ```ts
 * const anon = { prot: 3, flags: 0, file: null };
 * const prev = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, ...anon };
 * const range = { startVa: 0x2000, endVa: 0x3000, offsetBytes: 0x2000, ...anon };
 * mergeNewRange({ prev, next: null }, range).startVa; // 4096
 * ```
 */
export function mergeNewRange({ prev, next }: Neighbours, range: Vma, justExpand = false): Vma {
  if ((range.flags & SPECIAL_FLAGS) !== 0) return range;
  const left = mergesLeft(range, prev) ? prev : null;
  const right = !justExpand && mergesRight(range, next, left) ? next : null;
  if (left !== null && right !== null && right.hasClose !== true) {
    return withAnonVmaOf({ ...left, endVa: right.endVa }, right);
  }
  if (left !== null) return { ...left, endVa: range.endVa };
  return right === null ? range : { ...right, startVa: range.startVa, offsetBytes: range.offsetBytes };
}

/**
 * An area of which one part has changed, with its neighbours (`vma_merge_existing_range`): what takes the place of the
 * three, in order, or null where nothing merges. `range` is the part as it is now. A range that lies in the middle of
 * its area merges with nothing; one at an edge takes a neighbour's side, and what is left of the area shrinks:
 *
 *         |<----->|              |<----->|              |<----->|
 * |-------*********-------|  |-------*************    *************-------|
 *   prev     vma     next      prev       vma              vma       next
 *  extend   delete  delete    extend shrink/delete    shrink/delete  extend
 *
 * @example
 * ```ts
 * const anon = { flags: 0, file: null };
 * const prev = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, prot: 1, ...anon };
 * const vma = { startVa: 0x2000, endVa: 0x4000, offsetBytes: 0x2000, prot: 3, ...anon };
 * const merged = mergeExistingRange({ prev, next: null }, vma, { ...vma, endVa: 0x3000, prot: 1 });
 * merged?.map(({ endVa }) => endVa); // [12288, 16384]
 * ```
 */
export function mergeExistingRange({ prev, next }: Neighbours, vma: Vma, range: Vma): Vma[] | null {
  const leftSide = range.startVa === vma.startVa;
  const rightSide = range.endVa === vma.endVa;
  if ((range.flags & SPECIAL_FLAGS) !== 0 || !(leftSide || rightSide)) return null;
  const left = leftSide && mergesLeft(range, prev) ? prev : null;
  const right = rightSide && mergesRight(range, next, left) ? next : null;
  const deletesVma = leftSide && rightSide;
  if ((left === null && right === null) || (deletesVma && vma.hasClose === true)) return null;
  const [before, after] = [prev === null ? [] : [prev], next === null ? [] : [next]];
  if (left !== null && right !== null && right.hasClose !== true) {
    return [withAnonVmaOf({ ...left, endVa: right.endVa }, (right.anonVma ?? 0) === 0 ? vma : right)];
  }
  if (left !== null) {
    const extended = withAnonVmaOf({ ...left, endVa: range.endVa }, vma);
    return deletesVma ? [extended, ...after] : [extended, clipVma(vma, range.endVa, vma.endVa), ...after];
  }
  if (right === null) return null;
  const extended = withAnonVmaOf({ ...right, startVa: range.startVa, offsetBytes: range.offsetBytes }, vma);
  return deletesVma ? [...before, extended] : [...before, clipVma(vma, vma.startVa, range.startVa), extended];
}

/** `reusable_anon_vma`: the `anon_vma` of `old`, one of two neighbours that differ in their protection at most; or 0. */
function reusableAnonVma(old: Vma, a: Vma, b: Vma): number {
  const isCompatible = isSameButProt(a, b) && b.offsetBytes === a.offsetBytes + lengthOf(a);
  return isCompatible && old.anonChain === 1 ? (old.anonVma ?? 0) : 0;
}

/**
 * The `anon_vma` of a neighbour that an area may use for its first private page (`find_mergeable_anon_vma`), so that the
 * two can merge later; 0 for none. The next area is asked first.
 *
 * @example
 * ```ts
 * const anon = { flags: 0, file: null };
 * const prev = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, prot: 1, ...anon, anonVma: 7, anonChain: 1 };
 * const vma = { startVa: 0x2000, endVa: 0x3000, offsetBytes: 0x2000, prot: 3, ...anon };
 * findMergeableAnonVma({ prev, next: null }, vma); // 7
 * ```
 */
export function findMergeableAnonVma({ prev, next }: Neighbours, vma: Vma): number {
  const ofNext = next === null ? 0 : reusableAnonVma(next, vma, next);
  return ofNext !== 0 || prev === null ? ofNext : reusableAnonVma(prev, prev, vma);
}
