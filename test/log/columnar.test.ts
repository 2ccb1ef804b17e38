import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { decodeValues, encodeValues } from '../../src/log/columnar.ts';
import { plainValue } from './values.ts';

/** A form that shows key order, -0 and undefined, which JSON hides. */
function spell(input: unknown): string {
  if (Array.isArray(input)) return `[${input.map(spell).join()}]`;
  if (ArrayBuffer.isView(input)) return `${input.constructor.name}(${[...new Uint8Array(input.buffer)].join()})`;
  if (typeof input === 'object' && input !== null) {
    return `{${Object.entries(input)
      .map(([key, field]) => `${JSON.stringify(key)}:${spell(field)}`)
      .join()}}`;
  }
  return Object.is(input, -0) ? '-0' : typeof input === 'string' ? JSON.stringify(input) : String(input);
}

describe('the columnar encoding', () => {
  it('gives back every list of plain values, with key order, -0 and undefined', () => {
    fc.assert(
      fc.property(fc.array(plainValue), (values) => {
        expect(spell(decodeValues(encodeValues(values)))).toBe(spell(values));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same bytes for the same values', () => {
    fc.assert(
      fc.property(fc.array(plainValue), (values) => {
        expect(encodeValues(structuredClone(values))).toEqual(encodeValues(values));
      }),
    );
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    () => 0,
    new Map(),
    new Date(0),
    Symbol('s'),
    [{ a: Number.NaN }],
  ])('refuses %s, which is no plain data', (refused) => {
    expect(() => encodeValues([refused])).toThrow(GranuleError);
  });

  it('refuses a cycle instead of overflowing', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encodeValues([cycle])).toThrow(/cycle/);
  });

  it('answers damaged bytes with LOG_DAMAGED or with other values, never with another error', () => {
    fc.assert(
      fc.property(
        fc.array(plainValue, { minLength: 1 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (values, place, flip) => {
          const bytes = encodeValues(values);
          const at = place % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          try {
            decodeValues(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(GranuleError);
            expect(error).toMatchObject({ code: 'LOG_DAMAGED' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
