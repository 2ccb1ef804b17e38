/** Draws an actor graph as SVG. */
import { formatCount } from '../format.ts';
import type { ActorGraph, ActorNode } from './actorGraph.ts';
import { groupNames } from './groups.ts';
import { labelWords, type Link, linksOf, nodeText } from './links.ts';
import { type Box, type Line, place, type Placed, type PlacedBox, type PlacedLine, scaleInto } from './placing.ts';
import { element, escapeXml, LINE_HEIGHT, NAME_SIZE, NOTE_SIZE, roundPath, svgDocument, textAt } from './svg.ts';
import { shortened, textWidth, wrapped } from './textWidth.ts';

/** How a graph is drawn. */
export interface DrawOptions {
  /** Labels name every type. */
  readonly whole?: boolean;
}

/** How many types a label names of each direction, from the first that leaves a drawing large enough to be read. */
const TYPES_NAMED = [2, 1] as const;
const READABLE = 0.8;

const MARGIN = 16;
const PADDING = 9;
/** What is left of a screen of 1280 by 720 for the drawing itself. */
const FRAME = { width: 1248, height: 620 };
const LABEL_WIDTH = 170;
const NAME_CHARACTERS = 34;
const TITLE_SIZE = 16;

interface Label {
  readonly forth: readonly string[];
  readonly back: readonly string[];
  readonly width: number;
  readonly height: number;
}

/** Before the arrow of a label's line. */
const ARROW_WIDTH = 14;

/** Short labels have one line for each direction and port. */
function linesOf(edges: Link['forth'], most: number, first: readonly string[] = []): string[] {
  const width = Number.isFinite(most) ? Number.MAX_VALUE : LABEL_WIDTH;
  return labelWords(edges, most).flatMap((words) => wrapped([...first, ...words], width, NOTE_SIZE));
}

function labelOf({ forth, back }: Link, most: number): Label {
  const label = { forth: linesOf(forth, most), back: linesOf(back, most) };
  const all = [...label.forth, ...label.back];
  const width = Math.max(...all.map((line) => textWidth(line, NOTE_SIZE))) + ARROW_WIDTH;
  return { ...label, width, height: all.length * LINE_HEIGHT };
}

/** A node with the lines below its name: what it is, and what its actors send themselves and each other. */
interface Drawn {
  readonly node: ActorNode;
  readonly name: string;
  readonly notes: readonly string[];
  /** The types of the last notes, for a tip. */
  readonly loop: Link | null;
}

function drawnOf(node: ActorNode, loops: readonly Link[], most: number): Drawn {
  const { name, notes } = nodeText(node);
  const loop = loops.find(({ from }) => from === node.id) ?? null;
  const lines = loop === null ? [] : linesOf(loop.forth, most, ['↻']);
  return { node, name: shortened(name, NAME_CHARACTERS), notes: [...notes, ...lines], loop };
}

function boxOf({ node, name, notes }: Drawn): Box {
  const widths = [textWidth(name, NAME_SIZE, true), ...notes.map((note) => textWidth(note, NOTE_SIZE))];
  const height = NAME_SIZE + 2 * PADDING + notes.length * LINE_HEIGHT;
  return { id: node.id, width: Math.max(60, ...widths) + 2 * PADDING, height };
}

function nodeSvg({ node, name, notes, loop }: Drawn, { x, y, width, height }: PlacedBox): string {
  const tips = [
    node.actors.length === 1 ? node.id : `${node.kind}: ${node.actors.slice(0, 50).join(', ')}`,
    ...(node.actors.length > 50 ? [`and ${formatCount(node.actors.length - 50)} more`] : []),
    ...(node.standIn === null ? [] : [`stands in: ${node.standIn}`]),
    ...(node.says === '' ? [] : [node.says]),
    ...(loop === null ? [] : [tipOf(loop)]),
  ];
  const middle = x + width / 2;
  const own = node.group === 'own' || node.standIn !== null;
  const shape = { x, y, width, height, rx: node.group === 'outside' ? height / 2 : 6 };
  const inner = { x: x + 3, y: y + 3, width: width - 6, height: height - 6, rx: 4 };
  const folded = { ...shape, x: x + 4, y: y + 4 };
  const group = node.standIn === null ? node.group : 'own';
  const parts = [
    element('title', {}, escapeXml(tips.join('\n'))),
    ...(node.actors.length > 1 ? [element('rect', { ...folded, class: group })] : []),
    element('rect', { ...shape, class: group, 'stroke-width': own ? 1.8 : 1.2 }),
    ...(own ? [element('rect', { ...inner, class: group, 'fill-opacity': 0, 'stroke-width': 0.8 })] : []),
    textAt(name, { x: middle, y: y + PADDING + NAME_SIZE - 2 }, { size: NAME_SIZE, bold: true, anchor: 'middle' }),
    ...notes.map((note, at) =>
      textAt(
        note,
        { x: middle, y: y + PADDING + NAME_SIZE + (at + 1) * LINE_HEIGHT - 2 },
        { size: NOTE_SIZE, anchor: 'middle', class: 'note' },
      ),
    ),
  ];
  return element('g', { 'data-node': node.id }, parts.join(''));
}

