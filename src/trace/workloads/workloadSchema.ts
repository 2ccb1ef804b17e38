/** The field `workload` of a process: a pattern with its operands, a mixture, or a sequence. */
import { z } from 'zod';
import { programSchema } from '../programSteps.ts';
import type { Pattern } from './pattern.ts';
import { patternNames, patternOf, patterns } from './registry.ts';

/** Parts at most: each has a range of addresses of its own, and all lie below the stack. */
const PARTS_MAX = 64;

type Shape = z.core.$ZodLooseShape;
type Named<N extends string, S extends Shape> = z.ZodObject<S & { pattern: z.ZodLiteral<N> }, z.core.$strict>;

/** The operands of a pattern with its name. */
function named<N extends string, S extends Shape>(pattern: Pattern<N, z.ZodObject<S, z.core.$strict>>): Named<N, S> {
  const { name, operands }: { name: N; operands: z.ZodObject } = pattern;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the checker cannot follow an extension of unknown fields
  return operands.safeExtend({
    pattern: z.literal(name).describe('The name of the pattern: docs/workloads.md.'),
  }) as unknown as Named<N, S>;
}

function noPattern(issue: { input?: unknown }): string | undefined {
  const { input } = issue;
  if (typeof input !== 'object' || input === null || !('pattern' in input)) return undefined;
  const given = String(input.pattern);
  return (patternNames as readonly string[]).includes(given)
    ? undefined
    : `there is no pattern "${given}"; there are ${patternNames.join(', ')}`;
}

const share = z.int().min(1).max(1000).meta({ description: 'turns of this part, against those of the others' });
const program = programSchema.meta({ description: 'steps, as a process may have them; they stay at their addresses' });

const patternSchema = z.discriminatedUnion(
  'pattern',
  [
    named(patterns.sequential),
    named(patterns.strided),
    named(patterns.random),
    named(patterns.zipf),
    named(patterns['pointer-chase']),
    named(patterns['fork-server']),
    named(patterns['fork-child']),
    named(patterns['jvm-heap']),
    named(patterns.allocator),
    named(patterns['mmap-file-scan']),
    named(patterns.seq),
    named(patterns.sparse),
    named(patterns.rand),
    named(patterns.randread),
    named(patterns.cow),
    named(patterns['cow-child']),
    named(patterns.tree),
    named(patterns.fmap),
    named(patterns.fmapw),
    named(patterns.heap),
    named(patterns.dontneed),
  ],
  { error: noPattern },
);

/** Why a pattern cannot be a part; undefined where it can. */
function whyAlone({ input }: { input?: unknown }): string | undefined {
  const given = patternNames.find(
    (name) => typeof input === 'object' && input !== null && 'pattern' in input && input.pattern === name,
  );
  const alone = given === undefined ? undefined : patternOf(given).alone;
  return alone === undefined ? noPattern({ input }) : `"${given}" cannot be a part: ${alone}`;
}

type Shared<N extends string, S extends Shape> = z.ZodObject<
  S & { pattern: z.ZodLiteral<N>; share: typeof share },
  z.core.$strict
>;

function shared<N extends string, S extends Shape>(pattern: Pattern<N, z.ZodObject<S, z.core.$strict>>): Shared<N, S> {
  const operands: z.ZodObject = named(pattern);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  return operands.safeExtend({ share }) as unknown as Shared<N, S>;
}

/** Those that can be a part of a mixture, with their shares. */
const sharedPattern = z.discriminatedUnion(
  'pattern',
  [
    shared(patterns.sequential),
    shared(patterns.strided),
    shared(patterns.random),
    shared(patterns.zipf),
    shared(patterns['pointer-chase']),
    shared(patterns['jvm-heap']),
    shared(patterns.allocator),
    shared(patterns['mmap-file-scan']),
    shared(patterns.seq),
    shared(patterns.sparse),
    shared(patterns.rand),
    shared(patterns.randread),
    shared(patterns.fmap),
    shared(patterns.fmapw),
    shared(patterns.dontneed),
  ],
  { error: whyAlone },
);

const stagePattern = patternSchema.superRefine((input, context) => {
  const message = whyAlone({ input });
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

interface RawIssue {
  input?: unknown;
  errors?: readonly (readonly { path: readonly PropertyKey[]; message: string }[])[];
}

/** What is wrong with the form that somebody meant, which a key of it tells. */
function ofKey(keys: readonly string[]): (issue: RawIssue) => string | undefined {
  const forms = keys.map((key) => `"${key}"`).join(', ');
  return ({ input, errors }) => {
    if (typeof input !== 'object' || input === null) return `a workload is an object with one of ${forms}`;
    const meant = keys.findIndex((key) => key in input);
    if (meant < 0) return `a workload has one of ${forms}`;
    const [first] = errors?.[meant] ?? [];
    if (first === undefined) return undefined;
    return first.path.length === 0 ? first.message : `${first.path.map(String).join('.')}: ${first.message}`;
  };
}

const stage = z.union([stagePattern, z.strictObject({ program })], { error: ofKey(['pattern', 'program']) });

const sharedPart = z.union(
  [
    sharedPattern,
    z.strictObject({ share, program }),
    z.strictObject({
      share,
      sequence: z.array(stage).min(1).max(PARTS_MAX).describe('parts that come one after the other'),
    }),
  ],
  { error: ofKey(['pattern', 'program', 'sequence']) },
);

const mixtureSchema = z.strictObject({
  mixture: z.array(sharedPart).min(1).max(PARTS_MAX).meta({ description: 'parts that take turns' }),
  sliceAccesses: z
    .int()
    .min(1)
    .max(2 ** 32)
    .meta({ description: 'accesses to data in a turn' })
    .default(1000),
});

const sequenceSchema = z.strictObject({
  sequence: z
    .array(
      z.union([stagePattern, z.strictObject({ program }), mixtureSchema], {
        error: ofKey(['pattern', 'program', 'mixture']),
      }),
    )
    .min(1)
    .max(PARTS_MAX)
    .meta({ description: 'parts that come one after the other' }),
});

/**
 * The field `workload` of a process.
 *
 * @example
 * ```ts
 * const workload = workloadSchema.parse({ pattern: 'zipf', lengthBytes: '256K', accesses: 1000 });
 * 'pattern' in workload && workload.lengthBytes; // 262144
 * ```
 */
export const workloadSchema = z.union([patternSchema, mixtureSchema, sequenceSchema], {
  error: ofKey(['pattern', 'mixture', 'sequence']),
});

/** A workload with every default filled in. */
export type Workload = z.output<typeof workloadSchema>;
/** A workload as it is written. */
export type WorkloadInput = z.input<typeof workloadSchema>;
/** A pattern with its operands. */
export type PatternWorkload = z.output<typeof patternSchema>;
/** A mixture. */
export type MixtureWorkload = z.output<typeof mixtureSchema>;
/** One part of a sequence. */
export type WorkloadStage = z.output<typeof sequenceSchema>['sequence'][number];
