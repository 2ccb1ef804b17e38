/**
 * What an operand of TLB maintenance must name for an entry to go.
 *
 * @models S-12 D-11
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  coveredBytes,
  decodeRangeOperand,
  decodeVaOperand,
  encodeRangeOperand,
  encodeVaOperand,
  mustInvalidate,
} from '../../src/arch/tlbiOperand.ts';
import { maxDvmOps, tlbiPlan } from '../../src/arch/tlbi.ts';

const granules = fc.constantFrom(4096 as const, 16384 as const, 65536 as const);
const levels = fc.option(fc.integer({ min: 1, max: 3 }));

describe('a single-address operand', () => {
  test('has ASID, TTL and VA where the architecture has them', () => {
    const operand = encodeVaOperand({ asid: 0xabcd, va: 0x7fff_1234_0000, hint: { granuleBytes: 65536, level: 3 } });
    expect(operand).toBe(0xabcd_f007_fff1_2340n);
    expect(encodeVaOperand({ asid: 1, va: 0x5000, hint: { granuleBytes: 16384, level: 2 } }) >> 44n).toBe(0x1an);
    expect(encodeVaOperand({ asid: 1, va: 0x5000, hint: null })).toBe(0x1_0000_0000_0005n);
  });

  test('comes back from its bits, its address down to the granule that it hints', () => {
    const hints = fc.option(fc.record({ granuleBytes: granules, level: fc.integer({ min: 0, max: 3 }) }));
    fc.assert(
      fc.property(fc.nat(65535), fc.nat(2 ** 31), hints, (asid, page, hint) => {
        const decoded = decodeVaOperand(encodeVaOperand({ asid, va: page * 4096, hint }));
        const unit = hint?.granuleBytes ?? 4096;
        expect(decoded).toEqual({ asid, va: Math.floor((page * 4096) / unit) * unit, hint });
      }),
    );
  });
});

describe('a range operand', () => {
  test.each([
    [16, 4096, [[0, 7]]],
    [32, 65536, [[0, 15]]],
    [512, 4096, [[1, 7]]],
    [
      272,
      4096,
      [
        [1, 3],
        [0, 7],
      ],
    ],
  ] as const)('for %i pages of %i bytes has the SCALE and NUM that Linux gives it', (pages, granuleBytes, expected) => {
    const range = { startVa: 0, endVa: pages * granuleBytes, strideBytes: granuleBytes, granuleBytes };
    const plan = tlbiPlan({ ...range, tlbRange: true, lastLevelOnly: true, level: 3 });
    expect(plan.map(({ scale, num }) => [scale, num])).toEqual(expected);
    const covered = plan.map(({ scale, num, startVa }) => {
      const operand = encodeRangeOperand({
        asid: 1,
        granuleBytes,
        scale: scale ?? 0,
        num: num ?? 0,
        level: 3,
        startVa,
        lpa2: false,
      });
      expect(operand >> 46n).toBe(granuleBytes === 4096 ? 0b101n : 0b111n);
      return coveredBytes(decodeRangeOperand(operand, false));
    });
    expect(covered.reduce((sum, bytes) => sum + bytes, 0)).toBe(pages * granuleBytes);
  });

  test('comes back from its bits, with LPA2 in units of 64K', () => {
    fc.assert(
      fc.property(
        fc.nat(65535),
        granules,
        fc.nat(3),
        fc.nat(31),
        levels,
        fc.nat(2 ** 31),
        fc.boolean(),
        (asid, granuleBytes, scale, num, level, start, lpa2) => {
          const operand = { asid, granuleBytes, scale, num, level, startVa: start * 65536, lpa2 };
          expect(decodeRangeOperand(encodeRangeOperand(operand), lpa2)).toEqual(operand);
        },
      ),
    );
    const unaligned = { asid: 1, granuleBytes: 4096, scale: 0, num: 0, level: null, startVa: 4096 } as const;
    expect(() => encodeRangeOperand({ ...unaligned, lpa2: true })).toThrow('64K');
  });
});

describe('a hint', () => {
  test('that names another level or granule than the entry has need not invalidate anything', () => {
    const entry = { granuleBytes: 65536, level: 3 };
    expect(mustInvalidate({ range: false, granuleBytes: 65536, level: 3 }, entry)).toBe(true);
    expect(mustInvalidate({ range: false, granuleBytes: 65536, level: 2 }, entry)).toBe(false);
    expect(mustInvalidate({ range: false, granuleBytes: 4096, level: 3 }, entry)).toBe(false);
    expect(mustInvalidate({ range: true, granuleBytes: 4096, level: null }, entry)).toBe(false);
    expect(mustInvalidate({ range: true, granuleBytes: 65536, level: null }, entry)).toBe(true);
  });

  test('that is not given leaves a single-address operation its effect, whatever the granule of the entry', () => {
    expect(mustInvalidate({ range: false, granuleBytes: 4096, level: null }, { granuleBytes: 65536, level: 3 })).toBe(
      true,
    );
  });
});

test('MAX_DVM_OPS is PTRS_PER_PTE of each granule', () => {
  expect([4096, 16384, 65536].map(maxDvmOps)).toEqual([512, 2048, 8192]);
});
