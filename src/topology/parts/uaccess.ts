/**
 * The field `uaccess` of a topology: what the design does where the kernel itself touches user memory. It brings no actors.
 *
 * @models S-07
 */
import { z } from 'zod';

/**
 * What may be written for it.
 *
 * @example
 * ```ts
 * uaccessSchema.parse({}).futexKeys; // 'kernel-page'
 * ```
 */
export const uaccessSchema = z.strictObject({
  futexKeys: z
    .enum(['kernel-page', 'process-page'])
    .default('kernel-page')
    .describe(
      "Whose pages the key of a shared futex counts; those of the caller's ABI keep a 4K and a 64K process from meeting.",
    ),
});
