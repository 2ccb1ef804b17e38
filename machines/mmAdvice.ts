/** The advice numbers of madvise, and what each does to the flags of a VMA (`mm/madvise.c:madvise_vma_behavior`). */
import { VM, type Vma } from '../src/mm/vma.ts';

/** Linux's numbers (`include/uapi/asm-generic/mman-common.h`). */
export const ADVICE = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  DONTFORK: 10,
  DOFORK: 11,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  DONTDUMP: 16,
  DODUMP: 17,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  DONTNEED_LOCKED: 24,
} as const;

const READ_HINTS = VM.SEQ_READ | VM.RAND_READ;

/** Flag bits that an advice sets and clears; an advice that is not here does something else. */
const changes = new Map<number, { set: number; clear: number }>([
  [ADVICE.NORMAL, { set: 0, clear: READ_HINTS }],
  [ADVICE.RANDOM, { set: VM.RAND_READ, clear: VM.SEQ_READ }],
  [ADVICE.SEQUENTIAL, { set: VM.SEQ_READ, clear: VM.RAND_READ }],
  [ADVICE.DONTFORK, { set: VM.DONTCOPY, clear: 0 }],
  [ADVICE.DOFORK, { set: 0, clear: VM.DONTCOPY }],
  [ADVICE.MERGEABLE, { set: VM.MERGEABLE, clear: 0 }],
  [ADVICE.UNMERGEABLE, { set: 0, clear: VM.MERGEABLE }],
  [ADVICE.HUGEPAGE, { set: VM.HUGEPAGE, clear: VM.NOHUGEPAGE }],
  [ADVICE.NOHUGEPAGE, { set: VM.NOHUGEPAGE, clear: VM.HUGEPAGE }],
  [ADVICE.DONTDUMP, { set: VM.DONTDUMP, clear: 0 }],
  [ADVICE.DODUMP, { set: 0, clear: VM.DONTDUMP }],
  [ADVICE.WIPEONFORK, { set: VM.WIPEONFORK, clear: 0 }],
  [ADVICE.KEEPONFORK, { set: 0, clear: VM.WIPEONFORK }],
]);

/**
 * What an advice changes in the flags of the VMAs it covers, null for one that acts on pages instead.
 *
 * @example
 * ```ts
 * vmaFlagsOfAdvice(ADVICE.DONTNEED); // null
 * ```
 */
export function vmaFlagsOfAdvice(advice: number): { set: number; clear: number } | null {
  return changes.get(advice) ?? null;
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
  if (advice === ADVICE.WILLNEED) return true;
  if ((vma.flags & VM.PFNMAP) !== 0) return false;
  if (advice === ADVICE.DONTNEED_LOCKED) return true;
  if (advice === ADVICE.FREE && vma.file !== null) return false;
  return (vma.flags & VM.LOCKED) === 0;
}
