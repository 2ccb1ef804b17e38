/** What a schema of a definition says against a value, with the way to each field: for topologies, whose files have places. */
import { GranuleError } from '../../errors.ts';
import { faultsOf, MEND } from '../form/faults.ts';
import type { AnySchema } from '../form/schemaFields.ts';
import { together } from '../together.ts';
import type { Schema } from './defineMessage.ts';

const WANTED = 'Give what the definition wants.';

/** One thing that is wrong. */
export interface SchemaFault {
  /** The way to the field, joined by points; empty for the value itself. */
  path: string;
  what: string;
  next: string;
}

type Issues = NonNullable<Extract<Awaited<ReturnType<Schema['~standard']['validate']>>, { issues: unknown }>['issues']>;

function plainFaults(issues: Issues): SchemaFault[] {
  return issues.map(({ message, path = [] }) => {
    const steps = path.map((step) => String(typeof step === 'object' ? step.key : step));
    return { path: steps.join('.'), what: message, next: WANTED };
  });
}

/** Issues of Zod tell more than those of others: what is expected, and which names there are. */
function zodFaults(schema: AnySchema, value: unknown, issues: Issues): SchemaFault[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever has the mark of Zod gives its issues
  const faults = faultsOf(schema, value, issues as never);
  return faults.map(({ steps, what, next }) => {
    return { path: steps.join('.'), what, next: next === MEND ? WANTED : next };
  });
}

/**
 * All that a schema says against a value; empty where nothing is wrong.
 *
 * @throws GranuleError DEFINITION_INVALID for a schema that answers later
 * @example
 * ```ts
 * const fields = z.strictObject({ iova: z.int(), lengthBytes: z.int() });
 * schemaFaults(fields, { iova: 'x', length: 1 }, 'message DMA').map(({ path }) => path); // ['iova', 'lengthBytes', 'length']
 * ```
 */
export function schemaFaults(schema: Schema, value: unknown, where: string): SchemaFault[] {
  const answer = schema['~standard'].validate(value);
  if (answer instanceof Promise) {
    throw new GranuleError('DEFINITION_INVALID', 'its schema answers with a promise', where);
  }
  if (answer.issues === undefined) return [];
  return '_zod' in schema
    ? zodFaults(schema as unknown as AnySchema, value, answer.issues)
    : plainFaults(answer.issues);
}

/**
 * Refuses a value that a schema does not take, for all that is wrong with it. `told` begins each message.
 *
 * @throws GranuleError TOPOLOGY_INVALID with the field
 * @example
 * ```ts
 * holdAgainst(z.strictObject({ streams: z.int() }), { streams: 4 }, 'one: actors.0.input'); // undefined
 * ```
 */
export function holdAgainst(schema: Schema, value: unknown, where: string, told = ''): void {
  const refuse = ({ path, what, next }: SchemaFault): never => {
    const named = path === '' ? what : `${path}: ${what}`;
    const place = path === '' ? where : `${where}.${path}`;
    throw new GranuleError('TOPOLOGY_INVALID', `${told}${named}`, place, next);
  };
  together(schemaFaults(schema, value, where).map((fault) => () => refuse(fault)));
}
