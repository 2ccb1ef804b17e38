/** Where the states of a chart are: each level is placed by itself, from the innermost out. */
import { type Box, type Frame, type Line, place, type Placed } from './placing.ts';
import { type ChartState, type ChartTransition, reactionText, type Statechart } from './statechart.ts';
import { LINE_HEIGHT, NAME_SIZE, NOTE_SIZE } from './svg.ts';
import { textWidth, wrapped } from './textWidth.ts';

/** A transition as it is drawn: between two states of one level, with what does not show there said in its label. */
export interface DrawnTransition {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly label: readonly string[];
}

/** A state with its size, its text, and what is inside. */
export interface DrawnState extends Frame {
  readonly state: ChartState;
  readonly name: string;
  /** Lines below the name; one that goes on is indented. */
  readonly facts: readonly string[];
  readonly inside: DrawnLevel | null;
}

/** The states in another one. */
export interface DrawnLevel {
  readonly placed: Placed;
  readonly states: readonly DrawnState[];
  readonly transitions: readonly DrawnTransition[];
  readonly initial: string | null;
  /** How far below the upper border of the outer state it begins. */
  readonly top: number;
}

/** Between a border and what is inside. */
export const PADDING = 10;
const FACT_WIDTH = 300;
const LABEL_WIDTH = 190;
/** The id of the dot that a level begins at; no state has it, since keys have no spaces at their ends. */
export const START = ' start';
const START_SIZE = 10;

const words = (text: string): string[] => text.split(' ');

/** From the outermost to a state itself. */
function chainOf(id: string): string[] {
  if (id === '') return [''];
  const keys = id.split('.');
  return ['', ...keys.map((_, at) => keys.slice(0, at + 1).join('.'))];
}

/** A transition lifted to the level where its ends are side by side; null where both are one state there. */
function lifted({ from, to }: ChartTransition): { level: string; from: string; to: string } | null {
  if (from === to && from !== '') return { level: chainOf(from).at(-2) ?? '', from, to };
  const [left, right] = [chainOf(from), chainOf(to)];
  let shared = 0;
  while (shared < left.length && left[shared] === right[shared]) shared += 1;
  const [ownFrom, ownTo, level] = [left[shared], right[shared], left[shared - 1]];
  return ownFrom === undefined || ownTo === undefined || level === undefined
    ? null
    : { level, from: ownFrom, to: ownTo };
}

function withEnds(transition: ChartTransition, at: { from: string; to: string }): string {
  const { from, to } = transition;
  const source = from === at.from ? '' : `${from}: `;
  return `${source}${reactionText(transition)}${to === at.to ? '' : ` → ${to}`}`;
}

function factsOf(state: ChartState, transitions: readonly ChartTransition[]): string[] {
  const staying = transitions.filter((transition) => transition.from === state.id && lifted(transition) === null);
  const facts = [
    ...(state.entry.length === 0 ? [] : [`entry / ${state.entry.join(', ')}`]),
    ...(state.exit.length === 0 ? [] : [`exit / ${state.exit.join(', ')}`]),
    ...state.reactions.map(reactionText),
    ...staying.map((transition) => `${reactionText(transition)} → ${transition.to}`),
  ];
  return facts.flatMap((fact) => wrapped(words(fact), FACT_WIDTH, NOTE_SIZE).map((line, at) => (at === 0 ? line : `   ${line}`)));
}

function levelOf(chart: Statechart, outer: ChartState, top: number, frame: Frame): DrawnLevel {
  const states = outer.states.map((inner) => drawnState(chart, inner, frame));
  const transitions = chart.transitions.flatMap((transition, at): DrawnTransition[] => {
    const ends = lifted(transition);
    if (ends === null || ends.level !== outer.id) return [];
    const label = wrapped(words(withEnds(transition, ends)), LABEL_WIDTH, NOTE_SIZE);
    return [{ id: String(at), from: ends.from, to: ends.to, label }];
  });
  const boxes: Box[] = states.map(({ state: { id }, width, height }) => ({ id, width, height }));
  const lines = transitions.map(({ id, from, to, label }): Line => {
    const width = Math.max(...label.map((line) => textWidth(line, NOTE_SIZE))) + 8;
    return { id, from, to, width, height: label.length * LINE_HEIGHT + 4 };
  });
  if (outer.initial !== null) {
    boxes.unshift({ id: START, width: START_SIZE, height: START_SIZE });
    lines.unshift({ id: START, from: START, to: outer.initial, width: 0, height: 0 });
  }
  return { placed: place(boxes, lines, frame), states, transitions, initial: outer.initial, top };
}

/**
 * A state, measured and with all of its inner states placed.
 *
 * @example
 * ```ts
 * const chart = statechartOf(machines.disk, 'disk');
 * drawnState(chart, chart.root, { width: 800, height: 600 }).inside?.states.length; // 2
 * ```
 */
export function drawnState(chart: Statechart, state: ChartState, frame: Frame): DrawnState {
  const name = state.id === '' ? chart.title : state.key;
  const facts = factsOf(state, chart.transitions);
  const textHeight = NAME_SIZE + facts.length * LINE_HEIGHT;
  const widths = [textWidth(name, NAME_SIZE, true), ...facts.map((fact) => textWidth(fact, NOTE_SIZE))];
  const wide = Math.max(50, ...widths) + 2 * PADDING;
  const top = textHeight + 2 * PADDING + 4;
  if (state.states.length === 0) return { state, name, facts, inside: null, width: wide, height: textHeight + 2 * PADDING };
  const inside = levelOf(chart, state, top, frame);
  const { placed } = inside;
  return { state, name, facts, inside, width: Math.max(wide, placed.width + 2 * PADDING), height: top + placed.height + PADDING };
}
