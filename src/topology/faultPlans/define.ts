/** A named fault plan: parameters, and the rules that they make. */
import type { z } from 'zod';
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

/**
 * Defines a plan. A module of `uses` exports it, or `defineTopology` is given it in `definitions`; then its name is one like those of
 * granule's own plans.
 *
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
  return markDefinition({ definition: 'fault-plan', name, says, linux, source, parameters, rules });
}
