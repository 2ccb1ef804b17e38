/** What is on its way, put onto the links of the graph: pure, so that it can be tested without a page. */
import type { ActorMap, MapLink } from '../../engine/views/actorMap.ts';
import type { FlyingMessage } from '../../engine/views/inFlight.ts';

/** Messages on their way along one link. */
export interface LinkFlow {
  readonly link: MapLink;
  /** From the link's `from` to its `to`, and the other way. */
  readonly forth: readonly FlyingMessage[];
  readonly back: readonly FlyingMessage[];
}

/** A point between the ends of a line. */
export interface At {
  readonly x: number;
  readonly y: number;
}

/**
 * The node of each actor.
 *
 * @example
 * ```ts
 * nodeOfActor({ nodes: [{ id: 'tlb', actors: ['tlb:0', 'tlb:1'] }] }).get('tlb:1'); // 'tlb'
 * ```
 */
export function nodeOfActor(map: {
  readonly nodes: readonly { readonly id: string; readonly actors: readonly string[] }[];
}): ReadonlyMap<string, string> {
  return new Map(map.nodes.flatMap(({ id, actors }) => actors.map((actor) => [actor, id] as const)));
}

/** Which messages are on their way along each link, which inside a node, and which along no link of the graph. */
export interface Flows {
  readonly links: readonly LinkFlow[];
  readonly inside: ReadonlyMap<string, readonly FlyingMessage[]>;
}

/**
 * Puts messages onto links. A message between two nodes that had no link so far is given a straight one.
 *
 * @example
 * ```ts
 * const box = { name: '', note: '', says: '', kind: 'a', group: 'own', x: 0, y: 0, width: 10, height: 10 } as const;
 * const nodes = [{ ...box, id: 'a', actors: ['a'] }, { ...box, id: 'b', actors: ['b'], x: 50 }];
 * const map = { width: 60, height: 10, nodes, links: [], isApart: true, canBeApart: true, sampled: 0, events: 0 };
 * const message = { from: 'b', to: 'a', type: 'T', cause: 0, timeCycles: 9, seq: 4, text: '' };
 * flowsOf(map, [message]).links[0]?.forth.length; // 1
 * ```
 */
export function flowsOf(map: ActorMap, messages: readonly FlyingMessage[]): Flows {
  const nodeOf = nodeOfActor(map);
  const links = new Map<string, { link: MapLink; forth: FlyingMessage[]; back: FlyingMessage[] }>();
  const keyOf = (from: string, to: string): string => [from, to].sort().join('\n');
  for (const link of map.links) links.set(keyOf(link.from, link.to), { link, forth: [], back: [] });
  const inside = new Map<string, FlyingMessage[]>();
  for (const message of messages) {
    const from = nodeOf.get(message.from) ?? 'outside';
    const to = nodeOf.get(message.to) ?? message.to;
    if (from === to || !map.nodes.some(({ id }) => id === from)) {
      inside.set(to, [...(inside.get(to) ?? []), message]);
      continue;
    }
    const key = keyOf(from, to);
    let flow = links.get(key);
    if (flow === undefined) links.set(key, (flow = { link: straight(map, from, to), forth: [], back: [] }));
    (flow.link.from === from ? flow.forth : flow.back).push(message);
  }
  return { links: [...links.values()], inside };
}

function straight(map: ActorMap, from: string, to: string): MapLink {
  const points = [from, to].map((id) => {
    const { x, y, width, height } = map.nodes.find((node) => node.id === id) ?? { x: 0, y: 0, width: 0, height: 0 };
    return { x: x + width / 2, y: y + height / 2 };
  });
  const [one = { x: 0, y: 0 }, other = one] = points;
  return { from, to, points, label: { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 }, traffic: [] };
}

/**
 * The types among some messages, the most frequent first, on one line.
 *
 * @example
 * ```ts
 * typesLine([{ type: 'WALK' }, { type: 'WALK' }, { type: 'TLBI' }]); // 'WALK ×2 +1'
 * ```
 */
export function typesLine(messages: readonly { readonly type: string }[]): string {
  const counts = new Map<string, number>();
  for (const { type } of messages) counts.set(type, (counts.get(type) ?? 0) + 1);
  const [first] = [...counts].sort((left, right) => right[1] - left[1]);
  if (first === undefined) return '';
  const more = messages.length - first[1];
  return `${first[0]}${first[1] > 1 ? ` ×${first[1]}` : ''}${more > 0 ? ` +${more}` : ''}`;
}

/**
 * The point at a share of the length of a line of several pieces.
 *
 * @example
 * ```ts
 * pointAlong([{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 30 }], 0.5); // { x: 10, y: 10 }
 * ```
 */
export function pointAlong(points: readonly At[], share: number): At {
  const lengths = points.slice(1).map((to, at) => {
    const from = points[at] ?? to;
    return Math.hypot(to.x - from.x, to.y - from.y);
  });
  let left = lengths.reduce((sum, length) => sum + length, 0) * Math.min(1, Math.max(0, share));
  for (const [at, length] of lengths.entries()) {
    const [from, to] = [points[at], points[at + 1]];
    if (from === undefined || to === undefined) break;
    if (left <= length && length > 0) {
      const part = left / length;
      return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
    }
    left -= length;
  }
  return points.at(-1) ?? { x: 0, y: 0 };
}

/** How far a message is on its way at a time. */
export function shareOf(sentCycles: number, arrivesCycles: number, nowCycles: number): number {
  if (arrivesCycles <= sentCycles) return 0.5;
  return Math.min(0.92, Math.max(0.08, (nowCycles - sentCycles) / (arrivesCycles - sentCycles)));
}