/** Which way the drawn line of a link goes: an arrow for each of the two directions of its messages. */
function arrowsOf(from: PlacedBox, to: PlacedBox): readonly [forth: string, back: string] {
  const right = to.x + to.width / 2 - (from.x + from.width / 2);
  const down = to.y + to.height / 2 - (from.y + from.height / 2);
  if (Math.abs(down) >= Math.abs(right) / 3) return down > 0 ? ['↓', '↑'] : ['↑', '↓'];
  return right > 0 ? ['→', '←'] : ['←', '→'];
}

function lineSvg({ forth, back }: Link, { points }: PlacedLine): string {
  const addressed = [...forth, ...back].every(({ origin }) => origin === 'addressed');
  const ends = {
    ...(forth.length > 0 ? { 'marker-end': 'url(#head)' } : {}),
    ...(back.length > 0 ? { 'marker-start': 'url(#head)' } : {}),
  };
  return element('path', { class: addressed ? 'line addressed' : 'line', d: roundPath(points), ...ends });
}

function tipOf({ from, to, forth, back }: Link): string {
  const line = (a: string, b: string, edges: Link['forth']): string[] =>
    labelWords(edges).map((words) => `${a} to ${b}: ${words.join(' ')}`);
  return [...line(from, to, forth), ...line(to, from, back)].join('\n');
}

function labelSvg(link: Link, label: Label, { label: { x, y } }: PlacedLine, placed: Placed): string {
  const left = x - label.width / 2;
  const top = y - label.height / 2;
  const from = placed.boxes.get(link.from);
  const to = placed.boxes.get(link.to);
  const [forth, back] = from === undefined || to === undefined ? ['', ''] : arrowsOf(from, to);
  const lines = [
    ...label.forth.map((text) => ({ arrow: forth, text })),
    ...label.back.map((text) => ({ arrow: back, text })),
  ];
  const texts = lines.flatMap(({ arrow, text }, at) => {
    const baseline = Math.round((top + (at + 1) * LINE_HEIGHT - 3) * 10) / 10;
    const first = at === 0 || at === label.forth.length;
    const at0 = { x: Math.round(left * 10) / 10, y: baseline };
    const at1 = { x: Math.round((left + ARROW_WIDTH) * 10) / 10, y: baseline };
    const mark = first ? [element('text', { ...at0, 'font-size': NOTE_SIZE, class: 'note' }, arrow)] : [];
    return [...mark, textAt(text, at1, { size: NOTE_SIZE })];
  });
  const plate = element('rect', { class: 'plate', x: left - 1, y: top, width: label.width + 2, height: label.height });
  return element('g', {}, [element('title', {}, escapeXml(tipOf(link))), plate, ...texts].join(''));
}

/** The colours that were used, and what they mean. */
function legend(nodes: readonly ActorNode[], links: readonly Link[], y: number): { content: string[]; width: number } {
  const content: string[] = [];
  let x = MARGIN;
  const add = (mark: string, markWidth: number, text: string): void => {
    content.push(mark, textAt(text, { x: x + markWidth + 5, y: y + 10 }, { size: NOTE_SIZE, class: 'note' }));
    x += markWidth + 5 + textWidth(text, NOTE_SIZE) + 18;
  };
  for (const [group, name] of Object.entries(groupNames)) {
    const used = nodes.some((node) => (node.standIn === null ? node.group : 'own') === group);
    if (used) add(element('rect', { x, y: y + 1, width: 14, height: 10, rx: 2, class: group }), 14, name);
  }
  if (links.some(({ forth, back }) => [...forth, ...back].every(({ origin }) => origin === 'addressed'))) {
    const d = `M${x} ${y + 6}L${x + 26} ${y + 6}`;
    add(element('path', { class: 'line addressed', d }), 26, 'to an address that each message brings');
  }
  return { content, width: x };
}

