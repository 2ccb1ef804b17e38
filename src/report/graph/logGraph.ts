/** What a log really carried: who sent how many messages of which type to whom. */
import { machines } from '../../../machines/index.ts';
import type { LogRecord } from '../../log/record.ts';
import {
  type ActorGraph,
  type Folding,
  type GraphParts,
  kindOfId,
  type MessageEdge,
  neighbourhood,
  nodesOf,
  OUTSIDE_ID,
} from './actorGraph.ts';

/** Kinds as granule lists them, those of definitions behind them, and ids by the numbers in them. */
function inOrder(ids: Iterable<string>): string[] {
  const order = new Map([OUTSIDE_ID, ...Object.keys(machines)].map((kind, at) => [kind, at]));
  const keyOf = (id: string): string => {
    const place = order.get(kindOfId(id)) ?? order.size;
    return `${String(place).padStart(3, '0')} ${id.replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))}`;
  };
  const keyed = Array.from(ids, (id) => ({ id, key: keyOf(id) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ id }) => id);
}

/**
 * The graph of a run: the actors that sent or received something, with the messages that went between them and their counts.
 *
 * @example
 * ```ts
 * const log = [{ from: 'outside', to: 'process:100', type: 'START' }];
 * logGraph({ topology: loadTopology('plain-4k'), catalogue: builtIns }, log).edges[0]?.count; // 1
 * ```
 */
export function logGraph(
  source: GraphParts,
  records: Iterable<Pick<LogRecord, 'from' | 'to' | 'type'>>,
  folding: Folding = {},
): ActorGraph {
  const { actor, all } = folding;
  if (actor !== undefined) return neighbourhood(source, logGraph(source, records, { all: true }), actor, all);
  const counts = new Map<string, Map<string, Map<string, number>>>();
  const seen = new Set<string>();
  for (const { from, to, type } of records) {
    seen.add(from).add(to);
    let byTaker = counts.get(from);
    if (byTaker === undefined) counts.set(from, (byTaker = new Map()));
    let byType = byTaker.get(to);
    if (byType === undefined) byTaker.set(to, (byType = new Map()));
    byType.set(type, (byType.get(type) ?? 0) + 1);
  }
  const nodes = nodesOf(source, inOrder(seen), folding);
  const nodeOf = new Map(nodes.flatMap(({ id, actors }) => actors.map((actor) => [actor, id] as const)));
  const edges = new Map<string, MessageEdge>();
  for (const [sender, byTaker] of counts) {
    for (const [taker, byType] of byTaker) {
      for (const [type, count] of byType) {
        const from = nodeOf.get(sender) ?? sender;
        const to = nodeOf.get(taker) ?? taker;
        const key = [from, to, type].join('\n');
        const before = edges.get(key)?.count ?? 0;
        edges.set(key, { from, to, type, port: null, origin: 'carried', count: before + count });
      }
    }
  }
  return { title: source.topology.name, nodes, edges: [...edges.values()].sort(byCount) };
}

function byCount(a: MessageEdge, b: MessageEdge): number {
  const more = (b.count ?? 0) - (a.count ?? 0);
  if (more !== 0) return more;
  const [left, right] = [a, b].map(({ from, to, type }) => `${from}\n${to}\n${type}`);
  return (left ?? '') < (right ?? '') ? -1 : 1;
}
