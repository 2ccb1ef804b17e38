/** Which pages of a file a read fault maps besides the one that was asked for. */
import { pageSizeLimits } from '../arch/granule.ts';

/**
 * The addresses [startVa, endVa) that a read fault at `va` may map from the page cache, in a file mapping of pages of
 * `pageBytes`: a window of `fault_around_bytes` (64K) that starts at its own multiple or at the mapping, is clamped to
 * mapping and page table, and is just the page where the window is no larger (64K pages). The window counts from where it
 * starts, so behind an unaligned start of the mapping it reaches across a multiple of 64K.
 * Source: mm/memory.c:do_fault_around, should_fault_around.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE for a size that is no page size
 * @example
 * ```ts
 * faultAround(0x12345, { startVa: 0x3000, endVa: 0x90000 }, 4096); // { startVa: 0x10000, endVa: 0x20000 }
 * faultAround(0x4000, { startVa: 0x3000, endVa: 0x90000 }, 4096); // { startVa: 0x3000, endVa: 0x13000 }
 * faultAround(0x12345, { startVa: 0, endVa: 0x90000 }, 65536); // { startVa: 0x10000, endVa: 0x20000 }
 * ```
 */
export function faultAround(
  va: number,
  vma: { startVa: number; endVa: number },
  pageBytes: number,
): { startVa: number; endVa: number } {
  const nrPages = pageSizeLimits(pageBytes).faultAroundPages;
  const page = Math.floor(va / pageBytes);
  if (nrPages === 1) return { startVa: page * pageBytes, endVa: (page + 1) * pageBytes };
  const entriesPerTable = pageBytes / 8;
  const pteOff = page % entriesPerTable;
  const vmaOff = page - vma.startVa / pageBytes;
  const vmaPages = (vma.endVa - vma.startVa) / pageBytes;
  const fromPte = Math.max(pteOff - (pteOff % nrPages), pteOff - Math.min(pteOff, vmaOff));
  const toPte = Math.min(fromPte + nrPages, entriesPerTable, pteOff + vmaPages - vmaOff) - 1;
  const tableVa = (page - pteOff) * pageBytes;
  return { startVa: tableVa + fromPte * pageBytes, endVa: tableVa + (toPte + 1) * pageBytes };
}
