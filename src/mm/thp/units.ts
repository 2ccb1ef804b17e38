/**
 * Controls that count pages or entries of a PMD, between the kernel that has them and a reader of another page size.
 *
 * One kernel has one number. Of entries a PMD has as many as its page size says, so what keeps its meaning is the share of
 * a PMD: half of the entries is 256 to a 4K reader and 4096 to one of 64K, and all but one stays all but one. Pages are
 * counted in the same way, since `pages_to_scan` is spent in whole PMDs.
 *
 * @models S-17 S-23
 */
import { pmdPagesOf } from './sizes.ts';

/**
 * What a process of a larger page size is told of what depends on the page size: what a kernel of its page size would say, nothing
 * at all, or what this kernel says to everybody.
 */
export type ControlPolicy = 'translate' | 'defeature' | 'kernel';

/** The unit of a control. */
export type ControlUnit = 'milliseconds' | 'pages' | 'ptes';

interface Sizes {
  pageBytes: number;
  kernelPageBytes: number;
  policy: ControlPolicy;
}

/** A number of entries or pages out of `from` in one PMD as one out of `to`; nothing stays nothing, all but one all but one. */
function rescale(value: number, unit: ControlUnit, from: number, to: number): number {
  if (from === to || unit === 'milliseconds') return value;
  if (unit === 'ptes' && value === from - 1) return to - 1;
  const scaled = Math.floor((value * to) / from);
  return unit === 'pages' ? Math.max(1, scaled) : scaled;
}

/**
 * A control of the kernel as its reader is told it.
 *
 * @example
 * ```ts
 * const reader = { pageBytes: 65536, kernelPageBytes: 4096, policy: 'translate' as const };
 * toReader(511, 'ptes', reader); // 8191
 * toReader(64, 'ptes', reader); // 1024
 * toReader(10000, 'milliseconds', reader); // 10000
 * ```
 */
export function toReader(value: number, unit: ControlUnit, { pageBytes, kernelPageBytes, policy }: Sizes): number {
  const to = policy === 'translate' ? pageBytes : kernelPageBytes;
  return rescale(value, unit, pmdPagesOf(kernelPageBytes), pmdPagesOf(to));
}

/**
 * What a writer wrote, as the kernel keeps it; what is less than one entry of the kernel is none.
 *
 * @example
 * ```ts
 * const writer = { pageBytes: 65536, kernelPageBytes: 4096, policy: 'translate' as const };
 * fromReader(8191, 'ptes', writer); // 511
 * fromReader(15, 'ptes', writer); // 0
 * ```
 */
export function fromReader(value: number, unit: ControlUnit, { pageBytes, kernelPageBytes, policy }: Sizes): number {
  const from = policy === 'translate' ? pageBytes : kernelPageBytes;
  return rescale(value, unit, pmdPagesOf(from), pmdPagesOf(kernelPageBytes));
}
