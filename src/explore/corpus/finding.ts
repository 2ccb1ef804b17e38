/** What a folder of the corpus says of a finding beside its topology, its log and its account. */
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import { STRATEGIES } from '../search/types.ts';

const count = z.int().nonnegative();

/** How the topology of the folder is searched: `explore` takes it as it is. */
const searchSchema = z.strictObject({
  strategy: z
    .enum(STRATEGIES as unknown as [string, ...string[]])
    .transform((name) => name as (typeof STRATEGIES)[number]),
  maxStates: count.optional(),
  maxTransitions: count.optional(),
  maxDepth: count.optional(),
  seed: count.optional(),
  walks: count.optional(),
  preemptions: count.optional(),
  changePoints: count.optional(),
});

const findingSchema = z.strictObject({
  property: z.string().min(1),
  kind: z.enum(['always', 'eventually', 'at-end', 'livelock']),
  /** What is wrong at the end of the log. */
  fault: z.string(),
  circleLength: count.optional(),
  search: searchSchema,
  /** What that search took until it found this. `seconds` is as measured once, and nothing is checked against it. */
  found: z.strictObject({ states: count, transitions: count, seconds: z.number() }),
  /** Deliveries of the way as it was found in the topology that was asked for, and as it is kept. */
  length: z.strictObject({ found: count, kept: count, switches: count, isMinimal: z.boolean() }),
  path: z.strictObject({ initial: count, keys: z.array(z.string()) }),
  /** What was taken away of the topology that was asked for. */
  taken: z.array(z.string()),
  /** The mended design, as `NAME=VALUE` of the parameters of the topology: with it the same search finds nothing. */
  mended: z.array(z.string().regex(/^[^=]+=.*$/)),
});

/** What is kept of a finding. */
export type Finding = z.output<typeof findingSchema>;

/**
 * Reads what a folder of the corpus says of its finding.
 *
 * @throws GranuleError FINDING_INVALID with the first field that is wrong
 * @example
 * ```ts
 * parseFinding('{}', 'finding.json'); // throws FINDING_INVALID
 * ```
 */
export function parseFinding(text: string, where: string): Finding {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new GranuleError('FINDING_INVALID', (error as Error).message, where);
  }
  const { data: finding, error } = findingSchema.safeParse(data);
  if (finding !== undefined) return finding;
  const [issue] = error.issues;
  throw new GranuleError('FINDING_INVALID', issue?.message ?? 'it is none', `${where}: ${issue?.path.join('.') ?? ''}`);
}
