/** Topologies in files: JSON or YAML, found by path or by name, with what they extend. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { GranuleError } from '../../errors.ts';
import type { FaultPlans } from '../faultPlans/index.ts';
import { fixturesFolder, TOPOLOGY_ENDINGS, topologyNames } from '../fixtures.node.ts';
import { type FormLayer, mergedForm, resolveForm, type ResolvedForm } from './resolve.ts';
import { remedyFor } from './suggest.ts';
import { readFormText } from './text.ts';
import { TopologyError } from './topologyError.ts';

/** The file of a topology with what it extends, before its parameters are put in. */
export interface OpenForm {
  /** The file that was asked for. */
  file: string;
  /** What it extends, nearest first. */
  bases: string[];
  /** Its folder, and those of what it extends: traces may lie there. */
  folders: string[];
  /** Names of its parameters. */
  parameterNames: string[];
  /** It and what it extends as one text, with its parameters open. */
  merged: () => unknown;
  /** Puts parameters in, given as text. `plans` are the fault plans that may be named; granule's own unless given. */
  resolve: (set: ReadonlyMap<string, string>, plans?: FaultPlans) => ResolvedForm;
}

/** A topology of a file, resolved. */
export type LoadedForm = OpenForm & ResolvedForm;

/** How a topology is loaded. */
export interface LoadOptions {
  /** Paths are relative to it. */
  cwd?: string;
  /** Parameters, as text. */
  set?: ReadonlyMap<string, string>;
  /** Fault plans that may be named; granule's own unless given. */
  plans?: FaultPlans;
}

function findTopology(nameOrPath: string, folder: string): string | null {
  const path = resolve(folder, nameOrPath);
  const named = TOPOLOGY_ENDINGS.map((ending) => join(fixturesFolder('topologies'), `${nameOrPath}${ending}`));
  return [path, ...named].find((each) => existsSync(each)) ?? null;
}

/**
 * The file of a topology: a path, or the name of one of the package's.
 *
 * @throws GranuleError TOPOLOGY_UNKNOWN
 * @example
 * ```ts
 * topologyPath('plain-4k').endsWith('plain-4k.json'); // true
 * topologyPath('plain-5k'); // throws TOPOLOGY_UNKNOWN
 * ```
 */
export function topologyPath(nameOrPath: string, cwd = process.cwd()): string {
  const file = findTopology(nameOrPath, cwd);
  if (file !== null) return file;
  const remedy = `Give a file, or one of the names that "granule run --list" prints. ${remedyFor(nameOrPath, topologyNames())}`;
  const where = `looked at ${resolve(cwd, nameOrPath)}`;
  throw new GranuleError('TOPOLOGY_UNKNOWN', `there is no topology "${nameOrPath}"`, where, remedy);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GranuleError('FILE_UNREADABLE', (error as Error).message, file);
  }
}

