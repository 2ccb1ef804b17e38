/**
 * Soft-dirty tracking (CONFIG_MEM_SOFT_DIRTY, which arm64 of 6.12 does not have): which memory has not been written since
 * /proc/PID/clear_refs was written to. Linux has a bit in each entry; here the memory that is clean is kept beside the table, as
 * ranges, and its entries are write-protected, so that the next write is a fault. What is in no range is soft-dirty.
 *
 * @models D-07
 */
import type { ProtectedRange } from './calls/plan.ts';
import { PTE } from './pte.ts';
import type { VaRange } from './tableWork.ts';
import type { VmaSet } from './vmaSet.ts';

/**
 * Ranges without a part of them.
 *
 * @example
 * ```ts
 * const left = withoutRange([{ startVa: 0, endVa: 12288 }], { startVa: 4096, endVa: 8192 });
 * left; // [{ startVa: 0, endVa: 4096 }, { startVa: 8192, endVa: 12288 }]
 * ```
 */
export function withoutRange(ranges: readonly VaRange[], { startVa, endVa }: VaRange): VaRange[] {
  return ranges.flatMap((range) => {
    if (range.endVa <= startVa || range.startVa >= endVa) return [range];
    const before = range.startVa < startVa ? [{ startVa: range.startVa, endVa: startVa }] : [];
    const after = range.endVa > endVa ? [{ startVa: endVa, endVa: range.endVa }] : [];
    return [...before, ...after];
  });
}

/**
 * Ranges that are mapped now and were not before: new memory is soft-dirty (VM_SOFTDIRTY).
 *
 * @example
 * ```ts
 * const area = { startVa: 4096, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * newlyMapped(VmaSet.empty(4096), VmaSet.empty(4096).map(area)); // [{ startVa: 4096, endVa: 8192 }]
 * ```
 */
export function newlyMapped(before: VmaSet, after: VmaSet): VaRange[] {
  const known = before.list();
  return after.list().flatMap(({ startVa, endVa }) => {
    return known.reduce<VaRange[]>((left, vma) => withoutRange(left, vma), [{ startVa, endVa }]);
  });
}

/** The parts of a range inside and outside of others, in order. */
function cut(range: VaRange, clean: readonly VaRange[]): { part: VaRange; isClean: boolean }[] {
  const bounds = new Set([range.startVa, range.endVa]);
  for (const { startVa, endVa } of clean) {
    for (const va of [startVa, endVa]) if (va > range.startVa && va < range.endVa) bounds.add(va);
  }
  const sorted = [...bounds].sort((a, b) => a - b);
  return sorted.slice(1).map((endVa, at) => {
    const startVa = sorted[at];
    const isClean = clean.some((each) => startVa >= each.startVa && endVa <= each.endVa);
    return { part: { startVa, endVa }, isClean };
  });
}

/**
 * What mprotect gives to ranges, without write permission for what is clean: its next write must be a fault
 * (`can_change_pte_writable`).
 *
 * @example
 * ```ts
 * const range = { startVa: 0, endVa: 8192, protection: PTE.VALID | PTE.READONLY, anonProtection: PTE.VALID | PTE.WRITE };
 * const ranges = protectedFor([range], [{ startVa: 0, endVa: 4096 }]);
 * ranges.map(({ anonProtection }) => anonProtection & PTE.WRITE); // [0, 4]
 * ```
 */
export function protectedFor(ranges: readonly ProtectedRange[], clean: readonly VaRange[]): ProtectedRange[] {
  const off = (flags: number): number => (flags & ~PTE.WRITE) | PTE.READONLY;
  return ranges.flatMap((range) =>
    cut(range, clean).map(({ part, isClean }): ProtectedRange => {
      if (!isClean) return { ...range, ...part };
      const { protection, anonProtection, dirtyProtection } = range;
      const flags = { protection: off(protection), anonProtection: off(anonProtection) };
      return dirtyProtection === undefined
        ? { ...part, ...flags }
        : { ...part, ...flags, dirtyProtection: off(dirtyProtection) };
    }),
  );
}

/** Values that may be written to clear_refs (`fs/proc/task_mmu.c:enum clear_refs_types`). */
export const CLEAR_REFS = { ALL: 1, ANON: 2, MAPPED: 3, SOFT_DIRTY: 4, MM_HIWATER_RSS: 5 } as const;
