/**
 * userfaultfd: the descriptors that processes may open, by name, and in which pages they work.
 *
 * @models L-08 X-05
 */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import type { PartActors } from './part.ts';

/**
 * The field `userfaultfd` of a topology.
 *
 * @example
 * ```ts
 * userfaultfdSchema.parse({ descriptors: ['monitor'] }); // { descriptors: ['monitor'], granularity: 'process-page' }
 * ```
 */
export const userfaultfdSchema = z.strictObject({
  descriptors: z
    .array(z.string().regex(/^[\w.-]+$/, 'a name is of letters, digits, "_", "." and "-"'))
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'each descriptor has a name of its own')
    .meta({ uniqueItems: true })
    .describe('Names of the descriptors that programs may open.'),
  granularity: z
    .enum(['process-page', 'kernel-page', 'defeature'])
    .default('process-page')
    .describe(
      "What ranges, events and pages are in, for a process whose page is larger than the kernel's; `defeature` offers no feature.",
    ),
});

/**
 * One actor for each descriptor.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * userfaultfdActors({ topology: loadTopology('plain-4k'), resources }); // []
 * ```
 */
export const userfaultfdActors: PartActors = ({ topology, resources }) => {
  const settings = topology.userfaultfd;
  if (settings === undefined) return [];
  const { granularity } = settings;
  const kernelPageBytes = topology.kernelPageSize;
  return settings.descriptors.map((fd) => {
    return { id: `uffd:${fd}`, machine: machines.uffd, input: { resources, fd, kernelPageBytes, granularity } };
  });
};
