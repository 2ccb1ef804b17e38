/** What actors of a user's own send by their ports, what they send themselves, and what granule's kinds send them. */
import { vocabulary } from '../../../machines/index.ts';
import type { ActorDefinition, PortDefinition } from '../../topology/definitions/actorTypes.ts';
import { answers } from '../../topology/definitions/answers.ts';
import type { ActorNode, GraphSource, MessageEdge } from './actorGraph.ts';

interface OwnActor {
  readonly id: string;
  readonly definition: ActorDefinition;
  readonly ports: Readonly<Record<string, string>>;
}

/** Those that the topology places, and those that stand in for built-in kinds. */
function ownActors({ topology, catalogue, built }: GraphSource): OwnActor[] {
  const placed = (topology.actors ?? []).flatMap(({ id, ports = {} }) => {
    const definition = catalogue.actors.get(id.split(':', 1)[0] ?? '');
    return definition === undefined ? [] : [{ id, definition, ports }];
  });
  const standIns = Object.entries(topology.replace ?? {}).flatMap(([kind, named]) => {
    const by = typeof named === 'string' ? { kind: named } : named;
    const definition = catalogue.actors.get(by.kind);
    if (definition === undefined) return [];
    const ports = by.ports ?? {};
    const ids = built.actors.map(({ id }) => id).filter((id) => catalogue.kindOf(id) === kind);
    return ids.map((id) => ({ id, definition, ports }));
  });
  return [...placed, ...standIns];
}

const kindsOf = ({ to }: PortDefinition): readonly string[] => (typeof to === 'string' ? [to] : to);

type Known = Pick<MessageEdge, 'port' | 'origin'>;

/** The nodes that a port leads to. */
function endsOf(
  { ports }: OwnActor,
  name: string,
  port: PortDefinition,
  nodes: readonly ActorNode[],
  nodeOf: ReadonlyMap<string, string>,
): readonly string[] {
  if (port.bound === 'message') return nodes.filter(({ kind }) => kindsOf(port).includes(kind)).map(({ id }) => id);
  const bound = ports[name] ?? '';
  return bound === '' ? [] : [nodeOf.get(bound) ?? bound];
}

/** A kind of granule's own that answers does so to whoever asked it; whatever else it sends may come from any of its kind. */
function sendersOf(
  actor: OwnActor,
  type: string,
  nodes: readonly ActorNode[],
  nodeOf: ReadonlyMap<string, string>,
): readonly string[] {
  if (!(type in vocabulary)) return [];
  const kinds: readonly string[] = vocabulary[type as keyof typeof vocabulary].from;
  const asked = Object.entries(actor.definition.ports).filter(([, { sends }]) =>
    sends.some((sent) => (answers[sent as keyof typeof answers] as readonly string[] | undefined)?.includes(type)),
  );
  const present = nodes.filter(({ kind }) => kind !== 'outside' && kinds.includes(kind)).map(({ id }) => id);
  if (asked.length === 0) return present;
  const ends = new Set(asked.flatMap(([name, port]) => endsOf(actor, name, port, nodes, nodeOf)));
  return present.filter((id) => ends.has(id));
}

/**
 * The edges of all actors that are not of granule's own kinds.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
 * ownEdges({ topology, catalogue: builtIns, built }, [], new Map()); // []
 * ```
 */
export function ownEdges(
  source: GraphSource,
  nodes: readonly ActorNode[],
  nodeOf: ReadonlyMap<string, string>,
): MessageEdge[] {
  const edges: MessageEdge[] = [];
  const placed = new Set((source.topology.actors ?? []).map(({ id }) => id));
  for (const actor of ownActors(source)) {
    const { definition } = actor;
    const own = nodeOf.get(actor.id) ?? actor.id;
    const add = (from: string, to: string, type: string, known: Known): void => {
      edges.push({ from, to, type, count: null, ...known });
    };
    for (const [name, port] of Object.entries(definition.ports)) {
      const origin = port.bound === 'message' ? 'addressed' : 'bound';
      for (const end of endsOf(actor, name, port, nodes, nodeOf)) {
        for (const type of port.sends) if (takes(source, nodes, end, type)) add(own, end, type, { port: name, origin });
      }
    }
    for (const type of definition.timers) add(own, own, type, { port: 'self', origin: 'bound' });
    // What a stand-in is sent is what the kind is sent that it stands in for.
    if (!placed.has(actor.id)) continue;
    for (const type of definition.accepts) {
      for (const from of sendersOf(actor, type, nodes, nodeOf))
        add(from, own, type, { port: null, origin: 'vocabulary' });
    }
  }
  return edges;
}

/** Whether the kind at the other end takes a type: a port that each message addresses may lead to several kinds. */
function takes({ topology, catalogue }: GraphSource, nodes: readonly ActorNode[], end: string, type: string): boolean {
  const kind = nodes.find(({ id }) => id === end)?.kind ?? '';
  const named = Object.entries(topology.replace ?? {}).find(([replaced]) => replaced === kind)?.[1];
  const by = named === undefined ? kind : typeof named === 'string' ? named : named.kind;
  return catalogue.acceptedBy(by).includes(type);
}
