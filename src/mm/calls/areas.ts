/** What the calls ask of one area. */
import type { Vma } from '../vma.ts';

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
