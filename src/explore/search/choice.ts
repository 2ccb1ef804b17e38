/** Which class of owners a reduced search begins with in a state: any would do, and some leave less to be done. */
import { OWNER_CLASSES_MAX } from './limits.ts';

/**
 * Learns while a search runs: a class that was begun with and beside which others had to be taken after all is a poor choice.
 *
 * @example
 * ```ts
 * const choice = new ClassChoice();
 * choice.least([0, 1, 1], () => true); // 1
 * choice.begunWith(1);
 * choice.joined(1);
 * choice.least([0, 1, 1], () => true); // 2
 * ```
 */
export class ClassChoice {
  readonly #begun = new Float64Array(OWNER_CLASSES_MAX);
  readonly #joined = new Float64Array(OWNER_CLASSES_MAX);

  /** Notes that states were gone on from by the classes of some bits. */
  begunWith(bits: number): void {
    this.#count(this.#begun, bits);
  }

  /** Notes that another class had to be taken beside those of some bits. */
  joined(bits: number): void {
    this.#count(this.#joined, bits);
  }

  /**
   * Of the classes of those actions that fit, the one that had to be joined least often, and of equals that with the fewest
   * actions; as a bit, 0 for none.
   */
  least(classes: readonly number[], fits: (index: number) => boolean): number {
    let least = 0;
    let leastShare = Number.POSITIVE_INFINITY;
    let leastActions = 0;
    for (const [index, found] of classes.entries()) {
      if (!fits(index)) continue;
      const share = (this.#joined[found] ?? 0) / Math.max(1, this.#begun[found] ?? 0);
      const actions = classes.reduce((sum, other) => sum + Number(other === found), 0);
      if (share > leastShare || (share === leastShare && actions >= leastActions)) continue;
      least = 1 << found;
      leastShare = share;
      leastActions = actions;
    }
    return least;
  }

  #count(counts: Float64Array, bits: number): void {
    for (let found = 0; found < OWNER_CLASSES_MAX; found++) {
      if ((bits & (1 << found)) !== 0) counts[found] = (counts[found] ?? 0) + 1;
    }
  }
}
