/**
 * ksmd and its settings.
 *
 * @models S-48
 */
import { z } from 'zod';
import { machines, zeroFrame } from '../../../machines/index.ts';
import type { PartActors } from './part.ts';

/**
 * The field `ksm` of a topology: files of /sys/kernel/mm/ksm, and what a merge is of.
 *
 * @example
 * ```ts
 * ksmSchema.parse({}).unit; // 'process-page'
 * ```
 */
export const ksmSchema = z.strictObject({
  run: z.boolean().default(true),
  pagesToScan: z.int().min(1).default(100),
  /** 20 ms at 3 GHz. */
  sleepCycles: z.int().min(1).default(60_000_000),
  maxPageSharing: z.int().min(2).default(256),
  useZeroPages: z.boolean().default(false),
  unit: z.enum(['process-page', 'kernel-page', 'off']).default('process-page'),
  subPages: z.boolean().default(true),
});

/**
 * The daemon.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * ksmActors({ topology: loadTopology('plain-4k'), resources }); // []
 * ```
 */
export const ksmActors: PartActors = ({ topology, resources }) => {
  if (topology.ksm === undefined) return [];
  const kernelPageBytes = topology.kernelPageSize;
  const input = { resources, kernelPageBytes, zeroPfn: zeroFrame(kernelPageBytes), settings: topology.ksm };
  return [{ id: 'ksmd', machine: machines.ksmd, input }];
};
