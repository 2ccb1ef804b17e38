/**
 * Which folio orders an anonymous fault may take.
 *
 * @models S-23
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ThpMode } from '../../src/arch/design.ts';
import {
  allowableOrders,
  emptyOrders,
  fallingOrders,
  highestOrder,
  pmdOrderOf,
  rangeOf,
  suitableOrders,
} from '../../src/mm/anonOrders.ts';
import { VM } from '../../src/mm/vma.ts';

const K4 = { pageBytes: 4096, kernelPageBytes: 4096 };
const VMA = { startVa: 0, endVa: 2 ** 22, flags: 0 };
const HUGE = { ...VMA, flags: VM.HUGEPAGE };

describe('the orders that sysfs allows', () => {
  // The rows are the settings of Documentation/admin-guide/mm/transhuge.rst: mode of the size, top level, advice.
  const rows: [ThpMode, 'always' | 'madvise' | 'never', boolean, boolean][] = [
    ['always', 'never', false, true],
    ['always', 'never', true, true],
    ['madvise', 'never', false, false],
    ['madvise', 'never', true, true],
    ['inherit', 'always', false, true],
    ['inherit', 'madvise', false, false],
    ['inherit', 'madvise', true, true],
    ['inherit', 'never', true, false],
    ['never', 'always', true, false],
  ];
  test.each(rows)('64K %s, top level %s, MADV_HUGEPAGE %s: %s', (mode, enabled, advised, allowed) => {
    // The PMD size would inherit.
    const sizes = { 65536: mode, [2 ** 21]: 'never' as const };
    const vma = advised ? HUGE : VMA;
    expect(allowableOrders({ thp: { enabled, sizes }, vma, ...K4 })).toBe(allowed ? 16 : 0);
  });

  test('the PMD size inherits where it is not set, and MADV_NOHUGEPAGE wins over everything', () => {
    const thp = { enabled: 'always' as const, sizes: {} };
    expect(allowableOrders({ thp, vma: VMA, ...K4 })).toBe(2 ** 9);
    expect(allowableOrders({ thp, vma: { ...VMA, flags: VM.NOHUGEPAGE }, ...K4 })).toBe(0);
  });

  test('order 1 is no size, and what is no larger than a process page is no choice', () => {
    const sizes = { 8192: 'always', 16384: 'always', 65536: 'always', 131072: 'always' } as const;
    const thp = { enabled: 'never' as const, sizes };
    expect(allowableOrders({ thp, vma: VMA, ...K4 })).toBe(0b110100);
    expect(allowableOrders({ thp, vma: VMA, pageBytes: 65536, kernelPageBytes: 4096 })).toBe(0b100000);
  });

  test('a PMD entry of a process is the size that a kernel of its page size has', () => {
    expect([pmdOrderOf(4096, 4096), pmdOrderOf(16384, 4096), pmdOrderOf(65536, 65536)]).toEqual([9, 13, 13]);
  });
});

describe('the order of a fault', () => {
  const wishes = fc.record({
    orders: fc.nat(2 ** 10 - 1).map((mask) => mask & ~0b11),
    startPage: fc.nat(600),
    pages: fc.integer({ min: 1, max: 1200 }),
    at: fc.nat(2 ** 16),
    present: fc.array(fc.record({ page: fc.nat(1800), nr: fc.integer({ min: 1, max: 40 }) }), { maxLength: 6 }),
  });

  test('is one of those allowed, aligned, inside the mapping, over nothing, and the largest of these', () => {
    fc.assert(
      fc.property(wishes, ({ orders, startPage, pages, at, present }) => {
        const vma = { startVa: startPage * 4096, endVa: (startPage + pages) * 4096 };
        const va = vma.startVa + (at % pages) * 4096;
        const runs = present.map(({ page, nr }) => ({ va: page * 4096, nr }));
        const page = va / 4096;
        const legal = (order: number): boolean => {
          const first = Math.floor(page / 2 ** order) * 2 ** order;
          const end = first + 2 ** order;
          const inside = first >= startPage && end <= startPage + pages;
          return inside && present.every((each) => each.page >= end || each.page + each.nr <= first);
        };
        const wanted = Array.from({ length: 10 }, (_, order) => order).filter(
          (order) => (orders & (2 ** order)) !== 0 && legal(order),
        );
        const left = emptyOrders(suitableOrders(orders, va, vma, 4096), va, runs, 4096);
        expect(highestOrder(left)).toBe(wanted.at(-1) ?? -1);
        // What fits at an order fits at every lower one: all that are left may be tried.
        expect(fallingOrders(left, 0)).toEqual([...wanted.reverse(), 0]);
        if (left !== 0)
          expect(rangeOf(va, highestOrder(left), 4096).startVa % (4096 * 2 ** highestOrder(left))).toBe(0);
      }),
    );
  });
});
