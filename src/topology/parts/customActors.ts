/** The fields of a topology that are about actors of a user's own: where they are defined, where they stand, what they replace. */
import { z } from 'zod';
import { type ActorKind, machines } from '../../../machines/index.ts';

const builtInKinds = Object.keys(machines) as [ActorKind, ...ActorKind[]];

const placedSchema = z.strictObject({
  id: z.string().min(1).meta({ description: 'KIND or KIND:NAME, of a kind that a definition has' }),
  ports: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'the id of the actor at the other end of each port' }),
  input: z.json().optional().meta({ description: 'what the definition wants to be told' }),
});

const standInSchema = z.strictObject({
  kind: z.string().min(1).meta({ description: 'the kind of the definition' }),
  ports: placedSchema.shape.ports,
  input: placedSchema.shape.input,
});

/**
 * The fields.
 *
 * @example
 * ```ts
 * customSchemas.uses.parse(['./smmu.mjs']); // ['./smmu.mjs']
 * ```
 */
export const customSchemas = {
  uses: z
    .array(z.string().min(1))
    .optional()
    .meta({ description: 'modules with definitions of actors and messages: paths beside this file, or packages' }),
  actors: z.array(placedSchema).optional().meta({ description: 'actors of kinds that those modules define' }),
  replace: z
    .partialRecord(z.enum(builtInKinds), z.union([z.string().min(1), standInSchema]))
    .optional()
    .meta({ description: 'built-in kinds, with the kind of a definition that stands in for each' }),
};
