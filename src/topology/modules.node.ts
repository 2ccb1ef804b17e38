/** Loads the modules that a topology names in `uses`, and gathers the definitions that they export. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { GranuleError } from '../errors.ts';
import { type Catalogue, catalogueOf, type LoadedModule } from './definitions/catalogue.ts';
import { type Definition, isDefinition } from './definitions/definition.ts';
import { nearest } from './form/suggest.ts';

/** Modules of one topology at most. */
const MODULES_MAX = 100;

/**
 * Whether a name is a path to a file, and not the name of a package.
 *
 * @example
 * ```ts
 * isModulePath('./smmu.mjs'); // true
 * isModulePath('granule-smmu'); // false
 * ```
 */
export function isModulePath(name: string): boolean {
  return name.startsWith('.') || isAbsolute(name);
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** A package's entry as Node finds it from a folder; null where it finds none. */
function packageEntry(name: string, folder: string): string | null {
  try {
    return createRequire(join(folder, 'index.js')).resolve(name);
  } catch {
    return importOnlyEntry(name, folder);
  }
}

/** A package with an entry for `import` alone, which `require.resolve` does not see. */
function importOnlyEntry(name: string, folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const root = join(at, 'node_modules', name);
    if (isFile(join(root, 'package.json'))) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only what is found to be a string is used
      const { exports = {}, main } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson;
      const dot = typeof exports === 'string' ? exports : (exports['.'] ?? exports);
      const entry = typeof dot === 'string' ? dot : (dot['import'] ?? dot['default'] ?? main);
      return typeof entry === 'string' ? join(root, entry) : null;
    }
    if (dirname(at) === at) return null;
  }
}

interface PackageJson {
  readonly exports?: string | Readonly<Record<string, string | Readonly<Record<string, unknown>>>>;
  readonly main?: unknown;
}

/**
 * The file of a module: a path is looked for beside each folder in turn, a package from each folder upward.
 *
 * @throws GranuleError MODULE_NOT_FOUND with the folders
 * @example
 * ```ts
 * findModule('./none.mjs', ['/']); // throws MODULE_NOT_FOUND
 * ```
 */
export function findModule(name: string, folders: readonly string[]): string {
  for (const folder of folders) {
    const found = isModulePath(name) ? resolve(folder, name) : packageEntry(name, folder);
    if (found !== null && isFile(found)) return found;
  }
  const near = isModulePath(name) ? nearest(name, modulesNear(name, folders)) : null;
  const next = near === null ? undefined : `Did you mean "${near}"?`;
  const where = `looked from ${[...new Set(folders)].join(', ')}`;
  throw new GranuleError('MODULE_NOT_FOUND', `there is no module "${name}"`, where, next);
}

/** Names of modules in the folder in which one is looked for, written as that one is. */
function modulesNear(name: string, folders: readonly string[]): string[] {
  const start = name.slice(0, name.length - basename(name).length);
  return folders.flatMap((folder) => {
    const beside = resolve(folder, start);
    const files = existsSync(beside) ? readdirSync(beside) : [];
    return files.flatMap((file) => (/\.[mc]?[jt]s$/.test(file) ? [`${start}${file}`] : []));
  });
}

/** What a module exports, its definitions and those inside its topologies. */
function definitionsIn(exports: Readonly<Record<string, unknown>>): Definition[] {
  return Object.values(exports).flatMap((value) => {
    if (!isDefinition(value)) return [];
    const inside =
      'definitions' in value && Array.isArray(value.definitions) ? (value.definitions as Definition[]) : [];
    return [value, ...inside];
  });
}

/**
 * Imports a module.
 *
 * @throws GranuleError MODULE_FAILED with what it threw
 * @example
 * ```ts
 * await importModule('/none.mjs'); // throws MODULE_FAILED
 * ```
 */
export async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof GranuleError) throw error;
    const typescript = path.endsWith('.ts')
      ? '; Node 20 reads no TypeScript: compile it, or start with --import tsx'
      : '';
    const what = `${error instanceof Error ? error.message : String(error)}${typescript}`;
    throw new GranuleError('MODULE_FAILED', what, path);
  }
}

/**
 * The definitions that a module exports; there is one at least.
 *
 * @throws GranuleError MODULE_FAILED, DEFINITION_MISSING, and what a definition was refused for
 * @example
 * ```ts
 * await definitionsOf('/none.mjs'); // throws MODULE_FAILED
 * ```
 */
export async function definitionsOf(path: string): Promise<Definition[]> {
  const found = definitionsIn(await importModule(path));
  if (found.length > 0) return found;
  throw new GranuleError('DEFINITION_MISSING', 'it exports nothing that defineActor or the like made', path);
}

/**
 * Loads modules, in their order, and makes a catalogue of all that they define.
 *
 * @throws GranuleError MODULE_FAILED, DEFINITION_MISSING where a module defines nothing, TOPOLOGY_OWNER
 * @example
 * ```ts
 * (await catalogueOfFiles([])).actors.size; // 0
 * ```
 */
export async function catalogueOfFiles(files: readonly Pick<LoadedModule, 'name' | 'path'>[]): Promise<Catalogue> {
  if (files.length > MODULES_MAX) {
    throw new GranuleError('TOPOLOGY_INVALID', `${files.length} modules are more than ${MODULES_MAX}`, 'uses');
  }
  const definitions: Definition[] = [];
  const modules: LoadedModule[] = [];
  for (const { name, path } of files) {
    definitions.push(...(await definitionsOf(path)));
    modules.push({ name, hash: bytesToHex(sha256(readFileSync(path))), path });
  }
  return catalogueOf(definitions, modules);
}
