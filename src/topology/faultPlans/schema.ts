/** What may be written in the field `faultPlan` of a topology: rules, each with all operands of its operator, and named plans. */
import { z } from 'zod';
import type { FaultRule } from '../../runtime/faultPlan.ts';
import { parseSize } from '../sizes.ts';

const CYCLES_MAX = 2 ** 32 - 1;
const HEXADECIMAL = /^0x[0-9a-f]{1,13}$/i;

/**
 * A number as people write it: `12`, `0x1000`, `64K`.
 *
 * @example
 * ```ts
 * amount.parse('0x1000'); // 4096
 * amount.parse('64K'); // 65536
 * ```
 */
export const amount = z.union([z.number(), z.string()]).transform((value, context) => {
  const number = typeof value === 'string' && HEXADECIMAL.test(value) ? Number(value) : parseSize(value);
  if (number !== null) return number;
  if (typeof value === 'number') return value;
  context.addIssue({ code: 'custom', message: `"${value}" is no number; write 12, "0x1000" or "64K"` });
  return 0;
});

/**
 * A stretch of virtual time.
 *
 * @example
 * ```ts
 * cycles.parse(300); // 300
 * ```
 */
export const cycles = z.int().min(0).max(CYCLES_MAX);

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const fieldTest = z
  .strictObject({
    equals: scalar.optional().describe('The field is this.'),
    oneOf: z.array(scalar).min(1).optional().describe('The field is one of these.'),
    less: amount.optional().describe('The field is below this.'),
    greater: amount.optional().describe('The field is above this.'),
    from: amount.optional().describe('The field is this or more.'),
    to: amount.optional().describe('The field is this or less.'),
  })
  .refine((test) => Object.values(test).some((operand) => operand !== undefined), {
    error: 'a test is one of equals, oneOf, less, greater, from, to',
  });

/**
 * Conditions on fields of a message, by the way to each.
 *
 * @example
 * ```ts
 * whereSchema.parse({ access: 'write', va: { from: '0x1000', to: '0x1fff' } }); // { access: 'write', va: { from: 4096, to: 8191 } }
 * ```
 */
export const whereSchema = z
  .record(z.string().min(1), z.union([scalar, fieldTest]))
  .refine((where) => Object.keys(where).length > 0, { error: 'a condition names a field at least' });

const address = z.string().min(1);
const wireSchema = z.strictObject({
  from: address.describe(
    'Who sends: an id, a prefix with a star (mmu:*), or * for everybody; outside is who starts the run.',
  ),
  to: address.describe('Who is to receive: an id, a prefix with a star, or * for everybody.'),
  type: z.string().min(1).optional().describe('Only messages of this type; !TYPE: of any other.'),
});

const WIRE = 'The messages that it is about.';
const NAMED = 'The named plan that the rule is of. Granule writes it into logs.';
const named = z.looseObject({ plan: z.string().min(1).describe('Its name.') }).optional();
const scope = {
  wire: wireSchema.describe(WIRE),
  where: whereSchema.optional().describe('Only messages whose fields are so.'),
  named: named.describe(NAMED),
};
const LATER = 'By how many cycles later it arrives.';
const nth = z.int().min(1).optional().describe('Strikes the nth match alone, counted from 1.');
const occasion = {
  nth,
  probability: z.number().min(0).max(1).optional().describe('Strikes each match with this probability.'),
  seed: z.int().nonnegative().optional().describe('Of what the rule draws.'),
};
const message = z.looseObject({ type: z.string().min(1).describe('Its type.') }).describe('Its type and its fields.');
const name = z.string().min(1).describe('Under what it is announced.');

function operator<const N extends string>(name: N): z.ZodLiteral<N> {
  return z.literal(name).describe('What becomes of the messages: docs/wires.md.');
}

const rules = [
  z.strictObject({ op: operator('observe'), ...scope, ...occasion, name }),
  z.strictObject({
    op: operator('sample'),
    ...scope,
    name,
    every: z.int().min(1).describe('Announces every so many matches.'),
  }),
  z.strictObject({
    op: operator('filter'),
    wire: wireSchema.describe(WIRE),
    named: named.describe(NAMED),
    keep: whereSchema.optional().describe('Only what is so passes.'),
    drop: whereSchema.optional().describe('What is so does not pass.'),
  }),
  z.strictObject({ op: operator('drop'), ...scope, ...occasion }),
  z.strictObject({ op: operator('delay'), ...scope, ...occasion, delayCycles: cycles.describe(LATER) }),
  z.strictObject({ op: operator('duplicate'), ...scope, ...occasion, delayCycles: cycles.describe(LATER) }),
  z.strictObject({
    op: operator('reorder'),
    ...scope,
    ...occasion,
    windowCycles: cycles.min(1).describe('They arrive up to so many cycles later, by chance.'),
  }),
  z.strictObject({
    op: operator('hold'),
    ...scope,
    fromCycles: z.int().nonnegative().optional().describe('What is due from then on is held.'),
    untilCycles: z.int().min(1).optional().describe('Until then.'),
    nth,
    forCycles: cycles.min(1).optional().describe('From the time at which the nth match is due, for so long.'),
  }),
  z.strictObject({
    op: operator('inject'),
    ...scope,
    ...occasion,
    to: address.describe('Who receives it.'),
    message,
    delayCycles: cycles.optional().describe(LATER),
  }),
  z.strictObject({
    op: operator('answer'),
    ...scope,
    ...occasion,
    message,
    copy: z.array(z.string().min(1)).optional().describe('Fields of the match that come back with it.'),
    delayCycles: cycles.optional().describe(LATER),
  }),
  z.strictObject({
    op: operator('stop'),
    ...scope,
    wire: wireSchema.optional().describe(WIRE),
    ...occasion,
    atSeq: z.int().nonnegative().optional().describe('Behind the record of this seq.'),
  }),
] as const;

/** The operators, in the order in which documents list them. */
export const OPERATORS = rules.map((rule) => rule.shape.op.value);

/**
 * One rule.
 *
 * @example
 * ```ts
 * ruleSchema.parse({ wire: { from: 'mmu:*', to: 'tlb:*', type: 'TLBI' }, op: 'drop', nth: 3 }).op; // 'drop'
 * ```
 */
export const ruleSchema = z.discriminatedUnion('op', rules) satisfies z.ZodType<FaultRule>;

/** A rule as a topology holds it. */
export type WrittenRule = z.output<typeof ruleSchema>;

/**
 * A named plan with its parameters, which the plan itself judges.
 *
 * @example
 * ```ts
 * namedPlanSchema.parse({ plan: 'lost-tlbi', nth: 3 }).plan; // 'lost-tlbi'
 * ```
 */
export const namedPlanSchema = z.looseObject({
  plan: z.string().min(1).describe('The name of a plan: granule faults lists them.'),
});

/** An entry of the field. */
export type FaultPlanEntry = WrittenRule | z.output<typeof namedPlanSchema>;