function describe({ title, nodes, edges }: ActorGraph): string {
  const actors = nodes.filter(({ kind }) => kind !== 'outside').reduce((sum, node) => sum + node.actors.length, 0);
  const kinds = new Set(nodes.map(({ kind }) => kind));
  kinds.delete('outside');
  const types = new Set(edges.map(({ type }) => type)).size;
  const carried = edges.reduce((sum, { count }) => sum + (count ?? 0), 0);
  const what = carried === 0 ? `${types} types of message` : `${formatCount(carried)} messages of ${types} types`;
  return `${title}: ${formatCount(actors)} actors of ${kinds.size} kinds, and ${what} between them`;
}

/** A graph with its labels, placed. */
interface Laid {
  readonly nodes: readonly Drawn[];
  readonly links: readonly { readonly link: Link; readonly label: Label; readonly line: PlacedLine }[];
  readonly placed: Placed;
}

const NOWHERE: PlacedLine = { id: '', points: [], label: { x: 0, y: 0 } };

function laid(graph: ActorGraph, most: number): Laid {
  const all = linksOf(graph);
  const loops = all.filter(({ from, to }) => from === to);
  const nodes = graph.nodes.map((node) => drawnOf(node, loops, most));
  const links = all.filter(({ from, to }) => from !== to).map((link) => ({ link, label: labelOf(link, most) }));
  const lines = links.map(({ link: { from, to }, label }, at): Line => {
    return { id: String(at), from, to, width: label.width + 6, height: label.height + 2 };
  });
  const placed = place(nodes.map(boxOf), lines, FRAME);
  return {
    nodes,
    placed,
    links: links.map((link, at) => ({ ...link, line: placed.lines.get(String(at)) ?? NOWHERE })),
  };
}

/** Labels say less where they would make the whole too small to be read. */
function readable(graph: ActorGraph, { whole = false }: DrawOptions): Laid {
  if (whole) return laid(graph, Number.POSITIVE_INFINITY);
  const [first, second] = TYPES_NAMED;
  const fuller = laid(graph, first);
  const scale = scaleInto(fuller.placed, FRAME);
  if (scale >= READABLE) return fuller;
  const shorter = laid(graph, second);
  return scaleInto(shorter.placed, FRAME) > scale ? shorter : fuller;
}

/**
 * An actor graph as an SVG document.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
 * svgOfGraph(actorGraph({ topology, catalogue: builtIns, built })).includes('>mmu ×2</text>'); // true
 * ```
 */
export function svgOfGraph(graph: ActorGraph, options: DrawOptions = {}): string {
  const { nodes, links, placed } = readable(graph, options);
  const about = describe(graph);
  const note = about.slice(graph.title.length + 2);
  const top = MARGIN + TITLE_SIZE + 22;
  const drawn = [graph.nodes, links.map(({ link }) => link)] as const;
  const key = legend(...drawn, top + placed.height + 14);
  const parts = [
    ...links.map(({ link, line }) => lineSvg(link, line)),
    ...nodes.flatMap((node) => {
      const box = placed.boxes.get(node.node.id);
      return box === undefined ? [] : [nodeSvg(node, box)];
    }),
    ...links.map(({ link, label, line }) => labelSvg(link, label, line, placed)),
  ];
  const texts = Math.max(textWidth(note, NOTE_SIZE), textWidth(graph.title, TITLE_SIZE, true));
  return svgDocument({
    title: graph.title,
    description: about,
    width: Math.max(placed.width + 4, key.width, texts) + 2 * MARGIN,
    height: top + placed.height + 14 + LINE_HEIGHT + MARGIN,
    content: [
      textAt(graph.title, { x: MARGIN, y: MARGIN + TITLE_SIZE - 3 }, { size: TITLE_SIZE, bold: true }),
      textAt(note, { x: MARGIN, y: MARGIN + TITLE_SIZE + 12 }, { size: NOTE_SIZE, class: 'note' }),
      element('g', { transform: `translate(${MARGIN} ${top})` }, `\n${parts.join('\n')}\n`),
      ...key.content,
    ],
  });
}
