/** The actors of a user's own: where they stand in a system, and which of granule's kinds they stand in for. */
import { type ActorKind, type ResourceHolder, reviveContext } from '../../machines/index.ts';
import { checkLinks } from './checkLinks.ts';
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import type { ActorDefinition, ActorStart } from './definitions/actorTypes.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import { parsedBy } from './definitions/defineMessage.ts';
import { holdAgainst } from './definitions/schemaFaults.ts';
import { machineOf } from './definitions/machineOf.ts';
import { sendGuard } from './definitions/sendGuard.ts';
import { remedyFor } from './form/suggest.ts';
import type { Topology } from './schema.ts';
import { together } from './together.ts';

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
  const placed: Placed[] = [];
  const place = ({ id, ports = {}, input }: (typeof actors)[number], index: number): void => {
    const where = `${name}: actors.${index}`;
    const kind = id.split(':', 1)[0] ?? '';
    if (catalogue.isBuiltIn(kind)) {
      const what = `${id} is of granule's own kind ${kind}: it comes with processes, files and the other fields`;
      const next = 'Take it out, or name a kind that a definition has.';
      throw new GranuleError('TOPOLOGY_INVALID', what, `${where}.id`, next);
    }
    const definition = catalogue.actors.get(kind);
    if (definition === undefined) {
      const next = kindRemedy(kind, catalogue);
      throw new GranuleError('DEFINITION_MISSING', `no definition is of the kind "${kind}"`, `${where}.id`, next);
    }
    if (definition.replaces !== null) {
      const what = `${kind} stands in for ${definition.replaces}: name it in "replace", not in "actors"`;
      const next = `Write "replace": { "${definition.replaces}": "${kind}" }.`;
      throw new GranuleError('TOPOLOGY_INVALID', what, `${where}.id`, next);
    }
    placed.push({ index, id, definition, ports, input: inputOf(definition, input, `${where}.input`) });
  };
  together(actors.map((actor, index) => () => place(actor, index)));
  return placed;
}

/** What to do about a kind that nobody defines. */
function kindRemedy(kind: string, { actors }: Catalogue): string {
  if (actors.size > 0) return remedyFor(kind, [...actors.keys()].sort());
  return 'Name the module that defines it in "uses", or give it with --uses FILE.';
}

function inputOf({ kind, input: schema }: ActorDefinition, input: unknown, where: string): unknown {
  if (schema !== null) {
    holdAgainst(schema, input ?? {}, where);
    return parsedBy(schema, input ?? {}, 'TOPOLOGY_INVALID', where);
  }
  if (input === undefined) return {};
  const what = `a ${kind} is told nothing: its definition has no input`;
  throw new GranuleError('TOPOLOGY_INVALID', what, where, 'Take it out, or give the definition an "input".');
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
  const standIn = ([kind, named]: [string, NonNullable<typeof replace>[keyof typeof replace]]): void => {
    if (named === undefined) return;
    const where = `${name}: replace.${kind}`;
    const by = typeof named === 'string' ? { kind: named } : named;
    const definition = catalogue.actors.get(by.kind);
    if (definition === undefined) {
      const next = kindRemedy(by.kind, catalogue);
      throw new GranuleError('DEFINITION_MISSING', `no definition is of the kind "${by.kind}"`, where, next);
    }
    if (definition.replaces !== kind) {
      const what = `${by.kind} stands in for ${definition.replaces ?? 'no built-in kind'}, not for ${kind}`;
      const next = `Name one whose definition says replaces: '${kind}'.`;
      throw new GranuleError('TOPOLOGY_PORT', what, where, next);
    }
    if (!specs.some(({ id }) => catalogue.kindOf(id) === kind)) {
      throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', `there is no ${kind} here to stand in for`, where);
    }
    const input = inputOf(definition, by.input, `${where}.input`);
    standIns.set(kind, { definition, ports: by.ports ?? {}, input });
  };
  together(Object.entries(replace).map((entry) => () => standIn(entry)));
  return specs.map((spec) => {
    const standIn = standIns.get(catalogue.kindOf(spec.id) ?? '');
    if (standIn === undefined) return spec;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every built-in kind is built with an object
    const builtIn = spec.input as ActorStart['builtIn'];
    return standInSpec(spec.id, standIn, { kernelPageBytes, resources, builtIn });
  });
}

/** A machine made from one of granule's own reads what it is built with where that one does: beside what every definition is told. */
function standInSpec(
  id: string,
  standIn: StandIn,
  rest: Pick<ActorStart, 'kernelPageBytes' | 'resources' | 'builtIn'>,
): ActorSpec {
  const { kind: by, replaces, shows, revive } = standIn.definition;
  const spec = specOf(id, standIn, rest);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a start is an object, and its kind was just compared
  const [start, kind] = [spec.input as ActorStart, replaces as ActorKind];
  const ofKind = shows === 'context' && revive === null;
  return {
    ...spec,
    input: { ...rest.builtIn, ...start },
    standIn: { kind, by, shows },
    ...(ofKind ? { revive: (plain: Record<string, unknown>) => reviveContext(kind, plain, rest.resources) } : {}),
  };
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
  // First, so that one that stands in for another kind is told so, and not what it does not take.
  const hosted = replacedActors(topology, catalogue, resources, specs);
  checkLinks({ topology, catalogue, placed, specs });
  return hosted;
}
