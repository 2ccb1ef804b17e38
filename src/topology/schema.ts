/** The plain-data form of a topology: what may be written, what it means when left out, and what is refused. */
import { z } from 'zod';
import { type ArchitectureName, architectures } from '../arch/architectures.ts';
import { corePresets } from '../arch/cores.ts';
import { type BuiltInPolicy, builtInPolicies } from '../../machines/index.ts';
import { invariant } from '../errors.ts';
import { programSchema } from '../trace/programSteps.ts';
import { workloadSchema } from '../trace/workloads/workloadSchema.ts';
import { designSchema } from './designSchema.ts';
import { entryFaults, expandFaultPlan } from './faultPlans/expand.ts';
import { builtInFaultPlans, type FaultPlans } from './faultPlans/index.ts';
import { namedPlanSchema, ruleSchema, type WrittenRule } from './faultPlans/schema.ts';
import { faultsOf, type TopologyFault } from './form/faults.ts';
import { withPids } from './form/pids.ts';
import { TopologyError } from './form/topologyError.ts';
import { lifecycleFields } from './lifecycleSchema.ts';
import { partSchemas } from './parts/index.ts';
import { pageSize, size } from './sizes.ts';

export { parseSize } from './sizes.ts';

/** CPUs at most: Linux arm64's default `CONFIG_NR_CPUS` is 512; a broadcast costs a message to each. */
export const CPUS_MAX = 512;
/** Processes at most: every pid has three actors. */
export const PROCESSES_MAX = 100_000;

/** Who may decide which message is delivered next. */
export const choosers = ['time-order', 'seeded-random', 'explored'] as const;

const processFields = z.strictObject({
  pid: z
    .int()
    .positive()
    .optional()
    .describe('Names process:PID, mm:PID and mmu:PID. Left out: 1, 2 and so on in order, past those that are taken.'),
  trace: z
    .string()
    .min(1)
    .default('program')
    .describe('What it runs: a trace of the package, or the path of a .gtr. Of a program, its name.'),
  program: programSchema.optional().describe('What it does, written out step by step, in the place of a trace.'),
  workload: workloadSchema
    .optional()
    .describe(
      'What it does, as a pattern, a mixture or a sequence of some, in the place of a trace: docs/workloads.md.',
    ),
  pageSize: pageSize.describe("The page size of its ABI; never below the kernel's."),
  layout: pageSize
    .optional()
    .describe(
      "The page size that the program is linked and laid out for; left out: the larger of `pageSize` and the kernel's. " +
        'Processes that should share the pages of a program need one layout.',
    ),
  cpu: z.int().nonnegative().optional().describe('Pins it to a CPU; left out: any.'),
  startCycles: z.int().nonnegative().default(0).describe('When it calls execve.'),
  ...lifecycleFields,
  children: z
    .array(z.int().positive())
    .default([])
    .describe('Pids that its fork calls create, in order: processes of this topology with `forked`.'),
  forked: z
    .boolean()
    .default(false)
    .describe('It begins when its parent forks it, not by execve; `trace` is then what the child does.'),
  threadOf: z
    .int()
    .positive()
    .optional()
    .describe(
      'The pid of the process whose address space it shares (CLONE_VM); a `clone` step with its pid begins it.',
    ),
  signals: z
    .enum(['die', 'skip'])
    .default('die')
    .describe('What SIGSEGV and SIGBUS do: `die` ends it, `skip` is a handler that jumps over the access.'),
  memlock: size
    .optional()
    .describe('RLIMIT_MEMLOCK; with it the process has no CAP_IPC_LOCK, without it nothing limits what it locks.'),
  addressSpaceLimit: size.optional().describe('RLIMIT_AS; left out: none.'),
  dataLimit: size.optional().describe('RLIMIT_DATA; left out: none.'),
  notifiers: z
    .array(z.string().min(1))
    .optional()
    .describe('Actors that look after devices which share its page tables: told what to forget, and waited for.'),
});

