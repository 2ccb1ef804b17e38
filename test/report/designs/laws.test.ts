/**
 * Laws of the estimates: terms add up, break-even lies on the curve, coverage nests.
 *
 * @models S-04 S-05
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCovered } from '../../../src/mm/thpCoverage.ts';
import { attribute, GAIN_TERMS } from '../../../src/report/designs/attribution.ts';
import { breakEven } from '../../../src/report/designs/breakEven.ts';
import { BOUNDS, costsFor, estimate } from '../../../src/report/designs/estimate.ts';
import type { DesignFigures } from '../../../src/report/designs/runDesign.ts';
import { NEAR_LINES, WalkLines } from '../../../src/report/designs/walkLines.ts';

const amount = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most });
const figures = fc
  .record({
    l2Hits: amount(1e6),
    walks: amount(1e5),
    depth: fc.integer({ min: 1, max: 4 }),
    read: fc.double({ min: 0.25, max: 1, noNaN: true }),
    missed: fc.double({ min: 0, max: 1, noNaN: true }),
    minorFaults: amount(1e4),
    majorFaults: amount(1e3),
    zeroedBytes: amount(1e8),
    copiedBytes: amount(1e8),
  })
  .map(({ walks, depth, read, missed, ...rest }) => {
    const walkReads = walks * depth * read;
    return { ...rest, walks, walkLevels: walks * depth, walkReads, walkLineMisses: walkReads * missed };
  });

describe('the terms of a gain', () => {
  it('add up to the difference of the estimates, at every bound', () => {
    const costs = costsFor('neoverse-v2');
    fc.assert(
      fc.property(figures, figures, (from, to) => {
        const gain = attribute(from as DesignFigures, to as DesignFigures, costs);
        for (const bound of BOUNDS) {
          const difference = estimate(from, costs).total[bound] - estimate(to, costs).total[bound];
          const sum = GAIN_TERMS.reduce((total, term) => total + gain[term][bound], 0);
          const size = estimate(from, costs).total[bound] + estimate(to, costs).total[bound];
          expect(Math.abs(sum - difference)).toBeLessThanOrEqual(1e-9 * size + 1e-6);
        }
      }),
    );
  });

  it('leave out what is the same: walks that differ in depth alone differ by levels alone', () => {
    const none = { minorFaults: 0, majorFaults: 0, zeroedBytes: 0, copiedBytes: 0, l2Hits: 5 } as DesignFigures;
    const from = { ...none, walks: 10, walkLevels: 40, walkReads: 40, walkLineMisses: 0 };
    const to = { ...none, walks: 10, walkLevels: 30, walkReads: 30, walkLineMisses: 0 };
    const gain = attribute(from, to, costsFor('neoverse-v2'));
    expect([gain.tlbReach.mid, gain.levels.mid, gain.walkCacheReach.mid, gain.tableFootprint.mid]).toEqual([
      0, 100, 0, 0,
    ]);
  });

  it('have costs whose bounds are in order, with a source', () => {
    for (const core of ['cortex-a76', 'neoverse-n1', 'neoverse-v2']) {
      for (const { low, mid, high, source } of Object.values(costsFor(core))) {
        expect(low).toBeLessThanOrEqual(mid);
        expect(mid).toBeLessThanOrEqual(high);
        expect(source).not.toBe('');
      }
    }
  });
});

describe('break-even', () => {
  const curve = fc
    .array(amount(1000), { minLength: 2, maxLength: 6 })
    .map((costs) => costs.map((cycles, at) => ({ coveragePercent: at * 10, cycles })));

  it('lies on the curve between two points, and from there on no point costs more', () => {
    fc.assert(
      fc.property(curve, amount(1000), (points, cycles) => {
        const found = breakEven(points, cycles);
        if (found.kind !== 'at') return;
        const { coveragePercent } = found;
        const before = points.findLast((point) => point.coveragePercent < coveragePercent);
        const after = points.find((point) => point.coveragePercent >= coveragePercent);
        if (before === undefined || after === undefined) throw new Error('it lies between points');
        const share = (coveragePercent - before.coveragePercent) / 10;
        expect(before.cycles + share * (after.cycles - before.cycles)).toBeCloseTo(cycles, 6);
        const later = points.filter((point) => point.coveragePercent >= coveragePercent);
        expect(later.every((point) => point.cycles <= cycles)).toBe(true);
      }),
    );
  });

  it('is none where one of the two is better at every coverage', () => {
    fc.assert(
      fc.property(curve, (points) => {
        const costs = points.map((point) => point.cycles);
        expect(breakEven(points, Math.min(...costs) - 1).kind).toBe('none-design-wins');
        expect(breakEven(points, Math.max(...costs) + 1).kind).toBe('none-design-loses');
      }),
    );
  });
});

describe('coverage', () => {
  const at = (coveragePercent: number, va: number): boolean =>
    isCovered({ enabled: 'madvise', sizes: {}, coveragePercent }, va, 'libc.so');

  it('nests: what is covered at one coverage is covered at every greater one, and a window is covered as a whole', () => {
    fc.assert(
      fc.property(amount(2 ** 47), amount(100), amount(100), (va, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        if (at(less, va)) expect(at(more, va)).toBe(true);
        expect(at(one, va - (va % 65536))).toBe(at(one, va));
      }),
    );
  });

  it('is of as many windows as it says, to within two in a hundred', () => {
    for (const percent of [0, 10, 25, 50, 75, 90, 100]) {
      const windows = Array.from({ length: 20_000 }, (_, window) => at(percent, 0x7f00_0000_0000 + window * 65536));
      const share = windows.filter(Boolean).length / windows.length;
      expect(Math.abs(share * 100 - percent)).toBeLessThanOrEqual(2);
    }
  });
});

describe('lines of walks', () => {
  it('are one for eight descriptors beside each other, and come again where too many others were read between', () => {
    const walks = new WalkLines();
    for (let page = 0; page < 8; page++) walks.walk(page * 4096, 4096, 4, 3);
    expect(walks.counts()).toEqual({ levels: 32, reads: 8, lines: 1, lineMisses: 1 });
    for (let line = 1; line <= NEAR_LINES; line++) walks.walk(line * 8 * 4096, 4096, 4, 3);
    walks.walk(0, 4096, 4, 3);
    expect(walks.counts()).toMatchObject({ lines: NEAR_LINES + 1, lineMisses: NEAR_LINES + 2 });
  });

  it('of 64K tables are a sixteenth of those of 4K tables for the same memory', () => {
    const [small, large] = [new WalkLines(), new WalkLines()];
    for (let va = 0; va < 2 ** 24; va += 4096) small.walk(va, 4096, 4, 3);
    for (let va = 0; va < 2 ** 24; va += 65536) large.walk(va, 65536, 3, 2);
    expect(small.counts().lines).toBe(512);
    expect(large.counts().lines).toBe(32);
  });
});
