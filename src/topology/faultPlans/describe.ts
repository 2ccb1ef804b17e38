/** What people read of a fault plan: its parameters, and how it is written. */
import { z } from 'zod';
import type { FaultPlanDefinition } from './define.ts';

/** A parameter of a plan. */
export interface PlanParameter {
  readonly name: string;
  readonly says: string;
  /** It has to be given. */
  readonly isRequired: boolean;
  /** What it is unless given, as JSON; empty where that is nothing. */
  readonly byDefault: string;
}

interface ParameterSchema {
  readonly description?: string;
  readonly default?: unknown;
}

/**
 * The parameters of a plan, in the order in which it lists them.
 *
 * @example
 * ```ts
 * const plan = builtInFaultPlans.get('crash-at-seq');
 * plan === undefined ? [] : parametersOf(plan); // [{ name: 'seq', says: 'The last record of the run.', isRequired: true, byDefault: '' }]
 * ```
 */
export function parametersOf({ parameters }: FaultPlanDefinition): PlanParameter[] {
  const schema = z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' });
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const { description: says = '', default: byDefault }: ParameterSchema =
      typeof property === 'object' ? property : {};
    return {
      name,
      says,
      isRequired: required.has(name),
      byDefault: byDefault === undefined ? '' : JSON.stringify(byDefault),
    };
  });
}

/**
 * A named plan as it is written in one word: `PLAN`, or `PLAN:name=value,name=value`; values that read as JSON are that, others
 * are text.
 *
 * @returns null where it is not so written
 * @example
 * ```ts
 * planOfText('lost-tlbi:nth=3,acknowledged=false'); // { plan: 'lost-tlbi', nth: 3, acknowledged: false }
 * ```
 */
export function planOfText(text: string): { plan: string; [parameter: string]: unknown } | null {
  const colon = text.indexOf(':');
  const plan = colon < 0 ? text : text.slice(0, colon);
  const parts = colon < 0 ? [] : text.slice(colon + 1).split(',');
  const pairs: [string, unknown][] = [];
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals <= 0) return null;
    pairs.push([part.slice(0, equals), valueOf(part.slice(equals + 1))]);
  }
  return plan === '' ? null : { ...Object.fromEntries(pairs), plan };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
