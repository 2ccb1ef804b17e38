/** Places boxes, and lines with labels between them, so that nothing lies on anything else: the layers of dagre. */
import { Graph, layout } from '@dagrejs/dagre';

/** Something to place, by its size. */
export interface Box {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

/** A line from one box to another; the size is that of its label. */
export interface Line {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly width: number;
  readonly height: number;
}

/** A place in a drawing. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a box is: its upper left corner, and its size. */
export interface PlacedBox extends Box, Point {}

/** Where a line goes along, and the middle of its label. */
export interface PlacedLine {
  readonly id: string;
  readonly points: readonly Point[];
  readonly label: Point;
}

/** All of it, from 0, 0 on. */
export interface Placed {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, PlacedBox>;
  readonly lines: ReadonlyMap<string, PlacedLine>;
}

/** What the whole should fit into; only the ratio of the two counts. */
export interface Frame {
  readonly width: number;
  readonly height: number;
}

const DIRECTIONS = ['TB', 'LR'] as const;
const RANKERS = ['network-simplex', 'tight-tree', 'longest-path'] as const;

/** Pixels between what is placed. */
const GAPS = { nodesep: 18, edgesep: 10, ranksep: 26 };

type Options = { readonly rankdir: 'TB' | 'LR'; readonly ranker: (typeof RANKERS)[number] };

const round = (value: number): number => Math.round(value * 10) / 10;

function placedBy(boxes: readonly Box[], lines: readonly Line[], options: Options): Placed {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ ...GAPS, ...options });
  for (const { id, width, height } of boxes) graph.setNode(id, { width, height });
  for (const { id, from, to, width, height } of lines) {
    graph.setEdge(from, to, { width, height, labelpos: 'c', minlen: 1 }, id);
  }
  layout(graph);
  const middleOf = (id: string): Point => graph.node(id) as Point;
  const placedBoxes = boxes.map(({ id, width, height }) => {
    const { x, y } = middleOf(id);
    return { id, width, height, x: x - width / 2, y: y - height / 2 };
  });
  const byId = new Map(placedBoxes.map((box) => [box.id, box]));
  const placedLines = lines.map(({ id, from, to, width, height }) => {
    const { points, x, y } = graph.edge(from, to, id) as { points: Point[] } & Partial<Point>;
    const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
    const label = { x: x ?? middle.x, y: y ?? middle.y };
    const [first, last] = [byId.get(from), byId.get(to)];
    if (width === 0 || first === undefined || last === undefined || from === to)
      return { id, points, label, width, height };
    const through = straightThrough(points, { ...label, width, height }, options.rankdir);
    return { id, points: fromBorders(through, first, last), label, width, height };
  });
  return fromOrigin(placedBoxes, placedLines);
}

/** A line that runs straight behind its label crosses none of those beside it: it bends before and after. */
function straightThrough(points: readonly Point[], label: Point & Frame, rankdir: Options['rankdir']): Point[] {
  const { x, y, width, height } = label;
  const at = points.findIndex((point) => Math.abs(point.x - x) < 0.5 && Math.abs(point.y - y) < 0.5);
  const [before, after] = [points[at - 1], points[at + 1]];
  if (before === undefined || after === undefined) return [...points];
  const [right, down] = rankdir === 'LR' ? [width / 2, 0] : [0, height / 2];
  const sign = (rankdir === 'LR' ? after.x - before.x : after.y - before.y) < 0 ? -1 : 1;
  const ends = [-sign, sign].map((side) => ({ x: x + side * right, y: y + side * down }));
  return [...points.slice(0, at), ...ends, ...points.slice(at + 1)];
}

/** The first and the last point anew, since the bends next to them moved: on the way from there to the middles of the boxes. */
function fromBorders(points: readonly Point[], first: PlacedBox, last: PlacedBox): Point[] {
  const inner = points.slice(1, -1);
  const [next, before] = [inner[0], inner.at(-1)];
  if (next === undefined || before === undefined) return [...points];
  return [borderPoint(first, next), ...inner, borderPoint(last, before)];
}

/** Where the way from outside to the middle of a box meets its border. */
function borderPoint({ x, y, width, height }: PlacedBox, from: Point): Point {
  const middle = { x: x + width / 2, y: y + height / 2 };
  const [right, down] = [from.x - middle.x, from.y - middle.y];
  const share = Math.min(width / 2 / Math.max(Math.abs(right), 1e-9), height / 2 / Math.max(Math.abs(down), 1e-9), 1);
  return { x: middle.x + right * share, y: middle.y + down * share };
}

/** Moves all so that the least coordinates are 0: dagre's own margins know nothing of loops and of lines that bend out. */
function fromOrigin(boxes: readonly PlacedBox[], lines: readonly (PlacedLine & Frame)[]): Placed {
  const corners: Point[] = [
    ...boxes.flatMap(({ x, y, width, height }) => [
      { x, y },
      { x: x + width, y: y + height },
    ]),
    ...lines.flatMap(({ points, label: { x, y }, width, height }) => [
      ...points,
      { x: x - width / 2, y: y - height / 2 },
      { x: x + width / 2, y: y + height / 2 },
    ]),
  ];
  const left = corners.reduce((least, { x }) => Math.min(least, x), Number.POSITIVE_INFINITY);
  const top = corners.reduce((least, { y }) => Math.min(least, y), Number.POSITIVE_INFINITY);
  const moved = ({ x, y }: Point): Point => ({ x: round(x - left), y: round(y - top) });
  if (corners.length === 0) return { width: 0, height: 0, boxes: new Map(), lines: new Map() };
  return {
    width: round(corners.reduce((most, { x }) => Math.max(most, x), left) - left),
    height: round(corners.reduce((most, { y }) => Math.max(most, y), top) - top),
    boxes: new Map(boxes.map((box) => [box.id, { ...box, ...moved(box) }])),
    lines: new Map(lines.map(({ id, points, label }) => [id, { id, points: points.map(moved), label: moved(label) }])),
  };
}

/**
 * How much larger a drawing can be made to fit; below 1 where it is too large.
 *
 * @example
 * ```ts
 * scaleInto({ width: 200, height: 50 }, { width: 100, height: 100 }); // 0.5
 * ```
 */
export function scaleInto({ width, height }: Frame, frame: Frame): number {
  return Math.min(frame.width / Math.max(1, width), frame.height / Math.max(1, height));
}

/** Boxes up to which all ways of placing are tried. */
const MANY = 60;

/**
 * Places boxes and lines: downward or to the right, whichever fits the frame best.
 *
 * @example
 * ```ts
 * const boxes = ['a', 'b'].map((id) => ({ id, width: 50, height: 20 }));
 * const lines = [{ id: 'ab', from: 'a', to: 'b', width: 10, height: 10 }];
 * place(boxes, lines, { width: 100, height: 400 }).boxes.get('a'); // { id: 'a', width: 50, height: 20, x: 0, y: 0 }
 * ```
 */
export function place(boxes: readonly Box[], lines: readonly Line[], frame: Frame): Placed {
  const rankers = boxes.length > MANY ? RANKERS.slice(2) : RANKERS;
  const tried = DIRECTIONS.flatMap((rankdir) => rankers.map((ranker) => placedBy(boxes, lines, { rankdir, ranker })));
  const [first, ...others] = tried;
  if (first === undefined) return placedBy(boxes, lines, { rankdir: 'TB', ranker: 'network-simplex' });
  return others.reduce((best, next) => (scaleInto(next, frame) > scaleInto(best, frame) * 1.001 ? next : best), first);
}
