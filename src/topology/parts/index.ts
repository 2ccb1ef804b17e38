/**
 * The facilities of the kernel that a topology may ask for beside its processes: one field of the topology and one maker of
 * actors each. What is not asked for is not there: no actor, no message, no changed state.
 */
import type { ZodType } from 'zod';
import { gupActors, gupSchema } from './gup.ts';
import { conversionSchema } from './conversion.ts';
import { liveFallbackSchema } from './liveFallback.ts';
import { customSchemas } from './customActors.ts';
import { cgroupsSchema } from './cgroups.ts';
import type { Facilities } from '../../../machines/index.ts';
import type { Topology } from '../schema.ts';
import { hugetlbActors, hugetlbMessages, hugetlbSchema } from './hugetlb.ts';
import { driversSchema, objectActors, objectsSchema } from './objects.ts';
import { ksmActors, ksmSchema } from './ksm.ts';
import { memoryFailureActors, memoryFailureSchema } from './memoryFailure.ts';
import { userfaultfdActors, userfaultfdSchema } from './userfaultfd.ts';
import type { PartActors, PartMessages } from './part.ts';
import { pipeActors, pipesSchema } from './pipes.ts';
import { uaccessSchema } from './uaccess.ts';
import { procfsActors, procfsSchema } from './procfs.ts';
import { reclaimActors, reclaimSchema } from './reclaim.ts';
import { selectionSchema } from './selection.ts';
import { zoneActors, zoneSchema } from './zone.ts';
import { thpActors, thpSchema } from './thp.ts';

/**
 * The fields of a topology, by name; each is optional.
 *
 * @example
 * ```ts
 * Object.keys(partSchemas).length === new Set(Object.keys(partSchemas)).size; // true
 * ```
 */
export const partSchemas = {
  ...customSchemas,
  gup: gupSchema.optional().describe('Who pins user memory, and the choices about pinned pages: docs/gup.md.'),
  liveFallback: liveFallbackSchema
    .optional()
    .describe('How CPUs that run a process change its table, step by step: docs/live-fallback.md.'),
  conversion: conversionSchema
    .optional()
    .describe('How files are converted to larger folios under running faults, step by step: docs/conversion.md.'),
  uaccess: uaccessSchema
    .optional()
    .describe('What is done where the kernel itself touches user memory: docs/uaccess.md.'),
  cgroups: cgroupsSchema.optional().describe('Memory cgroups: docs/cgroups.md.'),
  ksm: ksmSchema.optional().describe('ksmd, with the settings of its sysfs files: docs/ksm.md.'),
  memoryFailure: memoryFailureSchema.optional().describe('What a memory error takes away: docs/memory-failure.md.'),
  userfaultfd: userfaultfdSchema
    .optional()
    .describe('Descriptors that programs may open, and in which pages they work: docs/userfaultfd.md.'),
  objects: objectsSchema.optional().describe('Objects of the kernel that programs map: docs/objects.md.'),
  drivers: driversSchema.optional().describe('Devices whose memory a program maps as `driver:NAME`: docs/drivers.md.'),
  pipes: pipesSchema.describe('Pipes that programs fill by `splice` and empty by `drain`.'),
  procfs: procfsSchema.optional().describe('Files of /proc and /sys, which programs read and write: docs/procfs.md.'),
  reclaim: reclaimSchema.describe('kswapd, and `swap` where it is given: docs/reclaim.md.'),
  selection: selectionSchema.describe(
    'Programs that processes may execute, and how they come by their page size: docs/selection.md.',
  ),
  zone: zoneSchema.describe(
    'Memory pressure: free lists by migrate type, compaction, the OOM killer: docs/memory-pressure.md.',
  ),
  thp: thpSchema.describe('khugepaged and the controls of huge pages: docs/thp.md.'),
  hugetlb: hugetlbSchema.describe('Pools of huge pages: docs/hugetlb.md.'),
} satisfies Record<string, ZodType>;

/**
 * The makers of actors, in the order of the fields.
 *
 * @example
 * ```ts
 * partActors.every((make) => typeof make === 'function'); // true
 * ```
 */
export const partActors: readonly PartActors[] = [
  gupActors,
  objectActors,
  pipeActors,
  procfsActors,
  reclaimActors,
  zoneActors,
  thpActors,
  hugetlbActors,
  ksmActors,
  memoryFailureActors,
  userfaultfdActors,
];

/**
 * The makers of messages from outside that start parts, before those that start processes.
 *
 * @example
 * ```ts
 * partMessages.flatMap((make) => make(loadTopology('plain-4k'))); // []
 * ```
 */
export const partMessages: readonly PartMessages[] = [hugetlbMessages];

/**
 * What the core has to know of the parts that a topology asks for.
 *
 * @example
 * ```ts
 * facilitiesOf(loadTopology('plain-4k')); // {}
 * ```
 */
export function facilitiesOf({ thp, hugetlb, userfaultfd, ksm }: Topology): Facilities {
  return {
    ...(thp === undefined ? {} : { thp }),
    ...(hugetlb === undefined ? {} : { hugetlb }),
    ...(userfaultfd === undefined ? {} : { userfaultfd }),
    ...(ksm === undefined ? {} : { ksm: true }),
  };
}
