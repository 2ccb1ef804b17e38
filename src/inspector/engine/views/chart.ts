/** The statechart of an actor, placed; and what of it is active at a moment, with the transition that was taken last. */
import { START, drawnState, type DrawnLevel, type DrawnState, PADDING } from '../../../report/graph/chartLayout.ts';
import { kindOfId } from '../../../report/graph/actorGraph.ts';
import { chartsOf } from '../../../report/graph/kindCharts.ts';
import type { PlacedLine, Point } from '../../../report/graph/placing.ts';
import { catalogueOfRegistry } from '../../../topology/definitions/catalogue.ts';
import { messageIn } from '../../../timeline/recordedRun.ts';
import { stateValueOf } from '../../../runtime/xstateAdapter.ts';
import { eventsOf } from '../events.ts';
import type { OpenRun } from '../openRun.ts';

/** A state in the drawing. */
export interface ChartBox extends Point {
  /** Its path, joined by points; empty for the machine itself. */
  readonly id: string;
  readonly name: string;
  readonly facts: readonly string[];
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly width: number;
  readonly height: number;
}

/** A line of the drawing; `from` is null for the one that leads from the dot to where a level begins. */
export interface ChartLine {
  readonly from: string | null;
  readonly to: string;
  readonly points: readonly Point[];
  readonly label: readonly string[];
  readonly labelAt: Point;
}

/** A statechart to be drawn. */
export interface Chart {
  readonly actor: string;
  readonly title: string;
  /** `transition`: its definition gives a function for each message, so that there are no states to draw. */
  readonly form: 'machine' | 'transition';
  /** What its definition says of it. */
  readonly says: string;
  /** The messages that it takes. */
  readonly accepts: readonly string[];
  readonly width: number;
  readonly height: number;
  /** The outer before the inner. */
  readonly boxes: readonly ChartBox[];
  readonly lines: readonly ChartLine[];
}

/** A transition that was taken; without targets the state was not left. */
export interface TakenTransition {
  readonly from: string;
  readonly to: readonly string[];
  readonly event: string;
}

/** What of a chart holds at a moment. */
export interface ChartNow {
  /** Ids of all active states, the outer among them. */
  readonly active: readonly string[];
  /** The actor's last event at or before the moment; null before its first. */
  readonly event: { readonly seq: number; readonly type: string } | null;
  readonly taken: readonly TakenTransition[];
}

const FRAME = { width: 760, height: 460 };

interface Parts {
  readonly boxes: ChartBox[];
  readonly lines: ChartLine[];
}

const moved = ({ x, y }: Point, by: Point): Point => ({ x: x + by.x, y: y + by.y });

function addLine(
  parts: Parts,
  line: PlacedLine | undefined,
  by: Point,
  rest: Pick<ChartLine, 'from' | 'to' | 'label'>,
): void {
  if (line === undefined) return;
  parts.lines.push({ ...rest, points: line.points.map((point) => moved(point, by)), labelAt: moved(line.label, by) });
}

function addLevel(parts: Parts, { placed, states, transitions, initial }: DrawnLevel, by: Point): void {
  for (const state of states) {
    const box = placed.boxes.get(state.state.id);
    if (box !== undefined) addState(parts, state, moved(box, by));
  }
  if (initial !== null) addLine(parts, placed.lines.get(START), by, { from: null, to: initial, label: [] });
  for (const { id, from, to, label } of transitions) addLine(parts, placed.lines.get(id), by, { from, to, label });
}

function addState(parts: Parts, { state, name, facts, inside, top, width, height }: DrawnState, at: Point): void {
  parts.boxes.push({ id: state.id, name, facts, type: state.type, width, height, ...at });
  if (inside === null) return;
  const left = Math.max(PADDING, (width - inside.placed.width) / 2);
  addLevel(parts, inside, { x: at.x + left, y: at.y + top });
}

/**
 * The statechart of an actor.
 *
 * @throws GranuleError USAGE where its kind is unknown
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * chartOf(run, { run: 'A', actor: 'process:1' }).boxes[1]?.id; // 'new'
 * ```
 */
export function chartOf({ reader, meta }: OpenRun, { actor }: { readonly run: string; readonly actor: string }): Chart {
  const catalogue = catalogueOfRegistry(reader.registry);
  const kind = kindOfId(actor);
  const named = Object.entries(meta.topology.replace ?? {}).find(([replaced]) => replaced === kind)?.[1];
  const own = catalogue.actors.get(named === undefined ? kind : typeof named === 'string' ? named : named.kind);
  const [chart] = chartsOf(catalogue, { topology: meta.topology, ids: [actor] });
  const says = own?.says ?? '';
  const accepts = own === undefined ? [...catalogue.acceptedBy(kind)] : [...own.accepts];
  const title = chart?.title ?? kind;
  if (chart === undefined || (own !== undefined && !('root' in own.logic))) {
    return { actor, title, form: 'transition', says, accepts, width: 0, height: 0, boxes: [], lines: [] };
  }
  const drawn = drawnState(chart, chart.root, FRAME);
  const parts: Parts = { boxes: [], lines: [] };
  addState(parts, drawn, { x: 0, y: 0 });
  return { actor, title, form: 'machine', says, accepts, width: drawn.width, height: drawn.height, ...parts };
}

/** Paths of all states in a state's value: `{ a: 'b' }` is in `a` and in `a.b`. */
function pathsIn(value: unknown, above: readonly string[] = []): string[] {
  if (typeof value === 'string') return [[...above, value].join('.')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...above, key];
    return [path.join('.'), ...pathsIn(inner, path)];
  });
}

/**
 * What of an actor's chart is active once an event was handled, and what its own last event made it do.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * chartNow(run, { run: 'A', actor: 'process:1', seq: 0 }).taken[0]?.from; // 'new'
 * ```
 */
export function chartNow(
  run: OpenRun,
  { run: name, actor, seq }: { readonly run: string; readonly actor: string; readonly seq: number },
): ChartNow {
  const { view } = run;
  const active = ['', ...pathsIn(stateValueOf(view.snapshot(actor, seq)))];
  const [last] = eventsOf(run, { run: name, from: seq, count: 1, backwards: true, actor });
  if (last === undefined) return { active, event: null, taken: [] };
  const before = view.snapshot(actor, last.seq - 1);
  const { adapted, env } = view.run.adapted(actor);
  const steps = before.status === 'active' ? adapted.explain(before, messageIn(run.reader.read(last.seq)), env) : [];
  const { machine } = adapted;
  const pathOf = (id: string): string => machine.getStateNodeById(id).path.join('.');
  const taken = steps.flatMap(({ eventType, transitions }) =>
    transitions.map(({ source, targets }) => ({ from: pathOf(source), to: targets.map(pathOf), event: eventType })),
  );
  return { active, event: { seq: last.seq, type: last.type }, taken };
}
