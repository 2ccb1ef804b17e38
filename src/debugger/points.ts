/** Breakpoints and watches: conditions that stop a move, by number. */
import { GranuleError } from '../errors.ts';
import type { CompiledQuery, CompiledValue } from '../query/query.ts';

/** A condition that stops a move. */
export interface Point {
  readonly number: number;
  readonly kind: 'break' | 'watch';
  /** As it was asked for. */
  readonly text: string;
  readonly query: CompiledQuery;
  /** What a watch shows of the states around the event; null for a breakpoint. */
  readonly value: CompiledValue | null;
  isOn: boolean;
  /** Times that it stopped a move. */
  hits: number;
}

/**
 * The points of a debugging, in the order in which they were set. Numbers are not used again.
 *
 * @example
 * ```ts
 * const points = new Points();
 * points.add({ kind: 'break', text: 'FAULT', query: compileQuery('FAULT'), value: null }).number; // 1
 * points.get(1).isOn = false;
 * points.on.length; // 0
 * points.get(2); // throws USAGE
 * ```
 */
export class Points {
  readonly #points = new Map<number, Point>();
  #last = 0;

  /** All of them. */
  get all(): readonly Point[] {
    return [...this.#points.values()];
  }

  /** Those that stop moves. */
  get on(): readonly Point[] {
    return this.all.filter(({ isOn }) => isOn);
  }

  add(point: Pick<Point, 'kind' | 'text' | 'query' | 'value'>): Point {
    this.#last += 1;
    const added: Point = { ...point, number: this.#last, isOn: true, hits: 0 };
    this.#points.set(added.number, added);
    return added;
  }

  /** @throws GranuleError USAGE where there is none of that number */
  get(number: number): Point {
    const point = this.#points.get(number);
    if (point !== undefined) return point;
    const numbers = [...this.#points.keys()];
    const held = numbers.length === 0 ? 'none is set' : `there are ${numbers.join(', ')}`;
    throw new GranuleError(
      'USAGE',
      `there is no breakpoint or watch ${number}: ${held}`,
      'debug',
      'Try "info points".',
    );
  }

  /** Forgets one, or all. */
  delete(number: number | 'all'): void {
    if (number === 'all') this.#points.clear();
    else this.#points.delete(this.get(number).number);
  }
}
