/** The random numbers of foot.c: Marsaglia's xorshift 13/7/17 on 64 bits, of which bits 16 to 47 are taken. */

const MASK = 0xffff_ffff_ffff_ffffn;
const FIRST_STATE = 88_172_645_463_325_252n;

/**
 * Its numbers, one after the other, without end.
 *
 * @example
 * ```ts
 * randomNumbers().next().value; // 158727134
 * ```
 */
export function* randomNumbers(): Generator<number, never> {
  let state = FIRST_STATE;
  for (;;) {
    state ^= (state << 13n) & MASK;
    state ^= state >> 7n;
    state ^= (state << 17n) & MASK;
    yield Number((state >> 16n) & 0xffff_ffffn);
  }
}
