/** Machines of the step-level kit, in a few words: what stands in memory, and what each CPU executes. */
import { fileURLToPath } from 'node:url';
import { tracesWith } from '../../../src/library/recording.ts';
import { run } from '../../../src/library/run.ts';
import { type Definition, isDefinition } from '../../../src/topology/definitions/definition.ts';
import { catalogueOf } from '../../../src/topology/definitions/catalogue.ts';
import { importModule } from '../../../src/topology/modules.node.ts';
import { parseTopology } from '../../../src/topology/schema.ts';

/** The folder of topologies to explore. */
export const EXPLORATION = fileURLToPath(new URL('../../../fixtures/exploration', import.meta.url));

type Words = Readonly<Record<string, string | number>>;

/** One step of a program, as a topology writes it. */
export type Step = Readonly<Record<string, unknown>>;

/** What a machine is made of. */
export interface MachineParts {
  /** Words of the objects that are there in the beginning. */
  readonly objects?: Readonly<Record<string, Words>>;
  /** One for each CPU, which are cpu:0, cpu:1 and so on; they begin together, and take their steps in turn. */
  readonly programs: readonly (readonly Step[])[];
  readonly finally?: readonly Step[];
  /** When each begins; together unless given. */
  readonly begins?: readonly number[];
}

/** What was seen of a run. */
export interface Ended {
  readonly objects: Readonly<Record<string, { readonly life: string; readonly words: Words }>>;
  /** Registers of the last CPU step that expects something are gone at the end: what must be seen is stored. */
  readonly broken: { readonly law: string; readonly what: string } | null;
  readonly tlbs: Readonly<Record<string, readonly { readonly key: string; readonly value: string }[]>>;
  readonly records: number;
}

async function definitions(): Promise<Definition[]> {
  const module = await importModule(`${EXPLORATION}/kernel-steps.mjs`);
  return Object.values(module)
    .flat()
    .filter((value): value is Definition => isDefinition(value));
}

/** The topology of a machine. */
export async function machine({ objects = {}, programs, finally: last = [], begins = [] }: MachineParts) {
  const ids = programs.map((_, index) => `cpu:${index}`);
  const made = Object.fromEntries(Object.entries(objects).map(([name, words]) => [name, { words }]));
  const cpus = programs.map((program, index) => {
    return { id: `cpu:${index}`, ports: { memory: 'memory' }, input: { program } };
  });
  const topology = parseTopology(
    {
      name: 'a machine',
      processes: [{ pid: 1, pageSize: '4K', forked: true, program: [{ op: 'load', addr: 0x500000 }] }],
      actors: [{ id: 'memory', input: { cpus: ids, objects: made, finally: last } }, ...cpus],
      messages: ids.map((to, index) => ({ to, type: 'BEGIN', atCycles: begins[index] ?? 0 })),
    },
    'test',
  );
  return { topology, catalogue: catalogueOf(await definitions()), traces: tracesWith(topology, new Map()) };
}

/** Runs a machine in the order of time. */
export async function executed(parts: MachineParts): Promise<Ended> {
  const { system, log } = run(await machine(parts));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the state of the kit's memory
  const memory = system.snapshot('memory').context as unknown as Omit<Ended, 'records'>;
  const cpus = parts.programs.map((_, index) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the state of the kit's CPUs
    return system.snapshot(`cpu:${index}`).context as Pick<Ended, 'broken'>;
  });
  const broken = memory.broken ?? cpus.find((cpu) => cpu.broken !== null)?.broken ?? null;
  return { objects: memory.objects, tlbs: memory.tlbs, broken, records: log.records };
}
