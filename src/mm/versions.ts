/**
 * Persistent structures over arrays that are written in place, by the scheme of Baker (Shallow binding makes functional
 * arrays fast, 1991): the newest version may write what is held, and how to undo that goes to a journal; a version before it
 * knows how long the journal was when it was left. So an edit costs what it writes, and a version that somebody kept is made
 * again when it is looked at. An edit that is given up costs that too.
 */

/**
 * What the versions of a structure hold in common, written in place, with a journal of how to undo that.
 *
 * @example
 * ```ts
 * const bound: Store<unknown>['copyCost'] = 1500;
 * ```
 */
export interface Store<S> {
  /** How long the journal is. It is only ever added to. */
  readonly noted: number;
  /** How long a journal may get until a copy costs no more than it does. */
  readonly copyCost: number;
  /** The same contents, with a journal that is empty. */
  copy(): S;
  /** Undoes what another store has in its journal, from its end down to where it was `noted` long. */
  putBack(other: S, noted: number): void;
}

/** In the place of the length of the journal, for a version that nothing was written after. */
const NEWEST = -1;

/**
 * One version of a structure, in a field of it: what the engine learns of one class serves all structures then.
 *
 * @example
 * ```ts
 * class Cell implements Store<Cell> {
 *   readonly before: number[] = [];
 *   readonly copyCost = 8;
 *   value = 0;
 *   get noted(): number {
 *     return this.before.length;
 *   }
 *   copy(): Cell {
 *     return Object.assign(new Cell(), { value: this.value });
 *   }
 *   putBack(other: Cell, noted: number): void {
 *     this.value = other.before[noted] ?? this.value;
 *   }
 * }
 * const written = (version: Version<Cell>, value: number): Version<Cell> => {
 *   const next = version.next();
 *   next.store.before.push(next.store.value);
 *   next.store.value = value;
 *   return next;
 * };
 * const none = new Version(new Cell());
 * const one = written(none, 1);
 * const two = written(one, 2);
 * [none, one, two].map(({ store }) => store.value); // [0, 1, 2]
 * ```
 */
export class Version<S extends Store<S>> {
  #held: S;
  #left = NEWEST;

  constructor(store: S) {
    this.#held = store;
  }

  /** What this version holds; not to be written any more once there is a next one. */
  get store(): S {
    return this.#left === NEWEST ? this.#held : this.#remade();
  }

  /** A version that may be written. Nothing is written to this one from then on. */
  next(): Version<S> {
    const { store } = this;
    const { noted } = store;
    // Once the journal comes to a copy, a copy is made: what it costs to look at an old version is bounded then.
    if (noted > store.copyCost) return new Version(store.copy());
    this.#left = noted;
    return new Version(store);
  }

  #remade(): S {
    const store = this.#held.copy();
    store.putBack(this.#held, this.#left);
    this.#held = store;
    this.#left = NEWEST;
    return store;
  }
}
