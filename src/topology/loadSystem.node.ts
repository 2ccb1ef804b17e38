/** Finds a topology with the definitions that it names: a JSON or YAML file, a name of the package's, or a module. */
import { basename, dirname, resolve } from 'node:path';
import { GranuleError } from '../errors.ts';
import { builtIns, type Catalogue } from './definitions/catalogue.ts';
import { isDefinition } from './definitions/definition.ts';
import type { TopologyDefinition } from './definitions/defineTopology.ts';
import { notingPlans } from './faultPlans/index.ts';
import { fixturesFolder } from './fixtures.node.ts';
import { type LoadedForm, openData, openForm, type OpenForm } from './form/form.node.ts';
import { catalogueOfFiles, definitionsOf, findModule, importModule } from './modules.node.ts';
import { oneError } from './together.ts';

/** A topology and its catalogue. */
export interface LoadedSystem extends LoadedForm {
  readonly catalogue: Catalogue;
}

/** Where else to look for modules. */
export interface SystemPlaces {
  readonly cwd: string;
  /** Folders, or files of modules: what `--uses` gives. */
  readonly uses?: readonly string[];
}

const MODULE = /\.[mc]?[jt]s$/;

/** Parameters as text; or a function of the names that a topology has, for whoever varies some. */
type Settings = ReadonlyMap<string, string> | ((parameterNames: readonly string[]) => ReadonlyMap<string, string>);

/**
 * Loads a topology by path or by name, with its parameters put in and the definitions that it names. Modules are looked for beside
 * the file, then in the folders given, then in the present folder.
 *
 * @throws GranuleError what `loadForm` and `catalogueNamed` throw, with the place in the file; DEFINITION_MISSING where a module
 * has no topology
 * @example
 * ```ts
 * (await loadSystem('plain-4k', { cwd: '/' })).topology.kernelPageSize; // 4096
 * ```
 */
export async function loadSystem(
  nameOrPath: string,
  { set = new Map(), ...places }: SystemPlaces & { readonly set?: Settings },
): Promise<LoadedSystem> {
  const { cwd } = places;
  const form = MODULE.test(nameOrPath) ? await formOfModule(resolve(cwd, nameOrPath)) : openForm(nameOrPath, cwd);
  const given = typeof set === 'function' ? set(form.parameterNames) : set;
  // Which plans may be named is only known once the modules are, which the topology names.
  const ownPlans = new Set<string>();
  const first = form.resolve(given, notingPlans(ownPlans));
  const { topology, placed } = first;
  const placeOf = (at: number): string => `${topology.name}: uses${at < 0 ? '' : `.${at}`}`;
  let catalogue: Catalogue;
  try {
    catalogue = await catalogueNamed(topology.uses ?? [], [dirname(form.file)], places, placeOf);
  } catch (error) {
    throw placed(error);
  }
  const resolveWith: OpenForm['resolve'] = (other, plans = catalogue.faultPlans) => form.resolve(other, plans);
  return { ...form, ...(ownPlans.size === 0 ? first : resolveWith(given)), resolve: resolveWith, catalogue };
}

/**
 * The catalogue of the modules that a topology or a log names. `placeOf` gives the field that names each; -1 is all of them.
 *
 * @throws GranuleError MODULE_NOT_FOUND, MODULE_FAILED, DEFINITION_MISSING, TOPOLOGY_OWNER; of several modules all that is wrong
 * @example
 * ```ts
 * (await catalogueNamed([], ['/'], { cwd: '/' })).actors.size; // 0
 * ```
 */
export async function catalogueNamed(
  names: readonly string[],
  folders: readonly string[],
  { cwd, uses = [] }: SystemPlaces,
  placeOf: ((at: number) => string) | null = null,
): Promise<Catalogue> {
  if (names.length === 0 && uses.length === 0) return builtIns;
  const given = uses.map((place) => resolve(cwd, place));
  const files = given.filter((place) => MODULE.test(place));
  const beside = [...given.filter((place) => !MODULE.test(place)), ...folders, cwd, fixturesFolder('topologies')];
  const named: { name: string; path: string }[] = [];
  const errors: GranuleError[] = [];
  for (const [at, name] of names.entries()) {
    try {
      // A file that is given stands for the module of its name; one that no name fits is taken beside the others.
      const path = files.find((candidate) => basename(candidate) === basename(name)) ?? findModule(name, beside);
      await definitionsOf(path);
      named.push({ name, path });
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      errors.push(placeOf === null ? error : namedAt(error, placeOf(at)));
    }
  }
  const error = oneError(errors);
  if (error !== null) throw error;
  const others = files.filter((file) => !named.some(({ path }) => path === file));
  try {
    return await catalogueOfFiles([...named, ...others.map((path) => ({ name: `./${basename(path)}`, path }))]);
  } catch (refused) {
    if (!(refused instanceof GranuleError) || placeOf === null) throw refused;
    throw namedAt(refused, placeOf(-1));
  }
}

/** An error about a module, with the field that names the module as its place. */
function namedAt({ code, message, where, next }: GranuleError, place: string): GranuleError {
  return new GranuleError(code, where === '' ? message : `${message}, ${where}`, place, next);
}

/** A module with a topology of `defineTopology`; it is a module that the topology uses, so that its log finds it again. */
async function formOfModule(path: string): Promise<OpenForm> {
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
  if (definitions.length === 0) return openData(path, data);
  return openData(path, { ...data, uses: [...(data.uses ?? []), `./${basename(path)}`] });
}
