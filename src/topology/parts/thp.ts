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
    /** What a process of a larger page size is told of controls that depend on the page size. */
    policy: z.enum(['translate', 'defeature', 'kernel']).default('translate'),
    /** What the pages of a process are collapsed to. */
    collapseSize: z.enum(['process-pmd', 'kernel-pmd']).default('process-pmd'),
    /** Rounds over all processes after which khugepaged rests for good. */
    fullScans: z.int().positive().default(10),
    useZeroPage: z.boolean().default(true),
    khugepaged: z
      .strictObject({
        defrag: z.boolean().optional(),
        pagesToScan: z.int().positive().optional(),
        scanSleepMilliseconds: count.optional(),
        allocSleepMilliseconds: count.optional(),
        maxPtesNone: count.optional(),
        maxPtesSwap: count.optional(),
        maxPtesShared: count.optional(),
      })
      .prefault({}),
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
