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
  pages: z.int().nonnegative().default(0).describe('Pages that the kernel boots with (`hugepages=`).'),
  overcommit: z.int().nonnegative().default(0).describe('Surplus pages that there may be beyond them.'),
  /** Pages that all files of this size may have, and pages kept for them (`size=` and `min_size=` of the mount). */
  mount: z
    .strictObject({
      maxPages: z
        .int()
        .nonnegative()
        .nullable()
        .default(null)
        .describe('Pages that all files of this size may have (`size=` of the mount); null: no limit.'),
      minPages: z.int().nonnegative().default(0).describe('Pages kept for them (`min_size=`).'),
    })
    .optional()
    .describe('Limits of the mount (subpool); left out: none.'),
});

/** A size that is not 0, as the name of a field. */
const POOL_NAME = '^\\s*(0[xX]0*[1-9a-fA-F][0-9a-fA-F]*|0*[1-9]\\d*\\s*[KMGTkmgt]?)\\s*$';

/** Sizes as keys: "2M" becomes 2097152. */
const pools = z
  .record(z.string(), pool)
  .transform((given, context) => {
    const entries = Object.entries(given).map(([text, value]) => {
      const bytes = parseNumber(text);
      if (bytes === null || bytes <= 0) context.addIssue({ code: 'custom', message: `"${text}" is no size; write 2M` });
      return [bytes ?? 0, value] as const;
    });
    return Object.fromEntries(entries);
  })
  .meta({ propertyNames: { type: 'string', pattern: POOL_NAME } });

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
    pools: pools.prefault({}).describe('Pools by the size of their pages, as "2M".'),
    policy: z
      .enum(['translate', 'defeature', 'kernel'])
      .default('translate')
      .describe(
        "What a process of a larger page size is told of the pools: a kernel's of its page size, those that it can have, or this kernel's.",
      ),
    defaultSize: z
      .enum(['process', 'kernel'])
      .default('process')
      .describe('The size that a caller gets who names none: the PMD of a kernel of its page size, or of this kernel.'),
    pmdSharing: z
      .enum(['none', 'kernel-size', 'all-sizes'])
      .default('kernel-size')
      .describe('Who shares tables of huge pages.'),
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
