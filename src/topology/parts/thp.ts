/**
 * The part of transparent huge pages: khugepaged, and the controls in sysfs that programs can read and write.
 *
 * @models S-17 S-23 S-24 S-34
 */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import type { PartActors } from './part.ts';

const count = z.int().nonnegative();

/**
 * What a topology may say under `thp`; see docs/thp.md.
 *
 * @example
 * ```ts
 * thpSchema.parse({})?.collapseSize; // 'process-pmd'
 * ```
 */
export const thpSchema = z
  .strictObject({
    policy: z
      .enum(['translate', 'defeature', 'kernel'])
      .default('translate')
      .describe(
        'What a larger process is told of controls that depend on its page: what a kernel of its size says, nothing, or what this says.',
      ),
    collapseSize: z
      .enum(['process-pmd', 'kernel-pmd'])
      .default('process-pmd')
      .describe(
        'What the pages of a process are collapsed to: the PMD of a kernel of its page size, or of this kernel.',
      ),
    fullScans: z
      .int()
      .positive()
      .default(10)
      .describe('Rounds over all processes after which khugepaged rests for good.'),
    useZeroPage: z
      .boolean()
      .default(true)
      .describe('A read fault maps the huge zero page where a write fault would get a huge page.'),
    khugepaged: z
      .strictObject({
        defrag: z.boolean().optional().describe('`khugepaged/defrag`.'),
        pagesToScan: z.int().positive().optional().describe('`khugepaged/pages_to_scan`.'),
        scanSleepMilliseconds: count.optional().describe('`khugepaged/scan_sleep_millisecs`.'),
        allocSleepMilliseconds: count.optional().describe('`khugepaged/alloc_sleep_millisecs`.'),
        maxPtesNone: count.optional().describe('`khugepaged/max_ptes_none`.'),
        maxPtesSwap: count.optional().describe('`khugepaged/max_ptes_swap`.'),
        maxPtesShared: count.optional().describe('`khugepaged/max_ptes_shared`.'),
      })
      .prefault({})
      .describe('Files of khugepaged; as Linux boots unless given.'),
  })
  .optional();

/**
 * khugepaged, where the topology asks for it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * thpActors({ topology: loadTopology('plain-4k'), resources }); // []
 * ```
 */
export const thpActors: PartActors = ({ topology, resources }) => {
  const { thp: facility, kernelPageSize: kernelPageBytes, processes } = topology;
  if (facility === undefined) return [];
  const pids = processes.map(({ pid }) => pid);
  return [{ id: 'khugepaged', machine: machines.khugepaged, input: { resources, kernelPageBytes, pids, facility } }];
};
