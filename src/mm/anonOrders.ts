/**
 * How large a folio an anonymous fault asks for: the orders that the settings of transparent huge pages allow, that fit
 * into the mapping, and whose range holds nothing yet. Sets of orders are bit masks, as in Linux; orders count kernel pages.
 *
 * @models S-23
 */
import { pageShift, pageSizeLimits } from '../arch/granule.ts';
import type { ThpSettings } from '../arch/design.ts';
import { invariant } from '../errors.ts';
import { VM, type Vma } from './vma.ts';

/**
 * The order of a PMD entry of a process page size, in kernel pages: what the kernel that the process was built for calls
 * `HPAGE_PMD_ORDER`. On a 4K kernel that is 9 for a 4K process, and for a 64K process 17, more than the buddy allocator has.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE for a size that is no page size
 * @example
 * ```ts
 * pmdOrderOf(4096, 4096); // 9
 * pmdOrderOf(65536, 4096); // 17
 * ```
 */
export function pmdOrderOf(pageBytes: number, kernelPageBytes: number): number {
  return pageSizeLimits(pageBytes).pmdOrder + pageShift(pageBytes) - pageShift(kernelPageBytes);
}

/** Orders by when they are used: `huge_anon_orders_always`, `_madvise` and `_inherit` (mm/huge_memory.c). */
interface OrderMasks {
  always: number;
  madvise: number;
  inherit: number;
}

function masksOf(thp: ThpSettings, pageBytes: number, kernelPageBytes: number): OrderMasks {
  const pmdOrder = pmdOrderOf(pageBytes, kernelPageBytes);
  const masks: OrderMasks = { always: 0, madvise: 0, inherit: 0 };
  // hugepage_init_sysfs: the PMD size inherits unless it is set.
  if (thp.sizes[kernelPageBytes * 2 ** pmdOrder] === undefined) masks.inherit |= 2 ** pmdOrder;
  for (const [size, mode] of Object.entries(thp.sizes)) {
    const order = Math.log2(Number(size) / kernelPageBytes);
    invariant(Number.isInteger(order), 'a size of transparent huge pages is a power of two of kernel pages');
    // THP_ORDERS_ALL_ANON: order 1 is left out, and nothing is larger than a PMD entry.
    const supported = order >= 2 && order <= pmdOrder;
    if (supported && mode !== 'never') masks[mode] |= 2 ** order;
  }
  return masks;
}

/** What decides the orders of a fault. */
export interface OrderWish {
  thp: ThpSettings;
  vma: Pick<Vma, 'startVa' | 'endVa' | 'flags'>;
  /** Page size of the process, and of the kernel. */
  pageBytes: number;
  kernelPageBytes: number;
}

/**
 * The orders above the process page that sysfs allows in an anonymous mapping, the PMD order among them.
 * Source: include/linux/huge_mm.h:thp_vma_allowable_orders, mm/huge_memory.c:__thp_vma_allowable_orders.
 *
 * @throws GranuleError INVARIANT for a size in the settings that is no power of two of kernel pages
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 2 ** 21, flags: 0 };
 * const sizes = { pageBytes: 4096, kernelPageBytes: 4096 };
 * allowableOrders({ thp: { enabled: 'madvise', sizes: { 65536: 'always' } }, vma, ...sizes }); // 16
 * allowableOrders({ thp: { enabled: 'madvise', sizes: {} }, vma, ...sizes }); // 0
 * ```
 */
export function allowableOrders(wish: OrderWish): number {
  const { thp, vma, pageBytes, kernelPageBytes } = wish;
  const hugepage = (vma.flags & VM.HUGEPAGE) !== 0;
  const inherits = thp.enabled === 'always' || (hugepage && thp.enabled === 'madvise');
  // The common case first: nothing is on but the PMD size where madvise asks for it.
  if (!inherits && Object.keys(thp.sizes).length === 0) return 0;
  // vma_thp_disabled.
  if ((vma.flags & VM.NOHUGEPAGE) !== 0) return 0;
  const masks = masksOf(thp, pageBytes, kernelPageBytes);
  let orders = masks.always;
  if (hugepage) orders |= masks.madvise;
  if (inherits) orders |= masks.inherit;
  // The process page is the least there is: orders up to it are no choice.
  const leastOrder = pageShift(pageBytes) - pageShift(kernelPageBytes);
  return orders & ~(2 ** (leastOrder + 1) - 1);
}

/**
 * The highest order of a mask, -1 of none (`highest_order`).
 *
 * @example
 * ```ts
 * highestOrder(0b10100); // 4
 * ```
 */
export function highestOrder(orders: number): number {
  return 31 - Math.clz32(orders);
}

/** The orders of a mask from the highest that fits on down (`next_order`), 0 for none. */
function from(orders: number, fits: (order: number) => boolean): number {
  let left = orders;
  while (left !== 0 && !fits(highestOrder(left))) left &= ~(1 << highestOrder(left));
  return left;
}

/**
 * The orders whose naturally aligned range around an address lies inside the mapping; with an order that fits, all lower ones
 * fit (`thp_vma_suitable_orders`).
 *
 * @example
 * ```ts
 * suitableOrders(0b1110000, 0x10000, { startVa: 0x10000, endVa: 0x30000 }, 4096); // 16
 * ```
 */
export function suitableOrders(
  orders: number,
  va: number,
  vma: Pick<Vma, 'startVa' | 'endVa'>,
  kernelPageBytes: number,
): number {
  return from(orders, (order) => {
    const { startVa, endVa } = rangeOf(va, order, kernelPageBytes);
    return startVa >= vma.startVa && endVa <= vma.endVa;
  });
}

/**
 * The naturally aligned range of an order around an address.
 *
 * @example
 * ```ts
 * rangeOf(0x12345, 4, 4096); // { startVa: 0x10000, endVa: 0x20000 }
 * ```
 */
export function rangeOf(va: number, order: number, kernelPageBytes: number): { startVa: number; endVa: number } {
  const bytes = kernelPageBytes * (1 << order);
  const startVa = va - (va % bytes);
  return { startVa, endVa: startVa + bytes };
}

/**
 * The orders whose range holds no entry (`pte_range_none` in `mm/memory.c:alloc_anon_folio`); `present` are the entries of
 * the range of the highest order.
 *
 * @example
 * ```ts
 * emptyOrders(0b110000, 0x20000, [{ va: 0x30000, nr: 1 }], 4096); // 16
 * ```
 */
export function emptyOrders(
  orders: number,
  va: number,
  present: readonly { va: number; nr: number }[],
  kernelPageBytes: number,
): number {
  return from(orders, (order) => {
    const { startVa, endVa } = rangeOf(va, order, kernelPageBytes);
    return !present.some((run) => run.va < endVa && run.va + run.nr * kernelPageBytes > startVa);
  });
}

/**
 * The orders of a mask, falling, and the least order last: what an allocation tries one after the other.
 *
 * @example
 * ```ts
 * fallingOrders(0b10010000, 0); // [7, 4, 0]
 * ```
 */
export function fallingOrders(orders: number, leastOrder: number): number[] {
  const list: number[] = [];
  for (let left = orders; left !== 0; left &= ~(1 << highestOrder(left))) list.push(highestOrder(left));
  return [...list, leastOrder];
}
