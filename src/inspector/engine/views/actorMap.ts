/** The actors of a run as a graph, placed: the page draws it, and shows on it what is on its way. */
import type { LogRecord } from '../../../log/record.ts';
import { type ActorNode, kindOfId, nodesOf, OUTSIDE_ID } from '../../../report/graph/actorGraph.ts';
import type { ActorGroup } from '../../../report/graph/groups.ts';
import { linksOf, nodeText } from '../../../report/graph/links.ts';
import { logGraph } from '../../../report/graph/logGraph.ts';
import { type Box, type Line, place, type Point } from '../../../report/graph/placing.ts';
import { shortened, textWidth } from '../../../report/graph/textWidth.ts';
import { catalogueOfRegistry } from '../../../topology/definitions/catalogue.ts';
import type { OpenRun } from '../openRun.ts';

/** A node: one actor, or those of a kind of which there are many. */
export interface MapNode {
  readonly id: string;
  readonly name: string;
  /** A line below the name; empty for none. */
  readonly note: string;
  readonly says: string;
  readonly kind: string;
  readonly group: ActorGroup;
  readonly actors: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Messages of one type that went one way along a link. */
export interface MapTraffic {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly count: number;
}

/** A line between two nodes. */
export interface MapLink {
  readonly from: string;
  readonly to: string;
  readonly points: readonly Point[];
  /** Where its label stands. */
  readonly label: Point;
  readonly traffic: readonly MapTraffic[];
}

/** The whole graph. */
export interface ActorMap {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly MapNode[];
  readonly links: readonly MapLink[];
  /** Whether each actor is a node by itself. */
  readonly isApart: boolean;
  /** Whether it could be. */
  readonly canBeApart: boolean;
  /** Events that were looked at for the links, of how many. */
  readonly sampled: number;
  readonly events: number;
}

/** Actors that are drawn apart at most: with more nobody sees anything, and their layout takes long. */
const APART_MOST = 60;
/** Segments that are read to learn who talks to whom; of a longer run those are taken that lie spread over it. */
const SEGMENTS_READ = 24;
/** What fits into a panel: only the ratio counts. */
const FRAME = { width: 900, height: 390 };
const NAME_SIZE = 13;
const NOTE_SIZE = 10.5;
const NAME_CHARACTERS = 26;
/** Room beside a line for what is on its way there. */
const LABEL = { width: 84, height: 15 };

function* sampleOf({ reader }: OpenRun): Generator<LogRecord, void, undefined> {
  const { segments } = reader.directory;
  const step = Math.max(1, segments.length / SEGMENTS_READ);
  for (let at = 0; at < segments.length; at += step) {
    const segment = segments[Math.floor(at)];
    if (segment !== undefined) yield* reader.range(segment.firstSeq, segment.firstSeq + segment.records - 1);
  }
}

function boxOf({ name, note }: { name: string; note: string }, id: string): Box {
  const width = Math.max(textWidth(name, NAME_SIZE, true), textWidth(note, NOTE_SIZE), 34) + 20;
  return { id, width, height: note === '' ? 26 : 40 };
}

function textOf(node: ActorNode): { name: string; note: string } {
  const { name, notes } = nodeText(node);
  const [first = ''] = node.actors;
  // Ids too long to be listed: the first one tells at least what they are like.
  const example = node.actors.length > 1 && notes.length === 0 ? [`${shortened(first, NAME_CHARACTERS)}, …`] : notes;
  return { name: shortened(name, NAME_CHARACTERS), note: example.join('; ') };
}

function made(run: OpenRun, isApart: boolean): ActorMap {
  const { reader, meta } = run;
  const parts = { topology: meta.topology, catalogue: catalogueOfRegistry(reader.registry) };
  let sampled = 0;
  const counted = (function* () {
    for (const record of sampleOf(run)) {
      sampled += 1;
      yield record;
    }
  })();
  const { edges } = logGraph(parts, counted, { all: true });
  const ids = edges.some(({ from }) => from === OUTSIDE_ID) ? [OUTSIDE_ID, ...run.lanes] : run.lanes;
  const nodes = nodesOf(parts, ids, { all: isApart });
  const nodeOf = new Map(nodes.flatMap(({ id, actors }) => actors.map((actor) => [actor, id] as const)));
  const at = (id: string): string => nodeOf.get(id) ?? kindOfId(id);
  const known = new Set(nodes.map(({ id }) => id));
  const drawn = edges
    .map((edge) => ({ ...edge, from: at(edge.from), to: at(edge.to) }))
    .filter(({ from, to }) => known.has(from) && known.has(to));
  const links = linksOf({ edges: drawn }).filter(({ from, to }) => from !== to);
  const texts = new Map(nodes.map((node) => [node.id, textOf(node)]));
  const boxes = nodes.map(({ id }) => boxOf(texts.get(id) ?? { name: id, note: '' }, id));
  const lines = links.map(({ from, to }, index): Line => ({ id: String(index), from, to, ...LABEL }));
  const placed = place(boxes, lines, FRAME);
  return {
    width: placed.width,
    height: placed.height,
    nodes: nodes.flatMap(({ id, says, kind, group, actors }) => {
      const box = placed.boxes.get(id);
      return box === undefined
        ? []
        : [{ ...box, says, kind, group, actors, ...(texts.get(id) ?? { name: id, note: '' }) }];
    }),
    links: links.flatMap(({ from, to, forth, back }, index) => {
      const line = placed.lines.get(String(index));
      if (line === undefined) return [];
      return [{ from, to, points: line.points, label: line.label, traffic: trafficOf([...forth, ...back]) }];
    }),
    isApart,
    canBeApart: ids.length <= APART_MOST,
    sampled,
    events: reader.records,
  };
}

/** Edges of one type and way, put together. */
function trafficOf(edges: readonly { from: string; to: string; type: string; count: number | null }[]): MapTraffic[] {
  const sums = new Map<string, MapTraffic>();
  for (const { from, to, type, count } of edges) {
    const key = [from, to, type].join('\n');
    sums.set(key, { from, to, type, count: (sums.get(key)?.count ?? 0) + (count ?? 0) });
  }
  return [...sums.values()].sort((left, right) => right.count - left.count);
}

const maps = new WeakMap<OpenRun, Map<boolean, ActorMap>>();

/**
 * The graph of a run's actors; made once for each of its two forms, apart or by kind.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const map = actorMapOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), { run: 'A', apart: true });
 * map.links.some(({ traffic }) => traffic.some(({ type }) => type === 'SYSCALL')); // true
 * ```
 */
export function actorMapOf(run: OpenRun, { apart }: { readonly run: string; readonly apart: boolean }): ActorMap {
  const isApart = apart && run.lanes.length < APART_MOST;
  const kept = maps.get(run) ?? new Map<boolean, ActorMap>();
  maps.set(run, kept);
  const known = kept.get(isApart) ?? made(run, isApart);
  kept.set(isApart, known);
  return known;
}
