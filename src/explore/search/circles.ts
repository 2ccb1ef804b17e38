/**
 * What can go on for ever, judged on the graph that a search has found: livelocks, and properties `eventually` on ways without an
 * end. A circle counts only if it is fair: what stays possible all along it is done in it, action by action and owner by owner
 * (weak fairness). Otherwise each wait for somebody else would count, since a schedule can leave that one out for ever.
 */
import type { Model } from '../model.ts';
import { circlesIn, type Part } from './components.ts';
import { fairCircle, isFair } from './fairness.ts';
import type { StateGraph } from './graph.ts';
import type { VisitedTable } from './visited.ts';
import { keysAlong, type Along } from './along.ts';
import { LIVELOCK, type Watch } from './watch.ts';
import { goByIndex, indicesTo } from './ways.ts';

/** What is judged: the model, what was found of it, and whom to tell. */
class Judge<S, A> {
  readonly #model: Model<S, A>;
  readonly #graph: StateGraph;
  readonly #visited: VisitedTable;
  readonly #watch: Watch<S>;

  constructor(model: Model<S, A>, graph: StateGraph, visited: VisitedTable, watch: Watch<S>) {
    this.#model = model;
    this.#graph = graph;
    this.#visited = visited;
    this.#watch = watch;
  }

  livelock(): void {
    const graph = this.#graph;
    const hasEdge = (from: number, edge: number): boolean =>
      graph.progressAt(from) === graph.progressAt(graph.targetOf(edge));
    const circle = this.#nearestFair({ hasState: () => true, hasEdge });
    if (circle === null) return;
    const { initial, indices } = indicesTo(this.#visited, circle.start);
    const gone = goByIndex(this.#model, initial, indices);
    const round = keysAlong(this.#model, this.#visited, gone.state, circle.edges.map(this.#along));
    const fault = `it can go in a circle of ${round.keys.length} actions for ever without progress`;
    const path = { initial, keys: [...gone.keys, ...round.keys] };
    this.#watch.found({ property: LIVELOCK, kind: 'livelock', path, fault, circleLength: round.keys.length });
  }

  eventually(bit: number, withCircles: boolean): void {
    const property = this.#watch.eventually[bit];
    if (property === undefined || this.#watch.isFound(property.name)) return;
    const ways = new WaysWithout(this.#graph, this.#visited, bit);
    const hasEdge = (): boolean => true;
    const circle = withCircles && ways.end < 0 ? this.#nearestFair({ hasState: ways.has, hasEdge }) : null;
    const end = circle === null ? ways.end : circle.start;
    if (end < 0) return;
    const { initial, edges } = ways.to(end);
    const steps = [...edges, ...(circle?.edges ?? [])].map(this.#along);
    const gone = keysAlong(this.#model, this.#visited, this.#model.initial()[initial], steps);
    const fault = property.fault(gone.state) ?? 'it does not hold on the way';
    const round = circle === null ? {} : { circleLength: circle.edges.length };
    this.#watch.found({
      property: property.name,
      kind: 'eventually',
      path: { initial, keys: gone.keys },
      fault,
      ...round,
    });
  }

  readonly #along = (edge: number): Along => {
    const graph = this.#graph;
    return { target: graph.targetOf(edge), owner: graph.ownerOf(edge), key: graph.keyOf(edge) };
  };

  /** A fair circle in a part of the graph; of several, that in whose component a state was seen first. */
  #nearestFair(part: Part): { start: number; edges: number[] } | null {
    let nearest: number[] | null = null;
    let least = Number.MAX_SAFE_INTEGER;
    for (const component of circlesIn(this.#graph, part)) {
      const first = component.reduce((low, id) => Math.min(low, id), least);
      if (first >= least || !isFair(this.#graph, component, part)) continue;
      nearest = component;
      least = first;
    }
    return nearest === null ? null : { start: least, edges: fairCircle(this.#graph, nearest, part, least) };
  }
}

/** The states that are reached without that a property `eventually` held before. */
class WaysWithout {
  /** The edge + 1 by which a state was reached; 0 for not, -1 for an initial one. */
  readonly #by: Int32Array;
  readonly #from: Int32Array;
  readonly #visited: VisitedTable;
  /** A state among them in which nothing more can happen; -1 for none. */
  readonly end: number;

  constructor(graph: StateGraph, visited: VisitedTable, bit: number) {
    this.#by = new Int32Array(graph.size);
    this.#from = new Int32Array(graph.size);
    this.#visited = visited;
    const isWithout = (id: number): boolean => (graph.heldAt(id) & (1 << bit)) === 0;
    const queue: number[] = [];
    for (let id = 0; id < graph.size; id++) {
      if (visited.parentOf(id) >= 0 || !isWithout(id)) continue;
      this.#by[id] = -1;
      queue.push(id);
    }
    let end = -1;
    for (let at = 0; at < queue.length && end < 0; at++) {
      const id = queue[at] ?? 0;
      if (graph.isEnd(id)) end = id;
      for (const edge of graph.from(id)) {
        const target = graph.targetOf(edge);
        if (this.#by[target] !== 0 || !isWithout(target)) continue;
        this.#by[target] = edge + 1;
        this.#from[target] = id;
        queue.push(target);
      }
    }
    this.end = end;
  }

  readonly has = (id: number): boolean => this.#by[id] !== 0;

  to(id: number): { initial: number; edges: number[] } {
    const edges: number[] = [];
    let at = id;
    while ((this.#by[at] ?? -1) > 0) {
      edges.push((this.#by[at] ?? 0) - 1);
      at = this.#from[at] ?? 0;
    }
    return { initial: this.#visited.viaOf(at), edges: edges.reverse() };
  }
}

/**
 * Judges what can go on for ever in what a search has seen, and tells the watch. What is found is real even where not all was
 * seen; that nothing is found says nothing of what was not seen. Without circles, properties `eventually` are judged at ends alone.
 *
 * @example
 * ```ts
 * const model = classic('polite-processes');
 * exploreAll(model).discoveries.map((found) => found.kind); // ['livelock']
 * ```
 */
export function judgeCircles<S, A>(
  model: Model<S, A>,
  graph: StateGraph,
  visited: VisitedTable,
  watch: Watch<S>,
  withCircles = true,
): void {
  const judge = new Judge(model, graph, visited, watch);
  for (const bit of watch.eventually.keys()) judge.eventually(bit, withCircles);
  if (withCircles && model.progress !== undefined) judge.livelock();
}
