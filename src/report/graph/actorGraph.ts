/** Who is in a system, and who may send what to whom: the graph that is drawn of a topology. */
import { vocabulary } from '../../../machines/index.ts';
import type { BuiltTopology } from '../../topology/build.ts';
import type { ActorDefinition } from '../../topology/definitions/actorTypes.ts';
import type { Catalogue } from '../../topology/definitions/catalogue.ts';
import type { Topology } from '../../topology/schema.ts';
import { groupOf, type ActorGroup } from './groups.ts';
import { ownEdges } from './ownEdges.ts';

/** One actor, or all of one kind folded into one. */
export interface ActorNode {
  /** The actor's id; of several, their kind. */
  readonly id: string;
  readonly kind: string;
  /** Ids. */
  readonly actors: readonly string[];
  readonly group: ActorGroup;
  /** The kind of the definition that stands in for a built-in one; null where none does. */
  readonly standIn: string | null;
  /** What its definition says of it; empty for kinds of granule's own. */
  readonly says: string;
}

/** How it is known that a message goes there. */
export type EdgeOrigin =
  /** The vocabulary lets the one kind send it to the other. */
  | 'vocabulary'
  /** The topology binds a port to it. */
  | 'bound'
  /** A port whose address each message brings along. */
  | 'addressed'
  /** The topology has it sent from outside. */
  | 'outside'
  /** A log has it. */
  | 'carried';

/** A type of message between two nodes. */
export interface MessageEdge {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  /** The port of the sender's definition that it goes out by. */
  readonly port: string | null;
  readonly origin: EdgeOrigin;
  /** How many there were, in a log. */
  readonly count: number | null;
}

/** A system to draw. */
export interface ActorGraph {
  readonly title: string;
  readonly nodes: readonly ActorNode[];
  readonly edges: readonly MessageEdge[];
}

/** How much is drawn apart. */
export interface Folding {
  /** No two actors are one node. */
  readonly all?: boolean;
  /** This one is a node of its own, and only its links are drawn. */
  readonly actor?: string;
}

/** What a system is made of. */
export interface GraphParts {
  readonly topology: Topology;
  readonly catalogue: Catalogue;
}

/** A system that was built, and what it was built from. */
export interface GraphSource extends GraphParts {
  readonly built: BuiltTopology;
}

/** The sender of messages that no actor sends. */
export const OUTSIDE_ID = 'outside';

/**
 * The kind by which an actor is drawn.
 *
 * @example
 * ```ts
 * kindOfId('file:/usr/bin/git'); // 'file'
 * ```
 */
export function kindOfId(id: string): string {
  return id.split(':', 1)[0] ?? id;
}

/** The definition that stands in for a built-in kind. */
function standInOf({ topology, catalogue }: GraphParts, kind: string): ActorDefinition | null {
  const named = Object.entries(topology.replace ?? {}).find(([replaced]) => replaced === kind)?.[1];
  if (named === undefined) return null;
  return catalogue.actors.get(typeof named === 'string' ? named : named.kind) ?? null;
}

/**
 * The nodes for the actors of a system, folded or not; `outside` is among the ids where it sends.
 *
 * @example
 * ```ts
 * const parts = { topology: loadTopology('plain-4k'), catalogue: builtIns };
 * const nodes = nodesOf(parts, ['disk', 'tlb:0', 'tlb:1'], {});
 * nodes.map(({ id }) => id); // ['disk', 'tlb']
 * ```
 */
export function nodesOf(source: GraphParts, ids: readonly string[], { all = false, actor }: Folding): ActorNode[] {
  const byNode = new Map<string, string[]>();
  for (const id of ids) {
    const node = all || id === actor ? id : kindOfId(id);
    byNode.set(node, [...(byNode.get(node) ?? []), id]);
  }
  return Array.from(byNode, ([node, actors]) => {
    const [first = node] = actors;
    const kind = kindOfId(first);
    const standIn = standInOf(source, kind);
    const says = (standIn ?? source.catalogue.actors.get(kind))?.says ?? '';
    const id = actors.length === 1 ? first : node;
    return { id, kind, actors, group: groupOf(kind), standIn: standIn?.kind ?? null, says };
  });
}

/** Kinds of which each process has its own. */
const OF_A_PROCESS = new Set(['process', 'mm', 'mmu']);

/** Whether two nodes can be one to another what the vocabulary says of their kinds: a process speaks to its own mm. */
function mayTalk({ built }: GraphSource, from: ActorNode, to: ActorNode): boolean {
  if (from.actors.length > 1 || to.actors.length > 1 || from.kind === to.kind) return true;
  if (!OF_A_PROCESS.has(from.kind) || !OF_A_PROCESS.has(to.kind)) return true;
  const space = ({ id }: ActorNode): number => built.resources.mmPidOf(Number(id.split(':')[1]));
  return space(from) === space(to);
}

