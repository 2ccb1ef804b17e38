/** The stand-ins of fixtures/replacements, loaded as a user's modules are, and runs with them. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ReadyTopology, type RunOptions, run } from '../../src/library/run.ts';
import { tracesWith } from '../../src/library/recording.ts';
import { openTopology } from '../../src/library/openTopology.node.ts';
import { type RunSummary, summarize } from '../../src/report/runSummary.ts';
import { liveStates } from '../../src/report/actorStates.ts';
import type { System } from '../../src/runtime/system.ts';
import type { ActorDefinition } from '../../src/topology/definitions/actorTypes.ts';
import type { Definition } from '../../src/topology/definitions/definition.ts';
import { importModule } from '../../src/topology/modules.node.ts';
import { builtIns, catalogueOf } from '../../src/topology/definitions/catalogue.ts';
import { type Topology, parseTopology } from '../../src/topology/schema.ts';

const FOLDER = fileURLToPath(new URL('../../fixtures/replacements', import.meta.url));

/** The topologies of the folder. */
export const REPLACEMENTS = ['best-fit-zone', 'both-sizes', 'coalescing-tlb', 'convert-when-clean'] as const;

/** One of them, ready to run. */
export async function opened(name: (typeof REPLACEMENTS)[number]): Promise<ReadyTopology> {
  const path = `${FOLDER}/${name}.json`;
  return openTopology(path, { cwd: dirname(path) });
}

/** The same without what stands in, for comparison. */
export function without({ topology, traces }: ReadyTopology, change: Partial<Topology> = {}): ReadyTopology {
  const { replace: _replace, uses: _uses, ...plain } = topology;
  return { topology: { ...plain, ...change }, catalogue: builtIns, traces };
}

/** The definition of a kind that a module of the folder exports. */
export async function definitionIn(name: (typeof REPLACEMENTS)[number]): Promise<ActorDefinition> {
  const module = await importModule(`${FOLDER}/${name}.mjs`);
  const [definition] = Object.values(module);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each of them exports the one
  return definition as ActorDefinition;
}

/** A topology of the package with definitions in the place of built-in kinds. */
export async function standing(
  name: string,
  replace: Topology['replace'],
  definitions: readonly ActorDefinition[],
): Promise<ReadyTopology> {
  const { topology, traces } = await openTopology(name);
  return { topology: { ...topology, replace }, catalogue: catalogueOf(definitions), traces };
}

/** What a run is summed up as. */
export function summaryOf({ system }: { readonly system: System }): RunSummary {
  return summarize(liveStates(system));
}

/** Runs in the checked mode. */
export function checked(ready: ReadyTopology, options: RunOptions = {}) {
  return run(ready, { ...options, checked: true });
}

/** A program of one 64K process that maps a file, with what the test changes of it and the definitions that it names. */
export function small(change: Record<string, unknown> = {}, definitions: readonly Definition[] = []): ReadyTopology {
  const program = [
    { op: 'mmap', addr: '0x300000000', lengthBytes: '128K', prot: 'r', flags: 'SHARED|FIXED', file: '/lib/a.so' },
    { op: 'load', addr: '0x300000000', lengthBytes: '128K' },
    { op: 'mmap', addr: '0x500000000', lengthBytes: '128K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: '0x500000000', lengthBytes: '128K' },
  ];
  const files = [{ path: '/lib/a.so', size: '128K' }];
  const processes = [{ pid: 1, pageSize: '64K', program }];
  const topology = parseTopology({ name: 'small', files, processes, ...change }, 'small');
  return { topology, catalogue: catalogueOf(definitions), traces: tracesWith(topology, new Map()) };
}
