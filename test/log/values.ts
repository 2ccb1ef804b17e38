import fc from 'fast-check';

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -0, 0, 64, -64, 2 ** 31, 2 ** 32),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any value that a log takes. */
export const plainValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, undefined, true, false),
    number,
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
    fc.array(tie('any')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('a', 'b', 'addr', '__proto__', '7')), tie('any'), {
      noNullPrototype: true,
    }),
    fc.uint32Array(),
    fc.int8Array(),
  ),
})).any;