/** What those of each kind take: a stand-in, what its definition accepts. */
function takenByKind(source: GraphSource, nodes: readonly ActorNode[]): ReadonlyMap<string, ReadonlySet<string>> {
  const kinds = [...new Set(nodes.map(({ kind }) => kind))];
  return new Map(
    kinds.map((kind) => [kind, new Set(standInOf(source, kind)?.accepts ?? source.catalogue.acceptedBy(kind))]),
  );
}

/** With `actor`, only those from or to it: of thousands of actors all pairs are too many. */
function vocabularyEdges(source: GraphSource, nodes: readonly ActorNode[], actor?: string): MessageEdge[] {
  const edges: MessageEdge[] = [];
  const taken = takenByKind(source, nodes);
  for (const [type, row] of Object.entries(vocabulary)) {
    const senders = nodes.filter(({ kind }) => kind !== OUTSIDE_ID && (row.from as readonly string[]).includes(kind));
    const takers = nodes.filter(
      ({ kind }) => (row.to as readonly string[]).includes(kind) && taken.get(kind)?.has(type) === true,
    );
    const near = actor === undefined ? takers : takers.filter(({ id }) => id === actor);
    for (const from of senders) {
      for (const to of from.id === actor ? takers : near) {
        if (!mayTalk(source, from, to)) continue;
        edges.push({ from: from.id, to: to.id, type, port: null, origin: 'vocabulary', count: null });
      }
    }
  }
  return edges;
}

function outsideEdges({ built }: GraphSource, nodeOf: ReadonlyMap<string, string>): MessageEdge[] {
  const edges = built.messages.map(({ to, message: { type } }): MessageEdge => {
    return { from: OUTSIDE_ID, to: nodeOf.get(to) ?? to, type, port: null, origin: 'outside', count: null };
  });
  return edges;
}

/** Each edge once, however many actors of a node it is from; counts add up. */
function distinct(edges: readonly MessageEdge[]): MessageEdge[] {
  const seen = new Map<string, MessageEdge>();
  for (const edge of edges) {
    const key = [edge.from, edge.to, edge.type, edge.port ?? ''].join('\n');
    const before = seen.get(key);
    if (before === undefined) seen.set(key, edge);
    else if (before.count !== null) seen.set(key, { ...before, count: before.count + (edge.count ?? 0) });
  }
  return [...seen.values()];
}

/**
 * Only what is drawn of one actor: itself, its links, and who is at their other ends; many of a kind are then one node.
 *
 * @param graph one in which no two actors are one node
 * @example
 * ```ts
 * const parts = { topology: loadTopology('plain-4k'), catalogue: builtIns };
 * neighbourhood(parts, { title: 'none', nodes: [], edges: [] }, 'disk').title; // 'none: disk'
 * ```
 */
export function neighbourhood(source: GraphParts, graph: ActorGraph, actor: string, all = false): ActorGraph {
  const links = graph.edges.filter(({ from, to }) => from === actor || to === actor);
  const near = new Set([actor, ...links.flatMap(({ from, to }) => [from, to])]);
  const ids = graph.nodes.flatMap(({ id }) => (near.has(id) ? [id] : []));
  const nodes = nodesOf(source, ids, { all, actor });
  const nodeOf = new Map(nodes.flatMap(({ id, actors }) => actors.map((one) => [one, id] as const)));
  const edges = links.map((edge) => {
    return { ...edge, from: nodeOf.get(edge.from) ?? edge.from, to: nodeOf.get(edge.to) ?? edge.to };
  });
  return { title: `${graph.title}: ${actor}`, nodes, edges: distinct(edges) };
}

/**
 * The graph of a system: messages of granule's own kinds as the vocabulary has them, those of definitions by their ports.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
 * const graph = actorGraph({ topology, catalogue: builtIns, built });
 * graph.nodes.find(({ kind }) => kind === 'file')?.actors.length; // 38
 * graph.edges.some(({ from, to, type }) => from === 'tlb' && to === 'mmu' && type === 'WALK'); // true
 * ```
 */
export function actorGraph(source: GraphSource, folding: Folding = {}): ActorGraph {
  const { actor, all = false } = folding;
  const { topology, built } = source;
  const ids = built.actors.map(({ id }) => id);
  const present = built.messages.length === 0 ? ids : [OUTSIDE_ID, ...ids];
  const nodes = nodesOf(source, present, { all: all || actor !== undefined });
  const nodeOf = new Map(nodes.flatMap(({ id, actors }) => actors.map((actor) => [actor, id] as const)));
  const edges = distinct([
    ...outsideEdges(source, nodeOf),
    ...vocabularyEdges(source, nodes, actor),
    ...ownEdges(source, nodes, nodeOf),
  ]);
  const graph = { title: topology.name, nodes, edges };
  return actor === undefined ? graph : neighbourhood(source, graph, actor, all);
}
