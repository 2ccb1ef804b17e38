/**
 * A zone under pressure: free lists by migrate type, compaction, the slow path of allocations and the OOM killer.
 *
 * @models S-14 S-15 S-23 L-04 D-12
 */
import { z } from 'zod';
import { machines, type PressureInput, zeroFrame } from '../../../machines/index.ts';
import { pageSizeLimits } from '../../arch/granule.ts';
import { groupsByMobility } from '../../mm/pageblock/reserves.ts';
import { ALLOCATION_FAILURES } from '../../mm/slowpath/slowpath.ts';
import type { ActorSpec } from '../../runtime/hosting.ts';
import type { Topology } from '../schema.ts';
import type { PartSurroundings } from './part.ts';

/**
 * The field `zone` of a topology.
 *
 * @example
 * ```ts
 * zoneSchema.parse({})?.allocationFailure; // 'compact-then-oom'
 * ```
 */
export const zoneSchema = z
  .strictObject({
    migrateTypes: z
      .boolean()
      .optional()
      .describe('Memory is grouped by mobility; left out: what the kernel decides by the size of memory.'),
    compaction: z
      .enum(['both', 'direct', 'kcompactd', 'none'])
      .default('both')
      .describe('Who compacts: allocations that wait (`direct`), kcompactd, both, or nobody.'),
    migration: z
      .enum(['folio', 'kernel-page'])
      .default('folio')
      .describe(
        'What compaction moves at once: a folio with all its entries, or each kernel page, which tears process pages.',
      ),
    oom: z.boolean().default(true).describe('The OOM killer may kill.'),
    allocationFailure: z
      .enum(ALLOCATION_FAILURES)
      .default('compact-then-oom')
      .describe('What becomes of a process whose page cannot be had: docs/memory-pressure.md.'),
    minFreeKbytes: z
      .int()
      .nonnegative()
      .optional()
      .describe('`vm.min_free_kbytes`; left out: what a kernel with huge pages sets.'),
    kernelPageEvery: z
      .int()
      .min(2)
      .optional()
      .describe("One page in so many is the kernel's own from the beginning, and does not move."),
    oomScoreAdj: z
      .record(z.string().regex(/^\d+$/), z.int().min(-1000).max(1000))
      .default({})
      .describe('`/proc/PID/oom_score_adj`, by pid.'),
  })
  .optional();

/** The zone's own input besides what every zone has; nothing where the topology does not ask for it. */
function pressureOf({ zone }: Topology): PressureInput | null {
  if (zone === undefined) return null;
  const { migrateTypes, minFreeKbytes, kernelPageEvery, compaction } = zone;
  return {
    background: compaction === 'both' || compaction === 'kcompactd',
    ...(migrateTypes === undefined ? {} : { migrateTypes }),
    ...(minFreeKbytes === undefined ? {} : { minFreeKbytes }),
    ...(kernelPageEvery === undefined ? {} : { kernelPageEvery }),
  };
}

/**
 * What the zone is built with besides what every zone has.
 *
 * @example
 * ```ts
 * zonePressure(loadTopology('plain-4k')); // {}
 * ```
 */
export function zonePressure(topology: Topology): { pressure?: PressureInput } {
  const pressure = pressureOf(topology);
  return pressure === null ? {} : { pressure };
}

/**
 * The slow path and the compactor.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * zoneActors({ topology: loadTopology('plain-4k'), resources }); // []
 * ```
 */
export function zoneActors({ topology, resources }: PartSurroundings): ActorSpec[] {
  const { zone, kernelPageSize: kernelPageBytes, memory, processes } = topology;
  if (zone === undefined) return [];
  const totalPages = Math.floor(memory / kernelPageBytes);
  const zeroPfn = zeroFrame(kernelPageBytes);
  const { compaction, oom, allocationFailure: failure, oomScoreAdj: scoreAdj } = zone;
  const rules = { compaction: compaction === 'both' || compaction === 'direct', oom, failure };
  const groups = zone.migrateTypes ?? groupsByMobility(totalPages, pageSizeLimits(kernelPageBytes).pageblockOrder);
  const pids = processes.map(({ pid }) => pid);
  const input = { resources, kernelPageBytes, totalPages, zeroPfn, rules, groups, pids, scoreAdj };
  const frames = { basePfn: zeroPfn, endPfn: zeroPfn + totalPages };
  const compactor = { resources, kernelPageBytes, ...frames, unit: zone.migration };
  return [
    { id: 'page-alloc', machine: machines['page-alloc'], input },
    ...(compaction === 'none' ? [] : [{ id: 'kcompactd', machine: machines.kcompactd, input: compactor }]),
  ];
}
