/** What a file of a scenario holds. `docs/scenario.schema.json` is made from it. */
import { z } from 'zod';
import { GranuleError } from '../errors.ts';
import { STRATEGIES, type Strategy } from '../explore/search/types.ts';

/**
 * What a scenario can come to.
 *
 * @example
 * ```ts
 * VERDICTS.includes('costs'); // true
 * ```
 */
export const VERDICTS = ['breaks', 'costs', 'holds', 'policy decides', 'cannot be modelled'] as const;
/** One of them. */
export type VerdictName = (typeof VERDICTS)[number];

/** What comes out where no rule of a scenario applies: never expected. */
export const UNDECIDED = 'undecided';

const name = z.string().regex(/^[a-z][A-Za-z0-9]*$/, 'a name of letters and digits that begins with a small letter');
const texts = z.record(name, z.string());
const expression = z.string().min(1);

const runStep = z.strictObject({
  run: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .describe('A topology: the name of one of the package, or one written out, which mostly extends one.'),
  set: z.record(z.string(), z.string()).default({}).describe('Parameters of the topology.'),
  checked: z.boolean().default(true).describe('The laws of memory and translation are looked at after every event.'),
  seeds: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe(
      'Runs in so many random orders of delivery, up to the first that breaks a law; 0: one run as the topology says.',
    ),
  count: texts.default({}).describe('Figures: how many events each query finds; docs/query.md has the language.'),
  value: texts.default({}).describe('Figures: values of states at the end, as `state(mm:1).context.fallbacks`.'),
  series: texts
    .default({})
    .describe('Values over the run, as `file.rereadPages`: a field summed over all actors of a kind.'),
});

const size = z.enum(['4K', '16K', '64K']);

const validateStep = z.strictObject({
  validate: z
    .enum(['abi', 'footprint', 'interfaces'])
    .describe('Which answers of real kernels the model is held against.'),
  of: size.default('64K').describe('Answers of the kernel of this page size.'),
  on: size.default('4K').describe('The kernel of the model that plays it.'),
  design: z.array(z.string()).default([]).describe('Choices of the design, as `fileTail=kernel-page`.'),
});

const formulaStep = z.strictObject({
  formula: z.string().describe('A named formula; docs/scenarios.md lists them.'),
  with: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
    .default({})
    .describe('Its operands.'),
});

const abiReportStep = z.strictObject({
  abiReport: z.string().describe('A recorded program: a file of fixtures/strace without its ending.'),
  page: z.enum(['16K', '64K']).default('64K').describe('The page size it is judged for.'),
});

const exploreStep = z.strictObject({
  explore: z.string().describe('A topology whose orders are searched: the name of one of fixtures/exploration.'),
  set: z
    .record(z.string(), z.string())
    .default({})
    .describe('Parameters of the topology, or fields by their places, as `conversion.protocol`.'),
  property: z.string().describe('What has to hold; docs/exploration.md lists the properties.'),
  strategy: z
    .enum(STRATEGIES as unknown as [string, ...string[]])
    .transform((text) => text as Strategy)
    .default('breadth-first')
    .describe('How states are gone through; docs/search.md has what each promises.'),
  seed: z.int().min(0).default(1).describe('Of the strategies that walk.'),
  states: z
    .int()
    .min(1)
    .max(200_000)
    .default(20_000)
    .describe('The budget: the search ends after so many different states.'),
});

const compareStep = z.strictObject({
  compare: z.string().describe('A recorded program: a file of fixtures/traces without its ending.'),
  core: z.string().default('cortex-a76').describe('The core that runs them.'),
  memory: z.string().default('2G').describe('Memory of the machine.'),
  coverages: z
    .array(z.int().min(0).max(100))
    .min(1)
    .default([0, 25, 50, 75, 100])
    .describe('Shares of memory in large folios, in percent, of which a design is made each.'),
});

/**
 * A step of a scenario: something that is run or worked out, and gives figures.
 *
 * @example
 * ```ts
 * stepSchema.parse({ run: 'plain-4k' }).checked; // true
 * ```
 */
