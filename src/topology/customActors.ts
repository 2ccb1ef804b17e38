/** The actors of a user's own: where they stand in a system, and which of granule's kinds they stand in for. */
import type { ResourceHolder } from '../../machines/index.ts';
import { checkLinks } from './checkLinks.ts';
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import type { ActorDefinition, ActorStart } from './definitions/actorTypes.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import { parsedBy } from './definitions/defineMessage.ts';
import { machineOf } from './definitions/machineOf.ts';
import { sendGuard } from './definitions/sendGuard.ts';
import type { Topology } from './schema.ts';

/** An actor that a topology names, with its definition. */
export interface Placed {
  readonly index: number;
  readonly id: string;
  readonly definition: ActorDefinition;
  readonly ports: Readonly<Record<string, string>>;
  readonly input: unknown;
}

/**
 * The actors that a topology names, each with its definition.
 *
 * @throws GranuleError DEFINITION_MISSING, TOPOLOGY_INVALID
 * @example
 * ```ts
 * placedActors(loadTopology('plain-4k'), builtIns); // []
 * ```
 */
export function placedActors({ name, actors = [] }: Topology, catalogue: Catalogue): Placed[] {
  return actors.map(({ id, ports = {}, input }, index) => {
    const where = `${name}: actors.${index}`;
    const kind = id.split(':', 1)[0] ?? '';
    if (catalogue.isBuiltIn(kind)) {
      const what = `${id} is of granule's own kind ${kind}: it comes with processes, files and the other fields`;
      throw new GranuleError('TOPOLOGY_INVALID', what, `${where}.id`);
    }
    const definition = catalogue.actors.get(kind);
    if (definition === undefined) {
      const known = [...catalogue.actors.keys()].sort().join(', ');
      const what = `no definition is of the kind "${kind}"; there are ${known === '' ? 'none' : known}`;
      throw new GranuleError('DEFINITION_MISSING', what, `${where}.id`);
    }
    if (definition.replaces !== null) {
      const what = `${kind} stands in for ${definition.replaces}: name it in "replace", not in "actors"`;
      throw new GranuleError('TOPOLOGY_INVALID', what, `${where}.id`);
    }
    return { index, id, definition, ports, input: inputOf(definition, input, `${where}.input`) };
  });
}

function inputOf({ kind, input: schema }: ActorDefinition, input: unknown, where: string): unknown {
  if (schema !== null) return parsedBy(schema, input ?? {}, 'TOPOLOGY_INVALID', where);
  if (input === undefined) return {};
  throw new GranuleError('TOPOLOGY_INVALID', `a ${kind} is told nothing: its definition has no input`, where);
}

/**
 * The specs of those actors.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * customActors(loadTopology('plain-4k'), [], resources); // []
 * ```
 */
export function customActors(topology: Topology, placed: readonly Placed[], resources: ResourceHolder): ActorSpec[] {
  const { kernelPageSize: kernelPageBytes } = topology;
  return placed.map((actor) => specOf(actor.id, actor, { kernelPageBytes, resources, builtIn: {} }));
}

/**
 * Puts the definitions that a topology names for built-in kinds in their places.
 *
 * @throws GranuleError DEFINITION_MISSING, TOPOLOGY_PORT
 * @example
 * ```ts
 * const disk = [{ id: 'disk', machine: machines.disk, input: {} }];
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * replacedActors(loadTopology('plain-4k'), builtIns, resources, disk)[0] === disk[0]; // true
 * ```
 */
export function replacedActors(
  topology: Topology,
  catalogue: Catalogue,
  resources: ResourceHolder,
  specs: readonly ActorSpec[],
): ActorSpec[] {
  const { name, replace = {}, kernelPageSize: kernelPageBytes } = topology;
  const standIns = new Map<string, StandIn>();
  for (const [kind, named] of Object.entries(replace)) {
    const where = `${name}: replace.${kind}`;
    const by = typeof named === 'string' ? { kind: named } : named;
    const definition = catalogue.actors.get(by.kind);
    if (definition === undefined) {
      throw new GranuleError('DEFINITION_MISSING', `no definition is of the kind "${by.kind}"`, where);
    }
    if (definition.replaces !== kind) {
      const what = `${by.kind} stands in for ${definition.replaces ?? 'no built-in kind'}, not for ${kind}`;
      throw new GranuleError('TOPOLOGY_PORT', what, where);
    }
    const input = inputOf(definition, by.input, `${where}.input`);
    standIns.set(kind, { definition, ports: by.ports ?? {}, input });
  }
  return specs.map((spec) => {
    const standIn = standIns.get(catalogue.kindOf(spec.id) ?? '');
    if (standIn === undefined) return spec;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every built-in kind is built with an object
    const builtIn = spec.input as ActorStart['builtIn'];
    return specOf(spec.id, standIn, { kernelPageBytes, resources, builtIn });
  });
}

interface StandIn {
  readonly definition: ActorDefinition;
  readonly ports: Readonly<Record<string, string>>;
  readonly input: unknown;
}

function specOf(
  id: string,
  { definition, ports, input }: StandIn,
  rest: Pick<ActorStart, 'kernelPageBytes' | 'resources' | 'builtIn'>,
): ActorSpec {
  const bound = Object.fromEntries(Object.keys(definition.ports).map((port) => [port, ports[port] ?? '']));
  const start: ActorStart = { id, ports: bound, input, ...rest };
  const { revive } = definition;
  return {
    id,
    machine: machineOf(definition),
    input: start,
    guard: sendGuard(definition, id, bound),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a context is an object
    revive: (plain) => (revive === null ? plain : (revive(plain, rest.resources) as Record<string, unknown>)),
  };
}

/**
 * The actors of a system with those of a user's own: placed, held against their links, and put in the places of built-in kinds.
 *
 * @throws GranuleError DEFINITION_MISSING, TOPOLOGY_INVALID, and what `checkLinks` throws
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * withCustomActors({ topology: loadTopology('plain-4k'), catalogue: builtIns, resources }, []); // []
 * ```
 */
export function withCustomActors(
  { topology, catalogue, resources }: { topology: Topology; catalogue: Catalogue; resources: ResourceHolder },
  actors: readonly ActorSpec[],
): ActorSpec[] {
  const placed = placedActors(topology, catalogue);
  const specs = [...actors, ...customActors(topology, placed, resources)];
  checkLinks({ topology, catalogue, placed, specs });
  return replacedActors(topology, catalogue, resources, specs);
}
