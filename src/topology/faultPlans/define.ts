/** A named fault plan: parameters, and the rules that they make. */
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import { type Definition, markDefinition } from '../definitions/definition.ts';
import type { ruleSchema } from './schema.ts';

/** What defines a plan. */
export interface FaultPlanParts<P extends z.ZodObject> {
  /** As topologies write it: `lost-tlbi`. */
  readonly name: string;
  /** What goes wrong, in a sentence. */
  readonly says: string;
  /** What Linux, or the hardware, does about it. */
  readonly linux?: string;
  /** Where that stands. */
  readonly source?: string;
  /** Each with a description; a parameter without a default has to be given. */
  readonly parameters: P;
  /** A pure function: the rules go into the log, and the log is all that a replay has. */
  readonly rules: (parameters: z.output<P>) => readonly z.input<typeof ruleSchema>[];
}

/** A plan whose parameters are not known by their types. */
export interface FaultPlanDefinition extends Definition<'fault-plan'> {
  readonly name: string;
  readonly says: string;
  readonly linux: string;
  readonly source: string;
  readonly parameters: z.ZodObject;
  readonly rules: (parameters: never) => readonly z.input<typeof ruleSchema>[];
}

const NAME = /^[a-z][a-z0-9-]*$/;

/**
 * Defines a plan. A module of `uses` exports it, or `defineTopology` is given it in `definitions`; then its name is one like those of
 * granule's own plans.
 *
 * @throws GranuleError DEFINITION_INVALID, naming the field
 * @example
 * ```ts
 * const plan = defineFaultPlan({
 *   name: 'late-wakeups',
 *   says: 'Processes hear late that they may run.',
 *   parameters: z.strictObject({ cycles: z.int().default(5000).describe('So much later.') }),
 *   rules: ({ cycles: delayCycles }) => [
 *     { wire: { from: '*', to: 'process:*', type: 'WAKE' }, op: 'delay', delayCycles },
 *   ],
 * });
 * plan.name; // 'late-wakeups'
 * ```
 */
export function defineFaultPlan<P extends z.ZodObject>(parts: FaultPlanParts<P>): FaultPlanDefinition {
  const { name, says, linux = '', source = '', parameters, rules } = parts;
  const refuse = (field: string, what: string): never => {
    throw new GranuleError('DEFINITION_INVALID', what, `fault plan ${name}: ${field}`);
  };
  if (!NAME.test(name)) refuse('name', 'a name is of small letters, figures and dashes: late-wakeups');
  if (!(parameters instanceof z.ZodObject))
    refuse('parameters', 'its parameters are no object schema of "z" of granule');
  if (typeof rules !== 'function') refuse('rules', 'its rules are no function of its parameters');
  return markDefinition({ definition: 'fault-plan', name, says, linux, source, parameters, rules });
}
