/** Where the states of a chart are: each level is placed by itself, from the innermost out. */
import { type Box, type Frame, type Line, place, type Placed } from './placing.ts';
import { type ChartState, type ChartTransition, reactionText, type Statechart } from './statechart.ts';
import { LINE_HEIGHT, NAME_SIZE, NOTE_SIZE } from './svg.ts';
import { textWidth, wrapped } from './textWidth.ts';

/** All transitions from one state to another of its level, with what does not show there said in the label. */
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
  /** How far below its upper border that begins. */
  readonly top: number;
}

/** The states in another one. */
export interface DrawnLevel {
  readonly placed: Placed;
  readonly states: readonly DrawnState[];
  readonly transitions: readonly DrawnTransition[];
  readonly initial: string | null;
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

function factsOf(state: ChartState, transitions: readonly ChartTransition[], width: number): string[] {
  const staying = transitions.filter((transition) => transition.from === state.id && lifted(transition) === null);
  const facts = [
    ...(state.entry.length === 0 ? [] : [`entry / ${state.entry.join(', ')}`]),
    ...(state.exit.length === 0 ? [] : [`exit / ${state.exit.join(', ')}`]),
    ...state.reactions.map(reactionText),
    ...staying.map((transition) => {
      const { from, to } = transition;
      return from === to ? `${reactionText(transition)}, and in again` : `${reactionText(transition)} → ${to}`;
    }),
  ];
  return facts.flatMap((fact) => {
    return wrapped(words(fact), width, NOTE_SIZE).map((line, at) => (at === 0 ? line : `   ${line}`));
  });
}

function drawnTransitions(chart: Statechart, level: string): DrawnTransition[] {
  const drawn = new Map<string, DrawnTransition>();
  for (const transition of chart.transitions) {
    const ends = lifted(transition);
    if (ends === null || ends.level !== level) continue;
    const { from, to } = ends;
    const id = `${from}\n${to}`;
    const lines = wrapped(words(withEnds(transition, ends)), LABEL_WIDTH, NOTE_SIZE);
    drawn.set(id, { id, from, to, label: [...(drawn.get(id)?.label ?? []), ...lines] });
  }
  return [...drawn.values()];
}

function levelOf(chart: Statechart, outer: ChartState, frame: Frame): DrawnLevel {
  const states = outer.states.map((inner) => drawnState(chart, inner, frame));
  const transitions = drawnTransitions(chart, outer.id);
  const boxes: Box[] = states.map(({ state: { id }, width, height }) => ({ id, width, height }));
  const lines = transitions.map(({ id, from, to, label }): Line => {
    const width = Math.max(...label.map((line) => textWidth(line, NOTE_SIZE))) + 8;
    return { id, from, to, width, height: label.length * LINE_HEIGHT + 4 };
  });
  if (outer.initial !== null) {
    boxes.unshift({ id: START, width: START_SIZE, height: START_SIZE });
    lines.unshift({ id: START, from: START, to: outer.initial, width: 0, height: 0 });
  }
  return { placed: place(boxes, lines, frame), states, transitions, initial: outer.initial };
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
  const inside = state.states.length === 0 ? null : levelOf(chart, state, frame);
  const facts = factsOf(state, chart.transitions, Math.max(FACT_WIDTH, inside?.placed.width ?? 0));
  const textHeight = NAME_SIZE + facts.length * LINE_HEIGHT;
  const widths = [textWidth(name, NAME_SIZE, true), ...facts.map((fact) => textWidth(fact, NOTE_SIZE))];
  const width = Math.max(50, inside?.placed.width ?? 0, ...widths) + 2 * PADDING;
  const top = textHeight + 2 * PADDING;
  const height = inside === null ? top : top + inside.placed.height + PADDING;
  return { state, name, facts, inside, top, width, height };
}
