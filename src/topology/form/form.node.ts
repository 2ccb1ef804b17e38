/** Topologies in files: JSON or YAML, found by path or by name, with what they extend. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { fixturesFolder, TOPOLOGY_ENDINGS, topologyNames } from '../fixtures.node.ts';
import { type FormLayer, resolveForm, type ResolvedForm } from './resolve.ts';
import { remedyFor } from './suggest.ts';
import { readFormText } from './text.ts';
import { TopologyError } from './topologyError.ts';

/** A topology of a file, resolved. */
export interface LoadedForm extends ResolvedForm {
  /** The file that was asked for. */
  file: string;
  /** Its folder, and those of what it extends: traces may lie there. */
  folders: string[];
}

/** How a topology is loaded. */
export interface LoadOptions {
  /** Paths are relative to it. */
  cwd?: string;
  /** Parameters, as text. */
  set?: ReadonlyMap<string, string>;
}

/** The file of a topology: at a path, or among the package's by its name. */
function findTopology(nameOrPath: string, folder: string): string | null {
  const path = resolve(folder, nameOrPath);
  const named = TOPOLOGY_ENDINGS.map((ending) => join(fixturesFolder('topologies'), `${nameOrPath}${ending}`));
  return [path, ...named].find((each) => existsSync(each)) ?? null;
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

function readLayer(file: string, topFolder: string): { layer: FormLayer; base: string | null } {
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
  const layer = { file, data, placeOf: text.placeOf, stem: basename(file, extname(file)) };
  const base: unknown = typeof data === 'object' && data !== null ? (data as { extends?: unknown }).extends : undefined;
  if (base === undefined) return { layer, base: null };
  if (typeof base === 'string' && base !== '') return { layer, base };
  const { line, column } = text.placeOf(['extends']);
  const next = 'Write a path relative to this file, or a name that "granule run --list" prints.';
  const what = 'what it extends is named by a text';
  throw new TopologyError([{ code: 'TOPOLOGY_INVALID', what, where: `${file}:${line}:${column}: extends`, next }]);
}

/** A file with all that it extends, the base first. */
function readChain(file: string): FormLayer[] {
  const layers: FormLayer[] = [];
  let next: string | null = file;
  while (next !== null) {
    const { layer, base }: ReturnType<typeof readLayer> = readLayer(next, dirname(file));
    layers.unshift(layer);
    if (base === null) return layers;
    const at = layer.placeOf?.(['extends']);
    const where = `${layer.file}:${at?.line ?? 1}:${at?.column ?? 1}: extends`;
    next = findTopology(base, dirname(layer.file));
    if (next === null) {
      const remedy = `Give a path relative to this file, or the name of one that comes with granule. ${remedyFor(base, topologyNames())}`;
      throw new TopologyError([
        { code: 'EXTENDS_UNKNOWN', what: `there is no topology "${base}"`, where, next: remedy },
      ]);
    }
    if (!layers.some((each) => each.file === next)) continue;
    const way = [...layers.map((each) => basename(each.file)).toReversed(), basename(next)].join(' -> ');
    const remedy = 'Let one of them extend nothing, or something else.';
    throw new TopologyError([{ code: 'EXTENDS_CYCLE', what: `it extends itself: ${way}`, where, next: remedy }]);
  }
  return layers;
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
export function loadForm(nameOrPath: string, { cwd = process.cwd(), set = new Map() }: LoadOptions = {}): LoadedForm {
  const file = findTopology(nameOrPath, cwd);
  if (file === null) {
    const next = `Give a file, or one of the names that "granule run --list" prints. ${remedyFor(nameOrPath, topologyNames())}`;
    const where = `looked at ${resolve(cwd, nameOrPath)}`;
    throw new GranuleError('TOPOLOGY_UNKNOWN', `there is no topology "${nameOrPath}"`, where, next);
  }
  const layers = readChain(file);
  const folders = [...new Set(layers.toReversed().map((layer) => dirname(layer.file)))];
  return { ...resolveForm(layers, set), file, folders };
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
