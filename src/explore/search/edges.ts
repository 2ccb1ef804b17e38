/** The transitions that a reduced search took, to be gone along forward and backward. */
import { GrowingInts } from './growing.ts';

/**
 * Transitions by the states that they lead from and to.
 *
 * @example
 * ```ts
 * const edges = new Edges();
 * edges.addState(0);
 * edges.addState(1);
 * edges.add(0, 1); // 0
 * edges.add(1, 0); // 1
 * edges.sourceOf(edges.firstInto(0)); // 1
 * ```
 */
export class Edges {
  readonly #first = new GrowingInts();
  readonly #following = new GrowingInts();
  readonly #firstInto = new GrowingInts();
  readonly #followingInto = new GrowingInts();
  readonly #sources = new GrowingInts();
  readonly #targets = new GrowingInts();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  addState(id: number): void {
    this.#size = Math.max(this.#size, id + 1);
  }

  add(source: number, target: number): number {
    const edge = this.#targets.push(target);
    this.#sources.push(source);
    this.#following.push(this.#first.at(source));
    this.#first.set(source, edge + 1);
    this.#followingInto.push(this.#firstInto.at(target));
    this.#firstInto.set(target, edge + 1);
    return edge;
  }

  firstEdge(id: number): number {
    return this.#first.at(id) - 1;
  }

  nextEdge(edge: number): number {
    return this.#following.at(edge) - 1;
  }

  firstInto(id: number): number {
    return this.#firstInto.at(id) - 1;
  }

  nextInto(edge: number): number {
    return this.#followingInto.at(edge) - 1;
  }

  sourceOf(edge: number): number {
    return this.#sources.at(edge);
  }

  targetOf(edge: number): number {
    return this.#targets.at(edge);
  }
}