/** Says the first refinement below in JSON Schema. */
const RUNS_SOMETHING = {
  anyOf: [
    { required: ['program'] },
    { required: ['workload'] },
    { required: ['trace'], properties: { trace: { not: { const: 'program' } } } },
  ],
};

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
  })
  .meta(RUNS_SOMETHING);

const messageSchema = z
  .object({
    to: z.string().min(1).describe('The id of the actor that gets it.'),
    type: z.string().min(1).describe('The type of the message; its other fields stand beside.'),
    atCycles: z.int().nonnegative().default(0).describe('When it arrives.'),
  })
  .catchall(z.json());

const fileSchema = z.strictObject({
  path: z.string().min(1).describe('Its path, as traces and programs name it.'),
  size: size.describe('Its size.'),
  kind: z.enum(['ext4', 'xfs', 'tmpfs']).default('ext4').describe('Its file system.'),
  cached: z.boolean().default(false).describe('The page cache holds it already.'),
});

const topologyFields = z.strictObject({
  $schema: z.string().optional().describe('The JSON Schema of this file, for editors; no part of the topology.'),
  name: z.string().min(1).describe("Shown everywhere, and the name of the log; of a file, the file's unless given."),
  description: z.string().default('').describe('One line.'),
  models: z.array(z.string()).optional().describe('The objections that it shows, by their ids in docs/coverage.md.'),
  architecture: z
    .enum(Object.keys(architectures) as [ArchitectureName, ...ArchitectureName[]])
    .optional()
    .describe('`arm64` unless given; the others run layers 1 and 2 alone: docs/architectures.md.'),
  kernelPageSize: pageSize.default(4096).describe('The page size that the kernel was built for.'),
  cpus: z.int().min(1).max(CPUS_MAX).default(1).describe('CPUs, each a `tlb:N`.'),
  core: z
    .enum(Object.keys(corePresets) as [string, ...string[]])
    .default('cortex-a76')
    .describe('A preset of TLB sizes, walk cache and range TLBI: docs/cores.md.'),
  memory: size.default(2 ** 31).describe('Memory of the zone.'),
  nativeTables: z
    .boolean()
    .default(true)
    .describe(
      'Layer 3: processes of a larger page size get a native table; without it they run layers 1 and 2 on 4K tables.',
    ),
  pageCache: z
    .union([z.enum(Object.keys(builtInPolicies) as [BuiltInPolicy, ...BuiltInPolicy[]]), z.string().min(1)])
    .default('drop-and-re-read')
    .describe(
      "`drop-and-re-read`: a file's least folio order is that of the largest page size that maps it now; " +
        '`sticky-order`: once raised it stays; the others: docs/actors.md; or one that a module in `uses` defines.',
    ),
  design: designSchema.prefault({}).describe('Choices that the proposal leaves open, and kernel settings: see below.'),
  quantumCycles: z
    .int()
    .min(1000)
    .default(3_000_000)
    .describe('Most virtual time that one stretch of a process takes.'),
  asidBits: z.int().min(2).max(16).default(16).describe('Bits of an ASID; few bits show rollovers.'),
  stackLimit: size.default(8 * 2 ** 20).describe('RLIMIT_STACK.'),
  chooser: z
    .enum(choosers)
    .default('time-order')
    .describe(
      'Which message is delivered next: by time, or any that channel order allows. `explored`: as `granule explore` found it; every ' +
        'delivery is then one cycle, and what nobody chose comes in the order of sending.',
    ),
  seed: z.int().nonnegative().default(1).describe('Of the random chooser.'),
  processes: z
    .array(processSchema)
    .min(1)
    .max(PROCESSES_MAX)
    .transform(withPids)
    .describe('The programs that run, each with its page size: see below.'),
  files: z
    .array(fileSchema)
    .default([])
    .describe('Files where no trace proves their size: `path`, `size`, `kind` and whether they are `cached`.'),
  messages: z
    .array(messageSchema)
    .default([])
    .describe('Messages from outside, beside the START of every process that is not forked.'),
  faultPlan: z
    .array(z.union([ruleSchema, namedPlanSchema]))
    .default([])
    .describe('What goes wrong and what is watched on wires: rules, and named plans: docs/wires.md.'),
  costs: z
    .record(z.string(), z.int().nonnegative())
    .default({})
    .describe('Cycles of single steps, by the names of `src/arch/costs.ts`, over those there.'),
  ...partSchemas,
  limits: z
    .strictObject({ events: z.int().positive().default(100_000_000).describe('Events after which a run is stopped.') })
    .prefault({})
    .describe('Where a run is stopped.'),
});

