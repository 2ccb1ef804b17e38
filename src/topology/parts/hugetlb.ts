/**
 * The part of hugetlb: pools of huge pages, and what is mapped from them.
 *
 * @models S-28 S-25
 */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import { parseNumber } from '../../trace/programCalls.ts';
import type { PartActors, PartMessages } from './part.ts';

const pool = z.strictObject({
  /** Pages that the kernel boots with (`hugepages=`). */
  pages: z.int().nonnegative().default(0),
  /** Surplus pages that there may be beyond them. */
  overcommit: z.int().nonnegative().default(0),
  /** Pages that all files of this size may have, and pages kept for them (`size=` and `min_size=` of the mount). */
  mount: z
    .strictObject({
      maxPages: z.int().nonnegative().nullable().default(null),
      minPages: z.int().nonnegative().default(0),
    })
    .optional(),
});

/** Sizes as keys: "2M" becomes 2097152. */
const pools = z.record(z.string(), pool).transform((given, context) => {
  const entries = Object.entries(given).map(([text, value]) => {
    const bytes = parseNumber(text);
    if (bytes === null) context.addIssue({ code: 'custom', message: `"${text}" is no size; write 2M` });
    return [bytes ?? 0, value] as const;
  });
  return Object.fromEntries(entries);
});

/**
 * What a topology may say under `hugetlb`; see docs/hugetlb.md.
 *
 * @example
 * ```ts
 * hugetlbSchema.parse({ pools: { '2M': { pages: 4 } } })?.pools[2 ** 21]; // { pages: 4, overcommit: 0 }
 * ```
 */
export const hugetlbSchema = z
  .strictObject({
    pools: pools.prefault({}),
    /** What a process of a larger page size is told of the pools. */
    policy: z.enum(['translate', 'defeature', 'kernel']).default('translate'),
    /** The size that a caller gets who names none: the PMD of a kernel of its page size, or of this kernel. */
    defaultSize: z.enum(['process', 'kernel']).default('process'),
    /** Who shares tables of huge pages. */
    pmdSharing: z.enum(['none', 'kernel-size', 'all-sizes']).default('kernel-size'),
  })
  .optional();

/**
 * hugetlb, where the topology asks for it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * hugetlbActors({ topology: loadTopology('plain-4k'), resources }); // []
 * ```
 */
export const hugetlbActors: PartActors = ({ topology, resources }) => {
  const { hugetlb: facility, kernelPageSize: kernelPageBytes } = topology;
  if (facility === undefined) return [];
  return [{ id: 'hugetlb', machine: machines.hugetlb, input: { resources, kernelPageBytes, facility } }];
};

/**
 * The pools are filled before anything else.
 *
 * @example
 * ```ts
 * hugetlbMessages(loadTopology('plain-4k')); // []
 * ```
 */
export const hugetlbMessages: PartMessages = ({ hugetlb }) =>
  hugetlb === undefined ? [] : [{ to: 'hugetlb', atCycles: 0, message: { type: 'HUGETLB_BOOT' } }];
