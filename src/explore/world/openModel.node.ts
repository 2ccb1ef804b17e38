/** Finds what a command line asks to explore: a topology, a classic, or a model that a module makes. */
import { resolve } from 'node:path';
import { GranuleError } from '../../errors.ts';
import type { RunSource } from '../../mm/runs.ts';
import type { Catalogue } from '../../topology/definitions/catalogue.ts';
import { isDefinition } from '../../topology/definitions/definition.ts';
import type { PropertyDefinition } from '../../topology/definitions/defineProperty.ts';
import { withFaults } from '../../topology/faultPlans/withFaults.ts';
import { settingsOf } from '../../topology/form/form.node.ts';
import { checkedTraces } from '../../topology/load.node.ts';
import { type LoadedSystem, loadSystem } from '../../topology/loadSystem.node.ts';
import { importModule } from '../../topology/modules.node.ts';
import type { Topology } from '../../topology/schema.ts';
import { classic } from '../classics/index.ts';
import type { Model } from '../model.ts';
import type { ModelSource } from '../search/modelSource.node.ts';
import { exploredTopology } from './runPath.ts';
import type { SystemModel } from './systemModel.ts';
import { topologyModel } from './topologyModel.ts';

/** A model of which nothing is known but that it is one. */
export type SomeModel = Model<unknown, unknown>;

/** What is to be explored, as plain data, so that a worker can be told. */
export interface ModelRequest {
  /** A topology's file or name, `classic:NAME`, or `MODULE#EXPORT`. */
  readonly what: string;
  readonly cwd: string;
  /** Of a topology: as on the command line of `granule run`. */
  readonly set?: readonly string[];
  readonly faults?: readonly string[];
  readonly uses?: readonly string[];
  readonly traces?: string;
  /** The topology as it is to be explored, in the place of what the file and the settings above give: a point of a swarm. */
  readonly topology?: Topology;
  /** Names of properties, or `FILE#NAME` of one that a module exports; none: all that there are. */
  readonly properties?: readonly string[];
}

/** A topology that is to be explored. */
export interface OpenedTopology {
  readonly kind: 'topology';
  readonly model: SystemModel;
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly catalogue: Catalogue;
  readonly loaded: LoadedSystem;
  /** Names of the properties that were asked for; undefined: all. */
  readonly properties: readonly string[] | undefined;
}

/** A model of another kind. */
export interface OpenedModel {
  readonly kind: 'model';
  readonly model: SomeModel;
  readonly properties: readonly string[] | undefined;
}

const CLASSIC = 'classic:';

/**
 * The model of a request alone: what a thread makes that searches a share of it.
 *
 * @throws GranuleError as `openModel`
 * @example
 * ```ts
 * (await modelOfRequest({ what: 'classic:lost-update', cwd: '/' })).name; // 'lost-update'
 * ```
 */
export async function modelOfRequest(request: ModelRequest): Promise<SomeModel> {
  const { model } = await openModel(request);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a model is asked with what it gave itself
  return model as unknown as SomeModel;
}

/**
 * Where threads get a model from.
 *
 * @example
 * ```ts
 * sourceOf({ what: 'classic:lost-update', cwd: '/' }).export; // 'modelOfRequest'
 * ```
 */
export function sourceOf(request: ModelRequest): ModelSource {
  return { module: import.meta.url, export: 'modelOfRequest', args: [request] };
}

/**
 * Opens what a request asks for.
 *
 * @throws GranuleError EXPLORE_MODEL_UNKNOWN, EXPLORE_PROPERTY_UNKNOWN, USAGE, EXPLORE_FAULT_PLAN, and what loading a topology throws
 * @example
 * ```ts
 * (await openModel({ what: 'classic:lost-update', cwd: '/' })).kind; // 'model'
 * (await openModel({ what: 'plain-4k', cwd: '/' })).kind; // 'topology'
 * ```
 */
