import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { decodeValues, encodeValues, openValues } from '../../src/log/columnar.ts';
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

/** The fields of an object in the opposite order; anything else as it is. */
function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).toReversed());
}

/** A value that differs from another in one thing, as deep as its first fields or elements go. */
function changed(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [0] : [changed(value[0]), ...value.slice(1)];
  if (value instanceof Uint32Array) return Uint32Array.of(...value, 1);
  if (value instanceof Int8Array) return new Uint8Array(value);
  if (typeof value !== 'object' || value === null) return value === 1 ? 2 : 1;
  const [first, ...rest] = Object.entries(value);
  return first === undefined ? { a: 0 } : Object.fromEntries([[first[0], changed(first[1])], ...rest]);
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

  it('says of a stored value just when another is written with the same bytes', () => {
    fc.assert(
      fc.property(plainValue, fc.func(plainValue), (value, other) => {
        for (const tried of [structuredClone(value), reversed(value), other(value), changed(value)]) {
          const isSame = spell(tried) === spell(value);
          expect(openValues(encodeValues([value])).column.matches(tried)).toBe(isSame);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads on behind values that were passed over', () => {
    fc.assert(
      fc.property(fc.array(plainValue), fc.nat(), (values, place) => {
        const { column } = openValues(encodeValues(values));
        const passed = values.length === 0 ? 0 : place % values.length;
        column.skip(passed);
        for (const value of values.slice(passed)) expect(spell(column.next())).toBe(spell(value));
      }),
      { numRuns: 500 },
    );
  });

  it('reads on behind values that were held against others, and gives messages as their payloads with the type first', () => {
    const fields = fc.dictionary(fc.constantFrom('a', 'b', 'addr', '__proto__'), plainValue, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(fields), (payloads) => {
        const { column } = openValues(encodeValues([...payloads, ...payloads, 'end']));
        for (const payload of payloads) expect(column.matches(payload)).toBe(true);
        for (const payload of payloads) {
          const message = column.nextMessage('GO');
          const rest = spell(payload).slice(1);
          expect(spell(message)).toBe(`{"type":"GO"${rest === '}' ? '' : ','}${rest}`);
        }
        expect(column.nextMessage('GO')).toBeNull();
        expect(column.next()).toBe('end');
      }),
    );
    expect(openValues(encodeValues([{ a: 1, type: 'X' }])).column.nextMessage('GO')).toBeNull();
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
