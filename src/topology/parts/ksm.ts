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
  run: z.boolean().default(true).describe('`run`: whether ksmd works.'),
  pagesToScan: z.int().min(1).default(100).describe('`pages_to_scan`: pages in one go.'),
  sleepCycles: z.int().min(1).default(60_000_000).describe('`sleep_millisecs`, in cycles: 20 ms at 3 GHz.'),
  maxPageSharing: z.int().min(2).default(256).describe('`max_page_sharing`: mappings of one merged page at most.'),
  useZeroPages: z.boolean().default(false).describe('`use_zero_pages`: the zero page takes the place of zeroes.'),
  unit: z
    .enum(['process-page', 'kernel-page', 'off'])
    .default('process-page')
    .describe(
      'What is compared and merged: pages of the process, of the kernel, or nothing in processes of larger pages.',
    ),
  subPages: z
    .boolean()
    .default(true)
    .describe('A process of kernel pages may map single pages of a merged larger page.'),
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
