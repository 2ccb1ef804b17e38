/** When neighbouring areas become one: the rules of mm/vma.c in Linux 6.12, and what the merged area is. */
import { VM, type Vma } from './vma.ts';

/** `VM_SPECIAL`: areas that are never merged [include/linux/mm.h]. */
const SPECIAL_FLAGS = VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP;

/** Neighbours of a range, null where none touches it. */
export interface Neighbours {
  prev: Vma | null;
  next: Vma | null;
}

function lengthOf(vma: Vma): number {
  return vma.endVa - vma.startVa;
}

/** Flags, protection, file, policy and name agree (`is_mergeable_vma`). */
function isMergeable(range: Vma, neighbour: Vma): boolean {
  return (
    range.flags === neighbour.flags &&
    range.prot === neighbour.prot &&
    range.file === neighbour.file &&
    range.name === neighbour.name &&
    range.policy === neighbour.policy &&
    range.sealed === neighbour.sealed
  );
}

/**
 * Whether the anonymous memory of two areas may be one (`is_mergeable_anon_vma`). An area that has none yet takes over
 * that of a neighbour whose chain is singular, which an empty chain is not: touched memory does not merge into an
 * untouched neighbour.
 *
 * @example
 * ```ts
 * isMergeableAnonVma(0, 3, 1); // true
 * isMergeableAnonVma(3, 0, 0); // false
 * ```
 */
export function isMergeableAnonVma(ofRange: number, ofNeighbour: number, neighbourChain: number | null): boolean {
  const oneIsNone = ofRange === 0 || ofNeighbour === 0;
  if (oneIsNone && (neighbourChain === null || neighbourChain === 1)) return true;
  return ofRange === ofNeighbour;
}

function canMergeAfter(range: Vma, prev: Vma): boolean {
  return (
    isMergeable(range, prev) &&
    isMergeableAnonVma(range.anonVma ?? 0, prev.anonVma ?? 0, prev.anonChain ?? 0) &&
    prev.offsetBytes + lengthOf(prev) === range.offsetBytes
  );
}

function canMergeBefore(range: Vma, next: Vma): boolean {
  return (
    isMergeable(range, next) &&
    isMergeableAnonVma(range.anonVma ?? 0, next.anonVma ?? 0, next.anonChain ?? 0) &&
    next.offsetBytes === range.offsetBytes + lengthOf(range)
  );
}

/**
 * With which neighbours a range can be one (`can_vma_merge_left`, `can_vma_merge_right`).
 *
 * @example
 * ```ts
 * const anon = { prot: 3, flags: 0, file: null };
 * const prev = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, ...anon };
 * const range = { startVa: 0x2000, endVa: 0x3000, offsetBytes: 0x2000, ...anon };
 * mergesWith(range, { prev, next: null }); // { left: true, right: false }
 * ```
 */
export function mergesWith(range: Vma, { prev, next }: Neighbours): { left: boolean; right: boolean } {
  if ((range.flags & SPECIAL_FLAGS) !== 0) return { left: false, right: false };
  const left = prev !== null && prev.endVa === range.startVa && canMergeAfter(range, prev);
  const touches = next !== null && next.startVa === range.endVa && canMergeBefore(range, next);
  // That each may merge with the range does not mean that they may merge with each other.
  const right = touches && (!left || isMergeableAnonVma(prev.anonVma ?? 0, next.anonVma ?? 0, null));
  return { left, right };
}

/** The area with the anonymous memory of another where it has none (`dup_anon_vma`). */
function withAnonVmaOf(vma: Vma, source: Vma | null): Vma {
  if ((vma.anonVma ?? 0) !== 0 || source === null || (source.anonVma ?? 0) === 0) return vma;
  return { ...vma, anonVma: source.anonVma ?? 0, anonChain: source.anonChain ?? 0 };
}

/**
 * A new range with those neighbours that it merges with (`vma_merge_new_range`).
 *
 * @example
 * ```ts
 * const anon = { prot: 3, flags: 0, file: null };
 * const prev = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, ...anon };
 * const range = { startVa: 0x2000, endVa: 0x3000, offsetBytes: 0x2000, ...anon };
 * mergeNew(range, { prev, next: null }).endVa; // 12288
 * ```
 */
export function mergeNew(range: Vma, { prev, next }: Neighbours): Vma {
  const { left, right } = mergesWith(range, { prev, next });
  if (left && prev !== null) {
    return right && next !== null
      ? withAnonVmaOf({ ...prev, endVa: next.endVa }, next)
      : { ...prev, endVa: range.endVa };
  }
  if (!right || next === null) return range;
  return { ...next, startVa: range.startVa, offsetBytes: range.offsetBytes };
}

/**
 * A part of an area, changed, with the neighbours that it now merges with (`vma_merge_existing_range`); what is left of
 * the area keeps what it was. Null where nothing merges and the area is to be split.
 *
 * @param vma the whole area, `range` the part of it with its new flags, protection, name or policy
 * @returns the areas that take the place of prev, the area and next
 * @example
 * ```ts
 * const anon = { flags: 0, file: null };
 * const prev = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, prot: 1, ...anon };
 * const vma = { startVa: 0x2000, endVa: 0x4000, offsetBytes: 0x2000, prot: 3, ...anon };
 * const part = { ...vma, endVa: 0x3000, prot: 1 };
 * mergeExisting(vma, part, { prev, next: null })?.map(({ endVa }) => endVa); // [12288, 16384]
 * ```
 */
export function mergeExisting(vma: Vma, range: Vma, { prev, next }: Neighbours): Vma[] | null {
  const leftSide = range.startVa === vma.startVa;
  const rightSide = range.endVa === vma.endVa;
  const { left, right } = mergesWith(range, { prev: leftSide ? prev : null, next: rightSide ? next : null });
  if (left && right && prev !== null && next !== null) {
    return [withAnonVmaOf({ ...prev, endVa: next.endVa }, (next.anonVma ?? 0) === 0 ? vma : next)];
  }
  if (left && prev !== null) {
    const extended = withAnonVmaOf({ ...prev, endVa: range.endVa }, vma);
    const after = next === null ? [] : [next];
    if (rightSide) return [extended, ...after];
    const rest = { ...vma, startVa: range.endVa, offsetBytes: vma.offsetBytes + range.endVa - vma.startVa };
    return [extended, rest, ...after];
  }
  if (right && next !== null) {
    const extended = withAnonVmaOf({ ...next, startVa: range.startVa, offsetBytes: range.offsetBytes }, vma);
    const before = prev === null ? [] : [prev];
    return leftSide ? [...before, extended] : [...before, { ...vma, endVa: range.startVa }, extended];
  }
  return null;
}

/**
 * Whether a fault in one of two neighbours may use the other's anonymous memory (`anon_vma_compatible`): all but the
 * protection agrees.
 *
 * @example
 * ```ts
 * const anon = { flags: 0, file: null };
 * const a = { startVa: 0x1000, endVa: 0x2000, offsetBytes: 0x1000, prot: 1, ...anon };
 * anonVmaCompatible(a, { ...a, startVa: 0x2000, endVa: 0x3000, offsetBytes: 0x2000, prot: 3 }); // true
 * ```
 */
export function anonVmaCompatible(a: Vma, b: Vma): boolean {
  return (
    a.endVa === b.startVa &&
    a.policy === b.policy &&
    a.file === b.file &&
    a.flags === b.flags &&
    b.offsetBytes === a.offsetBytes + lengthOf(a)
  );
}