/** Modules named relative to a base's file, as seen from the file that is asked for. */
function withUses(data: unknown, from: string, to: string): unknown {
  if (typeof data !== 'object' || data === null || from === to) return data;
  const uses = (data as { uses?: unknown }).uses;
  if (!Array.isArray(uses)) return data;
  const moved = uses.map((each: unknown) => {
    if (typeof each !== 'string' || !/^\.\.?\//.test(each)) return each;
    const path = relative(to, resolve(from, each)).replaceAll('\\', '/');
    return path.startsWith('.') ? path : `./${path}`;
  });
  return { ...data, uses: moved };
}

interface ReadLayer {
  layer: FormLayer;
  base: string | null;
}

function readLayer(file: string, topFolder: string): ReadLayer {
  const ending = extname(file).toLowerCase();
  const text = readFormText(readText(file), ending === '.yaml' || ending === '.yml' ? 'yaml' : 'json');
  if (text.faults.length > 0) {
    throw new TopologyError(
      text.faults.map(({ what, next, line, column }) => {
        return { code: 'TOPOLOGY_INVALID', what, where: `${file}:${line}:${column}`, next };
      }),
    );
  }
  const data = withUses(text.data, dirname(file), topFolder);
  return withBase({ file, data, placeOf: text.placeOf, stem: basename(file, extname(file)) });
}

function placeOfBase({ file, placeOf }: FormLayer): string {
  const at = placeOf?.(['extends']);
  return at === undefined ? `${file}: extends` : `${file}:${at.line}:${at.column}: extends`;
}

/** A layer with what it says that it extends. */
function withBase(layer: FormLayer): ReadLayer {
  const { data } = layer;
  const base: unknown = typeof data === 'object' && data !== null ? (data as { extends?: unknown }).extends : undefined;
  if (base === undefined) return { layer, base: null };
  if (typeof base === 'string' && base !== '') return { layer, base };
  const next = 'Write a path relative to this file, or a name that "granule run --list" prints.';
  const what = 'what it extends is named by a text';
  throw new TopologyError([{ code: 'TOPOLOGY_INVALID', what, where: placeOfBase(layer), next }]);
}

/** A text with all that it extends, the base first. */
function chainOf(top: ReadLayer): FormLayer[] {
  const layers = [top.layer];
  let { layer, base } = top;
  while (base !== null) {
    const where = placeOfBase(layer);
    const file = findTopology(base, dirname(layer.file));
    if (file === null) {
      const remedy = `Give a path relative to this file, or the name of one that comes with granule. ${remedyFor(base, topologyNames())}`;
      throw new TopologyError([
        { code: 'EXTENDS_UNKNOWN', what: `there is no topology "${base}"`, where, next: remedy },
      ]);
    }
    if (layers.some((each) => each.file === file)) {
      const way = [...layers.map((each) => basename(each.file)).toReversed(), basename(file)].join(' -> ');
      const remedy = 'Let one of them extend nothing, or something else.';
      throw new TopologyError([{ code: 'EXTENDS_CYCLE', what: `it extends itself: ${way}`, where, next: remedy }]);
    }
    ({ layer, base } = readLayer(file, dirname(top.layer.file)));
    layers.unshift(layer);
  }
  return layers;
}

/** The names under `parameters` in any of the texts that nobody nearer takes away. */
function namesOf(layers: readonly FormLayer[]): string[] {
  const names = new Set<string>();
  for (const { data } of layers) {
    const written = typeof data === 'object' && data !== null ? (data as { parameters?: unknown }).parameters : null;
    for (const [name, value] of Object.entries(written ?? {})) {
      if (value === null) names.delete(name);
      else names.add(name);
    }
  }
  return [...names];
}

/**
 * Reads the file of a topology and those that it extends, for whoever resolves it with several values of its parameters.
 *
 * @throws GranuleError TOPOLOGY_UNKNOWN, FILE_UNREADABLE; TopologyError where a text cannot be read, or what it extends is not there
 * @example
 * ```ts
 * const form = openForm('plain-4k');
 * form.parameterNames; // []
 * form.resolve(new Map()).topology.name; // 'plain-4k'
 * ```
 */
export function openForm(nameOrPath: string, cwd = process.cwd()): OpenForm {
  const file = topologyPath(nameOrPath, cwd);
  return openLayer(readLayer(file, dirname(file)));
}

/**
 * A topology that a module made, for whoever resolves it with several values of its parameters. What it extends is looked for beside
 * the module.
 *
 * @throws TopologyError where what it extends is not there
 * @example
 * ```ts
 * const data = { extends: 'plain-4k', name: 'two-cpus', cpus: 2 };
 * openData('/tmp/two.mjs', data).resolve(new Map()).topology.cpus; // 2
 * ```
 */
export function openData(file: string, data: unknown): OpenForm {
  return openLayer(withBase({ file, data, placeOf: null, stem: null }));
}

function openLayer(top: ReadLayer): OpenForm {
  const layers = chainOf(top);
  const files = layers.map((layer) => layer.file).toReversed();
  const folders = [...new Set(files.map((each) => dirname(each)))];
  const resolveWith: OpenForm['resolve'] = (set, plans) => resolveForm(layers, set, plans);
  const parameterNames = namesOf(layers);
  return {
    file: top.layer.file,
    bases: files.slice(1),
    folders,
    parameterNames,
    merged: () => mergedForm(layers),
    resolve: resolveWith,
  };
}

/**
 * Reads a topology of a file, or of the package by its name, with what it extends and its parameters put in.
 *
 * @throws GranuleError TOPOLOGY_UNKNOWN, FILE_UNREADABLE; TopologyError with all that is wrong, each with its place
 * @example
 * ```ts
 * const { topology, parameters } = loadForm('plain-4k');
 * [topology.kernelPageSize, parameters.length]; // [4096, 0]
 * ```
 */
export function loadForm(nameOrPath: string, { cwd, set = new Map(), plans }: LoadOptions = {}): LoadedForm {
  const form = openForm(nameOrPath, cwd);
  return { ...form, ...form.resolve(set, plans) };
}

/**
 * Reads `NAME=VALUE` as whoever sets parameters writes it.
 *
 * @throws GranuleError USAGE
 * @example
 * ```ts
 * settingsOf(['page=16K']).get('page'); // '16K'
 * settingsOf(['page']); // throws USAGE
 * ```
 */
export function settingsOf(texts: readonly string[]): Map<string, string> {
  const set = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(0, at));
    if (at < 1)
      throw new GranuleError('USAGE', `"${text}" is no NAME=VALUE`, '--set', 'Write it as in --set page=16K.');
    if (set.has(name)) throw new GranuleError('USAGE', `"${name}" is set twice`, `--set ${text}`, 'Set it once.');
    set.set(name, text.slice(at + 1));
  }
  return set;
}
