/** What a machine keeps, as plain data. */

/**
 * A value as plain data: immutable structures by their `toPlain`, resources left out.
 *
 * @example
 * ```ts
 * plainOf({ calls: IntRecord.empty().with(7, 'a'), n: 1, resources: null }); // { calls: { 7: 'a' }, n: 1 }
 * ```
 */
export function plainOf(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(plainOf);
  if ('toPlain' in value && typeof value.toPlain === 'function') return (value as { toPlain(): unknown }).toPlain();
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'resources')
      .map(([key, entry]) => [key, plainOf(entry)]),
  );
}
