/** Fields of comma-separated values. */

/** What a field has to be quoted for. */
const SPECIAL = /[",\r\n]/;

/**
 * A field as RFC 4180 has it, in quotes where it needs them.
 *
 * @example
 * ```ts
 * csvField('a,"b"'); // '"a,""b"""'
 * ```
 */
export function csvField(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
