/**
 * The facilities of the kernel that a topology may ask for beside its processes: one field of the topology and one maker of
 * actors each. What is not asked for is not there: no actor, no message, no changed state.
 */
import type { ZodType } from 'zod';
import { gupActors, gupSchema } from './gup.ts';
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
  gup: gupSchema.optional(),
  liveFallback: liveFallbackSchema.optional(),
  uaccess: uaccessSchema.optional(),
  cgroups: cgroupsSchema.optional(),
  ksm: ksmSchema.optional(),
  memoryFailure: memoryFailureSchema.optional(),
  userfaultfd: userfaultfdSchema.optional(),
  objects: objectsSchema.optional(),
  drivers: driversSchema.optional(),
  pipes: pipesSchema,
  procfs: procfsSchema.optional(),
  reclaim: reclaimSchema,
  selection: selectionSchema,
  zone: zoneSchema,
  thp: thpSchema,
  hugetlb: hugetlbSchema,
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
