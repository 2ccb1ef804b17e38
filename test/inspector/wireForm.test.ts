import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packWire, unpackWire } from '../../src/inspector/engine/wireForm.ts';

const numbers = fc.oneof(
  fc.uint32Array(),
  fc.int32Array(),
  fc.uint16Array(),
  fc.uint8Array(),
  fc.float64Array({ noNaN: true, noDefaultInfinity: true }),
);
const scalars = fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean());
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalars.filter((value) => !Object.is(value, -0)),
    fc.constant(null),
    numbers,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__' && key !== '$array' && key !== 'toJSON'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

describe('the form in which answers travel', () => {
  it('gives back what was put in, typed arrays and all', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(unpackWire(packWire(value))).toEqual(value);
      }),
    );
  });

  it('can be read at any place of a larger buffer', () => {
    fc.assert(
      fc.property(values, fc.nat({ max: 16 }), (value, offset) => {
        const bytes = packWire(value);
        const larger = new Uint8Array(bytes.length + offset + 3);
        larger.set(bytes, offset);
        expect(unpackWire(larger.subarray(offset, offset + bytes.length))).toEqual(value);
      }),
    );
  });

  it('refuses what is shorter than its length', () => {
    expect(() => unpackWire(new Uint8Array(3))).toThrow(/length/);
  });
});
