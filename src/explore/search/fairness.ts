/** Fair circles: what stays possible all along a circle is done in it. */
import { GranuleError, invariant } from '../../errors.ts';
import type { Part } from './components.ts';
import type { StateGraph } from './graph.ts';

/** The actions and owners that can act in a state, as numbers of the graph. */
function claimsAt(graph: StateGraph, id: number): Set<number> {
  const claims = new Set<number>();
  for (const edge of graph.from(id)) for (const claim of graph.claimsOf(edge)) claims.add(claim);
  return claims;
}

/** The claims that hold in every one of some states and that no transition of `taken` meets. */
function unmetClaims(graph: StateGraph, states: Iterable<number>, taken: Iterable<number>): Set<number> {
  const all = [...states];
  const steady = claimsAt(graph, all[0] ?? 0);
  for (const id of all) {
    const claims = claimsAt(graph, id);
    for (const claim of steady) if (!claims.has(claim)) steady.delete(claim);
    if (steady.size === 0) return steady;
  }
  for (const edge of taken) for (const claim of graph.claimsOf(edge)) steady.delete(claim);
  return steady;
}

/** The transitions of a component within a part. */
function* edgesWithin(graph: StateGraph, members: ReadonlySet<number>, part: Part): Generator<number> {
  for (const id of members) {
    for (const edge of graph.from(id)) if (members.has(graph.targetOf(edge)) && part.hasEdge(id, edge)) yield edge;
  }
}

/**
 * Whether one can go round in a component for ever and be fair. If what goes through all of it is not, nothing in it is.
 *
 * @example
 * ```ts
 * const graph = new StateGraph();
 * for (const id of [0, 1]) graph.look(id, 0, 0);
 * graph.add(0, 0, 'spin', 'waiter');
 * graph.add(0, 1, 'unlock', 'holder');
 * isFair(graph, [0], { hasState: () => true, hasEdge: () => true }); // false
 * ```
 */
export function isFair(graph: StateGraph, component: readonly number[], part: Part): boolean {
  return unmetClaims(graph, component, edgesWithin(graph, new Set(component), part)).size === 0;
}

/** Transitions from one state of a component to where something is so, by the nearest way. */
class Walker {
  readonly #graph: StateGraph;
  readonly #members: ReadonlySet<number>;
  readonly #part: Part;
  readonly edges: number[] = [];
  readonly states: number[];

  constructor(graph: StateGraph, component: readonly number[], part: Part, start: number) {
    this.#graph = graph;
    this.#members = new Set(component);
    this.#part = part;
    this.states = [start];
  }

  /** The nearest way of one or more transitions on, to where `isGoal` is so of the last of them. */
  nearest(isGoal: (edge: number) => boolean): number[] {
    const from = this.states.at(-1) ?? 0;
    const by = new Map<number, { edge: number; before: number }>();
    const queue = [from];
    for (let at = 0; at < queue.length; at++) {
      const id = queue[at] ?? 0;
      for (const edge of this.#graph.from(id)) {
        const target = this.#graph.targetOf(edge);
        if (!this.#members.has(target) || !this.#part.hasEdge(id, edge)) continue;
        if (isGoal(edge)) return [...this.#back(by, id, from), edge];
        if (by.has(target) || target === from) continue;
        by.set(target, { edge, before: id });
        queue.push(target);
      }
    }
    throw new GranuleError('INVARIANT', 'every state of a component is reached from every other');
  }

  go(edges: readonly number[]): void {
    for (const edge of edges) {
      this.edges.push(edge);
      this.states.push(this.#graph.targetOf(edge));
    }
  }

  #back(by: ReadonlyMap<number, { edge: number; before: number }>, to: number, from: number): number[] {
    const edges: number[] = [];
    for (let at = to; at !== from; ) {
      const step = by.get(at);
      invariant(step !== undefined, 'what was reached was reached from somewhere');
      edges.push(step.edge);
      at = step.before;
    }
    return edges.reverse();
  }
}

/**
 * A fair circle through a state of a component that is fair: short, though not always the shortest.
 *
 * @example
 * ```ts
 * const graph = new StateGraph();
 * for (const id of [0, 1]) graph.look(id, 0, 0);
 * graph.add(0, 1, 'there', 'a');
 * graph.add(1, 0, 'back', 'a');
 * fairCircle(graph, [0, 1], { hasState: () => true, hasEdge: () => true }, 1); // [1, 0]
 * ```
 */
export function fairCircle(graph: StateGraph, component: readonly number[], part: Part, start: number): number[] {
  const walker = new Walker(graph, component, part, start);
  for (;;) {
    const home = walker.states.length > 1 && walker.states.at(-1) === start;
    const back = home ? [] : walker.nearest((edge) => graph.targetOf(edge) === start);
    const states = [...walker.states, ...back.map((edge) => graph.targetOf(edge))];
    const [claim] = unmetClaims(graph, states, [...walker.edges, ...back]);
    if (claim === undefined) return [...walker.edges, ...back];
    const meets = (edge: number): boolean =>
      graph.claimsOf(edge).includes(claim) || !claimsAt(graph, graph.targetOf(edge)).has(claim);
    walker.go(walker.nearest(meets));
  }
}
