/** The plain-data form of a topology: what may be written, what it means when left out, and what is refused. */
import { z } from 'zod';
import { type ArchitectureName, architectures } from '../arch/architectures.ts';
import { GRANULES } from '../arch/granule.ts';
import { corePresets } from '../arch/cores.ts';
import { defaultDesign } from '../arch/design.ts';
import { GranuleError } from '../errors.ts';
import { programSchema } from '../trace/programSteps.ts';
import { workloadSchema } from '../trace/workloads/workloadSchema.ts';
import { lifecycleFields } from './lifecycleSchema.ts';
import { entryFault, expandFaultPlan } from './faultPlans/expand.ts';
import { builtInFaultPlans, type FaultPlans } from './faultPlans/index.ts';
import { namedPlanSchema, ruleSchema, type WrittenRule } from './faultPlans/schema.ts';
import { partSchemas } from './parts/index.ts';
import { parseSize, size } from './sizes.ts';

export { parseSize } from './sizes.ts';

/** CPUs at most: Linux arm64's default `CONFIG_NR_CPUS` is 512; a broadcast costs a message to each. */
export const CPUS_MAX = 512;
/** Processes at most: every pid has three actors. */
export const PROCESSES_MAX = 100_000;

const pageSize = size.refine(
  (bytes) => (GRANULES as readonly number[]).includes(bytes),
  'a page size is 4K, 16K or 64K',
);

const processFields = z.strictObject({
  pid: z.int().positive(),
  /** Name of a trace among the fixtures, or path of a .gtr file; of a program, its name. */
  trace: z.string().min(1).default('program'),
  /** What it does, written out (`src/trace/programSteps.ts`), in the place of a trace. */
  program: programSchema.optional(),
  workload: workloadSchema
    .optional()
    .describe(
      'What it does, as a pattern, a mixture or a sequence of some, in the place of a trace: docs/workloads.md.',
    ),
  pageSize,
  /** Page size that the program is laid out for; by default the larger of 4K and its own. */
  layout: pageSize.optional(),
  /** Pin to a CPU. */
  cpu: z.int().nonnegative().optional(),
  /** When it starts. */
  startCycles: z.int().nonnegative().default(0),
  ...lifecycleFields,
  /** Pids that its fork calls create, in order. They are processes of this topology with `forked: true`. */
  children: z.array(z.int().positive()).default([]),
  /** It begins when its parent forks it, not by execve. */
  forked: z.boolean().default(false),
  /** It is a thread of that process (CLONE_VM): a `clone` step of a program with its pid begins it. */
  threadOf: z.int().positive().optional(),
  /** What SIGSEGV and SIGBUS do: end it, or meet a handler that jumps over the access. */
  signals: z.enum(['die', 'skip']).default('die'),
  /** RLIMIT_MEMLOCK, for a process without CAP_IPC_LOCK; one that has none given is root's. */
  memlock: size.optional(),
  /** RLIMIT_AS and RLIMIT_DATA; without them nothing limits its memory. */
  addressSpaceLimit: size.optional(),
  dataLimit: size.optional(),
  /** Actors of the topology's own that look after devices which share its page tables: told what to forget, and waited for. */
  notifiers: z.array(z.string().min(1)).optional(),
});

const processSchema = processFields
  .refine(
    ({ trace, program, workload }) => program !== undefined || workload !== undefined || trace !== 'program',
    'a process runs a trace, a program or a workload: give one of them',
  )
  .refine(({ program, workload }) => program === undefined || workload === undefined, {
    error: 'a process runs a program or a workload, not both',
    path: ['workload'],
  })
  .refine(({ start, startCycles }) => start === undefined || startCycles === 0, {
    error: 'a process starts at startCycles or as `start` says: give one of them',
    path: ['start'],
  });

const messageSchema = z
  .object({ to: z.string().min(1), type: z.string().min(1), atCycles: z.int().nonnegative().default(0) })
  .catchall(z.json());

const thpMode = z.enum(['always', 'madvise', 'inherit', 'never']);

/** Sizes as keys: "64K" becomes 65536. */
const thpSizes = z.record(z.string(), thpMode).transform((sizes, context) => {
  const entries = Object.entries(sizes).map(([text, mode]) => {
    const bytes = parseSize(text);
    if (bytes === null) context.addIssue({ code: 'custom', message: `"${text}" is no size; write 64K` });
    return [bytes ?? 0, mode] as const;
  });
  return Object.fromEntries(entries);
});

const thpSchema = z.strictObject({
  enabled: z.enum(['always', 'madvise', 'never']).default(defaultDesign.thp.enabled),
  sizes: thpSizes.default({}),
});

/** The choices of `src/arch/design.ts`. */
const designSchema = z.strictObject({
  fileTail: z.enum(['process-page', 'kernel-page']).default(defaultDesign.fileTail),
  stackGuardGap: z.enum(['process-pages', 'kernel-pages']).default(defaultDesign.stackGuardGap),
  minimumOrder: z.enum(['process-page', 'none']).default(defaultDesign.minimumOrder),
  copyOnWrite: z.enum(['process-page', 'kernel-page']).default(defaultDesign.copyOnWrite),
  zeroPage: z.enum(['process-page', 'allocate']).default(defaultDesign.zeroPage),
  untranslatable: z.enum(['fall-back', 'fail']).default(defaultDesign.untranslatable),
  readOrder: z.enum(['process-page', 'kernel-page']).default(defaultDesign.readOrder),
  nativeFill: z.enum(['eager', 'lazy']).default(defaultDesign.nativeFill),
  contpte: z.boolean().default(defaultDesign.contpte),
  crossGranuleTlbi: z.enum(['honoured', 'ignored']).default(defaultDesign.crossGranuleTlbi),
  crossGranuleFlush: z.enum(['by-va', 'asid']).default(defaultDesign.crossGranuleFlush),
  tlbiOperands: z.enum(['process-page', 'kernel-page']).default(defaultDesign.tlbiOperands),
  contiguousTlb: z.enum(['per-page', 'per-group']).default(defaultDesign.contiguousTlb),
  kpti: z.boolean().default(defaultDesign.kpti),
  softDirty: z.boolean().optional(),
  thp: thpSchema.prefault({}),
});