export const stepSchema = z.union([runStep, validateStep, formulaStep, abiReportStep, exploreStep, compareStep]);
/** A step, as read. */
export type Step = z.output<typeof stepSchema>;
/** A step that runs a topology. */
export type RunStep = z.output<typeof runStep>;
/** A step that holds the model against real kernels. */
export type ValidateStep = z.output<typeof validateStep>;
/** A step that works a formula out. */
export type FormulaStep = z.output<typeof formulaStep>;
/** A step that judges a recorded program. */
export type AbiReportStep = z.output<typeof abiReportStep>;
/** A step that searches the orders of a topology. */
export type ExploreStep = z.output<typeof exploreStep>;
/** A step that holds designs side by side. */
export type CompareStep = z.output<typeof compareStep>;

const rule = z.strictObject({
  is: z.enum(['breaks', 'costs', 'holds', 'policy decides']).describe('The verdict, where the condition holds.'),
  when: expression.describe('A condition over figures; the first rule whose condition holds decides.'),
  says: z.string().describe('One sentence, with figures in braces.'),
});

const claim = z.strictObject({
  says: z.string().describe('One sentence, with figures in braces.'),
  when: expression.optional().describe('It is said only where this holds.'),
});

const answer = z.strictObject({
  name: z.string().describe('The alternative.'),
  when: expression.optional().describe('The figures by which it answers; left out: it was not measured here.'),
  says: z.string().describe('What it does, with figures in braces.'),
});

/**
 * A scenario.
 *
 * @example
 * ```ts
 * scenarioSchema.safeParse({ id: 'S-01' }).success; // false
 * ```
 */
export const scenarioSchema = z.strictObject({
  $schema: z.string().optional(),
  id: z
    .string()
    .regex(/^[STLXD]-\d\d$/, 'an id of fixtures/objections.json')
    .describe('The objection.'),
  question: z.string().describe('What is asked, so that figures can answer it.'),
  workload: z.string().optional().describe('The recorded program, where one runs.'),
  steps: z.record(name, stepSchema).default({}).describe('What is run or worked out, by name.'),
  figures: z
    .record(z.string().regex(/^[a-z][A-Za-z0-9.]*$/), expression)
    .default({})
    .describe('Figures made of those of the steps, by name.'),
  verdict: z.array(rule).default([]).describe('Rules: the first whose condition holds decides.'),
  expected: z.enum(VERDICTS).describe('The verdict that is expected; another one is a failure.'),
  claims: z.array(claim).default([]).describe('What else the figures say.'),
  answers: z.array(answer).default([]).describe('Alternatives that answer the objection.'),
  reason: z.string().optional().describe('Why it cannot be modelled.'),
  limits: z.string().optional().describe('What these figures do not show.'),
  charts: z
    .array(
      z.strictObject({
        title: z.string(),
        unit: z.string(),
        lines: z.array(z.strictObject({ name: z.string(), step: name, series: name })).min(1),
      }),
    )
    .default([])
    .describe('Charts of series of the steps.'),
});
/** A scenario, as read. */
export type Scenario = z.output<typeof scenarioSchema>;

/**
 * Reads a scenario.
 *
 * @throws GranuleError SCENARIO_INVALID with the field
 * @example
 * ```ts
 * const reason = 'It is a question of a word.';
 * parseScenario({ id: 'T-01', question: 'Which word?', expected: 'cannot be modelled', reason }, 'T-01.json').id; // 'T-01'
 * ```
 */
export function parseScenario(data: unknown, file: string): Scenario {
  const read = scenarioSchema.safeParse(data);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const path = issue?.path.map(String).join('.') ?? '';
  throw new GranuleError('SCENARIO_INVALID', issue?.message ?? 'this is no scenario', `${file}: ${path}`);
}

/**
 * The published schema of scenarios as the text of its file: JSON Schema of draft 7.
 *
 * @example
 * ```ts
 * scenarioSchemaText().includes('A scenario of Granule'); // true
 * ```
 */
export function scenarioSchemaText(): string {
  const { $schema, ...rest } = z.toJSONSchema(scenarioSchema, { io: 'input', target: 'draft-7' });
  const title = 'A scenario of Granule';
  const description = 'A question, what is run for it, and by which figures it is answered. See docs/scenarios.md.';
  return `${JSON.stringify({ $schema, title, description, ...rest }, null, 1)}\n`;
}
