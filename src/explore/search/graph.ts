/** The transitions that a search took, kept where circles have to be judged: by state, which actions lead where. */
import type { Model } from '../model.ts';
import { GrowingInts, Interned } from './growing.ts';
import type { Watch } from './watch.ts';

/** A graph laid aside. */
export interface SavedGraph {
  readonly first: Int32Array;
  readonly following: Int32Array;
  readonly targets: Int32Array;
  readonly keys: Int32Array;
  readonly owners: Int32Array;
  readonly held: Int32Array;
  readonly progress: readonly number[];
  readonly names: readonly string[];
  readonly ends: Int32Array;
}

/**
 * Transitions by state. Four integers each, and three a state.
 *
 * @example
 * ```ts
 * const graph = new StateGraph();
 * graph.look(0, 0, 5);
 * graph.add(0, 1, 'up', 'counter');
 * graph.add(0, 2, 'down', 'counter');
 * [...graph.from(0)].map((edge) => graph.targetOf(edge)); // [2, 1]
 * ```
 */
export class StateGraph {
  /** Edge + 1 that begins the list of a state; 0 for none. */
  #first = new GrowingInts();
  #following = new GrowingInts();
  #targets = new GrowingInts();
  #keys = new GrowingInts();
  #owners = new GrowingInts();
  #held = new GrowingInts();
  #progress: number[] = [];
  #names = new Interned();
  /** 1 for states in which nothing more can happen. */
  #ends = new GrowingInts();

  static of(saved: SavedGraph): StateGraph {
    const graph = new StateGraph();
    graph.#first = GrowingInts.of(saved.first);
    graph.#following = GrowingInts.of(saved.following);
    graph.#targets = GrowingInts.of(saved.targets);
    graph.#keys = GrowingInts.of(saved.keys);
    graph.#owners = GrowingInts.of(saved.owners);
    graph.#held = GrowingInts.of(saved.held);
    graph.#progress = [...saved.progress];
    graph.#names = new Interned(saved.names);
    graph.#ends = GrowingInts.of(saved.ends);
    return graph;
  }

  /** Notes of a new state which properties `eventually` hold in it, and its progress. */
  look(id: number, held: number, progress: number): void {
    this.#held.set(id, held);
    this.#first.set(id, 0);
    this.#progress[id] = progress;
  }

  markEnd(id: number): void {
    this.#ends.set(id, 1);
  }

  isEnd(id: number): boolean {
    return this.#ends.at(id) === 1;
  }

  get size(): number {
    return this.#first.length;
  }

  add(from: number, to: number, key: string, owner: string): void {
    const edge = this.#targets.push(to);
    this.#keys.push(this.#names.numberOf(`action ${key}`));
    this.#owners.push(this.#names.numberOf(`owner ${owner}`));
    this.#following.push(this.#first.at(from));
    this.#first.set(from, edge + 1);
  }

  *from(id: number): Generator<number> {
    for (let edge = this.#first.at(id) - 1; edge >= 0; edge = this.nextEdge(edge)) yield edge;
  }

  /** -1 for none. */
  firstEdge(id: number): number {
    return this.#first.at(id) - 1;
  }

  /** -1 for none. */
  nextEdge(edge: number): number {
    return this.#following.at(edge) - 1;
  }

  targetOf(edge: number): number {
    return this.#targets.at(edge);
  }

  keyOf(edge: number): string {
    return this.#names.nameOf(this.#keys.at(edge)).slice('action '.length);
  }

  /** What a fair way cannot pass over for ever: the action itself and its owner, as numbers. */
  claimsOf(edge: number): readonly [number, number] {
    return [this.#keys.at(edge), this.#owners.at(edge)];
  }

  ownerOf(edge: number): string {
    return this.#names.nameOf(this.#owners.at(edge)).slice('owner '.length);
  }

  heldAt(id: number): number {
    return this.#held.at(id);
  }

  progressAt(id: number): number {
    return this.#progress[id] ?? 0;
  }

  save(): SavedGraph {
    return {
      first: this.#first.copy(),
      following: this.#following.copy(),
      targets: this.#targets.copy(),
      keys: this.#keys.copy(),
      owners: this.#owners.copy(),
      held: this.#held.copy(),
      progress: [...this.#progress],
      names: this.#names.names(),
      ends: this.#ends.copy(),
    };
  }
}

/**
 * A graph where circles matter: a property `eventually` is looked at, or the model says what progress is. Null otherwise.
 *
 * @example
 * ```ts
 * graphFor(classic('lost-update'), new Watch([]), true); // null
 * ```
 */
export function graphFor<S, A>(model: Model<S, A>, watch: Watch<S>, livelocks: boolean): StateGraph | null {
  const isNeeded = watch.eventually.length > 0 || (livelocks && model.progress !== undefined);
  return isNeeded ? new StateGraph() : null;
}
