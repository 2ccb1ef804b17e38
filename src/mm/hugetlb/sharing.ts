/**
 * Whether a page of PMD entries of hugetlb may be one for several address spaces, and what that means where their page sizes differ. The
 * table that is shared is the Linux one; a native table has another geometry, so each address space keeps its own entries.
 * Sources: mm/hugetlb.c:want_pmd_share, page_table_shareable, huge_pmd_share, arch/arm64/mm/hugetlbpage.c:huge_pte_alloc.
 *
 * @models S-28
 */
import { pageSizeLimits } from '../../arch/granule.ts';
import { VM, type Vma } from '../vma.ts';

/**
 * Who shares tables: nobody; those whose hardware walks the Linux table, as a kernel with one page size has it; or all, and then every
 * native table is brought up to date with what one of them faults in.
 */
export type PmdSharing = 'none' | 'kernel-size' | 'all-sizes';

/** A mapping that may share: the area, and the page size of its process. */
export interface Sharer {
  area: Pick<Vma, 'startVa' | 'endVa' | 'flags' | 'prot' | 'offsetBytes'>;
  pageBytes: number;
}

/**
 * Bytes that one page of PMD entries maps: `PUD_SIZE`.
 *
 * @example
 * ```ts
 * pudBytesOf(4096) === 2 ** 30; // true
 * ```
 */
export function pudBytesOf(kernelPageBytes: number): number {
  const { pmdBytes, pmdOrder } = pageSizeLimits(kernelPageBytes);
  return pmdBytes * 2 ** pmdOrder;
}

/**
 * Whether an area wants to share the table at an address (`want_pmd_share`): it is shared memory in pages of the PMD size, the whole span
 * of the table lies in it, and the architecture has it (`ARCH_WANT_HUGE_PMD_SHARE`: not with 64K pages).
 *
 * @example
 * ```ts
 * const area = { startVa: 0, endVa: 2 ** 30, flags: VM.SHARED, prot: 3, offsetBytes: 0 };
 * wantsPmdShare(area, 2 ** 21, 2 ** 21, 4096); // true
 * wantsPmdShare({ ...area, endVa: 2 ** 29 }, 2 ** 21, 2 ** 21, 4096); // false
 * wantsPmdShare(area, 2 ** 21, 2 ** 16, 4096); // false
 * ```
 */
export function wantsPmdShare(area: Sharer['area'], va: number, hugeBytes: number, kernelPageBytes: number): boolean {
  const { pmdBytes } = pageSizeLimits(kernelPageBytes);
  if (kernelPageBytes === 65536 || hugeBytes !== pmdBytes || (area.flags & VM.SHARED) === 0) return false;
  const pudBytes = pudBytesOf(kernelPageBytes);
  const start = va - (va % pudBytes);
  return start >= area.startVa && start + pudBytes <= area.endVa;
}

/** VM_LOCKED_MASK: areas share though only one of them is locked. */
const LOCKED = VM.LOCKED | VM.LOCKONFAULT;

/**
 * Where another area has the same page of the file, if it may share the table with this one (`page_table_shareable`); null where it may
 * not: the two differ in flags or permissions, lie otherwise in the span of the table, or the other does not hold all of it.
 *
 * @example
 * ```ts
 * const area = { startVa: 2 ** 30, endVa: 2 ** 31, flags: VM.SHARED, prot: 3, offsetBytes: 0 };
 * const other = { ...area, startVa: 2 ** 32, endVa: 2 ** 32 + 2 ** 30 };
 * shareableAt(other, area, 2 ** 30 + 2 ** 21, 4096); // 2 ** 32 + 2 ** 21
 * shareableAt({ ...other, prot: 1 }, area, 2 ** 30 + 2 ** 21, 4096); // null
 * ```
 */
export function shareableAt(
  other: Sharer['area'],
  area: Sharer['area'],
  va: number,
  kernelPageBytes: number,
): number | null {
  const pudBytes = pudBytesOf(kernelPageBytes);
  const at = other.startVa + (va - area.startVa + area.offsetBytes) - other.offsetBytes;
  const start = at - (((at % pudBytes) + pudBytes) % pudBytes);
  const alike = ((other.flags ^ area.flags) & ~LOCKED) === 0 && other.prot === area.prot;
  const same = at - start === va % pudBytes && start >= other.startVa && start + pudBytes <= other.endVa;
  return alike && same ? at : null;
}

/**
 * Whether the page sizes of two processes let them share, by the design.
 *
 * @example
 * ```ts
 * sizesMayShare('kernel-size', 4096, 65536, 4096); // false
 * sizesMayShare('all-sizes', 4096, 65536, 4096); // true
 * ```
 */
export function sizesMayShare(design: PmdSharing, one: number, other: number, kernelPageBytes: number): boolean {
  if (design === 'none') return false;
  return design === 'all-sizes' || (one === kernelPageBytes && other === kernelPageBytes);
}
