/**
 * Which TLB invalidations Linux issues for a range.
 *
 * @models S-12 D-11
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countTlbi, flushTlbPage, gatherPlan, tlbiPlan } from '../../src/arch/tlbi.ts';

const K = 1024;
const M = 1024 * K;

function plan(pages: number, granuleBytes: number) {
  const range = { startVa: 0, endVa: pages * granuleBytes, strideBytes: granuleBytes, granuleBytes };
  return tlbiPlan({ ...range, tlbRange: true, lastLevelOnly: true });
}

describe('a user range flush', () => {
  test.each([
    [64 * K, [16, 1, 4, 1, 1, 1]],
    [M, [256, 1, 64, 1, 16, 1]],
    [M + 64 * K, [272, 2, 68, 2, 17, 2]],
    [2 * M, [null, 1, 128, 1, 32, 1]],
    [32 * M, [null, 1, null, 1, 512, 1]],
    [512 * M, [null, 1, null, 1, null, 1]],
  ])(
    'of %i bytes issues so many operations without and with range operations at 4K, 16K and 64K',
    (bytes, expected) => {
      const counts = [4096, 16384, 65536].flatMap((granule) => [
        countTlbi(bytes, granule, false),
        countTlbi(bytes, granule, true),
      ]);
      expect(counts).toEqual(expected);
    },
  );

  test('encodes SCALE and NUM as Linux does', () => {
    const encoded = (pages: number, granule: number) => plan(pages, granule).map(({ scale, num }) => [scale, num]);
    expect(encoded(16, 4096)).toEqual([[0, 7]]);
    expect(encoded(32, 65536)).toEqual([[0, 15]]);
    expect(encoded(512, 4096)).toEqual([[1, 7]]);
    expect(encoded(272, 4096)).toEqual([
      [1, 3],
      [0, 7],
    ]);
    expect(encoded(17, 4096)).toEqual([
      [0, 7],
      [null, null],
    ]);
  });

  test('becomes a flush of the ASID at 512 pages of 4K without range operations, and past 2097152 pages with them', () => {
    expect(countTlbi(2 * M - 4 * K, 4096, false)).toBe(511);
    expect(countTlbi(2 * M, 4096, false)).toBeNull();
    expect(plan(2_097_152, 4096)[0]?.op).toBe('RVALE1IS');
    expect(plan(2_097_153, 4096)[0]?.op).toBe('ASIDE1IS');
  });

  test('covers the whole range, in order, without a gap, whatever its start and length', () => {
    const granules = fc.constantFrom(4096, 16384, 65536);
    fc.assert(
      fc.property(
        granules,
        fc.nat(1000),
        fc.integer({ min: 1, max: 100_000 }),
        fc.boolean(),
        fc.boolean(),
        (granuleBytes, first, pages, tlbRange, lpa2) => {
          const startVa = first * granuleBytes;
          const endVa = startVa + pages * granuleBytes;
          const operations = tlbiPlan({
            startVa,
            endVa,
            strideBytes: granuleBytes,
            granuleBytes,
            tlbRange,
            lastLevelOnly: false,
            lpa2,
          });
          if (operations[0]?.op === 'ASIDE1IS') return !tlbRange && operations.length === 1;
          let at = startVa;
          for (const each of operations) {
            expect(each.startVa).toBe(at);
            if (each.scale !== null && each.num !== null) {
              expect((each.num + 1) * 2 ** (5 * each.scale + 1) * granuleBytes).toBe(each.endVa - each.startVa);
              expect(each.num).toBeLessThanOrEqual(31);
              if (lpa2) expect(each.startVa % 65536).toBe(0);
            }
            at = each.endVa;
          }
          return at === endVa && (!tlbRange || operations.length <= 20);
        },
      ),
    );
  });

  test('is widened to whole strides', () => {
    const range = { startVa: 0x1000, endVa: 0x2000, strideBytes: 65536, granuleBytes: 4096, tlbRange: false };
    expect(tlbiPlan({ ...range, lastLevelOnly: true })).toMatchObject([{ op: 'VALE1IS', startVa: 0, endVa: 65536 }]);
  });
});

test('a single page is flushed at its leaf with a level 3 hint', () => {
  expect(flushTlbPage(0x1fff, 4096)).toEqual([
    { op: 'VALE1IS', startVa: 0x1000, endVa: 0x2000, scale: null, num: null, level: 3 },
  ]);
});

test('a dying address space is flushed only when tables were freed, and freed tables take the walk caches with them', () => {
  const gather = { startVa: 0, endVa: 8192, strideBytes: 4096, granuleBytes: 4096, tlbRange: false, clearedLevel: 3 };
  expect(gatherPlan({ ...gather, fullMm: true, freedTables: false })).toEqual([]);
  expect(gatherPlan({ ...gather, fullMm: true, freedTables: true }).map((each) => each.op)).toEqual(['ASIDE1IS']);
  const kept = gatherPlan({ ...gather, fullMm: false, freedTables: false });
  expect(kept.map(({ op, level }) => [op, level])).toEqual([
    ['VALE1IS', 3],
    ['VALE1IS', 3],
  ]);
  const freed = gatherPlan({ ...gather, fullMm: false, freedTables: true });
  expect(freed.map(({ op, level }) => [op, level])).toEqual([
    ['VAE1IS', null],
    ['VAE1IS', null],
  ]);
});
