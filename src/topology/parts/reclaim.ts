/** kswapd and swap: what a topology writes to have them, and the actors that play them. */
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import { machines } from '../../../machines/index.ts';
import { size } from '../sizes.ts';
import type { TopologyProcess } from '../schema.ts';
import type { PartActors } from './part.ts';

/** A swap device. */
const swapSchema = z.strictObject({
  size: size.describe('Size of the swap device.'),
  unit: z
    .enum(['process-page', 'kernel-page'])
    .default('process-page')
    .describe(
      'What is swapped at once: the process page as a whole, or each kernel page by itself, which tears process pages.',
    ),
  fragmented: z
    .enum(['scatter', 'keep'])
    .default('scatter')
    .describe('Where no aligned run of slots is left: any slots for each page, or the process page stays in memory.'),
});

/**
 * The field `reclaim` of a topology: `{}` for kswapd without swap.
 *
 * @example
 * ```ts
 * reclaimSchema.parse({ swap: { size: '64M' } })?.swap?.unit; // 'process-page'
 * ```
 */
export const reclaimSchema = z
  .strictObject({
    swappiness: z.int().min(0).max(200).default(60).describe('`vm.swappiness`.'),
    swap: swapSchema.optional().describe('A swap device; left out: none.'),
    dirty: z
      .enum(['gather', 'linux-table-only'])
      .default('gather')
      .describe(
        'Where dirty bits are looked for when entries go: in both tables, or in the Linux table alone, which loses data.',
      ),
    accessed: z
      .enum(['gather', 'linux-table-only'])
      .default('gather')
      .describe('The same of accessed bits: in the Linux table alone every page looks unused.'),
    nativeTables: z
      .enum(['keep', 'drop'])
      .default('keep')
      .describe('Whether native tables are dropped under pressure; they must be lazy for that (`design.nativeFill`).'),
  })
  .optional();

/** The mms that share anonymous pages with each other: a process, those that it forks, and so on. */
function familiesOf(processes: readonly TopologyProcess[]): Record<string, string[]> {
  const parents = new Map<number, number>();
  for (const { pid, children } of processes) for (const child of children) parents.set(child, pid);
  const rootOf = (pid: number): number => {
    const parent = parents.get(pid);
    return parent === undefined ? pid : rootOf(parent);
  };
  const members = new Map<number, string[]>();
  for (const { pid } of processes) {
    members.set(rootOf(pid), [...(members.get(rootOf(pid)) ?? []), `mm:${pid}`]);
  }
  return Object.fromEntries(processes.map(({ pid }) => [`mm:${pid}`, members.get(rootOf(pid)) ?? []]));
}

/**
 * Makes kswapd, and the swap device where there is one.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * reclaimActors({ topology, resources: new ResourceHolder({ traces: new Map(), costs: defaultCosts }) }); // []
 * ```
 */
export const reclaimActors: PartActors = ({ topology, resources }) => {
  const { reclaim, kernelPageSize: kernelPageBytes } = topology;
  // Threads have no memory of their own.
  const processes = topology.processes.filter(({ threadOf }) => threadOf === undefined);
  if (reclaim === undefined) return [];
  const { swap, swappiness, dirty, accessed, nativeTables } = reclaim;
  if (nativeTables === 'drop' && topology.design.nativeFill !== 'lazy') {
    const where = `${topology.name}: reclaim.nativeTables`;
    const what = 'native tables can be dropped where design.nativeFill is "lazy"';
    throw new GranuleError('TOPOLOGY_INVALID', what, where, 'Set design.nativeFill to "lazy", or leave this out.');
  }
  const isNative = ({ pageSize }: TopologyProcess): boolean => topology.nativeTables && pageSize > kernelPageBytes;
  const dropped = nativeTables === 'drop' ? processes.filter(isNative) : [];
  const kswapd = {
    resources,
    kernelPageBytes,
    swappiness,
    dirty,
    accessed,
    unit: swap?.unit ?? ('process-page' as const),
    swapSlots: Math.floor((swap?.size ?? 0) / kernelPageBytes),
    mms: processes.map(({ pid }) => `mm:${pid}`),
    families: familiesOf(processes),
    droppable: dropped.map(({ pid }) => `mmu:${pid}`),
  };
  const actors = [{ id: 'kswapd', machine: machines.kswapd, input: kswapd }];
  if (swap === undefined) return actors;
  const device = { resources, kernelPageBytes, sizeBytes: swap.size, fragmented: swap.fragmented };
  return [...actors, { id: 'swap', machine: machines.swap, input: device }];
};
