/**
 * Faulting user memory in before it is copied with faults off (`mm/gup.c:fault_in_readable`, `fault_in_writeable`): one byte of
 * each page is touched, and what comes behind the first bad page is left.
 *
 * @models S-07
 */
import { PROT } from '../pte.ts';
import type { VmaSet } from '../vmaSet.ts';

/**
 * Bytes of a range that could not be faulted in, 0 where all are there.
 *
 * @param pageBytes how far one touch goes: the kernel's page. Areas begin and end at process pages, which are whole numbers of
 *   it, so that the larger page gives the same answer with fewer touches
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const vmas = VmaSet.empty(65536).map(vma);
 * const range = { addr: 0x1fff0, lengthBytes: 0x20 };
 * faultIn(vmas, range, 'write', 4096); // 16
 * faultIn(vmas, range, 'write', 65536); // 16
 * ```
 */
export function faultIn(
  vmas: VmaSet,
  { addr, lengthBytes }: { addr: number; lengthBytes: number },
  access: 'read' | 'write',
  pageBytes: number,
): number {
  const needed = access === 'write' ? PROT.WRITE : PROT.READ | PROT.WRITE | PROT.EXEC;
  const end = addr + lengthBytes;
  for (let at = addr; at < end; at = Math.floor(at / pageBytes) * pageBytes + pageBytes) {
    const vma = vmas.find(at);
    if (vma === null || (vma.prot & needed) === 0) return end - at;
  }
  return 0;
}
