/** What the calls ask of one area. */
import { VM, type Vma } from '../vma.ts';
import type { Space } from './plan.ts';

/**
 * Whether an area is sealed against changes (`can_modify_vma`).
 *
 * @example
 * ```ts
 * isSealed({ startVa: 0, endVa: 4096, prot: 3, flags: 0, file: null, offsetBytes: 0 }); // false
 * ```
 */
export function isSealed(vma: Vma): boolean {
  return vma.sealed === true;
}

/**
 * Whether a range would split an area that must stay whole (`vm_ops->may_split` of perf rings, arenas and what the kernel maps).
 *
 * @example
 * ```ts
 * const ring = { startVa: 0, endVa: 8192, prot: 3, flags: 0, file: 'object:0', offsetBytes: 0, noSplit: true };
 * splitsWhole(ring, 0, 4096); // true
 * splitsWhole(ring, 0, 65536); // false
 * ```
 */
export function splitsWhole(vma: Vma, startVa: number, endVa: number): boolean {
  return vma.noSplit === true && (startVa > vma.startVa || endVa < vma.endVa);
}

/**
 * The lowest address that an area keeps for itself: below a stack, its guard gap is (`include/linux/mm.h:vm_start_gap`).
 *
 * @example
 * ```ts
 * const stack = { startVa: 2 ** 30, endVa: 2 ** 31, prot: 3, flags: VM.GROWSDOWN, file: null, offsetBytes: 0 };
 * guardedStart({ stackGuardBytes: 2 ** 20 }, stack); // 2 ** 30 - 2 ** 20
 * ```
 */
export function guardedStart(space: Pick<Space, 'stackGuardBytes'>, vma: Vma): number {
  return (vma.flags & VM.GROWSDOWN) === 0 ? vma.startVa : vma.startVa - space.stackGuardBytes;
}
