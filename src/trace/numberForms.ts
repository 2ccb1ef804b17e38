/** How numbers may be written, in the words of JSON Schema: what the transforms of the schemas accept, for editors. */

const MOST = Number.MAX_SAFE_INTEGER;
const SIZE_TEXT = '\\d+\\s*[KMGTkmgt]?';

/**
 * A size in bytes: a number, or text such as `64K`.
 *
 * @example
 * ```ts
 * new RegExp(SIZE_FORM.anyOf[0].pattern).test('64K'); // true
 * ```
 */
export const SIZE_FORM = {
  anyOf: [
    { type: 'string', pattern: `^\\s*${SIZE_TEXT}\\s*$` },
    { type: 'integer', minimum: 0, maximum: MOST },
  ],
} as const;

/**
 * A number or an address: a number, `0x1000`, `64K`.
 *
 * @example
 * ```ts
 * new RegExp(NUMBER_FORM.anyOf[0].pattern).test('0x1000'); // true
 * ```
 */
export const NUMBER_FORM = {
  anyOf: [
    { type: 'string', pattern: `^\\s*(0[xX][0-9a-fA-F]+|-?${SIZE_TEXT})\\s*$` },
    { type: 'integer', minimum: -MOST, maximum: MOST },
  ],
} as const;

/**
 * The same, and not below 0.
 *
 * @example
 * ```ts
 * new RegExp(EXTENT_FORM.anyOf[0].pattern).test('-4K'); // false
 * ```
 */
export const EXTENT_FORM = {
  anyOf: [
    { type: 'string', pattern: `^\\s*(0[xX][0-9a-fA-F]+|-0+\\s*[KMGTkmgt]?|${SIZE_TEXT})\\s*$` },
    { type: 'integer', minimum: 0, maximum: MOST },
  ],
} as const;

/**
 * A page size. Editors offer the first list; the text behind it says how else one may be written.
 *
 * @example
 * ```ts
 * PAGE_SIZE_FORM.anyOf[0].enum[2]; // '64K'
 * ```
 */
export const PAGE_SIZE_FORM = {
  anyOf: [
    { enum: ['4K', '16K', '64K', 4096, 16384, 65536] },
    { type: 'string', pattern: '^\\s*0*(4096|16384|65536|(4|16|64)\\s*[Kk])\\s*$' },
  ],
} as const;

/**
 * The same, where addresses may be written in hex.
 *
 * @example
 * ```ts
 * new RegExp(HEX_PAGE_SIZE_FORM.anyOf[1].pattern).test('0x10000'); // true
 * ```
 */
export const HEX_PAGE_SIZE_FORM = {
  anyOf: [
    PAGE_SIZE_FORM.anyOf[0],
    { type: 'string', pattern: '^\\s*(0*(4096|16384|65536|(4|16|64)\\s*[Kk])|0[xX]0*(1|4|10)000)\\s*$' },
  ],
} as const;

/**
 * Names of a table joined by `|`, or the number that they stand for.
 *
 * @example
 * ```ts
 * new RegExp(namesForm(['SHARED', 'FIXED']).anyOf[0].pattern).test('SHARED|FIXED'); // true
 * ```
 */
export function namesForm(names: readonly string[]): {
  anyOf: [{ type: 'string'; pattern: string }, { type: 'number' }];
} {
  const one = `(${names.join('|')}|0[xX][0-9a-fA-F]+|-?${SIZE_TEXT})`;
  return { anyOf: [{ type: 'string', pattern: `^\\s*${one}\\s*(\\|\\s*${one}\\s*)*$` }, { type: 'number' }] };
}