/**
 * What a topology may be; its fields carry their descriptions.
 *
 * @example
 * ```ts
 * topologySchema.safeParse({ name: 'one', processes: [] }).success; // false
 * ```
 */
export const topologySchema = topologyFields.transform((written) => {
  const { $schema: _, ...topology } = written;
  return topology;
});

type Parsed = z.output<typeof topologySchema>;

/** A topology with every default filled in, its fault plan as rules: this is what a log's header holds. */
export type Topology = Omit<Parsed, 'faultPlan'> & { faultPlan: WrittenRule[] };
/** One process of a topology. */
export type TopologyProcess = Topology['processes'][number];
/** A topology as it is written. */
export type TopologyInput = z.input<typeof topologySchema>;

/** What a file may say beside the fields of its topology (`src/topology/form`). */
const FORM_FIELDS = ['extends', 'parameters'];

/**
 * All that is wrong with plain data meant to be a topology, as far as the schema can tell; empty where nothing is.
 *
 * @example
 * ```ts
 * topologyFaults({ name: 'one', proceses: [] }).map(({ path, next }) => [path, next]);
 * // [['processes', 'Add it.'], ['', 'Did you mean "processes"?']]
 * ```
 */
export function topologyFaults(data: unknown, plans: FaultPlans = builtInFaultPlans): TopologyFault[] {
  return readWith(data, plans).faults;
}

type Read = { topology: Topology; faults: [] } | { topology: null; faults: TopologyFault[] };

function readWith(data: unknown, plans: FaultPlans): Read {
  const parsed = topologySchema.safeParse(data);
  const written = (data as { faultPlan?: unknown } | null)?.faultPlan;
  if (!parsed.success) {
    const issues = parsed.error.issues;
    // An entry is a rule or a plan, and says itself what is wrong with it.
    const entries = issues.filter(
      ({ path, code }) => code === 'invalid_union' && path[0] === 'faultPlan' && path.length === 2,
    );
    const others = issues.filter((issue) => !entries.includes(issue));
    const ofEntries = entries.flatMap(({ path }) => {
      const at = Number(path[1]);
      return entryFaults((written as unknown[])[at], ['faultPlan', at]);
    });
    return { topology: null, faults: [...faultsOf(topologySchema, data, others, FORM_FIELDS), ...ofEntries] };
  }
  const { rules, faults } = expandFaultPlan(parsed.data.faultPlan, plans, written);
  if (rules === null) return { topology: null, faults };
  return { topology: { ...parsed.data, faultPlan: rules }, faults: [] };
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
  const { topology, faults } = readWith(data, plans);
  if (topology !== null) return { topology, fault: null };
  const [fault] = faults;
  invariant(fault !== undefined, 'what does not parse has a fault');
  return { topology: null, fault };
}

/**
 * Checks plain data against the schema and fills in defaults. `where` names the file in errors.
 *
 * @throws TopologyError TOPOLOGY_INVALID with the path of each field
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'true-kernel', pageSize: '64K' };
 * parseTopology({ name: 'one', processes: [process] }, 'example').processes[0]?.pageSize; // 65536
 * ```
 */
export function parseTopology(data: unknown, where: string, plans: FaultPlans = builtInFaultPlans): Topology {
  const { topology, faults } = readWith(data, plans);
  if (topology !== null) return topology;
  throw new TopologyError(
    faults.map(({ what, path, next }) => {
      return { code: 'TOPOLOGY_INVALID', what, where: `${where}${path === '' ? '' : `: ${path}`}`, next };
    }),
  );
}
