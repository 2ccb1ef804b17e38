/**
 * Memory cgroups of a topology: which processes are in which, and how much they may have.
 *
 * @models D-17
 */
import { z } from 'zod';
import type { ZoneCgroups } from '../../../machines/cgroup/zoneCharge.ts';
import { GranuleError } from '../../errors.ts';
import { newMemcg } from '../../mm/cgroup/memcg.ts';
import { number } from '../../trace/programCalls.ts';

/**
 * Groups, as a topology writes them.
 *
 * @example
 * ```ts
 * cgroupsSchema.parse([{ name: 'web', max: '1M', pids: [1] }])[0]?.unit; // 'process-page'
 * ```
 */
export const cgroupsSchema = z
  .array(
    z.strictObject({
      name: z.string().min(1).describe('Its name.'),
      max: number.optional().describe('`memory.max`; left out: no limit.'),
      pids: z.array(z.int().positive()).min(1).describe('The processes in it.'),
      unit: z
        .enum(['process-page', 'kernel-page'])
        .default('process-page')
        .describe(
          "What the limit is rounded down to and charged ahead in: the largest page of its processes, or the kernel's.",
        ),
    }),
  )
  .min(1);

/** What of a topology the groups depend on. */
interface Grouped {
  name: string;
  kernelPageSize: number;
  processes: readonly { pid: number; pageSize: number }[];
  cgroups?: z.output<typeof cgroupsSchema> | undefined;
}

/**
 * The groups of a zone; nothing where the topology has none.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN
 * @example
 * ```ts
 * const processes = [{ pid: 1, pageSize: 65536 }];
 * const cgroups = cgroupsSchema.parse([{ name: 'web', max: '100000', pids: [1] }]);
 * zoneCgroups({ name: 'one', kernelPageSize: 4096, processes, cgroups })?.groups[0]?.limitPages; // 16
 * ```
 */
export function zoneCgroups({ name, kernelPageSize, processes, cgroups }: Grouped): ZoneCgroups | undefined {
  if (cgroups === undefined) return undefined;
  const sizes = new Map(processes.map(({ pid, pageSize }) => [pid, pageSize]));
  const byPid: Record<number, number> = {};
  const groups = cgroups.map((group, at) => {
    const where = `${name}: cgroups.${at}.pids`;
    for (const pid of group.pids) {
      if (!sizes.has(pid)) throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', `there is no process:${pid}`, where);
      if (byPid[pid] !== undefined) throw new GranuleError('TOPOLOGY_INVALID', `pid ${pid} is in two groups`, where);
      byPid[pid] = at;
    }
    const largest = Math.max(...group.pids.map((pid) => sizes.get(pid) ?? 0));
    const unitBytes = group.unit === 'process-page' ? largest : kernelPageSize;
    return newMemcg(group.name, { limitBytes: group.max ?? null, unitBytes, kernelPageBytes: kernelPageSize });
  });
  return { groups, byPid };
}
