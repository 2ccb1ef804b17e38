/**
 * The field `conversion` of a topology: how a file's folios come to the order of a mapping while others use them. It brings no
 * actors; with it the conversion is modelled step by step.
 *
 * @models S-36 T-02 T-07 T-08 D-15
 */
import { z } from 'zod';
import { defaultConversion } from '../../arch/conversion.ts';

/**
 * What may be written for it.
 *
 * @example
 * ```ts
 * conversionSchema.parse({}).protocol; // 'whole-file'
 * ```
 */
export const conversionSchema = z.strictObject({
  protocol: z
    .enum(['whole-file', 'order-first', 'each-its-own'])
    .default(defaultConversion.protocol)
    .describe(
      '`whole-file`: at mmap, under the lock; `order-first`: at a fault, the order of the inode and one process page; ' +
        '`each-its-own`: faults drop and read in their own order, without the lock.',
    ),
  writers: z
    .enum(['shut-out', 'beside'])
    .default(defaultConversion.writers)
    .describe('Whether write() waits for a conversion, or makes folios dirty beside it.'),
});
