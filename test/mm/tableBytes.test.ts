/**
 * What page tables weigh, as two kernels count them.
 *
 * @models T-14 X-14 D-09
 */
import { describe, expect, test } from 'vitest';
import { PageTable } from '../../src/mm/pageTable.ts';
import { packPte, PTE } from '../../src/mm/pte.ts';
import { pgtablesBytes, vmPteBytes } from '../../src/mm/tableBytes.ts';

const M = 2 ** 20;

/** A table with one page far away, so that tables of the upper levels are there as in a process. */
function started(granuleBytes: number) {
  const edit = PageTable.empty(granuleBytes).edit();
  edit.set(0x7000_0000_0000, packPte(1, PTE.VALID));
  return edit;
}

describe('VmPTE', () => {
  test.each([
    [4096, 132],
    [16384, 32],
    [65536, 64],
  ])('grows at %i bytes a page by the %i kB that kernels report for 64M in a new GB', (granuleBytes, kilobytes) => {
    const edit = started(granuleBytes);
    // The upper tables are there: only a PMD table of 4K is of the size of the mapping's neighbourhood.
    edit.set(granuleBytes === 4096 ? 0x7000_8000_0000 : 0x7000_7000_0000, packPte(1, PTE.VALID));
    const before = pgtablesBytes(edit);
    const startVa = granuleBytes === 4096 ? 0x7000_c000_0000 : 0x7000_a000_0000;
    edit.setRange(startVa, 1, (64 * M) / granuleBytes, PTE.VALID);
    expect((pgtablesBytes(edit) - before) / 1024).toBe(kilobytes);
  });

  test('does not count the root', () => {
    for (const granuleBytes of [4096, 16384, 65536]) expect(pgtablesBytes(PageTable.empty(granuleBytes))).toBe(0);
  });

  test('of a process with a native table is that table for a kernel of its size, and both for the kernel it runs on', () => {
    const linux = started(4096);
    const native = started(65536);
    expect(vmPteBytes({ linux, native }, 'process')).toBe(2 * 65536);
    expect(vmPteBytes({ linux, native }, 'kernel')).toBe(2 * 65536 + 3 * 4096);
    expect(vmPteBytes({ linux, native: null }, 'process')).toBe(3 * 4096);
  });
});
