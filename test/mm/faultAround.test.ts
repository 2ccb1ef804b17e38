import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultAround } from '../../src/mm/faultAround.ts';

describe('the fault-around window', () => {
  test('starts at the mapping where that begins inside a window, and is as long as ever from there', () => {
    expect(faultAround(0x4000, { startVa: 0x3000, endVa: 0x90000 }, 4096)).toEqual({ startVa: 0x3000, endVa: 0x13000 });
  });

  test('ends with the mapping and with the page table', () => {
    expect(faultAround(0x11000, { startVa: 0, endVa: 0x12000 }, 4096)).toEqual({ startVa: 0x10000, endVa: 0x12000 });
    const vma = { startVa: 0x1fb000, endVa: 0x300000 };
    expect(faultAround(0x1fc000, vma, 4096)).toEqual({ startVa: 0x1fb000, endVa: 0x200000 });
  });

  test('is four pages of 16K and one of 64K', () => {
    const vma = { startVa: 0, endVa: 2 ** 21 };
    expect(faultAround(0x25000, vma, 16384)).toEqual({ startVa: 0x20000, endVa: 0x30000 });
    expect(faultAround(0x25000, vma, 65536)).toEqual({ startVa: 0x20000, endVa: 0x30000 });
  });

  test('holds the page asked for, lies inside mapping and table, and is 64K at most', () => {
    const sizes = fc.constantFrom(4096, 16384, 65536);
    fc.assert(
      fc.property(sizes, fc.nat(9000), fc.integer({ min: 1, max: 9000 }), fc.nat(), (page, start, pages, at) => {
        const vma = { startVa: start * page, endVa: (start + pages) * page };
        const va = vma.startVa + (at % pages) * page;
        const around = faultAround(va, vma, page);
        const tableBytes = (page / 8) * page;
        expect(around.startVa).toBeLessThanOrEqual(va);
        expect(around.endVa).toBeGreaterThan(va);
        expect(around.startVa).toBeGreaterThanOrEqual(vma.startVa);
        expect(around.endVa).toBeLessThanOrEqual(vma.endVa);
        expect(Math.floor((around.endVa - 1) / tableBytes)).toBe(Math.floor(around.startVa / tableBytes));
        expect(around.endVa - around.startVa).toBeLessThanOrEqual(Math.max(page, 65536));
      }),
    );
  });
});
