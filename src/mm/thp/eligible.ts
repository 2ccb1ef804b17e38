/**
 * Which areas may have their pages collapsed, and which huge pages lie in them.
 * Sources: mm/huge_memory.c:__thp_vma_allowable_orders, mm/khugepaged.c:khugepaged_scan_mm_slot, hugepage_vma_revalidate.
 *
 * @models S-17 S-23 S-34
 */
import type { ThpSettings } from '../../arch/design.ts';
import { VM, type Vma } from '../vma.ts';
import { wholePmds } from './collapse.ts';

/**
 * Which huge page khugepaged and MADV_COLLAPSE make for a process of larger pages: one of the size that a kernel of its page size calls a
 * PMD, or of this kernel's. On a 4K kernel the PMD of a 64K process is 512M, more than the buddy allocator has.
 */
export type CollapseSize = 'process-pmd' | 'kernel-pmd';

/** VM_NO_KHUGEPAGED, and what MADV_NOHUGEPAGE set. */
const FORBIDDEN = VM.NOHUGEPAGE | VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP | VM.HUGETLB;

/**
 * Whether an area may have a huge page of so many bytes at an address; sysfs is not asked, as MADV_COLLAPSE does not. Only private
 * anonymous memory is collapsed.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * isCollapsible(vma, 2 ** 21, 2 ** 21); // true
 * isCollapsible(vma, 2 ** 20, 2 ** 21); // false
 * ```
 */
export function isCollapsible(vma: Vma, startVa: number, hugeBytes: number): boolean {
  const fits = startVa % hugeBytes === 0 && startVa >= vma.startVa && startVa + hugeBytes <= vma.endVa;
  return fits && vma.file === null && (vma.flags & (FORBIDDEN | VM.SHARED)) === 0;
}

/**
 * Whether sysfs lets khugepaged have an area: the mode of the huge page's size, which inherits where it was not set.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: VM.HUGEPAGE, file: null, offsetBytes: 0 };
 * isScanned(vma, { enabled: 'madvise', sizes: {} }, 2 ** 21); // true
 * isScanned({ ...vma, flags: 0 }, { enabled: 'madvise', sizes: {} }, 2 ** 21); // false
 * ```
 */
export function isScanned(vma: Vma, { enabled, sizes }: ThpSettings, hugeBytes: number): boolean {
  const mode = sizes[hugeBytes] ?? 'inherit';
  const effective = mode === 'inherit' ? enabled : mode;
  return effective === 'always' || (effective === 'madvise' && (vma.flags & VM.HUGEPAGE) !== 0);
}

/**
 * The huge pages of some areas that khugepaged looks at, by their first addresses, ascending.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x1000, endVa: 2 ** 22, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * hugePagesToScan([vma], { enabled: 'always', sizes: {} }, 2 ** 21); // [2097152]
 * ```
 */
export function hugePagesToScan(vmas: readonly Vma[], settings: ThpSettings, hugeBytes: number): number[] {
  return vmas
    .filter((vma) => isScanned(vma, settings, hugeBytes))
    .flatMap((vma) => wholePmds(vma.startVa, vma.endVa, hugeBytes).filter((at) => isCollapsible(vma, at, hugeBytes)));
}