const topologySchema = z.strictObject({
  name: z.string().min(1),
  description: z.string().default(''),
  /** The objections that it shows, by their ids in docs/coverage.md. */
  models: z.array(z.string()).optional(),
  /** arm64 unless given (`src/arch/architectures.ts`). */
  architecture: z.enum(Object.keys(architectures) as [ArchitectureName, ...ArchitectureName[]]).optional(),
  kernelPageSize: pageSize.default(4096),
  cpus: z.int().min(1).max(CPUS_MAX).default(1),
  core: z.enum(Object.keys(corePresets) as [string, ...string[]]).default('cortex-a76'),
  memory: size.default(2 ** 31),
  nativeTables: z.boolean().default(true),
  pageCache: z
    .enum(['drop-and-re-read', 'sticky-order', 'convert-at-first-mmap', 'large-folios-to-eof'])
    .default('drop-and-re-read'),
  /** Choices of the design, by name. */
  design: designSchema.prefault({}),
  quantumCycles: z.int().min(1000).default(3_000_000),
  asidBits: z.int().min(2).max(16).default(16),
  stackLimit: size.default(8 * 2 ** 20),
  chooser: z.enum(['time-order', 'seeded-random']).default('time-order'),
  seed: z.int().nonnegative().default(1),
  processes: z.array(processSchema).min(1).max(PROCESSES_MAX),
  /** Files where a trace does not say, or says less: sizes, file systems, and whether the page cache holds them already. */
  files: z
    .array(
      z.strictObject({
        path: z.string().min(1),
        size,
        kind: z.enum(['ext4', 'xfs', 'tmpfs']).default('ext4'),
        cached: z.boolean().default(false),
      }),
    )
    .default([]),
  /** Messages from outside, beside the START of every process that is not forked. */
  messages: z.array(messageSchema).default([]),
  faultPlan: z.array(z.union([ruleSchema, namedPlanSchema])).default([]),
  costs: z.record(z.string(), z.int().nonnegative()).default({}),
  ...partSchemas,
  limits: z.strictObject({ events: z.int().positive().default(100_000_000) }).prefault({}),
});

type Parsed = z.output<typeof topologySchema>;

/** A topology with every default filled in, its fault plan as rules: this is what a log's header holds. */
export type Topology = Omit<Parsed, 'faultPlan'> & { faultPlan: WrittenRule[] };
/** One process of a topology. */
export type TopologyProcess = Topology['processes'][number];
/** A topology as it is written. */
export type TopologyInput = z.input<typeof topologySchema>;

/** The first thing that is wrong with data meant to be a topology. */
export interface TopologyFault {
  what: string;
  /** Path of the field, joined by points; empty for the whole. */
  path: string;
  /** It is a field that no topology has. */
  unknownField: boolean;
}

function faultAt(what: string, path: readonly PropertyKey[], unknownField = false): TopologyFault {
  return { what, path: path.map(String).join('.'), unknownField };
}

/** The first issue in words; of an entry of a fault plan by what the entry seems to be. */
function faultOf(data: unknown, issue: z.core.$ZodIssue | undefined): TopologyFault {
  const path = issue?.path ?? [];
  if (issue?.code === 'invalid_union' && path[0] === 'faultPlan' && path.length === 2) {
    const entry = entryFault((data as { faultPlan: Record<PropertyKey, unknown> }).faultPlan[path[1] ?? 0]);
    return faultAt(entry.what, [...path, ...entry.path]);
  }
  return faultAt(issue?.message ?? 'not a topology', path, issue?.code === 'unrecognized_keys');
}

/**
 * Checks plain data against the schema and fills in defaults, for callers that say themselves what is wrong. `plans`: the fault
 * plans that may be named.
 *
 * @example
 * ```ts
 * readTopology({ name: 'one', processes: [] }).fault?.path; // 'processes'
 * ```
 */
export function readTopology(
  data: unknown,
  plans: FaultPlans = builtInFaultPlans,
): { topology: Topology; fault: null } | { topology: null; fault: TopologyFault } {
  const parsed = topologySchema.safeParse(data);
  if (!parsed.success) return { topology: null, fault: faultOf(data, parsed.error.issues[0]) };
  const { rules, fault } = expandFaultPlan(parsed.data.faultPlan, plans, (data as TopologyInput).faultPlan);
  if (fault !== null) return { topology: null, fault: faultAt(fault.what, ['faultPlan', ...fault.path]) };
  return { topology: { ...parsed.data, faultPlan: rules }, fault: null };
}

/**
 * Checks plain data against the schema and fills in defaults. `where` names the file in errors.
 *
 * @throws GranuleError TOPOLOGY_INVALID with the path of the field
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'true-kernel', pageSize: '64K' };
 * parseTopology({ name: 'one', processes: [process] }, 'example').processes[0]?.pageSize; // 65536
 * ```
 */
export function parseTopology(data: unknown, where: string, plans: FaultPlans = builtInFaultPlans): Topology {
  const { topology, fault } = readTopology(data, plans);
  if (fault === null) return topology;
  throw new GranuleError('TOPOLOGY_INVALID', fault.what, `${where}${fault.path === '' ? '' : `: ${fault.path}`}`);
}
