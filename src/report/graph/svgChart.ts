/** Draws statecharts as SVG. */
import { drawnState, type DrawnLevel, type DrawnState, PADDING, START } from './chartLayout.ts';
import type { PlacedLine, Point } from './placing.ts';
import { type Statechart, statesOf } from './statechart.ts';
import { textWidth } from './textWidth.ts';
import { element, LINE_HEIGHT, NAME_SIZE, NOTE_SIZE, roundPath, svgDocument, textAt } from './svg.ts';

const MARGIN = 14;
const GAP = 20;
const FRAME = { width: 1220, height: 640 };

const round = (value: number): number => Math.round(value * 10) / 10;

function lineSvg({ points }: PlacedLine): string {
  return element('path', { class: 'line', d: roundPath(points), 'marker-end': 'url(#head)' });
}

function labelSvg(label: readonly string[], { label: { x, y } }: PlacedLine): string {
  const height = label.length * LINE_HEIGHT;
  const width = Math.max(...label.map((line) => textWidth(line, NOTE_SIZE))) + 4;
  const plate = { class: 'plate', x: round(x - width / 2), y: round(y - height / 2), width: round(width), height };
  const texts = label.map((text, at) => {
    const place = { x: round(x), y: round(y - height / 2 + (at + 1) * LINE_HEIGHT - 3) };
    return textAt(text, place, { size: NOTE_SIZE, anchor: 'middle' });
  });
  return element('rect', plate) + texts.join('');
}

function levelSvg({ placed, states, transitions, initial }: DrawnLevel, width: number, top: number): string {
  const left = Math.max(PADDING, (width - placed.width) / 2);
  const parts = states.flatMap((state) => {
    const box = placed.boxes.get(state.state.id);
    return box === undefined ? [] : [stateSvg(state, box)];
  });
  const start = placed.boxes.get(START);
  const first = placed.lines.get(START);
  if (initial !== null && start !== undefined && first !== undefined) {
    const { x, y, width: size } = start;
    parts.push(element('circle', { class: 'start', cx: x + size / 2, cy: y + size / 2, r: size / 2 }), lineSvg(first));
  }
  const lines = transitions.flatMap(({ id, label }) => {
    const line = placed.lines.get(id);
    return line === undefined ? [] : [{ line, label }];
  });
  parts.push(...lines.map(({ line }) => lineSvg(line)), ...lines.map(({ line, label }) => labelSvg(label, line)));
  return element('g', { transform: `translate(${round(left)} ${round(top)})` }, parts.join('\n'));
}

function stateSvg({ state, name, facts, inside, top, width, height }: DrawnState, { x, y }: Point): string {
  const dashed: Record<string, string> = state.type === 'parallel' ? { 'stroke-dasharray': '6 4' } : {};
  const shape = { x, y, width: round(width), height: round(height), rx: 8, 'stroke-width': 1.2 };
  const double = { ...shape, x: x + 3, y: y + 3, width: round(width - 6), height: round(height - 6), rx: 6 };
  const filling = inside === null ? 'state' : 'region';
  const parts = [
    element('rect', { ...shape, class: filling, ...dashed }),
    ...(state.type === 'final' ? [element('rect', { ...double, class: 'region' })] : []),
    textAt(name, { x: x + PADDING, y: y + PADDING + NAME_SIZE - 2 }, { size: NAME_SIZE, bold: true }),
    ...facts.map((fact, at) => {
      const place = {
        x: x + PADDING + (fact.startsWith(' ') ? 10 : 0),
        y: y + PADDING + NAME_SIZE + (at + 1) * LINE_HEIGHT - 2,
      };
      return textAt(fact.trimStart(), place, { size: NOTE_SIZE, class: 'note' });
    }),
  ];
  const nested =
    inside === null ? [] : [element('g', { transform: `translate(${x} ${y})` }, levelSvg(inside, width, top))];
  return element('g', {}, [...parts, ...nested].join('\n'));
}

/** Charts side by side as long as they fit, in rows. */
function rowsOf(charts: readonly DrawnState[]): { state: DrawnState; at: Point }[] {
  const rows: { state: DrawnState; at: Point }[] = [];
  // The widest one decides how wide the whole is, where it is wider than the frame.
  const most = charts.reduce((width, state) => Math.max(width, state.width), FRAME.width);
  let [x, y, rowHeight] = [0, 0, 0];
  for (const state of charts) {
    if (x > 0 && x + state.width > most) [x, y, rowHeight] = [0, y + rowHeight + GAP, 0];
    rows.push({ state, at: { x: round(x), y: round(y) } });
    x += state.width + GAP;
    rowHeight = Math.max(rowHeight, state.height);
  }
  return rows;
}

/**
 * Statecharts as one SVG document: states inside one another, what each does on entry, at exit and without leaving, and the
 * transitions with their guards and actions.
 *
 * @example
 * ```ts
 * svgOfCharts([statechartOf(machines.disk, 'disk')], 'disk').includes('>always [busy]</text>'); // true
 * ```
 */
export function svgOfCharts(charts: readonly Statechart[], title: string): string {
  const drawn = charts.map((chart) => drawnState(chart, chart.root, FRAME));
  const rows = rowsOf(drawn);
  const width = rows.reduce((most, { state, at }) => Math.max(most, at.x + state.width), 0);
  const height = rows.reduce((most, { state, at }) => Math.max(most, at.y + state.height), 0);
  const about = charts.map((chart) => {
    const keys = statesOf(chart.root).map(({ key }) => key);
    return `${chart.title}: ${keys.length} states (${keys.join(', ')}), ${chart.transitions.length} transitions`;
  });
  return svgDocument({
    title,
    description: about.join('; '),
    width: width + 2 * MARGIN,
    height: height + 2 * MARGIN,
    content: [
      element(
        'g',
        { transform: `translate(${MARGIN} ${MARGIN})` },
        `\n${rows.map(({ state, at }) => stateSvg(state, at)).join('\n')}\n`,
      ),
    ],
  });
}
