/** Paths that are looked up by name and never change: those of a topology's files. */

/**
 * A set of paths. Its plain form is the list that it was made of.
 *
 * @example
 * ```ts
 * const paths = new PathSet(['/bin/true']);
 * paths.has('/bin/true'); // true
 * paths.toPlain(); // ['/bin/true']
 * ```
 */
export class PathSet {
  readonly #list: readonly string[];
  readonly #members: ReadonlySet<string>;

  constructor(list: readonly string[]) {
    this.#list = list;
    this.#members = new Set(list);
  }

  has(path: string): boolean {
    return this.#members.has(path);
  }

  /** Always the same list, so that whoever keeps it can tell that nothing changed. */
  toPlain(): readonly string[] {
    return this.#list;
  }
}
