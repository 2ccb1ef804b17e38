/** `THPeligible` of smaps: whether any size of transparent huge pages may be used in an area. */
import { allowableOrders, highestOrder, type OrderWish, rangeOf } from '../anonOrders.ts';
import type { Vma } from '../vma.ts';

/** What the answer depends on. */
export interface EligibleWish extends OrderWish {
  vma: Pick<Vma, 'startVa' | 'endVa' | 'flags' | 'file'>;
}

/**
 * Whether an order that the settings allow fits into the area: its last aligned block must lie inside. Files have none here:
 * tmpfs is mounted without `huge=`, and `CONFIG_READ_ONLY_THP_FOR_FS` is off, as in the oracle's kernels
 * [mm/huge_memory.c:__thp_vma_allowable_orders].
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x1000, endVa: 0x20000, flags: 0, file: null };
 * const wish = { thp: { enabled: 'madvise' as const, sizes: { 65536: 'always' as const } }, pageBytes: 4096, kernelPageBytes: 4096 };
 * isThpEligible({ ...wish, vma }); // true
 * isThpEligible({ ...wish, vma: { ...vma, endVa: 0x10000 } }); // false
 * ```
 */
export function isThpEligible(wish: EligibleWish): boolean {
  const { vma, kernelPageBytes } = wish;
  if (vma.file !== null) return false;
  for (let orders = allowableOrders(wish); orders !== 0; ) {
    const order = highestOrder(orders);
    const last = vma.endVa - kernelPageBytes * 2 ** order;
    if (last >= 0) {
      const { startVa, endVa } = rangeOf(last, order, kernelPageBytes);
      if (startVa >= vma.startVa && endVa <= vma.endVa) return true;
    }
    orders &= ~(2 ** order);
  }
  return false;
}
