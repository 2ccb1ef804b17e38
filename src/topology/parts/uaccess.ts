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
  /** Whose pages the key of a shared futex counts (`src/mm/uaccess/futexKey.ts`). */
  futexKeys: z.enum(['kernel-page', 'process-page']).default('kernel-page'),
});
