/**
 * The field `liveFallback` of a topology: how CPUs that run a process change from one of its tables to the other. It brings no
 * actors; with it the change is modelled step by step.
 *
 * @models S-39 S-40 L-05 D-06
 */
import { z } from 'zod';
import { defaultLiveFallback } from '../../arch/liveFallback.ts';

/**
 * What may be written for it.
 *
 * @example
 * ```ts
 * liveFallbackSchema.parse({}).protocol; // 'reserved-ttbr0'
 * ```
 */
export const liveFallbackSchema = z.strictObject({
  protocol: z
    .enum(['reserved-ttbr0', 'in-place', 'no-flush'])
    .default(defaultLiveFallback.protocol)
    .describe(
      '`reserved-ttbr0`: all CPUs install the empty table before tables change; `in-place`: they change at once; `no-flush`: TLBs stay.',
    ),
  returnToNative: z
    .enum(['never', 'when-whole'])
    .default(defaultLiveFallback.returnToNative)
    .describe('Fallen back for ever, or until every process page is one folio again.'),
});
