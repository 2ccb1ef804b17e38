/** Finds a topology with the definitions that it names: a JSON or YAML file, a name of the package's, or a module. */
import { basename, dirname, resolve } from 'node:path';
import { GranuleError } from '../errors.ts';
import { builtIns, type Catalogue, catalogueOf } from './definitions/catalogue.ts';
import { isDefinition } from './definitions/definition.ts';
import type { TopologyDefinition } from './definitions/defineTopology.ts';
import { notingPlans } from './faultPlans/index.ts';
import { fixturesFolder, loadTopology, topologyPath } from './load.node.ts';
import { catalogueOfFiles, findModule, importModule } from './modules.node.ts';
import { parseTopology, type Topology } from './schema.ts';

/** A topology and its catalogue. */
export interface LoadedSystem {
  readonly topology: Topology;
  readonly catalogue: Catalogue;
}

/** Where else to look for modules. */
export interface SystemPlaces {
  readonly cwd: string;
  /** Folders, or files of modules: what `--uses` gives. */
  readonly uses?: readonly string[];
}

const MODULE = /\.[mc]?[jt]s$/;

/**
 * Loads a topology by path or by name. Modules are looked for beside the file, then in the folders given, then in the present folder.
 *
 * @throws GranuleError what `loadTopology` and `catalogueNamed` throw
 * @example
 * ```ts
 * (await loadSystem('plain-4k', { cwd: '/' })).topology.kernelPageSize; // 4096
 * ```
 */
export async function loadSystem(nameOrPath: string, places: SystemPlaces): Promise<LoadedSystem> {
  const { cwd } = places;
  if (MODULE.test(nameOrPath)) return systemOfModule(resolve(cwd, nameOrPath));
  const path = topologyPath(nameOrPath, cwd);
  const ownPlans = new Set<string>();
  const topology = loadTopology(nameOrPath, cwd, notingPlans(ownPlans));
  const catalogue = await catalogueNamed(topology.uses ?? [], [dirname(path)], places);
  return { topology: ownPlans.size === 0 ? topology : loadTopology(nameOrPath, cwd, catalogue.faultPlans), catalogue };
}

/**
 * The catalogue of the modules that a topology or a log names.
 *
 * @throws GranuleError MODULE_NOT_FOUND, MODULE_FAILED, DEFINITION_MISSING, TOPOLOGY_OWNER
 * @example
 * ```ts
 * (await catalogueNamed([], ['/'], { cwd: '/' })).actors.size; // 0
 * ```
 */
export async function catalogueNamed(
  names: readonly string[],
  folders: readonly string[],
  { cwd, uses = [] }: SystemPlaces,
): Promise<Catalogue> {
  if (names.length === 0 && uses.length === 0) return builtIns;
  const given = uses.map((place) => resolve(cwd, place));
  const files = given.filter((place) => MODULE.test(place));
  const beside = [...given.filter((place) => !MODULE.test(place)), ...folders, cwd, fixturesFolder('topologies')];
  // A file that is given stands for the module of its name; one that no name fits is taken beside the others.
  const named = names.map((name) => {
    const file = files.find((candidate) => basename(candidate) === basename(name));
    return { name, path: file ?? findModule(name, beside) };
  });
  const others = files.filter((file) => !named.some(({ path }) => path === file));
  return catalogueOfFiles([...named, ...others.map((path) => ({ name: `./${basename(path)}`, path }))]);
}

/** A module with a topology of `defineTopology`; it is a module that the topology uses, so that its log finds it again. */
async function systemOfModule(path: string): Promise<LoadedSystem> {
  const exports = await importModule(path);
  const topologies = Object.values(exports).filter((value): value is TopologyDefinition =>
    isDefinition(value, 'topology'),
  );
  const chosen = isDefinition(exports['default'], 'topology') ? exports['default'] : topologies[0];
  if (chosen === undefined || (topologies.length > 1 && chosen !== exports['default'])) {
    const what =
      chosen === undefined ? 'it exports no topology' : 'it exports several topologies, and none as its default';
    throw new GranuleError('DEFINITION_MISSING', what, path, 'Export what defineTopology gives as the default.');
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mark says what it is
  const { data, definitions } = chosen as TopologyDefinition;
  const name = `./${basename(path)}`;
  if (definitions.length === 0) return { topology: parseTopology(data, path), catalogue: builtIns };
  const { faultPlans } = catalogueOf(definitions);
  const topology = parseTopology({ ...data, uses: [...(data.uses ?? []), name] }, path, faultPlans);
  return { topology, catalogue: await catalogueNamed(topology.uses ?? [], [dirname(path)], { cwd: dirname(path) }) };
}
