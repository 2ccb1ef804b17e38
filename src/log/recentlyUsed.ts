/**
 * What was used last, by name, up to a number: beyond it, what was not used for longest is let go.
 *
 * @example
 * ```ts
 * const kept = new RecentlyUsed<string, number[]>(2);
 * for (const name of ['a', 'b', 'a', 'c']) kept.get(name, () => [1]);
 * kept.get('a', () => [2]); // [1]
 * kept.get('b', () => [2]); // [2]
 * ```
 */
export class RecentlyUsed<Name, Value extends object> {
  readonly #most: number;
  readonly #values = new Map<Name, Value>();

  /** @param most how many are kept */
  constructor(most: number) {
    this.#most = most;
  }

  /** The value of a name, made when it is not kept. */
  get(name: Name, make: () => Value): Value {
    const known = this.#values.get(name);
    const value = known ?? make();
    // Taken out and put back, so that the map's order is the order of last use.
    if (known !== undefined) this.#values.delete(name);
    this.#values.set(name, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#most) break;
      this.#values.delete(oldest);
    }
    return value;
  }
}
