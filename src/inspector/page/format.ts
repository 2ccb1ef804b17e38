/** Numbers as the page writes them. */

const COUNT = new Intl.NumberFormat('en-US');

/**
 * A whole number with commas.
 *
 * @example
 * ```ts
 * count(1234567); // '1,234,567'
 * ```
 */
export function count(value: number): string {
  return COUNT.format(value);
}
