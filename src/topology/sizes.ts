/** Sizes as people write them in a topology. */
import { z } from 'zod';
import { PAGE_SIZE_FORM, SIZE_FORM } from '../trace/numberForms.ts';
import { GRANULES } from '../arch/granule.ts';

const SIZE = /^(\d+)\s*([KMGT]?)$/;
const UNIT_BYTES: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Bytes of a size as people write it: a number, or `4K`, `64K`, `2G`.
 *
 * @returns null where it is none
 * @example
 * ```ts
 * parseSize('64K'); // 65536
 * ```
 */
export function parseSize(text: string | number): number | null {
  if (typeof text === 'number') return Number.isSafeInteger(text) && text >= 0 ? text : null;
  const match = SIZE.exec(text.trim().toUpperCase());
  const bytes = match === null ? null : Number(match[1]) * (UNIT_BYTES[match[2] ?? ''] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/**
 * A field that holds a size.
 *
 * @example
 * ```ts
 * size.parse('4K'); // 4096
 * ```
 */
export const size = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const bytes = parseSize(value);
    if (bytes === null)
      context.addIssue({ code: 'custom', message: `"${value}" is no size; write 4K, 64K, 2G or bytes` });
    return bytes ?? 0;
  })
  .meta({ id: 'size', ...SIZE_FORM });

/**
 * A field that holds a page size.
 *
 * @example
 * ```ts
 * pageSize.parse('64K'); // 65536
 * pageSize.safeParse('8K').success; // false
 * ```
 */
export const pageSize = size
  .refine((bytes) => (GRANULES as readonly number[]).includes(bytes), 'a page size is 4K, 16K or 64K')
  .meta({ id: 'pageSize', ...PAGE_SIZE_FORM });
