/** The strongly connected parts of a part of a graph (Tarjan, SIAM Journal on Computing 1972), without recursion. */

/** Transitions by state, as lists: -1 ends one. */
export interface Adjacency {
  readonly size: number;
  readonly firstEdge: (id: number) => number;
  readonly nextEdge: (edge: number) => number;
  readonly targetOf: (edge: number) => number;
}

/** Which states and transitions of a graph are looked at. */
export interface Part {
  readonly hasState: (id: number) => boolean;
  /** Of a transition between two such states. */
  readonly hasEdge: (from: number, edge: number) => boolean;
}

/** The work of one search for components. */
class Tarjan {
  readonly #graph: Adjacency;
  readonly #part: Part;
  readonly #order: Int32Array;
  readonly #low: Int32Array;
  readonly #isOpen: Uint8Array;
  readonly #edges: Int32Array;
  readonly #open: number[] = [];
  readonly #way: number[] = [];
  #count = 0;

  constructor(graph: Adjacency, part: Part) {
    this.#graph = graph;
    this.#part = part;
    this.#order = new Int32Array(graph.size);
    this.#low = new Int32Array(graph.size);
    this.#isOpen = new Uint8Array(graph.size);
    this.#edges = new Int32Array(graph.size);
  }

  /** The components that hold a circle, as they close. */
  *circles(): Generator<number[]> {
    for (let root = 0; root < this.#graph.size; root++) {
      if (this.#order[root] !== 0 || !this.#part.hasState(root)) continue;
      this.#enter(root);
      while (this.#way.length > 0) {
        const component = this.#goOn();
        if (component !== null) yield component;
      }
    }
  }

  #enter(id: number): void {
    this.#count += 1;
    this.#order[id] = this.#count;
    this.#low[id] = this.#count;
    this.#isOpen[id] = 1;
    this.#edges[id] = this.#graph.firstEdge(id);
    this.#open.push(id);
    this.#way.push(id);
  }

  #goOn(): number[] | null {
    const id = this.#way.at(-1) ?? 0;
    const edge = this.#edges[id] ?? -1;
    if (edge < 0) return this.#leave(id);
    this.#edges[id] = this.#graph.nextEdge(edge);
    const target = this.#graph.targetOf(edge);
    if (!this.#part.hasState(target) || !this.#part.hasEdge(id, edge)) return null;
    if (this.#order[target] === 0) this.#enter(target);
    else if (this.#isOpen[target] === 1) this.#lower(id, this.#order[target] ?? 0);
    return null;
  }

  #lower(id: number, low: number): void {
    if (low < (this.#low[id] ?? 0)) this.#low[id] = low;
  }

  #leave(id: number): number[] | null {
    this.#way.pop();
    const low = this.#low[id] ?? 0;
    const parent = this.#way.at(-1);
    if (parent !== undefined) this.#lower(parent, low);
    if (low !== this.#order[id]) return null;
    const component = this.#open.splice(this.#open.lastIndexOf(id));
    for (const member of component) this.#isOpen[member] = 0;
    return component.length > 1 || this.#hasLoop(id) ? component : null;
  }

  #hasLoop(id: number): boolean {
    for (let edge = this.#graph.firstEdge(id); edge >= 0; edge = this.#graph.nextEdge(edge)) {
      if (this.#graph.targetOf(edge) === id && this.#part.hasEdge(id, edge)) return true;
    }
    return false;
  }
}

/**
 * The components of a part of a graph in which one can go in a circle, each as its states.
 *
 * @example
 * ```ts
 * const graph = new StateGraph();
 * for (const id of [0, 1, 2]) graph.look(id, 0, 0);
 * graph.add(0, 1, 'there', 'a');
 * graph.add(1, 0, 'back', 'a');
 * graph.add(1, 2, 'out', 'a');
 * [...circlesIn(graph, { hasState: () => true, hasEdge: () => true })]; // [[0, 1]]
 * ```
 */
export function circlesIn(graph: Adjacency, part: Part): Generator<number[]> {
  return new Tarjan(graph, part).circles();
}