export async function openModel(request: ModelRequest): Promise<OpenedTopology | OpenedModel> {
  const { what } = request;
  const isClassic = what.startsWith(CLASSIC);
  if (!isClassic && !what.includes('#')) return openTopology(request);
  const given = [request.set, request.faults, request.uses].some((list) => list !== undefined && list.length > 0);
  if (given) throw new GranuleError('USAGE', `${what} is no topology: it has no settings, faults or uses`, what);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a model is asked with what it gave itself
  const named = (): SomeModel => classic(what.slice(CLASSIC.length)) as unknown as SomeModel;
  const model = isClassic ? named() : await modelOfModule(request);
  return { kind: 'model', model, properties: namesOf(request) };
}

function namesOf({ properties = [] }: ModelRequest): readonly string[] | undefined {
  return properties.length === 0 ? undefined : properties;
}

async function openTopology(request: ModelRequest): Promise<OpenedTopology> {
  const { what, cwd, set = [], faults = [], uses = [], traces: folder } = request;
  const loaded = await loadSystem(what, { cwd, uses, set: settingsOf(set) });
  const { catalogue } = loaded;
  const topology = request.topology ?? exploredTopology(withFaults(loaded.topology, faults, catalogue.faultPlans));
  const opened = await modelOfTopology({ topology, loaded, request, folder });
  return { kind: 'topology', loaded, catalogue, ...opened };
}

/**
 * A model of another topology of a form that was loaded: what a swarm varies.
 *
 * @throws GranuleError as `openModel`
 * @example
 * ```ts
 * const request = { what: 'plain-4k', cwd: '/' };
 * const loaded = await loadSystem('plain-4k', { cwd: '/' });
 * (await modelOfTopology({ topology: loaded.topology, loaded, request, folder: undefined })).model.name; // 'plain-4k'
 * ```
 */
export async function modelOfTopology(given: {
  readonly topology: Topology;
  readonly loaded: LoadedSystem;
  readonly request: ModelRequest;
  readonly folder: string | undefined;
}): Promise<Omit<OpenedTopology, 'kind' | 'loaded' | 'catalogue'>> {
  const { topology, loaded, request, folder } = given;
  const { cwd, properties: asked = [] } = request;
  const folders = [...(folder === undefined ? [] : [resolve(cwd, folder)]), cwd, ...loaded.folders];
  const own = await Promise.all(asked.filter((text) => text.includes('#')).map((text) => propertyOfModule(text, cwd)));
  try {
    const traces = checkedTraces(topology, { folders });
    const model = topologyModel({ topology, traces, catalogue: loaded.catalogue, properties: own, asked });
    const named = asked.filter((text) => !text.includes('#'));
    const names = [...named, ...own.map(({ name }) => name)];
    return { model, topology, traces, properties: names.length === 0 ? undefined : names };
  } catch (error) {
    throw loaded.placed(error);
  }
}

/** The value that `FILE#NAME` names. */
async function exported(text: string, cwd: string): Promise<{ value: unknown; file: string; all: readonly unknown[] }> {
  const at = text.lastIndexOf('#');
  const file = resolve(cwd, text.slice(0, at));
  const exports = await importModule(file);
  return { value: exports[text.slice(at + 1)], file, all: Object.values(exports) };
}

async function propertyOfModule(text: string, cwd: string): Promise<PropertyDefinition> {
  const { value, file, all } = await exported(text, cwd);
  const name = text.slice(text.lastIndexOf('#') + 1);
  const isProperty = (each: unknown): each is PropertyDefinition => isDefinition(each, 'property');
  const found = isProperty(value) ? value : all.filter(isProperty).find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = all.filter(isProperty).map((each) => each.name);
  throw new GranuleError('EXPLORE_PROPERTY_UNKNOWN', `${file} has no property ${name}`, `it has: ${known.join(', ')}`);
}

function isModel(value: unknown): value is SomeModel {
  if (typeof value !== 'object' || value === null) return false;
  const needed = ['initial', 'actions', 'next', 'fingerprint', 'keyOf', 'ownerOf'];
  return needed.every((field) => typeof (value as Record<string, unknown>)[field] === 'function');
}

async function modelOfModule({ what, cwd }: ModelRequest): Promise<SomeModel> {
  const { value } = await exported(what, cwd);
  const made: unknown = typeof value === 'function' ? await (value as () => unknown)() : value;
  if (isModel(made)) return made;
  throw new GranuleError('EXPLORE_MODEL_UNKNOWN', `what ${what} names is no model, and makes none`, what);
}
