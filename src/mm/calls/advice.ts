/** What each advice of madvise does to the flags of an area (`mm/madvise.c:madvise_vma_behavior`). */
import { ADVICE } from '../abi/numbers.ts';
import { ERRNO } from '../abiRules.ts';
import { VM, type Vma } from '../vma.ts';

const READ_HINTS = VM.SEQ_READ | VM.RAND_READ;
const SPECIAL = VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP;
/** `vma_ksm_compatible`: elsewhere the advice is passed over. */
const NOT_FOR_KSM = VM.SHARED | VM.PFNMAP | VM.IO | VM.DONTEXPAND | VM.HUGETLB | VM.MIXEDMAP;

interface FlagChange {
  set: number;
  clear: number;
  /** Flag bits of an area that the advice is refused for. */
  refusedFor?: number;
  anonymousOnly?: true;
  /** Flag bits of an area that the advice passes over. */
  passesOver?: number;
}

/** Flag bits that an advice sets and clears; an advice that is not here does something else. */
const changes = new Map<number, FlagChange>([
  [ADVICE.NORMAL, { set: 0, clear: READ_HINTS }],
  [ADVICE.RANDOM, { set: VM.RAND_READ, clear: VM.SEQ_READ }],
  [ADVICE.SEQUENTIAL, { set: VM.SEQ_READ, clear: VM.RAND_READ }],
  [ADVICE.DONTFORK, { set: VM.DONTCOPY, clear: 0 }],
  [ADVICE.DOFORK, { set: 0, clear: VM.DONTCOPY, refusedFor: VM.IO }],
  [ADVICE.MERGEABLE, { set: VM.MERGEABLE, clear: 0, passesOver: NOT_FOR_KSM }],
  [ADVICE.UNMERGEABLE, { set: 0, clear: VM.MERGEABLE }],
  [ADVICE.HUGEPAGE, { set: VM.HUGEPAGE, clear: VM.NOHUGEPAGE }],
  [ADVICE.NOHUGEPAGE, { set: VM.NOHUGEPAGE, clear: VM.HUGEPAGE }],
  [ADVICE.DONTDUMP, { set: VM.DONTDUMP, clear: 0 }],
  [ADVICE.DODUMP, { set: 0, clear: VM.DONTDUMP, refusedFor: SPECIAL }],
  [ADVICE.WIPEONFORK, { set: VM.WIPEONFORK, clear: 0, refusedFor: VM.SHARED, anonymousOnly: true }],
  [ADVICE.KEEPONFORK, { set: 0, clear: VM.WIPEONFORK }],
]);

/**
 * The flags of an area after an advice that changes flags, the errno it is refused with, or null for an advice that acts
 * on pages instead.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 4096, prot: 3, flags: 0, file: 'a', offsetBytes: 0 };
 * adviseFlags(vma, ADVICE.RANDOM); // { flags: 0x10000 }
 * adviseFlags(vma, ADVICE.WIPEONFORK); // { errno: 22 }
 * adviseFlags(vma, ADVICE.DONTNEED); // null
 * ```
 */
export function adviseFlags(vma: Vma, advice: number): { flags: number } | { errno: number } | null {
  const change = changes.get(advice);
  if (change === undefined) return null;
  // hugetlb has VM_DONTEXPAND for its promises alone (`madvise_vma_behavior`).
  const refusedFor = (change.refusedFor ?? 0) & ~((vma.flags & VM.HUGETLB) === 0 ? 0 : VM.DONTEXPAND);
  if ((vma.flags & refusedFor) !== 0) return { errno: ERRNO.EINVAL };
  if (change.anonymousOnly === true && vma.file !== null) return { errno: ERRNO.EINVAL };
  if ((vma.flags & (change.passesOver ?? 0)) !== 0) return { flags: vma.flags };
  return { flags: ((vma.flags & ~change.clear) | change.set) >>> 0 };
}

/**
 * Whether an advice that acts on pages is for an area (`madvise_dontneed_free_valid_vma`, `can_madv_lru_vma`,
 * `madvise_free_single_vma`).
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 4096, prot: 3, flags: VM.LOCKED, file: null, offsetBytes: 0 };
 * canAdvise(vma, ADVICE.DONTNEED); // false
 * canAdvise(vma, ADVICE.DONTNEED_LOCKED); // true
 * ```
 */
export function canAdvise(vma: Vma, advice: number): boolean {
  if ((vma.flags & VM.PFNMAP) !== 0) return false;
  if (advice === ADVICE.DONTNEED_LOCKED) return true;
  if (advice === ADVICE.FREE && vma.file !== null) return false;
  if ((vma.flags & VM.HUGETLB) !== 0) return advice === ADVICE.DONTNEED && (vma.flags & VM.LOCKED) === 0;
  return (vma.flags & VM.LOCKED) === 0;
}
