/** What is written between two nodes of an actor graph. */
import { formatCount } from '../format.ts';
import type { ActorGraph, ActorNode, MessageEdge } from './actorGraph.ts';

/** All messages between two nodes, both ways; of a node with itself all are `forth`. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly forth: readonly MessageEdge[];
  readonly back: readonly MessageEdge[];
}

/**
 * The links of a graph, in the order of its edges.
 *
 * @example
 * ```ts
 * const edge = { from: 'a', to: 'b', type: 'ASK', port: null, origin: 'vocabulary', count: null } as const;
 * const edges = [edge, { ...edge, from: 'b', to: 'a', type: 'ANSWER' }];
 * linksOf({ title: 'two', nodes: [], edges }).map(({ back }) => back[0]?.type); // ['ANSWER']
 * ```
 */
export function linksOf({ edges }: Pick<ActorGraph, 'edges'>): Link[] {
  const links = new Map<string, { from: string; to: string; forth: MessageEdge[]; back: MessageEdge[] }>();
  for (const edge of edges) {
    const { from, to } = edge;
    const [first, second] = from < to ? [from, to] : [to, from];
    const key = `${first}\n${second}`;
    let link = links.get(key);
    if (link === undefined) links.set(key, (link = { from, to, forth: [], back: [] }));
    (edge.from === link.from ? link.forth : link.back).push(edge);
  }
  return [...links.values()];
}

/** Characters of a label that does not name all types; a further type that would make it longer is counted among the others. */
const SHORT_CHARACTERS = 24;

function edgeText({ type, count }: MessageEdge): string {
  return count === null ? type : `${type} ${formatCount(count)}`;
}

/** The edges of each port by themselves. */
function byPort(edges: readonly MessageEdge[]): [port: string | null, edges: readonly MessageEdge[]][] {
  const ports = new Map<string | null, MessageEdge[]>();
  for (const edge of edges) ports.set(edge.port, [...(ports.get(edge.port) ?? []), edge]);
  return [...ports];
}

/**
 * The words of a label for messages of one direction, port by port: at most so many types, and how many others there are.
 *
 * @example
 * ```ts
 * const edge = { from: 'a', to: 'b', port: null, origin: 'carried', count: 1200 } as const;
 * const edges = ['ASK', 'TELL', 'PUT'].map((type) => ({ ...edge, type }));
 * labelWords(edges, 2); // [['ASK 1,200,', 'TELL 1,200', '+1']]
 * ```
 */
export function labelWords(edges: readonly MessageEdge[], most = Number.POSITIVE_INFINITY): string[][] {
  return byPort(edges).map(([port, sent]) => {
    const texts = [...new Set(sent.map(edgeText))];
    const shown = Number.isFinite(most) ? shortOf(texts, most) : texts.length;
    const more = texts.length - shown;
    const words = texts.slice(0, shown).map((text, at) => (at < shown - 1 ? `${text},` : text));
    return [...(port === null ? [] : [`${port}:`]), ...words, ...(more > 0 ? [`+${more}`] : [])];
  });
}

function shortOf(texts: readonly string[], most: number): number {
  let shown = Math.min(most, texts.length);
  while (shown > 1 && texts.slice(0, shown).join(', ').length > SHORT_CHARACTERS) shown -= 1;
  return shown;
}

/** Ids that a node lists at most. */
const IDS_SHOWN = 4;
const IDS_CHARACTERS = 30;

/**
 * What a node is called, and what stands below: `tlb ×12` and the first of its ids.
 *
 * @example
 * ```ts
 * const node = { id: 'tlb', kind: 'tlb', actors: ['tlb:0', 'tlb:1'], group: 'hardware', standIn: null, says: '' } as const;
 * nodeText(node); // { name: 'tlb ×2', notes: ['tlb:0, tlb:1'] }
 * ```
 */
export function nodeText({ id, kind, actors, standIn }: ActorNode): { name: string; notes: string[] } {
  const by = standIn === null ? [] : [`is a ${standIn}`];
  if (actors.length === 1) return { name: id, notes: by };
  const shown: string[] = [];
  for (const actor of actors.slice(0, IDS_SHOWN)) {
    if ([...shown, actor].join(', ').length > IDS_CHARACTERS) break;
    shown.push(actor);
  }
  const more = actors.length - shown.length;
  const list = more === 0 ? shown.join(', ') : [...shown, '…'].join(', ');
  return { name: `${kind} ×${formatCount(actors.length)}`, notes: [...(shown.length === 0 ? [] : [list]), ...by] };
}
