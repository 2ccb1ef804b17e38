/** A topology with all that has to hold of it, as a model. */
import { GranuleError } from '../../errors.ts';
import type { RunSource } from '../../mm/runs.ts';
import { builtIns, type Catalogue } from '../../topology/definitions/catalogue.ts';
import type { PropertyDefinition } from '../../topology/definitions/defineProperty.ts';
import type { Topology } from '../../topology/schema.ts';
import { builtInProperties } from './properties/builtIn.ts';
import { SAME_AS_KERNEL, sameAsKernel } from './properties/sameAsKernel.ts';
import { propertyOf } from './properties/ofDefinitions.ts';
import { SystemModel } from './systemModel.ts';

/** What a topology is explored with. */
export interface TopologyModelRequest {
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
  /** The definitions that it names; their properties are looked at as well. */
  readonly catalogue?: Catalogue;
  /** Others of a user's own. */
  readonly properties?: readonly PropertyDefinition[];
  /** Names of what is looked at where it is asked for: `same-as-kernel-of-its-size`. */
  readonly asked?: readonly string[];
}

/**
 * A topology as a model with granule's own properties and those of its definitions.
 *
 * @throws GranuleError what `buildTopology` throws; EXPLORE_FAULT_PLAN
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const model = topologyModel({ topology, traces });
 * model.initial().flatMap(model.actions).map(model.keyOf); // ['outside>process:1#0']
 * ```
 */
export function topologyModel(request: TopologyModelRequest): SystemModel {
  const { topology, traces, catalogue = builtIns, properties = [], asked = [] } = request;
  return new SystemModel(topology, traces, {
    catalogue,
    properties: (_topology, { actors }) => {
      const ids = actors.map(({ id }) => id);
      const named = new Map([...catalogue.properties.values(), ...properties].map((each) => [each.name, each]));
      const own = [...named.values()].map((definition) => propertyOf(definition, ids));
      const { properties: builtIn, leftOut } = builtInProperties(actors, topology, catalogue);
      if (!asked.includes(SAME_AS_KERNEL)) return { properties: [...builtIn, ...own], leftOut };
      const same = sameAsKernel(topology, traces, catalogue);
      if (typeof same === 'string') throw new GranuleError('EXPLORE_PROPERTY_UNKNOWN', same, topology.name);
      return { properties: [...builtIn, same, ...own], leftOut };
    },
  });
}
