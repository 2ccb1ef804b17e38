import { describe, expect, test } from 'vitest';
import {
  formatSize,
  GRANULES,
  geometryOf,
  minFolioOrder,
  pageShift,
  pageSizeLimits,
  tableIndex,
} from '../../src/arch/granule.ts';
import { GranuleError } from '../../src/errors.ts';

const M = 2 ** 20;
const G = 2 ** 30;
const T = 2 ** 40;

describe('geometry', () => {
  test.each([
    [4096, 39, 3, 1, 512, 4096],
    [4096, 48, 4, 0, 512, 4096],
    [4096, 52, 5, -1, 16, 128],
    [16384, 36, 2, 2, 2048, 16384],
    [16384, 47, 3, 1, 2048, 16384],
    [16384, 48, 4, 0, 2, 16],
    [16384, 52, 4, 0, 32, 256],
    [65536, 42, 2, 2, 8192, 65536],
    [65536, 48, 3, 1, 64, 512],
    [65536, 52, 3, 1, 1024, 8192],
  ])(
    'a %i-byte granule with %i bits has %i levels, from level %i with %i entries',
    (granule, bits, levels, top, entries, bytes) => {
      const geometry = geometryOf(granule, bits);
      expect(geometry.levels.length).toBe(levels);
      expect(geometry.levels[0]).toMatchObject({ level: top, entries, tableBytes: bytes });
      expect(geometry.levels.slice(1).every((level) => level.tableBytes === granule)).toBe(true);
      expect(geometry.levels[0]?.tableSpanBytes).toBe(2 ** bits);
    },
  );

  test('a full level 3 table spans 2M, 32M and 512M, a full level 2 table 1G, 64G and 4T', () => {
    const spans = GRANULES.map((granule) =>
      geometryOf(granule)
        .levels.slice(-2)
        .map((level) => level.tableSpanBytes),
    );
    expect(spans).toEqual([
      [G, 2 * M],
      [64 * G, 32 * M],
      [4 * T, 512 * M],
    ]);
  });

  test('the index at each level is the bits of the address that the granule gives it', () => {
    const bits: [number, number, number, number][] = [
      [65536, 3, 28, 16],
      [65536, 2, 41, 29],
      [65536, 1, 47, 42],
      [16384, 3, 24, 14],
      [16384, 2, 35, 25],
      [16384, 1, 46, 36],
      [16384, 0, 47, 47],
      [4096, 3, 20, 12],
      [4096, 2, 29, 21],
      [4096, 1, 38, 30],
      [4096, 0, 47, 39],
    ];
    const va = 0xa5c3_9f17_6b2d;
    for (const [granule, level, high, low] of bits) {
      const expected = Number((BigInt(va) >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
      expect(tableIndex(geometryOf(granule), va, level), `${granule} level ${level}`).toBe(expected);
    }
  });

  test('a page size or an address width that Linux does not offer is refused', () => {
    expect(() => pageShift(8192)).toThrow(GranuleError);
    expect(() => geometryOf(65536, 47)).toThrow('47-bit');
    expect(() => minFolioOrder(4096, 65536)).toThrow(/4K process page on a 64K kernel/);
  });
});

test('the limits that follow from the page size are those of Linux 6.12', () => {
  expect(GRANULES.map((granule) => pageSizeLimits(granule))).toMatchObject([
    { contPtes: 16, contPteBytes: 65536, contPmds: 16, contPmdBytes: 32 * M, pmdBytes: 2 * M, pmdOrder: 9 },
    { contPtes: 128, contPteBytes: 2 * M, contPmds: 32, contPmdBytes: G, pmdBytes: 32 * M, pmdOrder: 11 },
    { contPtes: 32, contPteBytes: 2 * M, contPmds: 32, contPmdBytes: 16 * G, pmdBytes: 512 * M, pmdOrder: 13 },
  ]);
  const limits = GRANULES.map(pageSizeLimits);
  expect(limits.map((each) => each.maxPageOrder)).toEqual([10, 11, 13]);
  expect(limits.map((each) => each.maxPagecacheOrder)).toEqual([9, 11, 11]);
  expect(limits.map((each) => each.pageblockOrder)).toEqual([9, 11, 13]);
  expect(limits.map((each) => each.pageblockBytes)).toEqual([2 * M, 32 * M, 512 * M]);
  expect(limits.map((each) => each.faultAroundPages)).toEqual([16, 4, 1]);
  expect(limits.map((each) => each.hugetlbBytes.map(formatSize))).toEqual([
    ['64K', '2M', '32M', '1G'],
    ['2M', '32M', '1G'],
    ['2M', '512M', '16G'],
  ]);
  expect([minFolioOrder(16384, 4096), minFolioOrder(65536, 4096), minFolioOrder(65536, 16384)]).toEqual([2, 4, 2]);
});
