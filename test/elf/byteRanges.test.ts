/**
 * The range map under the play of the loader and under recorded address spaces, held to one value a byte.
 *
 * @models L-11 S-20
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteRanges } from '../../src/mm/elf/byteRanges.ts';
import '../support/propertySeed.ts';

const SPACE = 40;

it('is a value for each byte, or none, and its ranges never overlap', () => {
  const change = fc.record({
    what: fc.constantFrom('put' as const, 'remove' as const, 'double' as const),
    start: fc.nat(SPACE),
    length: fc.nat(SPACE),
    value: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), fc.nat(SPACE), fc.nat(SPACE), (changes, from, length) => {
      const ranges = new ByteRanges<number>();
      const plain = new Map<number, number>();
      for (const { what, start, length: bytes, value } of changes) {
        const end = Math.min(SPACE, start + bytes);
        if (what === 'put') ranges.put(start, end, value);
        else if (what === 'remove') ranges.remove(start, end);
        else ranges.change(start, end, (before) => before * 2);
        for (let byte = start; byte < end; byte += 1) {
          const before = plain.get(byte);
          if (what === 'put') plain.set(byte, value);
          else if (what === 'remove') plain.delete(byte);
          else if (before !== undefined) plain.set(byte, before * 2);
        }
      }
      expect(ranges.bytes).toBe(plain.size);
      const to = Math.min(SPACE, from + length);
      const found = new Map<number, number>();
      let last = from;
      for (const { start, end, value } of ranges.within(from, to)) {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThan(start);
        last = end;
        for (let byte = start; byte < end; byte += 1) found.set(byte, value);
      }
      expect(last).toBeLessThanOrEqual(Math.max(from, to));
      for (let byte = from; byte < to; byte += 1) expect(found.get(byte)).toBe(plain.get(byte));
    }),
    { numRuns: 500 },
  );
});
