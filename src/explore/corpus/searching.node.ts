/** A topology in its plain form, searched for one thing. */
import { resolve } from 'node:path';
import type { RunSource } from '../../mm/runs.ts';
import type { Catalogue } from '../../topology/definitions/catalogue.ts';
import { openData, settingsOf } from '../../topology/form/form.node.ts';
import { checkedTraces } from '../../topology/load.node.ts';
import type { Topology } from '../../topology/schema.ts';
import type { Discovery } from '../model.ts';
import { exploreAll } from '../search/explore.ts';
import type { ExplorationResult, ExploreOptions } from '../search/types.ts';
import type { PlainTopology } from '../shrink/reducers/plain.ts';
import { exploredTopology } from '../world/runPath.ts';
import type { SystemModel } from '../world/systemModel.ts';
import { topologyModel } from '../world/topologyModel.ts';

/** What is searched for. */
export type Wanted = Pick<Discovery, 'property' | 'kind'>;

/** Where the parts of a topology lie. */
export interface Surroundings {
  /** The file that it is of: modules, traces and what it extends are looked for beside it. */
  readonly file: string;
  readonly catalogue: Catalogue;
}

/** A topology with its model. */
export interface PlainModel {
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly catalogue: Catalogue;
  readonly model: SystemModel;
}

/** What a search found. */
export interface PlainSearch extends PlainModel {
  readonly result: ExplorationResult;
  /** Null where it is not found. */
  readonly discovery: Discovery | null;
}

/**
 * The model of a topology in its plain form, with parameters set.
 *
 * @throws GranuleError what a topology that cannot be built throws
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '4K', program: [{ op: 'load', addr: '0x500000' }] };
 * const form = { name: 'one', parameters: { cpus: { default: 1 } }, cpus: '${cpus}', processes: [process] };
 * plainModel(form, { file: '/tmp/one.json', catalogue: builtIns }, ['cpus=2']).topology.cpus; // 2
 * ```
 */
export function plainModel(
  form: PlainTopology,
  { file, catalogue }: Surroundings,
  set: readonly string[] = [],
): PlainModel {
  const opened = openData(resolve(file), form);
  const topology = exploredTopology(opened.resolve(settingsOf(set), catalogue.faultPlans).topology);
  const traces = checkedTraces(topology, { folders: opened.folders });
  return { topology, traces, catalogue, model: topologyModel({ topology, traces, catalogue }) };
}

/**
 * The options of a search that looks for one thing and ends where it is found.
 *
 * @example
 * ```ts
 * wantedOptions({ property: 'livelock', kind: 'livelock' }, {}).properties; // []
 * ```
 */
export function wantedOptions({ property, kind }: Wanted, search: ExploreOptions): ExploreOptions {
  // Whoever wants no livelock need not keep the graph of the states.
  const isLivelock = kind === 'livelock';
  return {
    ...search,
    properties: isLivelock ? [] : [property],
    livelocks: isLivelock || kind === 'eventually',
    stopAtFirst: true,
  };
}

/**
 * Searches a topology for one thing.
 *
 * @throws GranuleError what a topology that cannot be built throws
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '4K', program: [{ op: 'load', addr: '0x500000' }] };
 * const wanted = { property: 'accounting-conserved', kind: 'always' } as const;
 * const form = { name: 'one', core: 'tlb-small', processes: [process] };
 * searchPlain(form, { file: '/tmp/one.json', catalogue: builtIns }, wanted, { maxStates: 100 }).discovery; // null
 * ```
 */
export function searchPlain(
  form: PlainTopology,
  surroundings: Surroundings,
  wanted: Wanted,
  search: ExploreOptions,
  set: readonly string[] = [],
): PlainSearch {
  const made = plainModel(form, surroundings, set);
  const result = exploreAll(made.model, wantedOptions(wanted, search));
  const discovery = result.discoveries.find(
    ({ property, kind }) => property === wanted.property && kind === wanted.kind,
  );
  return { ...made, result, discovery: discovery ?? null };
}
