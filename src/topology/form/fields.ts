/** Topologies before they are read: what JSON and YAML make of text. */

/**
 * Whether a value is an object with fields.
 *
 * @example
 * ```ts
 * isFields([]); // false
 * ```
 */
export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
