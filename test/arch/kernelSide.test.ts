/**
 * The kernel's own memory at each page size, beside what real kernels reported.
 *
 * @models S-13 X-10
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kernelMemory } from '../../src/arch/kernelSide.ts';

interface Limits {
  page: number;
  MemTotalKB: number;
  KernelStackKB: number;
  PageTablesKB: number;
}

const measured = JSON.parse(
  readFileSync(new URL('../../fixtures/oracle/limits.json', import.meta.url), 'utf8'),
) as Limits[];
/** The kernels were built without CONFIG_VMAP_STACK and booted with 2G. */
const own = (page: number) => kernelMemory({ kernelPageBytes: page, memoryBytes: 2 ** 31, vmapStack: false });
const [base] = measured;

describe.each(measured)('a kernel of $page-byte pages', ({ page, MemTotalKB, KernelStackKB, PageTablesKB }) => {
  test('has more memory left the fewer struct pages there are, within a twentieth', () => {
    const gained = MemTotalKB - base.MemTotalKB;
    const predicted = (own(base.page).structPageBytes - own(page).structPageBytes) / 1024;
    expect(Math.abs(gained - predicted)).toBeLessThanOrEqual(predicted / 20);
  });

  test('spends on each task a stack of one size, and on each table a page', () => {
    expect(KernelStackKB / (own(page).stackBytesPerTask / 1024)).toBe(33);
    expect(PageTablesKB / (own(page).tableBytes / 1024)).toBe(11);
  });
});

test('a 4K kernel with 64K processes keeps its own small stacks and tables, and all its struct pages', () => {
  const small = kernelMemory({ kernelPageBytes: 4096, memoryBytes: 2 ** 34, vmapStack: true });
  const large = kernelMemory({ kernelPageBytes: 65536, memoryBytes: 2 ** 34, vmapStack: true });
  expect([large.stackBytesPerTask / small.stackBytesPerTask, large.tableBytes / small.tableBytes]).toEqual([4, 16]);
  expect(small.structPageBytes / large.structPageBytes).toBe(16);
});
