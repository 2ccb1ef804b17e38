/** The fields of a topology that are about actors of a user's own: where they are defined, where they stand, what they replace. */
import { z } from 'zod';
import { type ActorKind, machines } from '../../../machines/index.ts';

const builtInKinds = Object.keys(machines) as [ActorKind, ...ActorKind[]];

const placedSchema = z.strictObject({
  id: z.string().min(1).describe('KIND or KIND:NAME, of a kind that a definition has: docs/compose.md.'),
  ports: z
    .record(z.string(), z.string())
    .optional()
    .describe('By the name of each port, the id of the actor at its other end.'),
  input: z.json().optional().describe('What the definition wants to be told.'),
});

const standInSchema = z.strictObject({
  kind: z.string().min(1).describe('The kind of the definition.'),
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
    .describe('Modules with definitions of actors and messages: paths relative to this file, or packages.'),
  actors: z.array(placedSchema).optional().describe('Actors of kinds that those modules define.'),
  replace: z
    .partialRecord(z.enum(builtInKinds), z.union([z.string().min(1), standInSchema]))
    .optional()
    .describe('Built-in kinds, each with the kind of the definition that stands in for it.'),
};
